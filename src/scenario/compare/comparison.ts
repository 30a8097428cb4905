/** What the runs of an experiment come to: for each row and metric a mean with its interval, and the difference to a baseline. */
import { baselineRow, type Experiment } from './experiment.ts';
import { type Metric, metricsWith, type OwnMetric } from './metrics.ts';
import type { Origin } from './origin.ts';
import type { RunFigures } from './recorder.ts';
import { type Difference, type Estimate, estimate, pairedDifference } from './statistics.ts';

/** A metric in one row. */
export interface Cell extends Estimate {
  /** Values by seed, in the order of the experiment's seeds. */
  readonly values: readonly number[];
  /** To the row with the baseline's policy and the same settings; undefined: this is it, or there is none. */
  readonly difference: Difference | undefined;
  /** No row with the same settings is better. Several may be best. */
  readonly best: boolean;
}

/** A metric with a cell for each row of the comparison. */
export interface MetricRow {
  readonly metric: Metric;
  /** In the order of the experiment's rows. */
  readonly cells: readonly Cell[];
}

/** What came out: every run, and each metric over all of them. */
export interface Comparison {
  readonly origin: Origin;
  readonly experiment: Experiment;
  readonly baseline: string;
  readonly metrics: readonly MetricRow[];
  /** In the order of plannedRuns. */
  readonly runs: readonly RunFigures[];
}

/** Precondition: `runs` are those of plannedRuns, all of them. */
export function compareRuns(
  origin: Origin,
  experiment: Experiment,
  baseline: string,
  own: readonly OwnMetric[],
  runs: readonly RunFigures[],
): Comparison {
  const opened = runs.some((run) => run.openings.length > 0);
  const metrics = metricsWith(own)
    .filter((metric) => opened || metric.opened !== true)
    .map((metric) => ({ metric, cells: cellsOf(metric, experiment, baseline, runs) }));
  return { origin, experiment, baseline, metrics, runs };
}

function cellsOf(metric: Metric, experiment: Experiment, baseline: string, runs: readonly RunFigures[]): Cell[] {
  const values = experiment.rows.map((_, row) => runs.filter((run) => run.row === row).map((run) => metric.value(run)));
  const means = values.map((list) => estimate(list).mean);
  return experiment.rows.map((_, row) => {
    const base = baselineRow(experiment, row, baseline);
    const rivals = experiment.rows.flatMap((other, i) =>
      sameSettings(other, experiment.rows[row]!) ? [means[i]!] : [],
    );
    return {
      ...estimate(values[row]!),
      values: values[row]!,
      difference: base === undefined || base === row ? undefined : pairedDifference(values[row]!, values[base]!),
      best: isBest(metric, means[row]!, rivals),
    };
  });
}

type Settings = { readonly settings: Readonly<Record<string, string>> };

function sameSettings(a: Settings, b: Settings): boolean {
  return JSON.stringify(a.settings) === JSON.stringify(b.settings);
}

function isBest({ better }: Metric, mean: number, rivals: readonly number[]): boolean {
  if (better === undefined || rivals.every((rival) => rival === mean)) return false;
  return rivals.every((rival) => (better === 'less' ? mean <= rival : mean >= rival));
}

/** Seeds make no difference: there is nothing random in the load, and N runs are one. */
export function isSameForAllSeeds({ metrics, experiment }: Comparison): boolean {
  const same = (values: readonly number[]) => values.every((value) => value === values[0]);
  return experiment.seeds.length > 1 && metrics.every(({ cells }) => cells.every(({ values }) => same(values)));
}

/** Nothing was short of memory in any run: there is nothing to compare. */
export function isIdle({ runs }: Comparison): boolean {
  return runs.every(
    (run) => run.kills.length === 0 && run.openings.length === 0 && run.swapOutPages === 0 && run.psiSomeSeconds === 0,
  );
}
