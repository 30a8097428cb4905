/** One reclaim: what it wants, what it may do, what it has done (struct scan_control). */
import type { Memcg } from './memcg.ts';

export const DEF_PRIORITY = 12;
export const SWAP_CLUSTER_MAX = 32;
/** swappiness=max of memory.reclaim: nothing but anonymous memory. */
export const SWAPPINESS_ANON_ONLY = 201;

export const DEACTIVATE_ANON = 1;
export const DEACTIVATE_FILE = 2;

/** Who reclaims; decides which counters move. */
export type Reclaimer = 'kswapd' | 'direct' | 'proactive';

export class ScanControl {
  readonly by: Reclaimer;
  nrToReclaim: number;
  swappiness: number;
  /** The swappiness was asked for; those of groups do not matter. */
  forcesSwappiness = false;
  priority = DEF_PRIORITY;
  /** Only pages of this group and those below; null: the machine is short. */
  readonly target: Memcg | null;
  /** memory.low no longer protects. */
  lowReclaim = false;
  /** Something was left alone because of memory.low. */
  lowSkipped = false;
  /** Every walk of the tree visits all groups, whether or not there is enough. */
  fullWalk = false;
  /** Pages looked at and freed so far. */
  nrScanned = 0;
  nrReclaimed = 0;
  /** Writes to swap, and pages met whose write is under way. */
  nrWritten = 0;
  nrWriteback = 0;
  /** Of those, what it has waited for already. */
  nrAwaited = 0;
  /** kswapd has met nothing but pages under writeback (PGDAT_WRITEBACK): those that it meets a second time count here. */
  stallsOnWriteback = false;
  nrImmediate = 0;
  /** Costs of the target at the beginning of the pass. */
  anonCost = 0;
  fileCost = 0;
  /** Decisions of the pass. */
  mayDeactivate = 0;
  forceDeactivate = false;
  skippedDeactivate = false;
  cacheTrimMode = false;
  /** It was tried and freed nothing; after that it is not to be tried again. */
  cacheTrimFailed = false;
  noCacheTrim = false;
  fileIsTiny = false;
  /** Of generations: pages freed before this pass of kswapd, and whether the next is to age first. */
  lastReclaimed = 0;
  needsAging = false;

  constructor(by: Reclaimer, nrToReclaim: number, swappiness: number, target: Memcg | null = null) {
    this.by = by;
    this.nrToReclaim = nrToReclaim;
    this.swappiness = swappiness;
    this.target = target;
  }

  /** Mirrors: cgroup_reclaim. */
  get isGroup(): boolean {
    return this.target !== null;
  }

  /** Mirrors: sc_swappiness. */
  swappinessOf(memcg: Memcg): number {
    return this.forcesSwappiness ? this.swappiness : (memcg.swappiness ?? this.swappiness);
  }
}
