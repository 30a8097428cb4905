/**
 * The shadows of pages that left, and what happens when they come back. Mirrors: mm/workingset.c.
 *
 * A shadow is 31 bits: `group << 19 | age << 1 | workingset`. `group` is the one that was reclaimed from, `age` the value
 * of its counter of evictions and activations; the distance that has moved when the page comes back says how much larger
 * the inactive list would have had to be to keep it. On machines of more than 1 GiB the age is kept in buckets of 2, 4 …
 * pages, as 32-bit kernels do it (bucket_order).
 */
import type { Memory } from '../memory.ts';
import { LRU_ACTIVE_ANON, LRU_ACTIVE_FILE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE } from '../pages/frames.ts';
import { PG_ACTIVE, PG_SWAPBACKED, PG_UNEVICTABLE, PG_WORKINGSET } from '../pages/page-flags.ts';
import { noteCost, pageState } from './lruvec.ts';
import { type Memcg, nrSwapPages } from './memcg.ts';

const AGE_BITS = 18;
const AGE_MASK = (1 << AGE_BITS) - 1;
const GROUP_SHIFT = AGE_BITS + 1;

/** Pages that share one age. */
export function bucketPages(mem: Memory): number {
  return 1 << bucketOrder(mem);
}

/** Its logarithm. A machine has at most 2^30 pages (MAX_PAGES), so that all ages times it are no more than that. */
function bucketOrder(mem: Memory): number {
  return Math.max(0, 32 - Math.clz32(mem.frames.total - 1) - AGE_BITS);
}

/** One page more has been evicted from, or activated in, a group: for it and all above. Mirrors: workingset_age_nonresident. */
export function ageNonresident(memcg: Memcg, pages = 1): void {
  for (let group: Memcg | null = memcg; group !== null; group = group.parent) group.lruvec.nonresidentAge += pages;
}

/** The shadow of a page that is leaving, reclaimed from `target`. Mirrors: workingset_eviction. */
export function evictionShadow(mem: Memory, pfn: number, target: Memcg): number {
  const age = (target.lruvec.nonresidentAge >>> bucketOrder(mem)) & AGE_MASK;
  ageNonresident(target);
  const workingset = mem.frames.flags[pfn]! & PG_WORKINGSET ? 1 : 0;
  return ((target.id << GROUP_SHIFT) | (age << 1) | workingset) >>> 0;
}

/** Whether the workingset of the group that the page was reclaimed from would have held it. Mirrors: workingset_test_recent. */
export function isRecent(mem: Memory, shadow: number, file: boolean): boolean {
  const group = mem.memcgs[shadow >>> GROUP_SHIFT];
  if (group === undefined) return false;
  const order = bucketOrder(mem);
  const evicted = ((shadow >>> 1) & AGE_MASK) << order;
  // Modulo all ages there are, a power of two.
  const distance = ((group.lruvec.nonresidentAge - evicted) & ((1 << (AGE_BITS + order)) - 1)) >>> 0;
  let size = pageState(mem, group, LRU_ACTIVE_FILE);
  if (!file) size += pageState(mem, group, LRU_INACTIVE_FILE);
  if (nrSwapPages(mem, group) > 0) {
    size += pageState(mem, group, LRU_ACTIVE_ANON);
    if (file) size += pageState(mem, group, LRU_INACTIVE_ANON);
  }
  return distance <= size;
}

/**
 * A page has come back. It is activated when the workingset would have held it; one that had been part of the
 * workingset when it left is marked so again, and its return counts as thrashing. Mirrors: workingset_refault.
 */
export function refault(mem: Memory, pfn: number, shadow: number): void {
  const { frames } = mem;
  const flags = frames.flags[pfn]!;
  const file = (flags & PG_SWAPBACKED) === 0;
  const memcg = mem.memcgOf(pfn);
  countRefault(mem, memcg, file);
  if (!isRecent(mem, shadow, file)) return;
  if ((flags & (PG_UNEVICTABLE | PG_ACTIVE)) === 0) frames.changeFlags(pfn, 0, PG_ACTIVE);
  ageNonresident(memcg);
  countActivate(mem, memcg, file);
  if (file) memcg.lruvec.activatedFile++;
  else memcg.lruvec.activatedAnon++;
  if ((shadow & 1) === 0) return;
  frames.flags[pfn]! |= PG_WORKINGSET;
  noteCost(mem, memcg, file, 1, 0);
  countRestore(mem, memcg, file);
}

/** A page has come back: counted for the machine and its group. Mirrors: WORKINGSET_REFAULT_BASE. */
export function countRefault({ events }: Memory, { counts }: Memcg, file: boolean): void {
  if (file) {
    events.workingset_refault_file++;
    counts.workingset_refault_file++;
  } else {
    events.workingset_refault_anon++;
    counts.workingset_refault_anon++;
  }
}

/** One is kept for it: counted for the machine and its group. Mirrors: WORKINGSET_ACTIVATE_BASE. */
export function countActivate({ events }: Memory, { counts }: Memcg, file: boolean): void {
  if (file) {
    events.workingset_activate_file++;
    counts.workingset_activate_file++;
  } else {
    events.workingset_activate_anon++;
    counts.workingset_activate_anon++;
  }
}

/** One was part of the workingset when it left: counted for the machine and its group. Mirrors: WORKINGSET_RESTORE_BASE. */
export function countRestore({ events }: Memory, { counts }: Memcg, file: boolean): void {
  if (file) {
    events.workingset_restore_file++;
    counts.workingset_restore_file++;
  } else {
    events.workingset_restore_anon++;
    counts.workingset_restore_anon++;
  }
}
