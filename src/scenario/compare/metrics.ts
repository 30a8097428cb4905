/** The figures that a run is judged by: one row each, for tables, pages and files. */

import type { Kill, RunFigures } from './recorder.ts';
import { percentile } from './statistics.ts';

export interface Metric {
  /** Name in files. */
  readonly key: string;
  readonly label: string;
  readonly group: string;
  readonly unit?: string;
  readonly digits?: number;
  /** Which way is good, where one is. */
  readonly better?: 'less' | 'more';
  /** Says something only where apps were opened. */
  readonly opened?: boolean;
  /** In short tables, too. */
  readonly isKeyFigure?: boolean;
  value(run: RunFigures): number;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const latencies = (run: RunFigures, hot?: boolean) =>
  run.openings.filter((opening) => hot === undefined || opening.hot === hot).map(({ ms }) => ms);
const kills = (run: RunFigures, ...by: Kill['by'][]) => run.kills.filter((kill) => by.includes(kill.by)).length;

const APPS = 'Apps';
const LATENCY = 'Latency, all openings, hot and cold';
const LOST = 'What was lost';
const COST = 'What it cost';
const BEHIND = 'Behind it';

export const METRICS: readonly Metric[] = [
  {
    key: 'cold',
    label: 'cold starts',
    group: APPS,
    better: 'less',
    opened: true,
    isKeyFigure: true,
    value: (run) => run.openings.filter(({ hot }) => !hot).length,
  },
  {
    key: 'hot',
    label: 'hot resumes',
    group: APPS,
    better: 'more',
    opened: true,
    value: (run) => run.openings.filter(({ hot }) => hot).length,
  },
  {
    key: 'states_lost',
    label: 'opened and found lost',
    group: APPS,
    better: 'less',
    opened: true,
    value: (run) => run.openings.filter(({ lost }) => lost).length,
  },
  {
    key: 'failed',
    label: 'killed while opening',
    group: APPS,
    better: 'less',
    opened: true,
    value: (run) => run.failedOpenings,
  },
  {
    key: 'open_ms_mean',
    label: 'mean',
    group: LATENCY,
    unit: 'ms',
    better: 'less',
    opened: true,
    isKeyFigure: true,
    value: (run) => mean(latencies(run)),
  },
  {
    key: 'open_ms_p50',
    label: 'p50',
    group: LATENCY,
    unit: 'ms',
    better: 'less',
    opened: true,
    value: (run) => percentile(latencies(run), 0.5),
  },
  {
    key: 'open_ms_p95',
    label: 'p95',
    group: LATENCY,
    unit: 'ms',
    better: 'less',
    opened: true,
    isKeyFigure: true,
    value: (run) => percentile(latencies(run), 0.95),
  },
  {
    key: 'open_ms_p99',
    label: 'p99',
    group: LATENCY,
    unit: 'ms',
    better: 'less',
    opened: true,
    value: (run) => percentile(latencies(run), 0.99),
  },
  {
    key: 'hot_ms_mean',
    label: 'mean of hot ones (survivors only)',
    group: LATENCY,
    unit: 'ms',
    opened: true,
    value: (run) => mean(latencies(run, true)),
  },
  {
    key: 'cold_ms_mean',
    label: 'mean of cold ones',
    group: LATENCY,
    unit: 'ms',
    opened: true,
    value: (run) => mean(latencies(run, false)),
  },
  {
    key: 'kills',
    label: 'kills by a low-memory killer',
    group: LOST,
    better: 'less',
    isKeyFigure: true,
    value: (run) => kills(run, 'lmk', 'lmkd', 'policy'),
  },
  {
    key: 'oom_kills',
    label: 'kills by the OOM killer',
    group: LOST,
    better: 'less',
    isKeyFigure: true,
    value: (run) => kills(run, 'oom'),
  },
  {
    key: 'foreground_kills',
    label: 'kills of the app in front',
    group: LOST,
    better: 'less',
    isKeyFigure: true,
    value: (run) => run.kills.filter(({ foreground }) => foreground).length,
  },
  {
    key: 'lost_seconds',
    label: 'use (or life) of what was killed',
    group: LOST,
    unit: 's',
    better: 'less',
    isKeyFigure: true,
    value: (run) => run.kills.reduce((sum, { lostSeconds }) => sum + lostSeconds, 0),
  },
  {
    key: 'background_cpu_ms',
    label: 'background CPU',
    group: COST,
    unit: 'ms',
    better: 'less',
    isKeyFigure: true,
    value: (run) => run.kswapdMs + run.managersMs,
  },
  { key: 'kswapd_ms', label: 'of kswapd', group: COST, unit: 'ms', value: (run) => run.kswapdMs },
  { key: 'managers_ms', label: 'of task managers', group: COST, unit: 'ms', value: (run) => run.managersMs },
  {
    key: 'swap_out_mb',
    label: 'written to swap',
    group: COST,
    unit: 'MB',
    better: 'less',
    isKeyFigure: true,
    value: (run) => run.swapOutPages / 256,
  },
  {
    key: 'psi_some_s',
    label: 'PSI memory some',
    group: COST,
    unit: 's',
    digits: 2,
    better: 'less',
    isKeyFigure: true,
    value: (run) => run.psiSomeSeconds,
  },
  {
    key: 'psi_full_s',
    label: 'PSI memory full',
    group: COST,
    unit: 's',
    digits: 2,
    better: 'less',
    value: (run) => run.psiFullSeconds,
  },
  { key: 'major_faults', label: 'major faults', group: COST, better: 'less', value: (run) => run.majorFaults },
  {
    key: 'file_read_mb',
    label: 'read from files',
    group: COST,
    unit: 'MB',
    better: 'less',
    value: (run) => run.fileReadPages / 256,
  },
  { key: 'direct_reclaims', label: 'direct reclaims', group: COST, better: 'less', value: (run) => run.directReclaims },
  {
    key: 'direct_reclaim_ms',
    label: 'time in direct reclaim',
    group: COST,
    unit: 'ms',
    better: 'less',
    value: (run) => run.directReclaimMs,
  },
  { key: 'pressure_events', label: 'vmpressure events', group: BEHIND, value: (run) => run.pressureEvents },
  { key: 'reclaim_writes', label: 'writes by task managers', group: BEHIND, value: (run) => run.reclaimWrites },
  { key: 'reclaimed_mb', label: 'taken by them', group: BEHIND, unit: 'MB', value: (run) => run.reclaimedPages / 256 },
];

/** What a metric of one's own has to say about itself. */
export interface OwnMetric {
  readonly name: string;
  readonly label?: string;
  readonly unit?: string;
  readonly better?: 'less' | 'more';
}

/** All metrics, with one's own behind them. */
export function metricsWith(own: readonly OwnMetric[]): readonly Metric[] {
  return [
    ...METRICS,
    ...own.map(
      ({ name, label, unit, better }): Metric => ({
        key: name,
        label: label ?? name,
        group: 'Own',
        isKeyFigure: true,
        ...(unit === undefined ? {} : { unit }),
        ...(better === undefined ? {} : { better }),
        value: (run) => run.own[name] ?? Number.NaN,
      }),
    ),
  ];
}
