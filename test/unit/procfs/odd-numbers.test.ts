/**
 * Odd numbers written to files, answered as Linux 6.18 answers them (values/linux-6.18.json, recorded with values/record.py):
 * signs, blanks, hexadecimal, octal, NUL, ends of ranges, thousands of digits.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errnoName } from '../../../src/util/errno.ts';
import { FUZZED } from '../../fuzz/inputs.ts';
import { difference, Target } from '../../fuzz/target.ts';
import { ROOT } from './support.ts';

interface Recorded {
  /** What the file holds before each write; null: it cannot be read. */
  readonly start: string | null;
  /** By text: bytes taken or the name of the error, and what the file shows then. */
  readonly answers: Readonly<Record<string, readonly [taken: number | string, shown: string]>>;
}
const { files } = JSON.parse(readFileSync(join(import.meta.dirname, 'values/linux-6.18.json'), 'utf8')) as {
  readonly files: Readonly<Record<string, Recorded>>;
};

const SCENARIO = 'machine ram=64M\ncgroup mkdir /g\nproc a pid=50\na mmap h size=64K anon';

const PATHS = [
  ['pid/', '50/'],
  ['cgroup/', '.cgroup/g/'],
  ['sys/', 'sys/'],
] as const;

function pathOf(name: string): string {
  const [from, to] = PATHS.find(([prefix]) => name.startsWith(prefix))!;
  return to + name.slice(from.length);
}

/** `9*4095` stands for so many nines, `0*5000 1` for zeros and a one. */
function textOf(label: string): string {
  const [, what = '', times, rest = ''] = /^(.)\*(\d+)(?: (.*))?$/s.exec(label) ?? [];
  return times === undefined ? label : what.repeat(Number(times)) + rest;
}

/** Written down in native-notes/limits.md: above 2^53 ns, timerslack_ns is refused. */
function isNotOurs(name: string, label: string): boolean {
  if (name !== 'pid/timerslack_ns' || !/^\d{16,20}$/.test(label)) return false;
  return BigInt(label) > Number.MAX_SAFE_INTEGER && BigInt(label) < 1n << 64n;
}

describe('as the kernel answers', () => {
  test.each(Object.entries(files))('%s', (name, { start, answers }) => {
    const target = new Target(SCENARIO);
    const path = pathOf(name);
    const differ: Record<string, unknown> = {};
    let nrCompared = 0;
    for (const [label, [taken, shown]] of Object.entries(answers)) {
      // A write of nothing does not reach a FUSE server; and the recorder had no CAP_SYS_RESOURCE.
      if (label === '' || taken === 'EACCES') continue;
      if (start !== null) expect(target.write(path, start, 0, ROOT)).toBe(start.length);
      if (isNotOurs(name, label)) continue;
      const text = textOf(label);
      let got: number = target.write(path, text, 0, ROOT);
      // The kernel takes `1` of `1 2` and, at an offset, ignores the rest: for whoever writes all of it that is the same.
      if (typeof taken === 'number' && got === text.length && /^1\s2$/.test(text)) got = taken;
      const ours = [got < 0 ? errnoName(-got) : got, start === null ? '' : target.text(path)];
      nrCompared++;
      if (JSON.stringify(ours) !== JSON.stringify([taken, shown])) differ[label] = { kernel: [taken, shown], ours };
    }
    expect(differ).toEqual({});
    expect(nrCompared).toBeGreaterThan(40);
    expect(target.flaws()).toEqual([]);
  });
});

/** Everything of the recording, and more than anybody would type. */
const TEXTS = [...new Set(Object.values(files).flatMap(({ answers }) => Object.keys(answers).map(textOf)))];
const MEGABYTES = ['9', '0', ' ', '-', 'f', '1 ', '1,', '\0', '\n'].map((what) => what.repeat((1 << 20) / what.length));
const LONGEST_MS = 50;
const TRIES = 3;

/** memory.reclaim may fall short and say so, having done what it could. */
const isTaken = (path: string, answer: number): boolean =>
  answer >= 0 || (path.endsWith('/memory.reclaim') && answer === -11);

test('every file that can be written takes odd numbers or refuses them without a trace', () => {
  const [target, twin] = [new Target(FUZZED), new Target(FUZZED)];
  const paths = target.writables();
  let nrRefused = 0;
  for (const path of paths) {
    for (const text of TEXTS) {
      const answer = target.write(path, text, 0, ROOT);
      expect(Number.isInteger(answer) && answer >= -4095 && answer <= text.length, `${path}: ${answer}`).toBe(true);
      if (!isTaken(path, answer)) nrRefused++;
      else
        expect(twin.write(path, text, 0, ROOT), `${path} ${JSON.stringify(text)} without those refused`).toBe(answer);
    }
  }
  expect(difference(twin.texts(), target.texts())).toBeUndefined();
  expect(target.flaws()).toEqual([]);
  expect(paths.length).toBeGreaterThan(250);
  expect(nrRefused).toBeGreaterThan(paths.length);
});

test(`a megabyte takes no file longer than ${LONGEST_MS} ms of CPU`, () => {
  const target = new Target(FUZZED);
  const slow: string[] = [];
  for (const path of target.writables().filter((path) => !/\/disk\/|\/mem$/.test(path))) {
    for (const text of MEGABYTES) {
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < TRIES && best > LONGEST_MS; i++) {
        const begin = process.cpuUsage();
        target.write(path, text, 0, ROOT);
        const { user, system } = process.cpuUsage(begin);
        best = Math.min(best, (user + system) / 1000);
      }
      if (best > LONGEST_MS) slow.push(`${path}: ${JSON.stringify(text.slice(0, 4))}… ${Math.round(best)} ms`);
    }
  }
  expect(slow).toEqual([]);
  expect(target.flaws()).toEqual([]);
});
