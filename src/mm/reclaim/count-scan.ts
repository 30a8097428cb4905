/** Counters of pages looked at and freed. */
import type { Memory } from '../memory.ts';
import type { VmEvents } from '../vm-events.ts';
import type { Memcg, MemcgCounts } from './memcg.ts';
import type { Reclaimer, ScanControl } from './scan-control.ts';

/** Adds to the counters of one reclaimer; written out, as counters by a computed name are slow. */
function countBy(counts: VmEvents | MemcgCounts, by: Reclaimer, scanned: number, reclaimed: number): void {
  if (by === 'kswapd') {
    counts.pgscan_kswapd += scanned;
    counts.pgsteal_kswapd += reclaimed;
  } else if (by === 'direct') {
    counts.pgscan_direct += scanned;
    counts.pgsteal_direct += reclaimed;
  } else {
    counts.pgscan_proactive += scanned;
    counts.pgsteal_proactive += reclaimed;
  }
}

/** Mirrors: the vm events in shrink_inactive_list. Reclaim from a group counts for the group only. */
export function countScan(
  { events }: Memory,
  { counts }: Memcg,
  sc: ScanControl,
  file: boolean,
  scanned: number,
  reclaimed: number,
): void {
  countBy(counts, sc.by, scanned, reclaimed);
  if (!sc.isGroup) countBy(events, sc.by, scanned, reclaimed);
  if (file) {
    events.pgscan_file += scanned;
    events.pgsteal_file += reclaimed;
  } else {
    events.pgscan_anon += scanned;
    events.pgsteal_anon += reclaimed;
  }
}
