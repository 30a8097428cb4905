/**
 * The properties that are fuzzed. Each takes a batch of inputs and throws when something is wrong afterwards: an invariant
 * of the memory, a text of the tree (checkTree), an exception that is no refusal, or a trace of refused input: without it
 * the same inputs must give the same tree, byte for byte.
 */
import fc from 'fast-check';
import { captureMachine } from '../../src/scenario/capture/capture.ts';
import { FilesTree } from '../../src/scenario/capture/proc-tree.ts';
import { isMasim, masimToScenario } from '../../src/scenario/masim.ts';
import { ScenarioError } from '../../src/scenario/scenario-error.ts';
import { Session } from '../../src/scenario/session.ts';
import { machineText } from '../../src/scenario/state/machine-text.ts';
import { bytesOf } from '../../src/util/bytes.ts';
import { KernelError } from '../../src/util/errors.ts';
import { finish } from '../../src/util/job.ts';
import { frameProperty } from './frames.ts';
import { bytes, content, edge, FUZZED, stepLine } from './inputs.ts';
import { difference, Target } from './target.ts';

/** One kind of fuzz: how batches are made and what must hold. */
export interface Fuzz<T = unknown> {
  readonly name: string;
  /** Inputs in a batch, at most. */
  readonly batch: number;
  readonly inputs: fc.Arbitrary<T>;
  readonly holds: (inputs: T) => void;
}

const CALLERS = [
  { uid: 0, gid: 0, pid: 0 },
  { uid: 1000, gid: 1000, pid: 42 },
  { uid: 3000, gid: 3000, pid: 0 },
] as const;

const writables = new Target(FUZZED).writables();
const write = fc.record({
  path: fc.constantFrom(...writables),
  text: content,
  offset: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    fc.constantFrom(1, 4096, 0x7fff00000000, 2 ** 52, 2 ** 53 - 1),
  ),
  caller: fc.constantFrom(...CALLERS),
});

function batchOf<T>(input: fc.Arbitrary<T>, most: number): fc.Arbitrary<T[]> {
  return fc.array(input, { maxLength: most, minLength: 1, size: 'max' });
}

function sound(target: Target): void {
  const flaws = target.flaws();
  if (flaws.length > 0) throw new Error(flaws.slice(0, 5).join('\n'));
}

/** The inputs that were taken, alone, give the same tree. */
function noTrace<T>(target: Target, taken: readonly T[], put: (target: Target, input: T) => boolean): void {
  const alone = new Target(FUZZED);
  for (const input of taken)
    if (!put(alone, input)) throw new Error(`refused without the refused ones: ${JSON.stringify(input)}`);
  // Looked at in the same way: reading memory.stat brings a group's statistics up to date, as in the kernel.
  sound(alone);
  const differs = difference(alone.texts(), target.texts());
  if (differs !== undefined) throw new Error(`refused input has left a trace: ${differs}`);
}

/** What has become of the inputs so far: fuzz of which nothing is taken, or nothing refused, shows little. */
export const counts = { taken: 0, refused: 0 };

function putAll<T>(inputs: readonly T[], put: (target: Target, input: T) => boolean): void {
  const target = new Target(FUZZED);
  const taken = inputs.filter((input) => put(target, input));
  counts.taken += taken.length;
  counts.refused += inputs.length - taken.length;
  sound(target);
  noTrace(target, taken, put);
}

const BATCH = 200;

const writes: Fuzz<{ path: string; text: string; offset: number; caller: (typeof CALLERS)[number] }[]> = {
  name: 'writes',
  batch: BATCH,
  inputs: batchOf(write, BATCH),
  holds: (inputs) =>
    putAll(inputs, (target, { path, text, offset, caller }) => {
      const taken = target.write(path, text, offset, caller);
      if (!Number.isInteger(taken) || taken < -4095 || taken > text.length) throw new Error(`${path} answers ${taken}`);
      return taken >= 0 || partly(path, taken);
    }),
};

/** memory.reclaim may fall short and say so, having done what it could. */
function partly(path: string, taken: number): boolean {
  return path.endsWith('/memory.reclaim') && taken === -11;
}

const steps: Fuzz<string[]> = {
  name: 'lines',
  batch: BATCH,
  inputs: batchOf(stepLine, BATCH),
  holds: (inputs) => putAll(inputs, (target, line) => target.apply(line)),
};

