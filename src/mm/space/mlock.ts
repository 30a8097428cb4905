/** Pages that a locked VMA maps: they are on the unevictable list. Mirrors: mm/mlock.c. */
import type { Memory } from '../memory.ts';
import { PG_ACTIVE, PG_MLOCKED, PG_UNEVICTABLE } from '../pages/page-flags.ts';
import { VM_LOCKED } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/** Puts a frame into a VMA-locked state as it is mapped there. Mirrors: mm/mlock.c:mlock_folio. */
export function mlockFrame(mem: Memory, pfn: number): void {
  const { frames } = mem;
  if (frames.flags[pfn]! & PG_MLOCKED) return;
  frames.changeFlags(pfn, PG_ACTIVE, PG_MLOCKED | PG_UNEVICTABLE);
  mem.nrMlocked++;
  mem.events.unevictable_pgs_mlocked++;
}

/** Takes the lock off a frame unless another locked VMA maps it. */
export function munlockFrame(mem: Memory, pfn: number, stillLocked: boolean): void {
  const { frames } = mem;
  if ((frames.flags[pfn]! & PG_MLOCKED) === 0 || stillLocked) return;
  frames.changeFlags(pfn, PG_MLOCKED | PG_UNEVICTABLE, 0);
  mem.nrMlocked--;
  mem.events.unevictable_pgs_munlocked++;
}

/** Puts a fresh frame of a VMA on its list: the unevictable one if the VMA is locked. */
export function lruAddFresh(mem: Memory, pfn: number, vma: Vma): void {
  if (vma.flags & VM_LOCKED) {
    mem.frames.flags[pfn]! |= PG_MLOCKED | PG_UNEVICTABLE;
    mem.nrMlocked++;
    mem.events.unevictable_pgs_mlocked++;
    mem.frames.lruAdd(pfn);
  } else mem.lruAddNew(pfn);
}
