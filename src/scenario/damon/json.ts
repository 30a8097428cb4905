/** A recording as `damo record` writes it: a list of records, each with the snapshots of one target. */
import { UsageError } from '../../util/errors.ts';
import { type DamonRegion, nanoseconds, type Recording, shown, wholeNumber } from './recording.ts';

type Members = Readonly<Record<string, unknown>>;

/** Throws UsageError. */
export function readJson(text: string, recording: Recording): void {
  let records: unknown;
  try {
    records = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`it is damaged (${(error as Error).message.split('\n')[0]})`);
  }
  list(records, 'it').forEach((record, i) => {
    const { target_id, kdamond_idx, context_idx, snapshots } = members(record, `record ${i}`);
    // A snapshot of the kernel's own tells no target: then it is the context that it belongs to.
    const target = target_id ?? `${kdamond_idx ?? 0}.${context_idx ?? 0}`;
    list(snapshots, `snapshots of record ${i}`).forEach((snapshot, k) => {
      const where = `record ${i}, snapshot ${k}`;
      const { start_time, end_time, regions } = members(snapshot, where);
      recording.add(
        String(target),
        {
          startNs: nanoseconds(start_time, `${where}: start_time`),
          endNs: nanoseconds(end_time, `${where}: end_time`),
          regions: list(regions, `regions of ${where}`).map((region) => regionOf(region, where)),
        },
        where,
      );
    });
  });
}

function regionOf(region: unknown, where: string): DamonRegion {
  const { start, end, nr_accesses } = members(region, where);
  const { samples, percent } = members(nr_accesses, `${where}: nr_accesses`);
  return {
    start: wholeNumber(start, `${where}: start`),
    end: wholeNumber(end, `${where}: end`),
    accesses:
      samples === null || samples === undefined
        ? percentage(percent, where)
        : wholeNumber(samples, `${where}: nr_accesses`),
  };
}

function percentage(value: unknown, where: string): number {
  const number = Number(String(value ?? '').replace(/ ?%$/, '') || Number.NaN);
  if (!(number >= 0)) throw new UsageError(`${where}: neither samples nor percent in nr_accesses`);
  return number;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new UsageError(`${what} is no list: ${shown(value)}`);
  return value;
}

function members(value: unknown, what: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`${what} is no object: ${shown(value)}`);
  return value as Members;
}
