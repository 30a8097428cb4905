/**
 * What a comparison consists of: a scenario, rows (a policy and settings each), seeds, and what is measured. Plain data:
 * it goes to worker threads, into files, and its digest says whether runs of several files belong together.
 */
import { createHash } from 'node:crypto';

/** A command for a shell, with digests of the files that it names: it runs on a mount of the machine, under virtual time. */
export interface ProgramSource {
  readonly kind: 'program';
  readonly command: string;
  readonly files: readonly { readonly file: string; readonly digest: string }[];
}

/** Where a policy comes from: factors of our own, steps, a module that somebody wrote, or a program on the mount. */
export type PolicySource =
  | { readonly kind: 'factors'; readonly factors: string }
  | { readonly kind: 'steps'; readonly file: string; readonly text: string }
  | { readonly kind: 'module'; readonly file: string; readonly url: string; readonly digest: string }
  | ProgramSource;

export interface NamedPolicy {
  readonly name: string;
  readonly about: string;
  readonly source: PolicySource;
}

/** A metric of one's own: a module that is loaded where runs are carried out, or a program that prints a number. */
export type MetricSource =
  | {
      readonly kind?: undefined;
      readonly name: string;
      readonly file: string;
      readonly url: string;
      readonly digest: string;
    }
  | (ProgramSource & { readonly name: string });

/** One row of a comparison. */
export interface Row {
  readonly name: string;
  readonly policy: NamedPolicy;
  /** `KEY` to value, as `--set` takes them: what differs between rows, and what is the same in all. */
  readonly settings: Settings;
}

export interface Experiment {
  readonly scenario: { readonly file: string; readonly title: string; readonly text: string };
  readonly rows: readonly Row[];
  readonly seeds: readonly number[];
  readonly metrics: readonly MetricSource[];
  readonly durationUs: number;
  /** Policies begin when the scenario has gone on for so long under the kernel alone. */
  readonly warmUs: number;
}

/** One run: a row with a seed, by its place in the experiment. */
export interface PlannedRun {
  readonly row: number;
  readonly seed: number;
}

/** Whether a run needs the machine as a mount, for programs. */
export function needsMount({ rows, metrics }: Experiment, { row }: PlannedRun): boolean {
  return rows[row]!.policy.source.kind === 'program' || metrics.some(({ kind }) => kind === 'program');
}

/** All runs, seed by seed, so that shards and interrupted runs have whole pairs. */
export function plannedRuns({ rows, seeds }: Experiment): PlannedRun[] {
  return seeds.flatMap((seed) => rows.map((_, row) => ({ row, seed })));
}

/** A part of the runs: every `of`-th, beginning with the `index`-th (from 1). */
export function shardOf(runs: readonly PlannedRun[], index: number, of: number): PlannedRun[] {
  return runs.filter((_, i) => i % of === index - 1);
}

/** Name of a run: the same in every process and file. */
export function runKey({ row, seed }: PlannedRun): string {
  return `${row}:${seed}`;
}

/** Tells one experiment from another. Where its modules lie does not matter, what is in them does. */
export function experimentDigest(experiment: Experiment): string {
  const text = JSON.stringify(experiment, (key, value) => (key === 'url' ? undefined : value));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export type Settings = Readonly<Record<string, string>>;

/** Every combination of the values of some keys. */
export function combinationsOf(sets: ReadonlyMap<string, readonly string[]>): Settings[] {
  let combinations: Settings[] = [{}];
  for (const [key, values] of sets)
    combinations = combinations.flatMap((settings) => values.map((value) => ({ ...settings, [key]: value })));
  return combinations;
}

/** Rows of all policies with all settings. Only what differs between settings is in their names. */
export function rowsOf(policies: readonly NamedPolicy[], all: readonly Settings[]): Row[] {
  return all.flatMap((settings) => {
    const varied = Object.entries(settings).filter(([key, value]) => all.some((other) => other[key] !== value));
    return policies.map((policy) => {
      const name = [policy.name, ...varied.map(([key, value]) => `${key}=${value}`)].join(' ');
      return { name, policy, settings };
    });
  });
}

/** Settings that are the same in all rows. */
export function commonSettings({ rows }: Experiment): Record<string, string> {
  const common = { ...rows[0]?.settings };
  for (const { settings } of rows)
    for (const key of Object.keys(common)) if (settings[key] !== common[key]) delete common[key];
  return common;
}

/** The row with another policy (the baseline) and the same settings. */
export function baselineRow(experiment: Experiment, row: number, policy: string): number | undefined {
  const settings = JSON.stringify(experiment.rows[row]!.settings);
  const found = experiment.rows.findIndex(
    (other) => other.policy.name === policy && JSON.stringify(other.settings) === settings,
  );
  return found < 0 ? undefined : found;
}
