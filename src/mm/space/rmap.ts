/** Reverse mapping: from a frame to the page table entries that name it. Mirrors: mm/rmap.c. */
import type { Memory } from '../memory.ts';
import { PG_ANON, PG_MLOCKED, PG_SWAPBACKED } from '../pages/page-flags.ts';
import { putAnonFrame } from '../swap/swap-cache.ts';
import { munlockFrame } from './mlock.ts';
import { VM_LOCKED, VM_RAND_READ, VM_SEQ_READ } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/** The index of the entry by which a VMA maps the page, or 0. */
export function entryIn(mem: Memory, vma: Vma, pfn: number): number {
  const vpn = vma.vpnOf(mem.frames.index[pfn]!);
  if (vpn < 0) return 0;
  const at = mem.tables.find(vma.mm.pageDirectory, vpn);
  return mem.tables.names(at, pfn) ? at : 0;
}

/**
 * Calls `visit` for every entry that names the frame, until it returns false. `visit` may empty the entry it is shown.
 * Costs a look into every VMA of the frame's owner; callers that know the only mapping do not come here.
 */
export function forEachMapping(
  mem: Memory,
  pfn: number,
  visit: (vma: Vma, vpn: number, at: number) => boolean | undefined,
): void {
  const { frames, tables } = mem;
  const owner = frames.owner[pfn]!;
  const index = frames.index[pfn]!;
  const vmas = frames.flags[pfn]! & PG_ANON ? mem.anonRoots.get(owner)?.vmas : mem.mappings.get(owner)?.vmas;
  if (vmas === undefined) return;
  let left = frames.mapcount[pfn]!;
  for (const vma of vmas) {
    if (left === 0) return;
    const vpn = vma.vpnOf(index);
    if (vpn < 0) continue;
    const at = tables.find(vma.mm.pageDirectory, vpn);
    if (!tables.names(at, pfn)) continue;
    left--;
    if (visit(vma, vpn, at) === false) return;
  }
}

/** Whether a locked VMA maps the frame. */
export function isMappedLocked(mem: Memory, pfn: number): boolean {
  let locked = false;
  forEachMapping(mem, pfn, (vma) => {
    locked = (vma.flags & VM_LOCKED) !== 0;
    return !locked;
  });
  return locked;
}

/**
 * Takes one mapping off a frame: rmap, RSS, lock. Frees an anonymous frame that nothing wants any more. The caller
 * replaces the entry (before or after; here it is only counted).
 */
export function unmapFrame(mem: Memory, vma: Vma, pfn: number): void {
  const flags = mem.frames.flags[pfn]!;
  const locked = (flags & PG_MLOCKED) !== 0 && (vma.flags & VM_LOCKED) !== 0;
  // Asked while this mapping still counts: its entry may still be there, and the walk ends when all have been seen.
  const elsewhere = locked && mem.frames.mapcount[pfn]! > 1 && isLockedElsewhere(mem, pfn, vma);
  mem.removeRmap(pfn);
  if (locked) munlockFrame(mem, pfn, elsewhere);
  if (flags & PG_ANON) {
    vma.mm.rssAnon--;
    putAnonFrame(mem, pfn);
  } else if (flags & PG_SWAPBACKED) vma.mm.rssShmem--;
  else vma.mm.rssFile--;
}

function isLockedElsewhere(mem: Memory, pfn: number, except: Vma): boolean {
  let locked = false;
  forEachMapping(mem, pfn, (vma) => {
    locked = vma !== except && (vma.flags & VM_LOCKED) !== 0;
    return !locked;
  });
  return locked;
}

/** Whether use through a mapping is a reason to keep a page: not where its owner has said that it is not. Mirrors: vma_has_recency. */
export function hasRecency(mem: Memory, vma: Vma): boolean {
  if (vma.flags & (VM_SEQ_READ | VM_RAND_READ)) return false;
  return !mem.noreuseGiven || vma.mapping === null || vma.mm.files.get(vma.mapping.id)?.noreuse !== true;
}
