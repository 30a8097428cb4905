/** What DAMON saw, whatever form it was written in: regions of addresses and how often each was found accessed, snapshot by snapshot. */
import { UsageError } from '../../util/errors.ts';

/** Addresses from `start` up to, not including, `end`. */
export interface DamonRegion {
  readonly start: number;
  readonly end: number;
  /** In how many samples of the interval it was accessed, or for how many percent of them: 0 is none. */
  readonly accesses: number;
}

/** One aggregation interval of one target. */
export interface DamonSnapshot {
  readonly startNs: number;
  readonly endNs: number;
  /** By address, none overlaps another. */
  readonly regions: readonly DamonRegion[];
}

/** What was recorded of one process, or of the physical memory. */
export interface DamonTarget {
  /** As the recording names it; a number without a meaning elsewhere. */
  readonly id: string;
  readonly snapshots: readonly DamonSnapshot[];
}

/** Regions of all snapshots together; more are no recording that anybody could look at. */
const MOST_REGIONS = 2_000_000;
const PAGE = 4096;
/** A time as damo prints it for people: `1 m 2.5 s`. */
const NS_OF: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9, d: 86_400e9 };

/** A whole number, with or without commas: `140,271,710,769,152`. Throws UsageError. */
export function wholeNumber(value: unknown, what: string): number {
  const number = typeof value === 'number' ? value : Number(String(value).replaceAll(',', '') || Number.NaN);
  if (!Number.isSafeInteger(number) || number < 0) throw new UsageError(`${what} is no number: ${shown(value)}`);
  return number;
}

/** Nanoseconds of `1052000000`, `1.052 s`, `9 m 1.902 s`. Throws UsageError. */
export function nanoseconds(value: unknown, what: string): number {
  const text = String(value).trim().replaceAll(',', '');
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text));
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?) ?(ns|us|ms|s|m|h|d)(?: |$)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw new UsageError(`${what} is no time: ${shown(value)}`);
  return Math.round(parts.reduce((sum, [, number, unit]) => sum + Number(number) * NS_OF[unit!]!, 0));
}

/** A value as an error shows it. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  return `"${text.slice(0, 40)}${text.length > 40 ? '…' : ''}"`;
}

/** Takes snapshots as they are read, target by target, and looks whether they can be. */
export class Recording {
  readonly #targets = new Map<string, DamonSnapshot[]>();
  #nrRegions = 0;

  /** Throws UsageError, `where` in front of the reason. */
  add(target: string, { startNs, endNs, regions }: DamonSnapshot, where: string): void {
    this.#nrRegions += regions.length;
    if (this.#nrRegions > MOST_REGIONS)
      throw new UsageError(`more than ${MOST_REGIONS} regions: record for a shorter time`);
    if (endNs < startNs) throw new UsageError(`${where}: it ends before it begins`);
    const sorted = [...regions].sort((a, b) => a.start - b.start);
    sorted.forEach(({ start, end }, i) => {
      const range = `${start.toString(16)}-${end.toString(16)}`;
      if (end <= start || start % PAGE !== 0 || end % PAGE !== 0)
        throw new UsageError(`${where}: ${range} is no range of pages`);
      if (start < (sorted[i - 1]?.end ?? 0))
        throw new UsageError(`${where}: the region ${range} overlaps the one before`);
    });
    const snapshots = this.#targets.get(target) ?? [];
    snapshots.push({ startNs, endNs, regions: sorted });
    this.#targets.set(target, snapshots);
  }

  /** The targets that have a region, snapshots by time. */
  targets(): DamonTarget[] {
    return [...this.#targets]
      .map(([id, snapshots]) => ({ id, snapshots: snapshots.sort((a, b) => a.startNs - b.startNs) }))
      .filter(({ snapshots }) => snapshots.some(({ regions }) => regions.length > 0));
  }
}
