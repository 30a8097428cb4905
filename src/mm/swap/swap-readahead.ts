/** Reading swapped pages into the swap cache before anybody faults on them. Mirrors: mm/swap_state.c. */

import type { Memory } from '../memory.ts';
import { PG_ANON, PG_READAHEAD, PG_SWAPBACKED } from '../pages/page-flags.ts';
import { KIND_SWAP, PTE_NUMBER } from '../pages/pte.ts';
import { slotHoldsZeros } from '../space/fault.ts';
import type { Vma } from '../space/vma.ts';
import { addToSwapCache } from './swap-cache.ts';

/** Reads a slot into the swap cache unless it is there; returns the frame, or 0. `anon`: PG_ANON or 0. Mirrors: read_swap_cache_async. */
export function readSwapCache(mem: Memory, slot: number, owner: number, index: number, anon: number): number {
  const swap = mem.swap!;
  if (swap.frame[slot] !== 0) return 0;
  const pfn = mem.allocFrame();
  if (pfn === 0) return 0;
  const { frames } = mem;
  frames.flags[pfn]! |= anon | PG_SWAPBACKED;
  frames.owner[pfn] = owner;
  frames.index[pfn] = index;
  frames.content[pfn] = swap.content[slot]!;
  if (!slotHoldsZeros(mem, slot)) mem.events.pswpin++;
  addToSwapCache(mem, pfn, slot);
  frames.lruAdd(pfn);
  return pfn;
}

/**
 * After a page has been read from a swap device: the swapped neighbours in its aligned window of 2^page-cluster pages,
 * as far as free memory allows. Not for zram, which is as fast page by page. Mirrors: swap_vma_readahead.
 */
export function swapReadAhead(mem: Memory, vma: Vma, vpn: number): void {
  const pages = 2 ** mem.pageCluster;
  const from = Math.max(vma.start, vpn - (vpn % pages));
  const to = Math.min(vma.end, vpn - (vpn % pages) + pages);
  const owner = mem.anonRootOf(vma).id;
  for (let near = from; near < to; near++) {
    if (near === vpn || mem.nrFree <= mem.lowFreePages + 1) continue;
    const at = mem.tables.find(vma.mm.pageDirectory, near);
    const pte = at === 0 ? 0 : mem.tables.pte[at]!;
    if (pte >>> 30 !== KIND_SWAP) continue;
    const pfn = readSwapCache(mem, pte & PTE_NUMBER, owner, vma.indexOf(near), PG_ANON);
    if (pfn === 0) continue;
    mem.frames.flags[pfn]! |= PG_READAHEAD;
    mem.events.swap_ra++;
  }
}
