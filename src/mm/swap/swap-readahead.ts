/**
 * Reading swapped pages into the swap cache, and with a page that is wanted those near it. Mirrors: mm/swap_state.c.
 *
 * What is near depends on the device: on one that rotates its neighbours in swap, else those in the address space. How many
 * follows from the hits: pages read ahead that were wanted since. A page of the swap cache belongs to no mapping until one
 * maps it.
 */

import type { Memory } from '../memory.ts';
import { PG_READAHEAD, PG_SWAPBACKED } from '../pages/page-flags.ts';
import { PTRS_PER_TABLE } from '../pages/page-table.ts';
import { KIND_SWAP } from '../pages/pte.ts';
import type { Vma } from '../space/vma.ts';
import { addToSwapCache } from './swap-cache.ts';

/** At most 2^5 pages around a fault, whatever vm.page-cluster says. */
const SWAP_RA_ORDER_CEILING = 5;
/** Hits of a mapping are counted in six bits. */
const MOST_HITS = 63;

/** Reads a slot into the swap cache unless it is there; its frame, or 0. Mirrors: __read_swap_cache_async. */
export function readSwapCache(mem: Memory, slot: number): number {
  const swap = mem.swap!;
  if (swap.frame[slot] !== 0) return 0;
  const pfn = mem.allocFrame();
  if (pfn === 0) return 0;
  // Looking for memory may have given the slot up, or to another page.
  if (swap.users[slot] === 0 || swap.frame[slot] !== 0) {
    mem.freeFrame(pfn);
    return 0;
  }
  const { frames } = mem;
  frames.flags[pfn]! |= PG_SWAPBACKED;
  frames.content[pfn] = swap.content[slot]!;
  mem.countSwapIn(pfn, slot);
  addToSwapCache(mem, pfn, slot);
  const shadow = swap.shadow[slot]!;
  swap.shadow[slot] = 0;
  if (shadow !== 0) mem.policy.refault(mem, pfn, shadow);
  mem.lruAddNew(pfn);
  return pfn;
}

/** Reads the slot that page `vpn` has in swap, and what is near; its frame, or 0. Mirrors: swapin_readahead. */
export function swapInNear(mem: Memory, vma: Vma, vpn: number, slot: number): number {
  if (mem.swap!.rotational) readCluster(mem, slot);
  else readAround(mem, vma, vpn);
  return mem.swap!.frame[slot]! || readSwapCache(mem, slot);
}

/** The same for a page of a shmem object, which always goes by neighbours in swap. Mirrors: shmem_swapin_cluster. */
export function swapInCluster(mem: Memory, slot: number): number {
  readCluster(mem, slot);
  return mem.swap!.frame[slot]! || readSwapCache(mem, slot);
}

/** A page was found in the swap cache. `vma` absent: by a shmem object. Mirrors: swap_update_readahead. */
export function noteSwapCacheHit(mem: Memory, pfn: number, vma?: Vma, vpn = 0): void {
  const { flags } = mem.frames;
  const ahead = (flags[pfn]! & PG_READAHEAD) !== 0;
  flags[pfn]! &= ~PG_READAHEAD;
  const byMapping = vma !== undefined && !mem.swap!.rotational;
  if (byMapping) {
    vma.swapRaVpn = vpn;
    if (ahead) vma.swapRaHits = Math.min(vma.swapRaHits + 1, MOST_HITS);
  }
  if (!ahead) return;
  mem.events.swap_ra_hit++;
  if (!byMapping) mem.swapWindow.hits++;
}

/**
 * Pages to read at once: two more than hits, rounded up to a power of two; one when nothing hits and the last fault was not
 * next to this one; never less than half the last window. Mirrors: __swapin_nr_pages.
 */
export function windowPages(previous: number, here: number, hits: number, most: number, lastPages: number): number {
  let pages = 2;
  if (hits > 0) for (pages = 4; pages < hits + 2; ) pages *= 2;
  else if (here !== previous + 1 && here !== previous - 1) pages = 1;
  return Math.max(Math.min(pages, most), Math.floor(lastPages / 2));
}

/** The aligned cluster of slots around one. Mirrors: swapin_nr_pages, swap_cluster_readahead. */
function readCluster(mem: Memory, slot: number): void {
  const most = 2 ** mem.pageCluster;
  if (most <= 1) return;
  const swap = mem.swap!;
  const window = mem.swapWindow;
  const pages = windowPages(window.previousSlot, slot, window.hits, most, window.lastPages);
  if (window.hits === 0) window.previousSlot = slot;
  window.hits = 0;
  window.lastPages = pages;
  if (pages === 1) return;
  const start = slot - (slot % pages);
  const end = Math.min(start + pages, swap.total + 1);
  // A slot that no entry names holds nothing to read.
  for (let near = Math.max(1, start); near < end; near++)
    if (swap.users[near] !== 0 && readSwapCache(mem, near) !== 0 && near !== slot) noteAhead(mem, near);
}

/** Swapped pages around a fault, in its direction, within the VMA and the page table. Mirrors: swap_vma_ra_win, swap_vma_readahead. */
function readAround(mem: Memory, vma: Vma, vpn: number): void {
  const most = 2 ** Math.min(mem.pageCluster, SWAP_RA_ORDER_CEILING);
  if (most === 1) return;
  const previous = vma.swapRaVpn;
  const pages = windowPages(previous, vpn, vma.swapRaHits, most, vma.swapRaPages);
  vma.swapRaVpn = vpn;
  vma.swapRaPages = pages;
  vma.swapRaHits = 0;
  if (pages === 1) return;
  const left = vpn === previous + 1 ? vpn : vpn === previous - 1 ? vpn - pages + 1 : vpn - Math.floor((pages - 1) / 2);
  const table = vpn - (vpn % PTRS_PER_TABLE);
  const end = Math.min(left + pages, vma.end, table + PTRS_PER_TABLE);
  for (let near = Math.max(left, vma.start, table); near < end; near++) {
    const at = mem.tables.find(vma.mm.pageDirectory, near);
    const pte = at === 0 ? 0 : mem.tables.pte[at]!;
    if (pte >>> 30 !== KIND_SWAP) continue;
    const slot = mem.tables.numberOf(at, pte);
    if (readSwapCache(mem, slot) !== 0 && near !== vpn) noteAhead(mem, slot);
  }
}

function noteAhead(mem: Memory, slot: number): void {
  mem.frames.flags[mem.swap!.frame[slot]!]! |= PG_READAHEAD;
  mem.events.swap_ra++;
}
