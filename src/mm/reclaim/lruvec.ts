/**
 * What reclaim remembers of the pages of one control group (struct lruvec); the lists themselves are in Frames.
 *
 * Decisions about a group go by its statistics and those of the groups below. The kernel adds them up every two seconds
 * or when somebody reads memory.stat, and decides by what it added up last: so do we (`settings.statFlushUs`). What the
 * machine as a whole decides by is always up to date.
 */
import type { Memory } from '../memory.ts';
import { LRU_ACTIVE_ANON, LRU_ACTIVE_FILE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE } from '../pages/frames.ts';
import type { LruGen } from './lru-gen.ts';
import type { Memcg } from './memcg.ts';

/** A page that is written or read costs as much as scanning so many (SWAP_CLUSTER_MAX). */
const IO_COST = 32;

/** Statistics that decisions go by: the sizes of the four evictable lists (by LRU_*), then activations by refault. */
export const ACTIVATE_ANON = 4;
export const ACTIVATE_FILE = 5;
const NR_STATS = 6;

export class Lruvec {
  /** What reclaiming anonymous and file pages has cost of late: the side that costs more is scanned less. */
  anonCost = 0;
  fileCost = 0;
  /** Evictions and activations here and below so far; starts at 1 so that no shadow is 0. */
  nonresidentAge = 1;
  /** Activations by refault of the group itself. */
  activatedAnon = 0;
  activatedFile = 0;
  /** Activations here and below when reclaim last looked. */
  refaultsAnon = 0;
  refaultsFile = 0;
  /** What is remembered by generations; null: nothing so far. */
  gen: LruGen | null = null;
  /** Statistics as added up last. */
  readonly seen = new Float64Array(NR_STATS);
}

/** A statistic of a group and those below, as reclaim knows it. Mirrors: lruvec_page_state. */
export function pageState(mem: Memory, memcg: Memcg, stat: number): number {
  return memcg.parent === null ? ownStat(mem, memcg, stat) : memcg.lruvec.seen[stat]!;
}

/** Of the root: of the whole machine. */
function ownStat(mem: Memory, memcg: Memcg, stat: number): number {
  const { events } = mem;
  if (memcg.parent === null) {
    if (stat < ACTIVATE_ANON) return mem.listedPagesOfAll(stat);
    return stat === ACTIVATE_ANON ? events.workingset_activate_anon : events.workingset_activate_file;
  }
  if (stat < ACTIVATE_ANON) return mem.listedPages(memcg.id, stat);
  return stat === ACTIVATE_ANON ? memcg.lruvec.activatedAnon : memcg.lruvec.activatedFile;
}

/** Adds up the statistics of a group and of those below. Mirrors: mem_cgroup_flush_stats. */
export function flushStats(mem: Memory, memcg: Memcg): void {
  const { seen } = memcg.lruvec;
  for (let stat = 0; stat < NR_STATS; stat++) seen[stat] = ownStat(mem, memcg, stat);
  for (const child of memcg.children) {
    flushStats(mem, child);
    if (memcg.parent !== null) for (let stat = 0; stat < NR_STATS; stat++) seen[stat]! += child.lruvec.seen[stat]!;
  }
}

/** Notes what reclaim has cost a group, and all above it. Mirrors: mm/swap.c:lru_note_cost_unlock_irq. */
export function noteCost(mem: Memory, memcg: Memcg, file: boolean, nrIo: number, nrRotated: number): void {
  const cost = nrIo * IO_COST + nrRotated;
  if (cost === 0) return;
  for (let group: Memcg | null = memcg; group !== null; group = group.parent) {
    const { lruvec } = group;
    if (file) lruvec.fileCost += cost;
    else lruvec.anonCost += cost;
    const size =
      pageState(mem, group, LRU_INACTIVE_ANON) +
      pageState(mem, group, LRU_ACTIVE_ANON) +
      pageState(mem, group, LRU_INACTIVE_FILE) +
      pageState(mem, group, LRU_ACTIVE_FILE);
    if (lruvec.anonCost + lruvec.fileCost > Math.floor(size / 4)) {
      lruvec.anonCost = Math.floor(lruvec.anonCost / 2);
      lruvec.fileCost = Math.floor(lruvec.fileCost / 2);
    }
  }
}
