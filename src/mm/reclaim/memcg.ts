/** Memory accounting of one control group. Usage is in pages and includes the groups below. Mirrors: struct mem_cgroup. */

export const NO_LIMIT = Number.POSITIVE_INFINITY;
/** Groups that a machine may have, the root included. */
export const MAX_GROUPS = 4096;

export type MemcgEvent = 'low' | 'high' | 'max' | 'oom' | 'oom_kill' | 'oom_group_kill';

export class Memcg {
  readonly id: number;
  readonly parent: Memcg | null;
  usage = 0;
  peak = 0;
  swapUsage = 0;
  max = NO_LIMIT;
  high = NO_LIMIT;
  low = 0;
  min = 0;
  swapMax = NO_LIMIT;
  oomGroup = false;
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
  readonly counts = { pgscan_direct: 0, pgscan_proactive: 0, pgsteal_direct: 0, pgsteal_proactive: 0 };

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

  count(by: 'direct' | 'proactive', scanned: number, freed: number): void {
    this.counts[`pgscan_${by}`] += scanned;
    this.counts[`pgsteal_${by}`] += freed;
  }

  /** Whether it is `other` or below it. */
  isBelow(other: Memcg): boolean {
    return this === other || (this.parent?.isBelow(other) ?? false);
  }

  /**
   * Protection in force against reclaim from `target`: no more than the parent has. Unlike the kernel's, what several
   * children claim together is not shared out among them. Mirrors: mem_cgroup_calculate_protection.
   */
  effective(which: 'min' | 'low', target: Memcg): number {
    const { parent } = this;
    if (parent === null || parent === target || parent.parent === null) return this[which];
    return Math.min(this[which], parent.effective(which, target));
  }
}
