/**
 * Swap slots and the frames that are copies of them. Mirrors: mm/swapfile.c, mm/swap_state.c.
 *
 * A slot is in use while entries name it (users) or a frame stands for it in the swap cache.
 */
import { BugError } from '../../util/errors.ts';
import type { Memory } from '../memory.ts';
import { PG_SWAPCACHE } from '../pages/page-flags.ts';

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

/**
 * A fresh slot, or 0. When the area is full, slots that only the swap cache holds are taken back first.
 * Mirrors: get_swap_pages, swap_reclaim_full_clusters.
 */
export function allocSlot(mem: Memory): number {
  const { swap } = mem;
  if (swap === null) return 0;
  const slot = swap.alloc();
  if (slot !== 0 || !swap.active || !swap.mayHaveIdle || mem.nrSwapCache === 0) return slot;
  swap.mayHaveIdle = false;
  for (let idle = 1; idle <= swap.total; idle++) {
    if (swap.users[idle] === 0 && swap.frame[idle] !== 0) tryToFreeSwap(mem, swap.frame[idle]!);
  }
  return swap.alloc();
}

/** A fresh slot for a page of a group, or 0 (also when the group may not swap). */
export function allocSlotFor(mem: Memory, pfn: number): number {
  if (mem.memcg === null) return allocSlot(mem);
  const group = mem.frames.memcg[pfn]!;
  if (!mem.memcg.chargeSwap(group)) return 0;
  const slot = allocSlot(mem);
  if (slot === 0) mem.memcg.unchargeSwap(group);
  else mem.swap!.memcg[slot] = group;
  return slot;
}

/** Stores a frame's content in its slot, as a write to the swap device does. */
export function storeSlot(mem: Memory, slot: number, content: number): void {
  const swap = mem.swap!;
  if (!swap.synchronous) {
    swap.content[slot] = content;
    return;
  }
  swap.compressedBytes -= mem.content.compressedBytes(swap.content[slot]!, mem.settings.zramRatio);
  swap.content[slot] = content;
  swap.compressedBytes += mem.content.compressedBytes(content, mem.settings.zramRatio);
}

export function freeSlot(mem: Memory, slot: number): void {
  storeSlot(mem, slot, 0);
  const swap = mem.swap!;
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
