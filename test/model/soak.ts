/**
 * Many random runs on two models.
 *
 *   soak [--runs 2000] [--minutes M] [--seed S] [--steps 200] [--keep-going]
 *
 * A disagreement is made as short as it gets by leaving out commands, printed as a scenario that replays it, and ends the
 * soak with status 1. With --minutes the runs go on until the time is up.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { type Draw, type Run, runs } from './commands.ts';
import { Disagreement, playRun } from './compare.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    steps: { type: 'string', default: '200' },
    'keep-going': { type: 'boolean', default: false },
  },
});
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const started = performance.now();
const deadline = values.minutes === undefined ? Number.POSITIVE_INFINITY : started + Number(values.minutes) * 60_000;
const wanted = values.minutes === undefined ? Number(values.runs) : Number.POSITIVE_INFINITY;
const arbitrary = runs(Number(values.steps));

/** The disagreement of a run, or how many commands it carried out. */
function attempt(run: Run): Error | number {
  try {
    return playRun(run).commands;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Leaves out commands while the models still disagree: halves first, single ones last. */
function shortest(run: Run, failure: Error): Error {
  let draws: readonly Draw[] = run.draws;
  let smallest = failure;
  for (let chunk = Math.ceil(draws.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    for (let at = 0; at < draws.length; ) {
      const fewer = [...draws.slice(0, at), ...draws.slice(at + chunk)];
      const outcome = attempt({ ...run, draws: fewer });
      if (typeof outcome === 'number') at += chunk;
      else {
        draws = fewer;
        smallest = outcome;
      }
    }
  }
  return smallest;
}

let commands = 0;
let done = 0;
let failures = 0;
let reported = started;
for (; done < wanted && performance.now() < deadline; done++) {
  const [run] = fc.sample(arbitrary, { seed: seed + done, numRuns: 1 });
  const outcome = attempt(run!);
  if (typeof outcome === 'number') commands += outcome;
  else {
    failures++;
    const failure = shortest(run!, outcome);
    console.log(
      `run ${done} (--seed ${seed + done} --runs 1): ${failure instanceof Disagreement ? failure.message : failure.stack}`,
    );
    process.exitCode = 1;
    if (!values['keep-going']) break;
  }
  if (performance.now() - reported > 60_000) {
    reported = performance.now();
    console.log(`${done + 1} runs, ${commands} commands, ${failures} failures`);
  }
}
const seconds = Math.round((performance.now() - started) / 1000);
console.log(`seed ${seed}: ${done} runs, ${commands} commands in ${seconds} s, ${failures} disagreements`);
