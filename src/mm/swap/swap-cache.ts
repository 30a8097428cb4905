/**
 * Swap slots and the frames that are copies of them. Mirrors: mm/swapfile.c, mm/swap_state.c.
 *
 * A slot is in use while entries name it (users) or a frame stands for it in the swap cache.
 */
import { BugError } from '../../util/errors.ts';
import type { Memory } from '../memory.ts';
import { CONTENT_ZERO } from '../pages/content.ts';
import { PG_SWAPCACHE } from '../pages/page-flags.ts';
import { zramFree, zramWrite } from './zram.ts';

export function addToSwapCache(mem: Memory, pfn: number, slot: number): void {
  const swap = mem.swap!;
  mem.frames.flags[pfn]! |= PG_SWAPCACHE;
  mem.frames.slot[pfn] = slot;
  swap.frame[slot] = pfn;
  mem.nrSwapCache++;
}

/** Takes a frame out of the swap cache; frees the slot when nobody else uses it. */
export function removeFromSwapCache(mem: Memory, pfn: number): void {
  const swap = mem.swap!;
  const slot = mem.frames.slot[pfn]!;
  mem.frames.flags[pfn]! &= ~PG_SWAPCACHE;
  mem.frames.slot[pfn] = 0;
  swap.frame[slot] = 0;
  mem.nrSwapCache--;
  if (swap.users[slot] === 0) freeSlot(mem, slot);
}

/** Stores a frame's content in its slot, as a write to the swap device does. False: the device could not take it. */
export function storeSlot(mem: Memory, slot: number, content: number): boolean {
  const swap = mem.swap!;
  if (swap.zram !== null && !zramWrite(mem, swap, swap.zram, slot, content)) return false;
  swap.content[slot] = content;
  return true;
}

/** Notes that a slot stands for a page of zeros, which no device sees. Mirrors: swap_zeromap_folio_set. */
export function noteZeros(mem: Memory, slot: number): void {
  const swap = mem.swap!;
  if (swap.zram !== null) zramFree(swap, swap.zram, slot);
  swap.content[slot] = CONTENT_ZERO;
}

export function freeSlot(mem: Memory, slot: number): void {
  const swap = mem.swap!;
  if (swap.zram !== null) {
    zramFree(swap, swap.zram, slot);
    swap.zram.notifyFree++;
  }
  if (mem.memcg !== null) {
    mem.memcg.unchargeSwap(swap.memcg[slot]!);
    swap.memcg[slot] = 0;
  }
  swap.free(slot);
}

/**
 * Gives a swap-cache page's slot back if no entry names it; the page then is dirty, having no copy. Returns whether it
 * is out of the swap cache. Mirrors: mm/swapfile.c:folio_free_swap.
 */
export function tryToFreeSwap(mem: Memory, pfn: number): boolean {
  const slot = mem.frames.slot[pfn]!;
  if (mem.swap!.users[slot] !== 0) return false;
  mem.endWritebackEarly(pfn);
  removeFromSwapCache(mem, pfn);
  mem.setDirty(pfn);
  return true;
}

/** One swap entry fewer names the slot; what only waits in the swap cache goes with the last. Mirrors: free_swap_and_cache. */
export function putSlot(mem: Memory, slot: number): void {
  const swap = mem.swap!;
  const users = swap.users[slot]!;
  if (users === 0) throw new BugError(`swap slot ${slot} has no users to lose`);
  swap.users[slot] = users - 1;
  swap.mayHaveIdle = true;
  if (users > 1) return;
  const pfn = swap.frame[slot]!;
  if (pfn === 0) {
    freeSlot(mem, slot);
    return;
  }
  if (mem.frames.mapcount[pfn] === 0) {
    mem.endWritebackEarly(pfn);
    removeFromSwapCache(mem, pfn);
    mem.freeFrame(pfn);
  } else if (swap.isFull) tryToFreeSwap(mem, pfn);
}

/** After the last entry that named an anonymous frame is gone: frees it unless swap entries still want its slot. */
export function putAnonFrame(mem: Memory, pfn: number): void {
  if (mem.frames.mapcount[pfn] !== 0) return;
  if (mem.frames.flags[pfn]! & PG_SWAPCACHE) {
    if (mem.swap!.users[mem.frames.slot[pfn]!] !== 0) return;
    mem.endWritebackEarly(pfn);
    removeFromSwapCache(mem, pfn);
  }
  mem.freeFrame(pfn);
}
