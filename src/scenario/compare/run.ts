/** One run of an experiment: a machine from its scenario, under one row's policy and settings, with one seed. */
import type { Machine } from '../../machine/machine.ts';
import { BugError, CliError, KernelError } from '../../util/errors.ts';
import { ScenarioError } from '../scenario-error.ts';
import { Session } from '../session.ts';
import { type Experiment, needsMount, type PlannedRun, type Row } from './experiment.ts';
import { type CompareMetric, type ComparePolicy, loadModule } from './own.ts';
import { installPolicy, parsePolicy } from './policies.ts';
import { PolicyHost } from './policy-host.ts';
import { Recorder, type RunFigures } from './recorder.ts';
import { managerProcess } from './task-managers/daemon.ts';

/** Policies of one's own and metrics, loaded. */
interface Loaded {
  readonly policy: ComparePolicy | undefined;
  readonly metrics: readonly { readonly name: string; readonly metric: CompareMetric }[];
}

/** Carries out one run. Rejects with ScenarioError, KernelError, and CliError where a module of one's own fails. */
export async function carryOut(experiment: Experiment, planned: PlannedRun): Promise<RunFigures> {
  const row = experiment.rows[planned.row]!;
  const own = row.policy.source.kind === 'module' || experiment.metrics.length > 0;
  try {
    return await run(experiment, planned);
  } catch (error) {
    const known = error instanceof ScenarioError || error instanceof KernelError || error instanceof CliError;
    if (known || error instanceof BugError || !own) throw error;
    throw new CliError(`${row.name}, seed ${planned.seed}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function run(experiment: Experiment, planned: PlannedRun): Promise<RunFigures> {
  if (needsMount(experiment, planned)) throw new BugError('a run with a program is carried out on a mount');
  const { session, endUs, figures } = await beginRun(experiment, planned);
  session.advance(endUs);
  return figures();
}

/** A run whose time has still to pass. */
export interface BegunRun {
  readonly session: Session;
  readonly recorder: Recorder;
  /** When it is over, in virtual microseconds since boot. */
  readonly endUs: number;
  /** What it has come to, with metrics that are modules. Throws Error: one of them gave no number. */
  figures(): RunFigures;
}

/** `ticks`: see Recorder. Rejects as carryOut does. */
export async function beginRun(experiment: Experiment, planned: PlannedRun, ticks = true): Promise<BegunRun> {
  const row = experiment.rows[planned.row]!;
  const loaded = await load(experiment, row);
  const { session, recorder } = start(experiment, row, planned.seed, loaded, ticks);
  const figures = (): RunFigures => {
    // Memory over time is kept of one seed: for plots.
    const seen = recorder.figures(planned, planned.seed === experiment.seeds[0]);
    const own = loaded.metrics.map(({ name, metric }) => [name, metric.value(seen, session.machine)] as const);
    const wrong = own.find(([, value]) => typeof value !== 'number' || !Number.isFinite(value));
    if (wrong !== undefined) throw new Error(`metric ${wrong[0]} gave ${String(wrong[1])}: it has to be a number`);
    return { ...seen, own: Object.fromEntries(own) };
  };
  return { session, recorder, endUs: session.machine.nowUs + experiment.durationUs, figures };
}

async function load({ metrics }: Experiment, { policy }: Row): Promise<Loaded> {
  return {
    policy: policy.source.kind === 'module' ? await loadModule<ComparePolicy>(policy.source, 'policy') : undefined,
    metrics: await Promise.all(
      metrics
        .filter((source) => source.kind === undefined)
        .map(async (source) => ({ name: source.name, metric: await loadModule<CompareMetric>(source, 'metric') })),
    ),
  };
}

/** The machine that rows with the same settings and seed begin with, warmed up once; kept until another is wanted. */
let warmed: { readonly key: string; readonly bytes: Uint8Array } | undefined;

/** A machine of one's own that has gone on under the kernel alone for the time that is asked for. */
function warmedUp({ scenario, warmUs }: Experiment, { settings }: Row, seed: number): Session {
  const key = JSON.stringify([scenario.text, warmUs, settings, seed]);
  if (warmed?.key !== key) {
    const session = scenarioSession(settings, seed, [], 'none/none');
    session.load(scenario.text, scenario.file);
    session.advance(session.machine.nowUs + warmUs);
    warmed = { key, bytes: session.save() };
  }
  const session = new Session();
  session.loadImage(warmed.bytes, scenario.file);
  return session;
}

/** A session in which settings and a policy count over what a scenario says. */
function scenarioSession(
  settings: Row['settings'],
  seed: number,
  steps: readonly { readonly from: string; readonly step: string }[],
  policy: string,
): Session {
  const machineKeys: Record<string, string> = { seed: String(seed) };
  const first: { from: string; step: string }[] = [];
  for (const [key, value] of Object.entries(settings)) {
    const machineKey = /^machine\.(\w+)$/.exec(key)?.[1];
    if (machineKey !== undefined) machineKeys[machineKey] = value;
    else first.push({ from: '--set', step: `impose ${key} ${value}` });
  }
  // What the scenario itself says about a policy does not count.
  first.push(...steps, { from: '--policies', step: `impose policy ${policy}` });
  return new Session({ machine: machineKeys, first });
}

/** Name of the process that stands on the machine for a program which is a policy. */
export function programName({ policy }: Row): string {
  return policy.name.slice(0, 15);
}

/** The machine at the moment from which on it is watched: its policy has just begun. */
function start(
  experiment: Experiment,
  row: Row,
  seed: number,
  loaded: Loaded,
  ticks: boolean,
): { session: Session; recorder: Recorder } {
  const { scenario, warmUs } = experiment;
  const { source } = row.policy;
  let recorder: Recorder | undefined;
  const watch = (machine: Machine) => {
    recorder = new Recorder(machine, ticks);
    for (const { metric } of loaded.metrics) metric.watch?.(machine);
    loaded.policy?.install(new PolicyHost(machine, row.policy.name));
    if (source.kind === 'program') managerProcess(machine, programName(row));
  };
  let session: Session;
  if (warmUs === 0) {
    const steps = source.kind === 'steps' ? [{ from: source.file, step: source.text }] : [];
    session = scenarioSession(row.settings, seed, steps, source.kind === 'factors' ? source.factors : 'none/none');
    session.load(scenario.text, scenario.file, () => {
      if (recorder === undefined) watch(session.machine);
    });
  } else {
    session = warmedUp(experiment, row, seed);
    if (source.kind === 'factors') installPolicy(session.machine, parsePolicy(source.factors)!);
    if (source.kind === 'steps') session.apply(source.text, source.file);
    watch(session.machine);
  }
  if (recorder === undefined) throw new ScenarioError(scenario.file, 1, 1, 'there is nothing in it', 'add steps');
  return { session, recorder };
}
