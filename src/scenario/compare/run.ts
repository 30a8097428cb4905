/** One run of an experiment: a machine from its scenario, under one row's policy and settings, with one seed. */
import type { Machine } from '../../machine/machine.ts';
import { BugError, CliError, KernelError } from '../../util/errors.ts';
import { ScenarioError } from '../scenario-error.ts';
import { Session } from '../session.ts';
import type { Experiment, PlannedRun, Row } from './experiment.ts';
import { type CompareMetric, type ComparePolicy, loadModule } from './own.ts';
import { installPolicy, parsePolicy } from './policies.ts';
import { PolicyHost } from './policy-host.ts';
import { Recorder, type RunFigures } from './recorder.ts';

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
    return await run(experiment, planned, row);
  } catch (error) {
    const known = error instanceof ScenarioError || error instanceof KernelError || error instanceof CliError;
    if (known || error instanceof BugError || !own) throw error;
    throw new CliError(`${row.name}, seed ${planned.seed}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function run(experiment: Experiment, planned: PlannedRun, row: Row): Promise<RunFigures> {
  const loaded = await load(experiment, row);
  const { session, recorder } = start(experiment, row, planned.seed, loaded);
  const { machine } = session;
  session.advance(machine.nowUs + experiment.durationUs);
  // Memory over time is kept of one seed: for plots.
  const figures = recorder.figures(planned, planned.seed === experiment.seeds[0]);
  const own = loaded.metrics.map(({ name, metric }) => [name, metric.value(figures, machine)] as const);
  const wrong = own.find(([, value]) => typeof value !== 'number' || !Number.isFinite(value));
  if (wrong !== undefined) throw new Error(`metric ${wrong[0]} gave ${String(wrong[1])}: it has to be a number`);
  return { ...figures, own: Object.fromEntries(own) };
}

async function load({ metrics }: Experiment, { policy }: Row): Promise<Loaded> {
  return {
    policy: policy.source.kind === 'module' ? await loadModule<ComparePolicy>(policy.source, 'policy') : undefined,
    metrics: await Promise.all(
      metrics.map(async (source) => ({ name: source.name, metric: await loadModule<CompareMetric>(source, 'metric') })),
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

/** The machine at the moment from which on it is watched: its policy has just begun. */
function start(
  experiment: Experiment,
  row: Row,
  seed: number,
  loaded: Loaded,
): { session: Session; recorder: Recorder } {
  const { scenario, warmUs } = experiment;
  const { source } = row.policy;
  let recorder: Recorder | undefined;
  const watch = (machine: Machine) => {
    recorder = new Recorder(machine);
    for (const { metric } of loaded.metrics) metric.watch?.(machine);
    loaded.policy?.install(new PolicyHost(machine, row.policy.name));
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