/** A text with some bytes replaced, taken out or put in. */
function mutated(text: string): fc.Arbitrary<string> {
  const change = fc.tuple(
    fc.nat({ max: text.length }),
    fc.nat({ max: 6 }),
    fc.oneof(bytes, edge, fc.constantFrom('\n', ' ', '-', '=')),
  );
  return fc
    .array(change, { maxLength: 6 })
    .map((changes) =>
      changes.reduce((changed, [at, length, put]) => changed.slice(0, at) + put + changed.slice(at + length), text),
    );
}

const MASIM =
  '#region size\na, 1048576, none\nb, 2097152\n\nphase one\n1000\na, 1, 64, 3, ro\nb, 0, 4096, 1, wo\n\nphase two\n500\nb, 1, 0, 100, rw\n';

/** Loads what may be a scenario: a refusal is a ScenarioError, and what is loaded is sound. */
function loads(text: string): void {
  const session = new Session();
  try {
    session.load(text, 'fuzz');
  } catch (error) {
    if (error instanceof ScenarioError || error instanceof KernelError) return;
    throw error;
  }
  const problems = session.machine.check();
  if (problems.length > 0) throw new Error(problems.slice(0, 5).join('\n'));
}

const masim: Fuzz<string> = {
  name: 'masim',
  batch: 1,
  inputs: mutated(MASIM),
  holds(text) {
    if (!isMasim(text)) return;
    let scenario: string;
    try {
      scenario = masimToScenario(text, 'x.cfg');
    } catch (error) {
      if (error instanceof ScenarioError) return;
      throw error;
    }
    loads(`machine ram=32M\n${scenario}`);
  },
};

const states: Fuzz<string> = {
  name: 'states',
  batch: 1,
  inputs: mutated(new Target(FUZZED).tree.session.state()),
  holds: loads,
};

/** The same machine told by what it is. */
const machines: Fuzz<string> = {
  name: 'machines',
  batch: 1,
  inputs: mutated(Buffer.from(finish(machineText(new Target(FUZZED).tree.machine))).toString('latin1')),
  holds: loads,
};

/** The files of a small /proc that a capture reads. */
const PROC_FILES: Readonly<Record<string, string>> = {
  meminfo: 'MemTotal: 65536 kB\nMemFree: 1000 kB\nSwapTotal: 4096 kB\nSwapFree: 4096 kB\n',
  swaps: 'Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 4096 0 100\n',
  stat: 'cpu  1 0 2 3\ncpu0 1 0 2 3\n',
  uptime: '100.00 50.00\n',
  'sys/kernel/hostname': 'host\n',
  'self/mountinfo': '22 1 0:21 / /dev/shm rw - tmpfs tmpfs rw\n',
  '77/stat': '77 (a) S 1 77 77 0 -1 4194304 5 0 1 0 3 4 0 0 20 0 1 0 5000 1 1\n',
  '77/status':
    'Name:\ta\nUmask:\t0022\nState:\tS (sleeping)\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t1 2\nVmPeak:\t 100 kB\nVmHWM:\t 8 kB\n',
  '77/comm': 'a\n',
  '77/cmdline': 'a\0-b\0',
  '77/cgroup': '0::/g\n',
  '77/oom_score_adj': '0\n',
  '77/smaps':
    '7f0000000000-7f0000010000 r-xp 00001000 fe:00 1001                       /lib/a.so\nRss: 8 kB\nPss: 8 kB\nAnonymous: 0 kB\nSwap: 0 kB\nLocked: 0 kB\nVmFlags: rd ex mr mw me\n' +
    '7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]\nRss: 16 kB\nPss: 16 kB\nAnonymous: 16 kB\nSwap: 4 kB\nLocked: 0 kB\nVmFlags: rd wr mr mw me gd ac\n',
};

const captures: Fuzz<Record<string, string>> = {
  name: 'captures',
  batch: 1,
  inputs: fc.record(Object.fromEntries(Object.entries(PROC_FILES).map(([path, text]) => [path, mutated(text)]))),
  holds(files) {
    const tree = new FilesTree(new Map(Object.entries(files)));
    loads(bytesOf(captureMachine({ tree }).text));
  },
};

export const FUZZES: readonly Fuzz[] = [writes, steps, masim, states, machines, captures, frameProperty].map(
  (fuzz) => fuzz as unknown as Fuzz,
);
