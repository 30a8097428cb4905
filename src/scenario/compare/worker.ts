/** A worker thread that carries out the runs of an experiment, one after the other, as it is told. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Experiment, PlannedRun } from './experiment.ts';
import type { RunFigures } from './recorder.ts';
import { carryOut } from './run.ts';

/** What it answers: figures, or why the run failed. Errors lose their class on the way. */
export type Answer =
  | { readonly figures: RunFigures }
  | { readonly failed: { readonly name: string; readonly message: string } };

parentPort?.on('message', async (planned: PlannedRun) => {
  let answer: Answer;
  try {
    answer = { figures: await carryOut(workerData as Experiment, planned) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
    answer = { failed: { name, message } };
  }
  parentPort!.postMessage(answer);
});
