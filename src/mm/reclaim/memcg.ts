/** Memory accounting of one control group. Usage is in pages and includes the groups below. Mirrors: struct mem_cgroup. */
import type { Memory } from '../memory.ts';
import { Lruvec } from './lruvec.ts';

export const NO_LIMIT = Number.POSITIVE_INFINITY;
/** Groups that a machine may have, the root included. */
export const MAX_GROUPS = 4096;

export type MemcgEvent = 'low' | 'high' | 'max' | 'oom' | 'oom_kill' | 'oom_group_kill';

/** What has happened to pages of the group itself, in the names of memory.stat. */
export class MemcgCounts {
  pgscan_kswapd = 0;
  pgscan_direct = 0;
  pgscan_proactive = 0;
  pgsteal_kswapd = 0;
  pgsteal_direct = 0;
  pgsteal_proactive = 0;
  pgrefill = 0;
  pgactivate = 0;
  pgdeactivate = 0;
  pglazyfree = 0;
  pglazyfreed = 0;
  pgfault = 0;
  pgmajfault = 0;
  pswpin = 0;
  pswpout = 0;
  swpin_zero = 0;
  swpout_zero = 0;
  workingset_refault_anon = 0;
  workingset_refault_file = 0;
  workingset_activate_anon = 0;
  workingset_activate_file = 0;
  workingset_restore_anon = 0;
  workingset_restore_file = 0;
}

export class Memcg {
  readonly id: number;
  readonly parent: Memcg | null;
  /** In the order in which they were made. */
  readonly children: Memcg[] = [];
  readonly lruvec = new Lruvec();
  usage = 0;
  peak = 0;
  swapUsage = 0;
  max = NO_LIMIT;
  high = NO_LIMIT;
  low = 0;
  min = 0;
  swapMax = NO_LIMIT;
  /** Pages that may still be charged before memory.high is looked at again. */
  stock = 0;
  /** In place of vm.swappiness. */
  swappiness: number | undefined;
  oomGroup = false;
  /** Protection in force against the reclaim under way. Mirrors: page_counter.emin, elow. */
  effectiveMin = 0;
  effectiveLow = 0;
  /** Where the next walk of this tree by a direct reclaimer goes on, and how many rounds there have been. */
  walkAt: Memcg | null = null;
  walkRound = 0;
  /** What happened to the group itself, and to it and those below. */
  readonly localEvents: Record<MemcgEvent, number> = {
    low: 0,
    high: 0,
    max: 0,
    oom: 0,
    oom_kill: 0,
    oom_group_kill: 0,
  };
  readonly events: Record<MemcgEvent, number> = { ...this.localEvents };
  readonly swapEvents = { high: 0, max: 0, fail: 0 };
  readonly counts = new MemcgCounts();

  constructor(id: number, parent: Memcg | null) {
    this.id = id;
    this.parent = parent;
  }

  charge(pages: number): void {
    this.usage += pages;
    if (this.usage > this.peak) this.peak = this.usage;
  }

  /** Mirrors: memcg_memory_event. */
  note(event: MemcgEvent): void {
    this.localEvents[event]++;
    for (let g: Memcg | null = this; g !== null; g = g.parent) g.events[event]++;
  }

  /** Whether it is `other` or below it. */
  isBelow(other: Memcg): boolean {
    for (let group: Memcg | null = this; group !== null; group = group.parent) if (group === other) return true;
    return false;
  }
}

/** Slots that a group may still take. Mirrors: mem_cgroup_get_nr_swap_pages. */
export function nrSwapPages(mem: Memory, memcg: Memcg): number {
  let free = mem.swap?.nrFree ?? 0;
  for (let group = memcg; group.parent !== null; group = group.parent)
    free = Math.min(free, group.swapMax - group.swapUsage);
  return free;
}

/** Whether slots should be freed early: half of what a group, or anybody, may have is used. Mirrors: mem_cgroup_swap_full. */
export function isSwapFull(mem: Memory, memcg: Memcg): boolean {
  if (mem.swap?.isFull) return true;
  for (let group = memcg; group.parent !== null; group = group.parent)
    if (group.swapUsage * 2 >= group.swapMax) return true;
  return false;
}

/** The group after `at` in the tree below `root`, parents first, or null at the end. Mirrors: css_next_descendant_pre. */
export function nextInTree(at: Memcg | null, root: Memcg): Memcg | null {
  if (at === null) return root;
  const [first] = at.children;
  if (first !== undefined) return first;
  for (let group = at; group !== root && group.parent !== null; group = group.parent) {
    const { children } = group.parent;
    const next = children[children.indexOf(group) + 1];
    if (next !== undefined) return next;
  }
  return null;
}
