/**
 * Which slot a page gets: the next free one of the cluster in use, then of clusters in which slots have been given back,
 * then of free ones. In an area more than half full a slot that only the swap cache holds is as good as a free one.
 * Mirrors: mm/swapfile.c:swap_alloc_fast, cluster_alloc_swap_entry, alloc_swap_scan_cluster (6.18, one CPU).
 */
import type { Memory } from '../memory.ts';
import type { SwapArea } from './swap.ts';
import { tryToFreeSwap } from './swap-cache.ts';
import {
  CLUSTER_FRAG,
  CLUSTER_FREE,
  CLUSTER_FULL,
  CLUSTER_NONE,
  CLUSTER_NONFULL,
  CLUSTER_SLOTS,
} from './swap-clusters.ts';

/** A fresh slot, or 0. When the area is full, whatever only the swap cache holds is taken back first. */
export function allocSlot(mem: Memory): number {
  const { swap } = mem;
  if (swap === null || !swap.active) return 0;
  const slot = findSlot(mem, swap);
  if (slot !== 0 || !swap.mayHaveIdle || mem.nrSwapCache === 0) return slot;
  swap.mayHaveIdle = false;
  takeBackFrom(mem, swap, 1, swap.total + 1);
  return findSlot(mem, swap);
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

function findSlot(mem: Memory, swap: SwapArea): number {
  const { clusters } = swap;
  if (clusters.next !== 0) {
    const cluster = Math.floor(clusters.next / CLUSTER_SLOTS);
    const from = clusters.count[cluster] === 0 ? cluster * CLUSTER_SLOTS : clusters.next;
    const slot = scanCluster(mem, swap, cluster, from);
    if (slot !== 0) return slot;
  }
  const found = scanList(mem, swap, CLUSTER_NONFULL, true) || scanList(mem, swap, CLUSTER_FREE, false);
  if (found !== 0) return found;
  if (swap.isFull) takeBackOneCluster(mem, swap);
  return scanList(mem, swap, CLUSTER_FRAG, false);
}

/** Mirrors: alloc_swap_scan_list. */
function scanList(mem: Memory, swap: SwapArea, list: number, all: boolean): number {
  do {
    const cluster = swap.clusters.isolate(list);
    if (cluster === undefined) return 0;
    const slot = scanCluster(mem, swap, cluster, cluster * CLUSTER_SLOTS);
    if (slot !== 0) return slot;
  } while (all);
  return 0;
}

/** Takes the first slot from `from` on that is free or can be made so; 0: there is none. */
function scanCluster(mem: Memory, swap: SwapArea, cluster: number, from: number): number {
  const { clusters, users, frame } = swap;
  const start = cluster * CLUSTER_SLOTS;
  const end = Math.min(start + CLUSTER_SLOTS, swap.total + 1);
  let found = 0;
  if (clusters.count[cluster]! < CLUSTER_SLOTS) {
    for (let slot = Math.max(from, 1); slot < end; slot++) {
      if (swap.isUsed(slot)) {
        if (users[slot] !== 0 || frame[slot] === 0 || !swap.isFull) continue;
        if (!tryToFreeSwap(mem, frame[slot]!)) continue;
        if (clusters.count[cluster] === 0) slot = start;
      }
      swap.take(slot);
      found = slot;
      break;
    }
  }
  clusters.next = found !== 0 && found + 1 < end && clusters.count[cluster]! < CLUSTER_SLOTS ? found + 1 : 0;
  clusters.relocate(cluster);
  return found;
}

/** Slots of the cluster that has been full for longest. Mirrors: swap_reclaim_full_clusters. */
function takeBackOneCluster(mem: Memory, swap: SwapArea): void {
  const cluster = swap.clusters.isolate(CLUSTER_FULL);
  if (cluster === undefined) return;
  const start = cluster * CLUSTER_SLOTS;
  takeBackFrom(mem, swap, Math.max(1, start), Math.min(start + CLUSTER_SLOTS, swap.total + 1));
  if (swap.clusters.list[cluster] === CLUSTER_NONE) swap.clusters.relocate(cluster);
}

function takeBackFrom(mem: Memory, swap: SwapArea, from: number, to: number): void {
  // Of a full cluster few slots have no user: the search for them is left to the engine.
  const users = swap.users.subarray(from, to);
  for (let i = users.indexOf(0); i >= 0; i = users.indexOf(0, i + 1)) {
    const pfn = swap.frame[from + i]!;
    if (pfn !== 0) tryToFreeSwap(mem, pfn);
  }
}
