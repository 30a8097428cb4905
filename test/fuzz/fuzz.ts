/**
 * Hostile input by the million, in process.
 *
 *   fuzz [--only writes,lines,…] [--share 1] [--seed S] [--replay FILE]
 *
 * Per kind so many inputs as COUNTS says, times --share. A failure is shrunk, printed, and kept as a file that --replay
 * runs again; the status is 1 then. An input that is not done with after a minute is kept the same way (status 2).
 */
import { mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { FUZZED } from './inputs.ts';
import { FUZZES, type Fuzz } from './properties.ts';

const COUNTS: Readonly<Record<string, number>> = {
  writes: 1_000_000,
  lines: 1_000_000,
  masim: 100_000,
  states: 20_000,
  machines: 20_000,
  captures: 5_000,
  frames: 100_000,
};
const STUCK_MS = 60_000;
const KEPT = process.env['RECLAIMFS_FUZZ_DIR'] ?? 'fuzz-failures';

/** At once: what a busy thread gives to console.log is seen when it is through. */
function say(text: string): void {
  writeSync(1, `${text}\n`);
}

interface Order {
  readonly names: readonly string[];
  readonly share: number;
  readonly seed: number;
  /** The batch in hand, for whoever finds us stuck. */
  readonly current: string;
}

function fuzzNamed(name: string): Fuzz {
  const fuzz = FUZZES.find((candidate) => candidate.name === name);
  if (fuzz === undefined) throw new Error(`there is no fuzz ${name}: one of ${FUZZES.map((f) => f.name).join(' ')}`);
  return fuzz;
}

/** JSON that keeps bigints. */
function encode(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item), 1);
}

function decode(text: string): unknown {
  return JSON.parse(text, (_key, item: unknown) =>
    typeof item === 'string' && /^\d+n$/.test(item) ? BigInt(item.slice(0, -1)) : item,
  );
}

function keep(name: string, inputs: unknown, reason: string): string {
  mkdirSync(KEPT, { recursive: true });
  const path = join(KEPT, `${name}-${Date.now()}.json`);
  writeFileSync(path, encode({ fuzz: name, reason, scenario: FUZZED, inputs }));
  return path;
}

/** Runs in a thread of its own. */
function work({ names, share, seed, current }: Order): void {
  for (const name of names) {
    const fuzz = fuzzNamed(name);
    const wanted = Math.max(1, Math.round((COUNTS[name] ?? 1000) * share));
    let inputs = 0;
    let reported = Date.now();
    let failed = false;
    // A batch is half as long as it may be, on average.
    const numRuns = Math.ceil(wanted / Math.max(1, fuzz.batch / 2));
    const result = fc.check(
      fc.property(fuzz.inputs, (batch) => {
        inputs += Array.isArray(batch) ? batch.length : 1;
        writeFileSync(current, encode({ fuzz: name, reason: 'stuck', scenario: FUZZED, inputs: batch }));
        parentPort!.postMessage({ kind: 'beat' });
        try {
          fuzz.holds(batch);
        } catch (error) {
          // Shrinking it takes long: what has been found is kept, and said, at once.
          if (!failed) say(`${name}: WRONG: ${keep(name, batch, String(error))}: ${String(error)}`);
          failed = true;
          throw error;
        }
        if (Date.now() - reported < 30_000) return;
        reported = Date.now();
        say(`  ${name}: ${inputs} inputs`);
      }),
      { seed, numRuns, endOnFailure: false },
    );
    if (!result.failed) {
      say(`${name}: ${inputs} inputs, seed ${seed}: nothing wrong`);
      continue;
    }
    const [found] = result.counterexample ?? [];
    const reason = String((result.errorInstance as Error | undefined)?.stack ?? result.errorInstance);
    say(`${name}: WRONG after ${result.numRuns} batches (seed ${seed}, path ${result.counterexamplePath})`);
    say(reason);
    say(`smallest input: ${encode(found)?.slice(0, 4000)}`);
    say(`kept: npm run fuzz -- --replay ${keep(name, found, reason)}`);
    parentPort!.postMessage({ kind: 'failed' });
  }
}

function main(): void {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: Object.keys(COUNTS).join(',') },
      share: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      replay: { type: 'string' },
    },
  });
  if (values.replay !== undefined) {
    const { fuzz, inputs } = decode(readFileSync(values.replay, 'utf8')) as { fuzz: string; inputs: unknown };
    fuzzNamed(fuzz).holds(inputs);
    say(`${values.replay}: nothing wrong`);
    return;
  }
  const names = values.only.split(',');
  for (const name of names) fuzzNamed(name);
  mkdirSync(KEPT, { recursive: true });
  const current = join(KEPT, `stuck-${process.pid}.json`);
  const order: Order = { names, share: Number(values.share), seed: Number(values.seed), current };
  const worker = new Worker(new URL(import.meta.url), { workerData: order });
  let beat = Date.now();
  worker.on('message', ({ kind }: { kind: string }) => {
    beat = Date.now();
    if (kind === 'failed') process.exitCode = 1;
  });
  const watch = setInterval(() => {
    if (Date.now() - beat < STUCK_MS) return;
    say(`STUCK: a batch is not done with after ${STUCK_MS / 1000} s: npm run fuzz -- --replay ${current}`);
    process.exit(2);
  }, 1000);
  worker.once('exit', () => clearInterval(watch));
}

if (isMainThread) main();
else work(workerData as Order);
