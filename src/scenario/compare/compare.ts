/** The same load under several policies: runs, and what they come to together. */
import { textOf } from '../../util/bytes.ts';
import { durationUs } from '../duration.ts';
import { ScenarioError } from '../scenario-error.ts';
import { Session } from '../session.ts';
import { percentile, Recorder, type RunFigures } from './metrics.ts';
import { POLICIES, policyNamed } from './policies.ts';

export interface CompareOptions {
  readonly policies: readonly string[];
  readonly seeds: readonly number[];
  /** Called before each run. */
  onRun?(policy: string, seed: number): void;
}

/** Figures of one policy over all seeds: means per run, latencies over all openings. */
export interface PolicySummary {
  readonly policy: string;
  readonly about: string;
  readonly runs: number;
  readonly lmkKills: number;
  readonly oomKills: number;
  readonly foregroundKills: number;
  readonly lostStates: number;
  readonly cold: number;
  readonly hot: number;
  readonly resumeMsP50: number;
  readonly resumeMsP95: number;
  readonly resumeMsP99: number;
  /** Until an app can be used, hot or cold. */
  readonly openMsP50: number;
  readonly openMsP95: number;
  readonly openMsMean: number;
  readonly majorFaults: number;
  readonly swapOutMb: number;
  readonly psiSomeSeconds: number;
  readonly psiFullSeconds: number;
  readonly directReclaims: number;
  readonly directReclaimMs: number;
  readonly backgroundCpuMs: number;
  readonly reclaimWrites: number;
  readonly reclaimedMb: number;
}

export interface Comparison {
  readonly scenario: string;
  readonly title: string;
  readonly seeds: readonly number[];
  readonly simulatedSeconds: number;
  readonly wallMs: number;
  readonly policies: readonly PolicySummary[];
  readonly runs: readonly RunFigures[];
}

/** One run of a comparison. */
export interface PlannedRun {
  readonly policy: string;
  readonly seed: number;
}

export function plannedRuns({ policies, seeds }: CompareOptions): PlannedRun[] {
  return policies.flatMap((policy) => seeds.map((seed) => ({ policy, seed })));
}

/** Runs a scenario under each policy with each seed. Throws ScenarioError. */
export function compareScenario(text: string, file: string, options: CompareOptions): Comparison {
  const started = performance.now();
  const runs = plannedRuns(options).map(({ policy, seed }) => {
    options.onRun?.(policy, seed);
    return runUnderPolicy(text, file, policy, seed);
  });
  return summarizeRuns(text, file, options, runs, performance.now() - started);
}

/** What the runs come to. */
export function summarizeRuns(
  text: string,
  file: string,
  { policies, seeds }: CompareOptions,
  runs: readonly RunFigures[],
  wallMs: number,
): Comparison {
  return {
    scenario: textOf(file.split('/').at(-1) ?? file),
    title: textOf(/^title[ \t]+(.*?)[ \t\r]*$/m.exec(text)?.[1] ?? ''),
    seeds,
    simulatedSeconds: runs[0]?.simulatedSeconds ?? 0,
    wallMs,
    policies: policies.map((policy) =>
      summarize(
        policy,
        runs.filter((run) => run.policy === policy),
      ),
    ),
    runs,
  };
}

/** One run, up to the scenario's `duration`. */
export function runUnderPolicy(text: string, file: string, policy: string, seed: number): RunFigures {
  const started = performance.now();
  const session = new Session();
  let recorder: Recorder | undefined;
  session.load(withPolicy(text, policy, seed), file, () => {
    recorder ??= new Recorder(session.machine);
  });
  session.advance(session.machine.nowUs + durationUs(text));
  if (recorder === undefined) throw new ScenarioError(file, 1, 1, 'there is nothing in it', 'add steps');
  return recorder.figures(policy, seed, performance.now() - started);
}

/** The scenario with this seed and its first step `policy …`: by itself a scenario that can be mounted or played. */
export function withPolicy(text: string, policy: string, seed: number): string {
  const lines = text.split('\n').filter((line) => !/^\s*policy\s/.test(line));
  const at = lines.findIndex((line) => /^\s*machine(\s|$)/.test(line));
  if (at < 0) return [`machine seed=${seed}`, `policy ${policy}`, ...lines].join('\n');
  lines[at] = `${lines[at]!.replace(/\s+seed=\S+/, '')} seed=${seed}`;
  lines.splice(at + 1, 0, `policy ${policy}`);
  return lines.join('\n');
}

/** The names of all policies. */
export const POLICY_NAMES: readonly string[] = POLICIES.map((policy) => policy.name);

function summarize(policy: string, runs: readonly RunFigures[]): PolicySummary {
  const mean = (of: (run: RunFigures) => number) =>
    runs.reduce((sum, run) => sum + of(run), 0) / Math.max(1, runs.length);
  const openings = runs.flatMap((run) => run.openings);
  const resumes = openings.filter(({ hot }) => hot).map(({ ms }) => ms);
  const all = openings.map(({ ms }) => ms);
  return {
    policy,
    about: policyNamed(policy)?.about ?? '',
    runs: runs.length,
    lmkKills: mean((run) => run.kills.filter(({ by }) => by === 'lmk').length),
    oomKills: mean((run) => run.kills.filter(({ by }) => by === 'oom').length),
    foregroundKills: mean((run) => run.kills.filter(({ foreground }) => foreground).length),
    lostStates: mean((run) => run.openings.filter(({ lost }) => lost).length),
    cold: mean((run) => run.openings.filter(({ hot }) => !hot).length),
    hot: mean((run) => run.openings.filter(({ hot }) => hot).length),
    resumeMsP50: percentile(resumes, 0.5),
    resumeMsP95: percentile(resumes, 0.95),
    resumeMsP99: percentile(resumes, 0.99),
    openMsP50: percentile(all, 0.5),
    openMsP95: percentile(all, 0.95),
    openMsMean: all.reduce((sum, ms) => sum + ms, 0) / Math.max(1, all.length),
    majorFaults: mean((run) => run.majorFaults),
    swapOutMb: mean((run) => run.swapOutPages / 256),
    psiSomeSeconds: mean((run) => run.psiSomeSeconds),
    psiFullSeconds: mean((run) => run.psiFullSeconds),
    directReclaims: mean((run) => run.directReclaims),
    directReclaimMs: mean((run) => run.directReclaimMs),
    backgroundCpuMs: mean((run) => run.backgroundCpuMs),
    reclaimWrites: mean((run) => run.reclaimWrites),
    reclaimedMb: mean((run) => run.reclaimedPages / 256),
  };
}
