/** One reclaim: what it wants, what it may do, what it has done (struct scan_control). */

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
  priority = DEF_PRIORITY;
  /** Only pages charged to these groups (1 by group number); null: all. */
  members: Uint8Array | null = null;
  /** Groups whose pages are left alone (1: memory.low, 2: memory.min); null: none. */
  protection: Uint8Array | null = null;
  /** memory.low no longer protects. */
  lowReclaim = false;
  /** Something was left alone because of memory.low. */
  lowSkipped = false;
  /** Pages looked at and freed so far. */
  nrScanned = 0;
  nrReclaimed = 0;
  /** Writes to swap, and pages met whose write is under way or wanted. */
  nrWritten = 0;
  nrWriteback = 0;
  /** Decisions of the pass. */
  mayDeactivate = 0;
  forceDeactivate = false;
  skippedDeactivate = false;
  cacheTrimMode = false;
  fileIsTiny = false;

  constructor(by: Reclaimer, nrToReclaim: number, swappiness: number) {
    this.by = by;
    this.nrToReclaim = nrToReclaim;
    this.swappiness = swappiness;
  }
}
