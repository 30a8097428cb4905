/** Operations on the whole swap area. Mirrors: mm/swapfile.c. */
import { ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED } from '../cache/mapping.ts';
import { cacheDrop } from '../cache/page-cache.ts';
import type { Memory } from '../memory.ts';
import { PG_ANON, PG_DIRTY, PG_SWAPBACKED, PG_SWAPCACHE } from '../pages/page-flags.ts';
import { KIND_SWAP, PTE_EXCLUSIVE, PTE_PRESENT, PTE_SOFTDIRTY } from '../pages/pte.ts';
import { pageoutFrame } from '../reclaim/pageout.ts';
import { claimForMapping, getCachePage } from '../space/fault.ts';
import { mlockFrame } from '../space/mlock.ts';
import type { Mm } from '../space/mm.ts';
import type { Vma } from '../space/vma.ts';
import { forEachEntryInPieces } from '../space/zap.ts';
import { addToSwapCache, removeFromSwapCache, tryToFreeSwap } from './swap-cache.ts';

/** Slots looked at in one piece of work. */
const PIECE_SLOTS = 1 << 14;

/**
 * Empties the swap cache, as pressure that lasts until then does: pages there are the first that reclaim finds, and with
 * them goes clean page cache that nobody maps. Without a swap cache there is nothing to do.
 */
export function* squeezeSwapCache(mem: Memory): Job<void> {
  const { swap } = mem;
  if (swap === null || mem.nrSwapCache === 0) return;
  for (const mapping of mem.mappings.values()) yield* cacheDrop(mem, mapping, false);
  for (let slot = 1; slot <= swap.total && mem.nrSwapCache > 0; slot++) {
    if (slot % PIECE_SLOTS === 0) yield;
    const pfn = swap.frame[slot]!;
    if (pfn === 0) continue;
    mem.endWritebackEarly(pfn);
    pageoutFrame(mem, pfn);
    if (swap.frame[slot] === pfn) mem.endWritebackEarly(pfn);
    if (swap.frame[slot] === pfn && mem.frames.mapcount[pfn] === 0 && (mem.frames.flags[pfn]! & PG_DIRTY) === 0) {
      removeFromSwapCache(mem, pfn);
      mem.freeFrame(pfn);
    }
  }
}

/**
 * Brings every page back and takes the area out of use. Throws ENOMEM, with what has come back staying, when memory
 * runs out. Mirrors: try_to_unuse, unuse_pte, shmem_unuse.
 */
export function* swapOff(mem: Memory, mms: readonly Mm[]): Job<void> {
  const { swap } = mem;
  if (swap === null) return;
  swap.active = false;
  for (const mapping of mem.mappings.values()) {
    if (mapping.nrSwapped === 0) continue;
    yield* mapping.pages.walk((index, entry) => {
      if (entry < ENTRY_SWAPPED || entry >= ENTRY_SHADOW || (entry & ENTRY_NUMBER) === 0) return;
      if (getCachePage(mem, mapping, index) === 0) throw outOfMemory(mem);
    });
  }
  for (const mm of mms) {
    for (const vma of mm.vmas) {
      yield* forEachEntryInPieces(mem, vma, vma.start, vma.end, (at, vpn) => {
        if (mem.tables.pte[at]! >>> 30 === KIND_SWAP) unuseEntry(mem, vma, at, vpn);
      });
    }
  }
  for (let slot = 1; slot <= swap.total && mem.nrSwapCache > 0; slot++) {
    if (slot % PIECE_SLOTS === 0) yield;
    if (swap.frame[slot] !== 0) tryToFreeSwap(mem, swap.frame[slot]!);
  }
}

function outOfMemory(mem: Memory): KernelError {
  mem.swap!.active = true;
  return new KernelError(ENOMEM, 'memory does not suffice to take back what is in swap');
}

/** Replaces one swap entry by its page: present, old, clean and read-only; the page is dirty, as its slot is going. */
function unuseEntry(mem: Memory, vma: Vma, at: number, vpn: number): void {
  const { frames, tables } = mem;
  const swap = mem.swap!;
  const pte = tables.pte[at]!;
  const slot = tables.numberOf(at, pte);
  let pfn = swap.frame[slot]!;
  const wasMapped = pfn !== 0 && (frames.flags[pfn]! & PG_ANON) !== 0;
  if (pfn === 0) {
    mem.faultingMm = vma.mm;
    pfn = mem.allocFrame();
    mem.faultingMm = null;
    if (pfn === 0) throw outOfMemory(mem);
    if (tables.pte[at] !== pte) {
      // Looking for memory has thrown the page away: there is nothing to bring back.
      mem.freeFrame(pfn);
      return;
    }
    frames.flags[pfn]! |= PG_ANON | PG_SWAPBACKED;
    frames.owner[pfn] = mem.anonRootOf(vma).id;
    frames.index[pfn] = vma.indexOf(vpn);
    frames.content[pfn] = swap.content[slot]!;
    mem.countSwapIn(pfn, slot);
    addToSwapCache(mem, pfn, slot);
    mem.lruAddNew(pfn);
  } else {
    mem.endWritebackEarly(pfn);
    claimForMapping(mem, vma, vpn, pfn);
  }
  swap.users[slot]!--;
  vma.mm.swapents--;
  vma.mm.rssAnon++;
  mem.addRmap(pfn);
  if (vma.isLocked && wasMapped) mlockFrame(mem, pfn);
  tables.set(at, PTE_PRESENT | (pte & (PTE_EXCLUSIVE | PTE_SOFTDIRTY)), pfn);
  if (swap.users[slot] === 0 && frames.flags[pfn]! & PG_SWAPCACHE) tryToFreeSwap(mem, pfn);
}

/** Takes the area into use again. */
export function swapOn(mem: Memory): void {
  if (mem.swap !== null) mem.swap.active = true;
}
