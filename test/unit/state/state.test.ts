/** What is taken in the middle of anything and put back goes on byte for byte as the original would; what is rejected was never there. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../../src/machine/event-log.ts';
import { Session } from '../../../src/scenario/session.ts';
import { CATALOGUE } from '../../../src/scenario/state/catalogue.ts';
import { cloneMachine, load, StateError, save } from '../../../src/scenario/state/image.ts';
import { machineText, readMachineText } from '../../../src/scenario/state/machine-text.ts';
import { graphDifference } from '../../../src/util/graph/graph-difference.ts';
import { finish, isJob, type Job } from '../../../src/util/job.ts';
import { ROOT, Tree } from '../procfs/support.ts';
import { BASE, randomSteps } from './random-steps.ts';

const RUNS = Number(process.env['RECLAIMFS_STATE_RUNS'] ?? 5);
/** The same runs every time; RECLAIMFS_STATE_RUNS makes more. */
const FIRST_SEED = 1;
/** A seed to look into again. */
const SEED = process.env['RECLAIMFS_STATE_SEED'];
const TIMEOUT_MS = 60_000 + RUNS * 20_000;
const seeds = fc.record({
  seed: SEED === undefined ? fc.nat() : fc.constant(Number(SEED)),
  before: fc.integer({ min: 1, max: 60 }),
  after: fc.integer({ min: 1, max: 30 }),
});

/** Whole numbers below n, from a seed. */
function picker(seed: number): (n: number) => number {
  let state = (seed ^ 0x5bd1e995) >>> 0 || 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % n;
  };
}

/** The machine as text. */
function textOf({ machine }: Session): string {
  return Buffer.from(finish(machineText(machine))).toString('latin1');
}

function applied(machine: { apply(steps: string, source: string): Job<unknown> | unknown[] }, steps: string): boolean {
  try {
    const begun = machine.apply(steps, 'control');
    if (isJob(begun)) finish(begun);
    return true;
  } catch {
    return false;
  }
}

