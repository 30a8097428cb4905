/** A worker thread that carries out the runs of a comparison, one after the other, as it is told. */
import { parentPort } from 'node:worker_threads';
import { runUnderPolicy } from './compare.ts';
import type { RunFigures } from './metrics.ts';

/** What the worker is told to run. */
export interface Order {
  readonly text: string;
  readonly file: string;
  readonly policy: string;
  readonly seed: number;
}

/** What it answers: figures, or why the run failed. */
export type Answer = { readonly figures: RunFigures } | { readonly error: unknown };

parentPort?.on('message', ({ text, file, policy, seed }: Order) => {
  let answer: Answer;
  try {
    answer = { figures: runUnderPolicy(text, file, policy, seed) };
  } catch (error) {
    answer = { error };
  }
  parentPort!.postMessage(answer);
});
