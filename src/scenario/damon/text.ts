/** Recordings as text: the trace event damon:damon_aggregated (`perf script`, trace-cmd), and `damo report access --raw_form`. */
import { UsageError } from '../../util/errors.ts';
import { type DamonRegion, nanoseconds, type Recording, shown, wholeNumber } from './recording.ts';

/** `kdamond.0  4452 [000] 82877.315633: damon:damon_aggregated: target_id=1 nr_regions=17 140731667070976-140731668037632: 0 3` */
const EVENT =
  /\s(\d+\.\d+): +(?:damon:)?damon_aggregated: +target_id=(\d+) nr_regions=(\d+) (\d+)-(\d+): (\d+)(?: \d+)?\s*$/;
const RAW_REGION = /^\s*([0-9a-f]+)-([0-9a-f]+) \([^)]*\)\s+(\d[\d,]*)\s/;
const RAW_MEMBER = /^(base_time_absolute|monitoring_start|monitoring_end|target_id|nr_regions): +(.*?)\s*$/;

/** Whether the text is of the trace event. */
export function isTrace(text: string): boolean {
  return /damon_aggregated: /.test(text);
}

/** Whether the text is what `damo report access --raw_form` prints. */
export function isRawForm(text: string): boolean {
  return /^monitoring_start: /m.test(text);
}

interface Begun {
  readonly endNs: number;
  readonly nrRegions: number;
  readonly regions: DamonRegion[];
  readonly line: number;
}

/** Events of one moment and target are a snapshot; it began when the one before it ended. Throws UsageError. */
export function readTrace(text: string, recording: Recording): void {
  const perTarget = new Map<string, Begun[]>();
  text.split('\n').forEach((line, i) => {
    if (!line.includes('damon_aggregated: ')) return;
    const [, seconds, target, nrRegions, start, end, accesses] = EVENT.exec(` ${line}`) ?? [];
    if (target === undefined) throw new UsageError(`line ${i + 1} is no damon_aggregated event: ${shown(line)}`);
    const endNs = Math.round(Number(seconds) * 1e9);
    const snapshots = perTarget.get(target) ?? [];
    perTarget.set(target, snapshots);
    let last = snapshots.at(-1);
    if (last === undefined || last.endNs !== endNs || last.regions.length === last.nrRegions) {
      last = { endNs, nrRegions: Number(nrRegions), regions: [], line: i + 1 };
      snapshots.push(last);
    }
    const what = `line ${i + 1}: the region`;
    last.regions.push({ start: wholeNumber(start, what), end: wholeNumber(end, what), accesses: Number(accesses) });
  });
  for (const [target, snapshots] of perTarget)
    snapshots.forEach(({ endNs, nrRegions, regions, line }, i) => {
      const where = `line ${line}`;
      // The first and the last may have been cut off by the recording's ends.
      const isWhole = regions.length === nrRegions;
      if (!isWhole && i > 0 && i < snapshots.length - 1)
        throw new UsageError(`${where}: ${regions.length} of ${nrRegions} regions: events were lost`);
      const before = snapshots[i - 1]?.endNs ?? Math.max(0, endNs - ((snapshots[1]?.endNs ?? endNs) - endNs));
      if (isWhole) recording.add(target, { startNs: before, endNs, regions }, where);
    });
}

/** Throws UsageError. */
export function readRawForm(text: string, recording: Recording): void {
  let said: Record<string, string> = {};
  let regions: DamonRegion[] = [];
  let base = 0;
  let begunAt = 0;
  const finish = (): void => {
    const { monitoring_start, monitoring_end, target_id, nr_regions } = said;
    if (monitoring_start === undefined) return;
    const where = `line ${begunAt}`;
    if (wholeNumber(nr_regions, `${where}: nr_regions`) !== regions.length)
      throw new UsageError(`${where}: ${regions.length} of ${nr_regions} regions: the rest is missing`);
    recording.add(
      target_id ?? '0',
      {
        startNs: base + nanoseconds(monitoring_start, `${where}: monitoring_start`),
        endNs: base + nanoseconds(monitoring_end, `${where}: monitoring_end`),
        regions,
      },
      where,
    );
    said = {};
    regions = [];
  };
  text.split('\n').forEach((line, i) => {
    const [, key, value] = RAW_MEMBER.exec(line) ?? [];
    const [, start, end, accesses] = RAW_REGION.exec(line) ?? [];
    if (key === 'base_time_absolute' || key === 'monitoring_start') finish();
    if (key === 'base_time_absolute') base = nanoseconds(value, `line ${i + 1}: ${key}`);
    else if (key !== undefined) {
      if (key === 'monitoring_start') begunAt = i + 1;
      said[key] = value!;
    } else if (start !== undefined) {
      const address = (digits: string): number => wholeNumber(Number.parseInt(digits, 16), `line ${i + 1}: the region`);
      regions.push({ start: address(start), end: address(end!), accesses: wholeNumber(accesses, `line ${i + 1}`) });
    } else if (!/^\s*(#.*)?$|^(data source|monitoring_duration): /.test(line))
      throw new UsageError(`line ${i + 1} is not understood: ${shown(line)}`);
  });
  finish();
}
