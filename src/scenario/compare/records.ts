/**
 * Runs in files. A file of JSON lines begins with what the experiment is and where it comes from; then a line a run, in
 * the order in which they were done. Shards of one experiment are put together from such files. The schema is published:
 * native-notes/compare-run.schema.json.
 */
import { CliError } from '../../util/errors.ts';
import { type Experiment, experimentDigest, type PlannedRun, plannedRuns, runKey } from './experiment.ts';
import { metricsWith, type OwnMetric } from './metrics.ts';
import type { Origin } from './origin.ts';
import type { RunFigures } from './recorder.ts';

export const RECORD_SCHEMA = 'reclaimfs-compare-1';

/** The first line. */
export interface Header {
  readonly type: 'experiment';
  readonly schema: typeof RECORD_SCHEMA;
  readonly digest: string;
  readonly baseline: string;
  readonly own: readonly OwnMetric[];
  readonly origin: Origin;
  readonly experiment: Experiment;
}

/** What has been read from a file. */
export interface Recorded {
  readonly header: Header;
  readonly runs: readonly RunFigures[];
  /** Length of the whole lines in bytes: behind them lies what a crash has left. */
  readonly soundBytes: number;
}

export function headerOf(origin: Origin, experiment: Experiment, baseline: string, own: readonly OwnMetric[]): Header {
  return {
    type: 'experiment',
    schema: RECORD_SCHEMA,
    digest: experimentDigest(experiment),
    baseline,
    own,
    origin,
    experiment,
  };
}

export function headerLine(header: Header): string {
  return `${JSON.stringify(header, (key, value) => (key === 'url' ? '' : value))}\n`;
}

export function runLine({ experiment, own }: Header, figures: RunFigures): string {
  const row = experiment.rows[figures.row]!;
  const metrics = Object.fromEntries(metricsWith(own).map((metric) => [metric.key, metric.value(figures)]));
  const { seed } = figures;
  return `${JSON.stringify({ type: 'run', name: row.name, policy: row.policy.name, settings: row.settings, seed, metrics, figures })}\n`;
}

/** Understands a file. Throws CliError: it is none of these files, or damaged elsewhere than at its end. */
export function readRecords(text: string, file: string): Recorded {
  const end = text.lastIndexOf('\n') + 1;
  const [first, ...rest] = text.slice(0, end).split('\n').slice(0, -1);
  const header = first === undefined ? undefined : (parseLine(first) as Header | undefined);
  if (header?.type !== 'experiment' || header.schema !== RECORD_SCHEMA)
    throw new CliError(`${file} does not begin as a file of compare --jsonl (${RECORD_SCHEMA}): give another`);
  const runs = rest.map((line, i) => {
    const record = parseLine(line) as { type?: string; figures?: RunFigures } | undefined;
    if (record?.type !== 'run' || record.figures === undefined)
      throw new CliError(`${file}:${i + 2}: this line is damaged: take it out, then its run is done again`);
    return record.figures;
  });
  return { header, runs, soundBytes: Buffer.byteLength(text.slice(0, end)) };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Whether two files may be put together; if not, why, in words. */
export function mismatch(a: Header, b: Header): string | undefined {
  if (a.digest !== b.digest) return 'another scenario, other rows, seeds, settings or modules';
  if (a.origin.version !== b.origin.version || a.origin.commit !== b.origin.commit)
    return `reclaimfs ${a.origin.version} (${a.origin.commit}) here, ${b.origin.version} (${b.origin.commit}) there`;
  return a.baseline === b.baseline ? undefined : `baseline ${a.baseline} here, ${b.baseline} there`;
}

/** All runs of an experiment in their order. Throws CliError: runs are missing, or differ between files. */
export function inOrder(experiment: Experiment, runs: readonly RunFigures[]): RunFigures[] {
  const byKey = new Map<string, RunFigures>();
  for (const run of runs) {
    const key = runKey(run);
    const other = byKey.get(key);
    if (other !== undefined && JSON.stringify(other) !== JSON.stringify(run))
      throw new CliError(`${describe(experiment, run)} was done twice, with different results`);
    byKey.set(key, run);
  }
  const planned = plannedRuns(experiment);
  const missing = missingRuns(planned, runs);
  if (missing[0] !== undefined)
    throw new CliError(
      `${missing.length} of ${planned.length} runs are missing, the first is ${describe(experiment, missing[0])}`,
    );
  return planned.map((run) => byKey.get(runKey(run))!);
}

/** Runs that have not been done. */
export function missingRuns(planned: readonly PlannedRun[], done: readonly PlannedRun[]): PlannedRun[] {
  const keys = new Set(done.map(runKey));
  return planned.filter((run) => !keys.has(runKey(run)));
}

function describe({ rows }: Experiment, { row, seed }: PlannedRun): string {
  return `${rows[row]?.name ?? `row ${row}`}, seed ${seed}`;
}
