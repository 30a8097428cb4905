import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtInScenario } from '../scenario/built-in.ts';
import { type Comparison, compareRuns } from '../scenario/compare/comparison.ts';
import {
  combinationsOf,
  type Experiment,
  type NamedPolicy,
  plannedRuns,
  rowsOf,
} from '../scenario/compare/experiment.ts';
import { originOf } from '../scenario/compare/origin.ts';
import { fileDigest } from '../scenario/compare/own.ts';
import { carryOutAll } from '../scenario/compare/parallel.ts';
import { aboutPolicy, parsePolicy, policyHint, policyText } from '../scenario/compare/policies.ts';
import { inOrder } from '../scenario/compare/records.ts';
import { durationUs } from '../scenario/duration.ts';
import { scenarioBytes } from '../scenario/play.ts';
import { carryOutOnMount } from '../server/compare/program-run.ts';
import { UsageError } from '../util/errors.ts';
import { type Duration, microseconds } from './duration.ts';

/** A policy of your own: a module whose default export is a ComparePolicy. */
export interface PolicyModule {
  readonly name: string;
  /** Path of the module; it is loaded where runs are carried out. */
  readonly file: string;
  /** What it does, in a line. */
  readonly about?: string;
}

/** A policy of your own as a program: a command for sh, run on a mount of the machine, whose time passes only while it waits. */
export interface PolicyProgram {
  readonly name: string;
  readonly command: string;
  /** What it does, in a line. */
  readonly about?: string;
}

/** What is to be compared. */
export interface CompareSettings {
  /** Text or bytes of a scenario, or the name of one that comes with reclaimfs. */
  readonly scenario: string | Uint8Array;
  /** `lmk`, `none/switch`, `lmkd/senpai/volatile`, modules, or programs. Default: kernel, lmk, reclaim. */
  readonly policies?: readonly (string | PolicyModule | PolicyProgram)[];
  /** A row for each combination of their values: { 'machine.ram': ['x0.8', 'x1'] }. */
  readonly settings?: Readonly<Record<string, readonly string[]>>;
  /** Default: 1. */
  readonly seeds?: readonly number[];
  /** What the others are compared with. Default: the first policy. */
  readonly baseline?: string;
  /** How long it goes on, where the scenario does not say. */
  readonly duration?: Duration;
  /** Policies begin only then. */
  readonly warm?: Duration;
  /** Runs at a time. Default: one for each processor. */
  readonly threads?: number;
  /** Called after each run. */
  readonly onRun?: (done: number, of: number) => void;
  /** Gives up: compare rejects with its reason, and no run is begun any more. */
  readonly signal?: AbortSignal;
}

/**
 * Simulates the same seeded load under several policies. What comes back is for `comparisonTable`, `comparisonPage` and
 * `comparisonCsv`, or to be looked at.
 *
 * Errors: UsageError, ScenarioError.
 */
export async function compare(settings: CompareSettings): Promise<Comparison> {
  const { seeds = [1], signal, threads = availableParallelism() } = settings;
  const given = settings.scenario;
  const name = typeof given === 'string' && builtInScenario(given) !== undefined ? given : 'scenario';
  const text = scenarioBytes(typeof given === 'string' ? (builtInScenario(given) ?? given) : given);
  const policies = (settings.policies ?? ['kernel', 'lmk', 'reclaim']).map(namedPolicy);
  const us = durationUs(text) || microseconds(settings.duration ?? 0);
  if (us === 0) throw new UsageError('the scenario does not say how long it goes on: give a duration');
  const baseline = settings.baseline ?? policies[0]?.name ?? '';
  if (!policies.some((policy) => policy.name === baseline))
    throw new UsageError(`baseline ${baseline} is not among the policies compared`);
  const experiment: Experiment = {
    scenario: { file: name, title: /^title\s+(.*?)\s*$/m.exec(text)?.[1] ?? '', text },
    rows: rowsOf(policies, combinationsOf(new Map(Object.entries(settings.settings ?? {})))),
    seeds,
    metrics: [],
    durationUs: us,
    warmUs: microseconds(settings.warm ?? 0),
  };
  const planned = plannedRuns(experiment);
  const runs: Parameters<typeof inOrder>[1][number][] = [];
  await carryOutAll(
    experiment,
    planned,
    threads,
    (run) => {
      runs.push(run);
      settings.onRun?.(runs.length, planned.length);
    },
    signal,
    carryOutOnMount,
  );
  return compareRuns(originOf('compare()', new Date()), experiment, baseline, [], inOrder(experiment, runs));
}

function namedPolicy(given: string | PolicyModule | PolicyProgram): NamedPolicy {
  if (typeof given === 'string') {
    const policy = parsePolicy(given);
    if (policy === undefined) throw new UsageError(`policy "${given}" is not known: ${policyHint(given)}`);
    return { name: given, about: aboutPolicy(policy), source: { kind: 'factors', factors: policyText(policy) } };
  }
  if ('command' in given) {
    const { name, command, about = `the program ${command}` } = given;
    return { name, about, source: { kind: 'program', command, files: [] } };
  }
  const path = resolve(given.file);
  const source = { kind: 'module', file: given.file, url: pathToFileURL(path).href, digest: fileDigest(path) } as const;
  return { name: given.name, about: given.about ?? given.file, source };
}
