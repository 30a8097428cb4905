/** The runs of a comparison on all processors: they have nothing in common but the scenario. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import {
  type CompareOptions,
  type Comparison,
  type PlannedRun,
  plannedRuns,
  runUnderPolicy,
  summarizeRuns,
} from './compare.ts';
import type { RunFigures } from './metrics.ts';
import type { Answer, Order } from './worker.ts';

/** As compareScenario, on several threads. The figures are the same. Rejects with what a run throws. */
export async function compareInParallel(
  text: string,
  file: string,
  options: CompareOptions & { readonly threads?: number },
): Promise<Comparison> {
  const started = performance.now();
  const planned = plannedRuns(options);
  // The first run stays here, so that a mistake in the scenario comes back as the error that it is.
  const [first, ...rest] = planned;
  const runs = new Map<PlannedRun, RunFigures>();
  const threads = Math.min((options.threads ?? availableParallelism()) - 1, rest.length);
  const others =
    threads > 0 && import.meta.url.endsWith('.js') ? runOnThreads(text, file, rest, threads, runs, options) : undefined;
  const here = others === undefined ? planned : first === undefined ? [] : [first];
  try {
    for (const run of here) {
      options.onRun?.(run.policy, run.seed);
      runs.set(run, runUnderPolicy(text, file, run.policy, run.seed));
      // Let the answers of the threads in.
      await new Promise((resolve) => setImmediate(resolve));
      for (let next = others?.take(); next !== undefined; next = others?.take()) {
        options.onRun?.(next.policy, next.seed);
        runs.set(next, runUnderPolicy(text, file, next.policy, next.seed));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await others?.finished;
  } finally {
    await others?.stop();
  }
  return summarizeRuns(
    text,
    file,
    options,
    planned.map((run) => runs.get(run)!),
    performance.now() - started,
  );
}

interface Threads {
  /** A run that no thread has begun, for the caller to carry out itself. */
  take(): PlannedRun | undefined;
  readonly finished: Promise<void>;
  stop(): Promise<void>;
}

function runOnThreads(
  text: string,
  file: string,
  planned: readonly PlannedRun[],
  threads: number,
  runs: Map<PlannedRun, RunFigures>,
  options: CompareOptions,
): Threads {
  const queue = [...planned];
  const workers = Array.from({ length: threads }, () => new Worker(new URL('./worker.js', import.meta.url)));
  const finished = Promise.all(
    workers.map(
      (worker) =>
        new Promise<void>((resolve, reject) => {
          let run: PlannedRun | undefined;
          const next = () => {
            run = queue.shift();
            if (run === undefined) {
              resolve();
              return;
            }
            options.onRun?.(run.policy, run.seed);
            const order: Order = { text, file, policy: run.policy, seed: run.seed };
            worker.postMessage(order);
          };
          worker.on('message', (answer: Answer) => {
            if ('error' in answer) reject(answer.error);
            else {
              runs.set(run!, answer.figures);
              next();
            }
          });
          worker.on('error', reject);
          next();
        }),
    ),
  ).then(() => {});
  // A failure is reported by whoever awaits it; until then it is no unhandled rejection.
  finished.catch(() => {});
  return {
    take: () => queue.shift(),
    finished,
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
