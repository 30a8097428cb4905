/** The runs of an experiment on all processors: they have nothing in common but the scenario. */
import { Worker } from 'node:worker_threads';
import { BugError, CliError } from '../../util/errors.ts';
import { type Experiment, needsMount, type PlannedRun } from './experiment.ts';
import type { RunFigures } from './recorder.ts';
import { carryOut } from './run.ts';
import type { Answer } from './worker.ts';

/**
 * Carries out some runs and tells of each as it is done; their order depends on how long they take, their figures do not.
 * `onMount`: carries out runs of programs (server/compare/program-run.ts). Rejects with the first error: ScenarioError, CliError.
 */
export async function carryOutAll(
  experiment: Experiment,
  runs: readonly PlannedRun[],
  threads: number,
  onDone: (figures: RunFigures) => void,
  signal?: AbortSignal,
  onMount?: (experiment: Experiment, run: PlannedRun, signal?: AbortSignal) => Promise<RunFigures>,
): Promise<void> {
  signal?.throwIfAborted();
  const mounted = runs.filter((run) => needsMount(experiment, run));
  if (mounted.length > 0) {
    if (onMount === undefined) throw new BugError('there is nobody who carries out runs on a mount');
    await Promise.race([
      inTurns(mounted, threads, async (run) => onDone(await onMount(experiment, run, signal))),
      whenAborted(signal),
    ]);
    const others = runs.filter((run) => !mounted.includes(run));
    if (others.length > 0) await carryOutAll(experiment, others, threads, onDone, signal);
    return;
  }
  // Workers are built files; from the sources (tests) there is one thread.
  if (runs.length <= 1 || threads <= 1 || !import.meta.url.endsWith('.js')) {
    for (const run of runs) {
      onDone(await carryOut(experiment, run));
      await aborted(signal);
    }
    return;
  }
  const queue = inTasks(experiment, runs, threads);
  const workers = Array.from(
    { length: Math.min(threads, queue.length) },
    () => new Worker(new URL('./worker.js', import.meta.url), { workerData: experiment }),
  );
  try {
    await Promise.race([Promise.all(workers.map((worker) => employ(worker, queue, onDone))), whenAborted(signal)]);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** So many at a time. Rejects with the first error; none is begun any more then. */
async function inTurns<T>(all: readonly T[], atATime: number, carryOutOne: (one: T) => Promise<void>): Promise<void> {
  const queue = [...all];
  const worker = async (): Promise<void> => {
    try {
      for (let one = queue.shift(); one !== undefined; one = queue.shift()) await carryOutOne(one);
    } catch (error) {
      queue.length = 0;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, queue.length) }, worker));
}

/** Rejects when the signal says so; otherwise never settles. */
function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, fail) => {
    signal?.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
  });
}

/** Lets a signal arrive between two runs in this thread. */
async function aborted(signal: AbortSignal | undefined): Promise<void> {
  await new Promise(setImmediate);
  signal?.throwIfAborted();
}

/**
 * Runs that a thread does one after the other: where policies begin on a warm machine those that begin on the same one,
 * if that leaves something to do for every thread.
 */
function inTasks({ rows, warmUs }: Experiment, runs: readonly PlannedRun[], threads: number): PlannedRun[][] {
  const tasks = new Map<string, PlannedRun[]>();
  for (const run of runs) {
    const key = JSON.stringify([rows[run.row]!.settings, run.seed]);
    tasks.set(key, [...(tasks.get(key) ?? []), run]);
  }
  return warmUs > 0 && tasks.size >= threads ? [...tasks.values()] : runs.map((run) => [run]);
}

/** Errors that the user can mend, by name: their class is lost on the way. */
const MENDABLE: ReadonlySet<string> = new Set(['ScenarioError', 'KernelError', 'CliError']);

/** Gives a worker runs until there are none. */
function employ(worker: Worker, queue: PlannedRun[][], onDone: (figures: RunFigures) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let own: PlannedRun[] = [];
    const next = () => {
      if (own.length === 0) own = queue.shift() ?? [];
      const run = own.shift();
      if (run === undefined) resolve();
      else worker.postMessage(run);
    };
    worker.on('message', (answer: Answer) => {
      if ('failed' in answer) {
        const { name, message } = answer.failed;
        reject(MENDABLE.has(name) ? new CliError(message) : new BugError(message));
        return;
      }
      onDone(answer.figures);
      next();
    });
    worker.on('error', reject);
    next();
  });
}
