/**
 * What global reclaim remembers between passes (struct lruvec), and the shadows of pages that left (mm/workingset.c).
 *
 * A shadow is 30 bits: `age << 1 | workingset`. `age` is the value of a counter that moves with each eviction and
 * activation; the distance it has moved when the page comes back says how much larger the inactive list would have had
 * to be to keep it.
 */

import type { Memory } from '../memory.ts';
import { LRU_ACTIVE_ANON, LRU_ACTIVE_FILE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE } from '../pages/frames.ts';
import { PG_ACTIVE, PG_LRU, PG_SWAPBACKED, PG_UNEVICTABLE, PG_WORKINGSET } from '../pages/page-flags.ts';

const AGE_MASK = (1 << 29) - 1;
/** A page that is written or read costs as much as scanning so many (SWAP_CLUSTER_MAX). */
const IO_COST = 32;

export class Lruvec {
  /** What reclaiming anonymous and file pages has cost of late: the side that costs more is scanned less. */
  anonCost = 0;
  fileCost = 0;
  /** Evictions and activations so far; starts at 1 so that no shadow is 0. */
  nonresidentAge = 1;
  /** workingset_activate_* when reclaim last looked. */
  activatesAnon = 0;
  activatesFile = 0;
}

/** Mirrors: mm/swap.c:lru_note_cost. */
export function noteCost(mem: Memory, file: boolean, nrIo: number, nrRotated: number): void {
  const { lruvec } = mem;
  const cost = nrIo * IO_COST + nrRotated;
  if (cost === 0) return;
  if (file) lruvec.fileCost += cost;
  else lruvec.anonCost += cost;
  const on = mem.frames.nrOnList;
  const size = on[LRU_INACTIVE_ANON]! + on[LRU_ACTIVE_ANON]! + on[LRU_INACTIVE_FILE]! + on[LRU_ACTIVE_FILE]!;
  if (lruvec.anonCost + lruvec.fileCost > size / 4) {
    lruvec.anonCost = Math.floor(lruvec.anonCost / 2);
    lruvec.fileCost = Math.floor(lruvec.fileCost / 2);
  }
}

/** The shadow of a page that is leaving. Mirrors: workingset_eviction. */
export function evictionShadow(mem: Memory, pfn: number): number {
  const age = mem.lruvec.nonresidentAge++ & AGE_MASK;
  return ((age << 1) | (mem.frames.flags[pfn]! & PG_WORKINGSET ? 1 : 0)) >>> 0;
}

/**
 * A page has come back. It is activated when the workingset would have held it; one that had been part of the
 * workingset when it left is marked so again, and its return counts as thrashing. Mirrors: workingset_refault.
 */
export function refault(mem: Memory, pfn: number, shadow: number): void {
  const { frames, events, lruvec } = mem;
  const flags = frames.flags[pfn]!;
  const file = (flags & PG_SWAPBACKED) === 0;
  if (file) events.workingset_refault_file++;
  else events.workingset_refault_anon++;
  const distance = (lruvec.nonresidentAge - (shadow >>> 1)) & AGE_MASK;
  const on = frames.nrOnList;
  let size = on[LRU_ACTIVE_FILE]!;
  if (!file) size += on[LRU_INACTIVE_FILE]!;
  if (mem.swap !== null && mem.swap.nrFree > 0) {
    size += on[LRU_ACTIVE_ANON]!;
    if (file) size += on[LRU_INACTIVE_ANON]!;
  }
  if (distance > size) return;
  const listed = (flags & PG_LRU) !== 0;
  if ((flags & (PG_UNEVICTABLE | PG_ACTIVE)) === 0) {
    if (listed) frames.lruDel(pfn);
    frames.flags[pfn]! |= PG_ACTIVE;
    if (listed) frames.lruAdd(pfn);
  }
  lruvec.nonresidentAge++;
  if (file) events.workingset_activate_file++;
  else events.workingset_activate_anon++;
  if ((shadow & 1) === 0) return;
  frames.flags[pfn]! |= PG_WORKINGSET;
  noteCost(mem, file, 1, 0);
  if (file) events.workingset_restore_file++;
  else events.workingset_restore_anon++;
}
