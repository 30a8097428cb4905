/** Whom to kill when nothing else helps. Mirrors: mm/oom_kill.c. */
import type { Mm } from '../space/mm.ts';

export const OOM_SCORE_ADJ_MIN = -1000;
export const OOM_SCORE_ADJ_MAX = 1000;

/**
 * Badness of a process in pages: what it would give back, shifted by its adj in thousandths of `totalPages` (RAM and
 * swap). Undefined: never to be killed. Mirrors: oom_badness.
 */
export function oomBadness(mm: Mm | null, adj: number, totalPages: number): number | undefined {
  if (mm === null || adj === OOM_SCORE_ADJ_MIN) return undefined;
  return mm.rss + mm.swapents + mm.pageDirectory.size + adj * Math.floor(totalPages / 1000);
}

/** The same before 5.9: thousandths of memory, 0 for those that are never killed. */
export function oldOomScoreOf(badness: number | undefined, totalPages: number): number {
  return badness === undefined ? 0 : Math.floor((Math.max(1, badness) * 1000) / totalPages);
}

/** What /proc/PID/oom_score shows for a badness: 0 to 2000, thousandths of memory about 666. Mirrors: proc_oom_score. */
export function oomScoreOf(badness: number | undefined, totalPages: number): number {
  if (badness === undefined) return 0;
  return Math.max(0, Math.trunc(((1000 + Math.trunc((badness * 1000) / totalPages)) * 2) / 3));
}
