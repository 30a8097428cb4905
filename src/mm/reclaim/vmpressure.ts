/**
 * How hard reclaim finds it to free what it looks at. Mirrors: mm/vmpressure.c.
 *
 * Scanned and reclaimed pages are added up over a window of 512 scanned pages; the share that could not be reclaimed
 * gives the level. When the scan priority falls to 3, that alone is critical.
 */

export type PressureLevel = 'low' | 'medium' | 'critical';
export const PRESSURE_LEVELS: readonly PressureLevel[] = ['low', 'medium', 'critical'];

/** Scanned pages that make up one window: SWAP_CLUSTER_MAX × 16. */
export const PRESSURE_WINDOW = 512;
const MEDIUM_PERCENT = 60;
const CRITICAL_PERCENT = 95;
/** ilog2(100 / 10): a tenth of each list is looked at. */
const CRITICAL_PRIORITY = 3;

/** The level of one window. Integer arithmetic as the kernel's; what was reclaimed beyond what was scanned is no pressure. */
export function pressureLevel(scanned: number, reclaimed: number): PressureLevel {
  return levelOf(pressurePercent(scanned, reclaimed));
}

/** Mirrors: vmpressure_calc_level. */
export function pressurePercent(scanned: number, reclaimed: number): number {
  if (reclaimed >= scanned) return 0;
  const scale = scanned + reclaimed;
  const pressure = scale - Math.floor((reclaimed * scale) / scanned);
  return Math.floor((pressure * 100) / scale);
}

function levelOf(percent: number): PressureLevel {
  if (percent >= CRITICAL_PERCENT) return 'critical';
  return percent >= MEDIUM_PERCENT ? 'medium' : 'low';
}

/** Who is told of the end of each window. */
export interface WindowListener {
  onWindow(level: PressureLevel, percent: number): void;
}

export class VmPressure {
  listener: WindowListener | undefined;
  private scanned = 0;
  private reclaimed = 0;

  /** A pass has looked at and freed so many pages. Nothing looked at says nothing. Mirrors: vmpressure. */
  note(scanned: number, reclaimed: number): void {
    if (scanned === 0) return;
    this.scanned += scanned;
    this.reclaimed += reclaimed;
    if (this.scanned < PRESSURE_WINDOW) return;
    const percent = pressurePercent(this.scanned, this.reclaimed);
    this.scanned = 0;
    this.reclaimed = 0;
    this.listener?.onWindow(levelOf(percent), percent);
  }

  /** Reclaim goes on at this priority. Mirrors: vmpressure_prio. */
  notePriority(priority: number): void {
    if (priority <= CRITICAL_PRIORITY) this.note(PRESSURE_WINDOW, 0);
  }
}