/** Does something, and leaves the machine as it was before for whoever looks into a failure. */
function keepingTrack(session: Session, about: string, what: () => void): void {
  const before = session.save();
  try {
    what();
  } catch (error) {
    const path = join(tmpdir(), `reclaimfs-failure-${process.pid}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'before.state'), before);
    writeFileSync(join(path, 'steps'), about);
    throw new Error(`${String(error)}\nThe machine before, and the steps: ${path}`, { cause: error });
  }
}

test(
  'a machine taken at any moment goes on as the original: every file, and the next saved machine',
  () => {
    fc.assert(
      fc.property(seeds, ({ seed, before, after }) => {
        const pick = picker(seed);
        const tree = new Tree(BASE);
        const { session } = tree;
        for (let i = 0; i < before; i++) applied(tree.host, randomSteps(pick));
        const saved = session.save();
        const other = new Tree(saved);
        expect(Buffer.from(other.session.save()).equals(saved)).toBe(true);
        const text = textOf(session);
        expect(textOf(other.session)).toBe(text);
        const { machine } = readMachineText(text, 'text');
        expect(graphDifference(session.machine, machine, CATALOGUE)).toBeUndefined();
        expect(Buffer.from(save(machine)).equals(saved)).toBe(true);
        const steps = Array.from({ length: after }, () => randomSteps(pick));
        // Who only looks changes nothing (mem faults pages in).
        for (const path of tree.files()) if (!/\/mem$/.test(path)) tree.bytes(path);
        expect(between(session, other.session)).toBe('nothing');
        for (const step of steps) {
          keepingTrack(session, step, () => {
            expect(applied(other.host, step)).toBe(applied(tree.host, step));
            expect(between(session, other.session)).toBe('nothing');
          });
        }
        expect(differences(tree.everything(), other.everything())).toEqual([]);
        expect(other.machine.check()).toEqual([]);
      }),
      { numRuns: RUNS, seed: FIRST_SEED },
    );
  },
  TIMEOUT_MS,
);

test(
  'a rejected write leaves the machine as it was, bit by bit',
  () => {
    let rejected = 0;
    fc.assert(
      fc.property(seeds, ({ seed, before }) => {
        const pick = picker(seed);
        const session = new Session();
        session.load(BASE, 'test');
        for (let i = 0; i < before; i++) {
          const was = session.save();
          const steps = randomSteps(pick);
          keepingTrack(session, steps, () => {
            if (applied(session, steps)) return;
            rejected++;
            expect(differing(session, was)).toEqual('nothing');
          });
          session.advance(session.machine.nowUs + pick(40_000));
        }
      }),
      { numRuns: RUNS, seed: FIRST_SEED },
    );
    expect(rejected).toBeGreaterThan(RUNS);
  },
  TIMEOUT_MS,
);

/** Files that are not the same, with the first line in which they differ. */
function differences(files: ReadonlyMap<string, string>, others: ReadonlyMap<string, string>): string[] {
  return [...new Set([...files.keys(), ...others.keys()])]
    .filter((path) => path !== '/reclaimfs/state' && files.get(path) !== others.get(path))
    .map((path) => {
      const [lines, otherLines] = [files, others].map((all) => (all.get(path) ?? 'no such file').split('\n'));
      const at = lines!.findIndex((line, i) => line !== otherLines![i]);
      return `${path}: ${JSON.stringify(lines![at])} and ${JSON.stringify(otherLines![at])}`;
    });
}

/** What is not the same in two machines. */
function between(left: Session, right: Session): string {
  if (Buffer.from(left.save()).equals(right.save())) return 'nothing';
  return graphDifference(left.machine, right.machine, CATALOGUE) ?? 'the bytes';
}

/** How a machine differs from what it was. */
function differing({ machine }: Session, was: Uint8Array): string {
  return Buffer.from(save(machine)).equals(was)
    ? 'nothing'
    : (graphDifference(load(was), machine, CATALOGUE) ?? 'the bytes');
}

describe('saved machines', () => {
  const session = new Session();
  session.load(BASE, 'test');
  const saved = save(session.machine);

  test('another version, a damaged or a shortened one is refused, with what is wrong', () => {
    const changed = (at: number) => {
      const bytes = Buffer.from(saved);
      bytes[at]! ^= 1;
      return bytes;
    };
    expect(() => load(changed(16))).toThrow(/another version of reclaimfs/);
    expect(() => load(changed(saved.length - 1))).toThrow(/check sum is wrong/);
    expect(() => load(changed(40))).toThrow(/check sum is wrong/);
    expect(() => load(saved.subarray(0, saved.length - 1))).toThrow(/cut short/);
    expect(() => load(saved.subarray(0, 30))).toThrow(/cut short/);
    expect(() => load(Buffer.from('machine ram=1G\n'))).toThrow(StateError);
    expect(() => session.loadImage(changed(99), 'x')).toThrow(/x:1:1: this saved machine is damaged/);
    expect(Buffer.from(session.save()).equals(saved)).toBe(true);
  });

  test('a clone goes its own way', () => {
    const clone = cloneMachine(session.machine);
    clone.advance(clone.nowUs + 5_000_000);
    expect(Buffer.from(session.save()).equals(saved)).toBe(true);
    expect(clone.nowUs).toBe(session.machine.nowUs + 5_000_000);
  });
});

describe('snapshots', () => {
  test('a machine is kept under a name and come back to, its time included', () => {
    const session = new Session();
    session.load(BASE, 'test');
    session.apply('snapshot start');
    const saved = session.save();
    session.apply('a touch heap 0 4M write\ntick 10s\nsnapshot later');
    const later = session.save();
    session.apply('restore start');
    expect(Buffer.from(session.save()).equals(saved)).toBe(true);
    session.apply('restore later');
    expect(Buffer.from(session.save()).equals(later)).toBe(true);
    expect(session.apply('snapshots')[0]?.result).toEqual({ start: '100s', later: '110s' });
    expect(() => session.apply('restore nobody')).toThrow(/there is no snapshot nobody \(one of start later\)/);
    expect(() => session.apply('snapshot ../x')).toThrow(/is no name of a snapshot/);
  });

  test('in a rejected write nothing is kept, dropped or come back to', () => {
    const session = new Session();
    session.load(BASE, 'test');
    session.apply('snapshot start\ntick 3s');
    const saved = session.save();
    expect(() => session.apply('snapshot other\nsnapshot start drop\nb fork c\nb fork c')).toThrow();
    expect(() => session.apply('restore start\ntick 1s\na no-such-step')).toThrow();
    expect(() => session.apply('restore start\ntick 1s\nb fork c\nb fork c')).toThrow();
    expect(Buffer.from(session.save()).equals(saved)).toBe(true);
    expect([...session.snapshots.keys()]).toEqual(['start']);
  });
});

describe('the state as text', () => {
  test('of a machine that was put back gives that machine, and what has been done to it since', () => {
    const session = new Session();
    session.load(BASE, 'test');
    session.apply('a touch heap 0 4M write\nsnapshot x\ntick 3s\nrestore x');
    session.apply('b touch heap 0 1M write');
    const again = new Session();
    again.load(session.state(), 'state');
    expect(between(session, again)).toBe('nothing');
    const lines = session.state().split('\n').length;
    expect(() => again.load(`${session.state()}no-such-step\n`, 'state')).toThrow(`state:${lines}:1`);
    const steps = again.save();
    again.load(`${session.state()}a touch heap 0 8K write\n`, 'state');
    session.apply('a touch heap 0 8K write');
    expect(between(session, again)).toBe('nothing');
    expect(Buffer.from(again.save()).equals(steps)).toBe(false);
  });

  test('grows with the machine, not with what has been done to it', () => {
    const session = new Session();
    session.load('machine ram=16M\nproc a pid=50\na mmap heap size=1M anon', 'test');
    const sizes: number[] = [];
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 12_000; i++) session.record('50 clearrefs 1');
      sizes.push(session.state().length);
    }
    expect(Math.max(...sizes)).toBeLessThan(400_000);
    const again = new Session();
    again.load(session.state(), 'state');
    expect(between(session, again)).toBe('nothing');
  });

  test('does not grow with the age of a machine that has come to its size', () => {
    const session = new Session();
    session.load(`${BASE}b touch heap 0 6M write`, 'test');
    const sizes = [0, 1, 2].map((round) => {
      for (let i = 0; i < 1000; i++) {
        session.apply(
          `b touch heap ${(i * 7919) % 1900}p 30p write\nb fork c pid=300\nc touch heap 0 64K write\nc exit\na write DB 0 64K\ntick 40ms`,
        );
        if (i % 50 === 0) expect(() => session.apply('b touch heap 0 4K write\nb fork a pid=1')).toThrow();
      }
      // The log of events has its own bound, and takes longer to come to it.
      const bare = cloneMachine(session.machine);
      Object.assign(bare, { events: new EventLog() });
      return { round, saved: save(bare).length, text: finish(machineText(bare)).length };
    });
    for (const what of ['saved', 'text'] as const)
      expect(sizes[2]![what], JSON.stringify(sizes)).toBeLessThan(sizes[1]![what] * 1.1);
  }, 60_000);

  const plain = new Session();
  plain.load(
    'machine ram=1G swap=256M\nproc a pid=50\na mmap heap size=900M anon\na touch heap 0 900M write\na reclaim anon',
    'test',
  );

  test('of 1 GiB with a plain history is small, and says what is where', () => {
    const text = textOf(plain);
    expect(text.length).toBeLessThan(24_000);
    expect(text).toMatch(
      /^# 50 [0-9a-f]+-[0-9a-f]+ rw-p pages: 230400, present 164864 \(dirty 164864\), in swap 65536, zero 0$/m,
    );
    expect(text).toMatch(/ swap\+softdirty\+exclusive:1\.\.\d+/);
  });

  test('can be changed by hand, and says where and why when it cannot be as it says', () => {
    const text = textOf(plain);
    const said = (changed: string): string => {
      expect(changed).not.toBe(text);
      try {
        readMachineText(changed, 'state');
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
      return 'nothing';
    };
    const changed = readMachineText(text.replace(' comm: "a"', ' comm: "b\\u00e9" # was a'), 'state').machine;
    expect(changed.tasks.get(50)?.comm).toBe('b\xe9');
    const at = text.slice(0, text.indexOf('oomScoreAdj')).split('\n').length;
    expect(said(text.replace(/oomScoreAdj: \S+/, 'oomScoreAdj: high'))).toBe(`state:${at}:16: "high" is no value`);
    expect(said(text.replace(/oomScoreAdj: \S+/, 'oomScoreAdj: "high"'))).toContain(
      'Task.oomScoreAdj is of another kind: a number',
    );
    expect(said(text.replace(/ {2}oomScoreAdj: \S+\n/, ''))).toMatch(/^state:\d+:1: Task lacks oomScoreAdj$/);
    expect(said(text.replace('oomScoreAdj', 'oomScore'))).toContain('Task has no oomScore');
    expect(said(text.replace(/ mm: Mm \d+/, ' mm: Mm 9999'))).toContain('Mm 9999 is referred to, but not described');
    expect(said(text.replace('Storage 2', 'Task 1'))).toContain('object 1 is a Memory elsewhere');
    expect(said(text.replace('Storage 2', 'Strange 7000'))).toContain('no objects of class Strange');
    expect(said(text.replace(/nrUsed: \d+/, 'nrUsed: 7'))).toContain('no machine can be as this state says');
    expect(said(text.replace(/mapcount: u32\[\d+\]\{/, '$&9*999999999, '))).toContain('the array ends before');
    expect(said(text.replace(/memcg: u16\[\d+\]\{/, '$&70000, '))).toContain('70000 does not fit in u16');
    expect(said(text.replace(/flags: u32\[\d+\]\{/, '$&odd, '))).toContain('odd is not known here');
    expect(said(text.replace('u32[', 'u32[999999999'))).toContain('too long');
    expect(said(text.replace('machine-state 1', 'machine-state 2'))).toContain('format 2, this one reads 1');
    expect(said(text.slice(0, text.length / 2))).toMatch(/^state:\d+:\d+: /);
  });
});

test('the trigger of an open file stands after an undone write as it stood before', () => {
  const steps = 'machine ram=16M swap=0\nproc a pid=50\na mmap heap size=4M anon';
  const shown = (failing: string): (number | undefined)[] => {
    const tree = new Tree(steps);
    const file = tree.open('pressure/memory', 2);
    if (typeof file === 'number') throw new Error(String(file));
    expect(file.write(Buffer.from('some 150000 1000000\0'), 0, ROOT)).toBe(20);
    tree.machine.psi.stall('memory', tree.machine.tasks.get(50)!, 3_000_000);
    tree.apply('tick 1050ms');
    const seen = [file.poll?.()];
    expect(applied(tree.host, failing)).toBe(failing === 'tick 0s');
    // The window goes on where it was: nothing is told for less than a second.
    for (let i = 0; i < 12; i++) {
      tree.apply('tick 100ms');
      seen.push(file.poll?.());
    }
    return seen;
  };
  const undisturbed = shown('tick 0s');
  expect(new Set(undisturbed).size).toBe(2);
  expect(shown('tick 3s\nproc a')).toEqual(undisturbed);
});
