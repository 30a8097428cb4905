/**
 * Which page goes next: the interface behind which a policy of reclaim stands. What becomes of a page that it has chosen
 * is not its business (shrink-list.ts, pageout.ts), nor which groups are reclaimed from (vmscan.ts). A policy has no state
 * of its own: what it remembers is in the Lruvec of each group and in the flags of pages.
 */
import type { Memory } from '../memory.ts';
import type { Memcg } from './memcg.ts';
import type { ScanControl } from './scan-control.ts';

/** What to do with a page that was looked at. Mirrors: enum folio_references. */
export const REF_RECLAIM = 0;
export const REF_KEEP = 1;
export const REF_ACTIVATE = 2;

export interface ReclaimPolicy {
  /** Decides what the pass may do. Mirrors: prepare_scan_control. */
  prepareScan(mem: Memory, sc: ScanControl): void;
  /** Decides how much of each list of a group is looked at, at the priority of `sc`. Mirrors: get_scan_count. */
  beginLruvec(mem: Memory, memcg: Memcg, sc: ScanControl): void;
  /** Looks at a few pages of each list and frees what is old; false: the group is done. Mirrors: shrink_lruvec. */
  stepLruvec(mem: Memory, memcg: Memcg, sc: ScanControl): boolean;
  /** Ages pages before a pass of kswapd. Mirrors: kswapd_age_node. */
  ageNode(mem: Memory, sc: ScanControl): void;
  /** Whether a page was used of late. Returns REF_*; `lastVma` and `lastEntry` say where it was found. Mirrors: folio_check_references. */
  checkReferences(mem: Memory, sc: ScanControl, pfn: number): number;
  /** Reclaim from a group (null: the machine) is over. Mirrors: snapshot_refaults. */
  endReclaim(mem: Memory, target: Memcg | null): void;
  /** A page leaves, reclaimed from `target`; returns its shadow. Mirrors: workingset_eviction. */
  evict(mem: Memory, pfn: number, target: Memcg): number;
  /** A page has come back whose shadow was kept. Mirrors: workingset_refault. */
  refault(mem: Memory, pfn: number, shadow: number): void;
  /** A page that is new is about to come to its list. Mirrors: folio_add_lru. */
  addNew?(mem: Memory, pfn: number): void;
  /** A page was used by other means than a mapping. Mirrors: folio_mark_accessed. */
  markAccessed(mem: Memory, pfn: number): void;
}
