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

/**
 * The most that a counter has been, in pages: in all, and since each open file has reset it for itself. Mirrors:
 * page_counter.watermark, local_watermark, memory_peak_write.
 */
export class Peak {
  /** Since the last reset, whoever's it was. */
  recent = 0;
  private before = 0;
  private nextId = 1;
  private readonly resets: { readonly id: number; most: number }[] = [];

  /** The most in all, or since this reset. */
  most(id = 0): number {
    const reset = this.resets.find((one) => one.id === id);
    return Math.max(this.recent, reset === undefined ? this.before : reset.most);
  }

  /** Begins anew at `usage` for one reader, whose number is returned (`id`, where it has one already). */
  reset(usage: number, id: number): number {
    this.before = Math.max(this.before, this.recent);
    for (const one of this.resets) one.most = Math.max(one.most, this.recent);
    this.recent = usage;
    const known = this.resets.find((one) => one.id === id);
    if (known !== undefined) {
      known.most = usage;
      return id;
    }
    this.resets.push({ id: this.nextId, most: usage });
    return this.nextId++;
  }

  forget(id: number): void {
    const at = this.resets.findIndex((one) => one.id === id);
    if (at >= 0) this.resets.splice(at, 1);
  }
}

export class Memcg {
  readonly id: number;
  readonly parent: Memcg | null;
  /** In the order in which they were made. */
  readonly children: Memcg[] = [];
  readonly lruvec = new Lruvec();
  usage = 0;
  /** The most it was since `memory.peak` was reset last, and before that; the same of swap. */
  readonly peak = new Peak();
  swapUsage = 0;
  readonly swapPeak = new Peak();
  max = NO_LIMIT;
  high = NO_LIMIT;
  low = 0;
  min = 0;
  swapMax = NO_LIMIT;
  swapHigh = NO_LIMIT;
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
    if (this.usage > this.peak.recent) this.peak.recent = this.usage;
  }

  chargeSwap(): void {
    this.swapUsage++;
    if (this.swapUsage > this.swapPeak.recent) this.swapPeak.recent = this.swapUsage;
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
    if (group.swapUsage * 2 >= group.swapMax || group.swapUsage * 2 >= group.swapHigh) return true;
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
