/**
 * Every number of the step language has a range, and is refused beyond its ends. The lines come from the usage of the rows
 * themselves: a new step is tested as soon as it is in its table.
 */
import { describe, expect, test } from 'vitest';
import { MACHINE_LINE, machineOptions } from '../../../src/scenario/machine-line.ts';
import { APP_STEPS, MACHINE_STEPS, PROCESS_STEPS } from '../../../src/scenario/parse.ts';
import { ScenarioError } from '../../../src/scenario/scenario-error.ts';
import { Args, splitWords, type Word } from '../../../src/scenario/words.ts';

interface Row {
  readonly word: string;
  readonly usage: string;
  readonly parse: (args: Args) => unknown;
  /** Words in front of the arguments. */
  readonly lead: number;
}

interface Seen {
  readonly what: string;
  readonly column: number;
  readonly key: string | undefined;
  readonly min: number;
  readonly max: number;
  readonly is: string;
  /** A number whose reader names no range. */
  readonly open: boolean;
}

/** Notes every number that a step reads. */
class NotingArgs extends Args {
  readonly seen: Seen[] = [];
  #open = false;

  override integer(what: string, word?: Word, min?: number, max?: number): number {
    this.#open = min === undefined || max === undefined;
    return super.integer(what, word, min, max);
  }

  override checked(what: string, word: Word, value: number | undefined, min: number, max: number, is = 'number') {
    this.seen.push({ what, column: word.column, key: word.key, min, max, is, open: this.#open });
    this.#open = false;
    return super.checked(what, word, value, min, max, is);
  }
}

const rows: Row[] = [
  ...[...MACHINE_STEPS.values()].map((row) => ({ ...row, lead: 1 })),
  ...[...PROCESS_STEPS.values(), ...APP_STEPS.values()].map((row) => ({ ...row, lead: 2 })),
  { word: 'machine', usage: MACHINE_LINE.usage, parse: machineOptions, lead: 1 },
];

/** What stands for the words of a usage. Where a step wants more than that, its lines are given in LINES. */
const EXAMPLES: Readonly<Record<string, string>> = {
  N: '1',
  PERCENT: '1',
  UID: '1',
  PID: '1',
  MS: '1',
  NS: '1',
  'N,N': '1',
  SIZE: '4096',
  OFF: '0',
  LEN: '4096',
  NEWLEN: '4096',
  ADDR: '0',
  TIME: '1s',
  S: 'S',
  RUNS: '3a',
  '"BYTES"': 'x',
  '"TEXT"': 'x',
  'a b': 'x',
  KB: '4',
  rw: 'rw',
  NAME: 'x',
  'SIZE/s': '4096/s',
  'SIZE/min': '4096/min',
  'OBJECT,…': 'x',
  'A,B,…': 'x',
  P: 'x',
  RESOURCE: 'nofile',
  LIMIT: '1',
  HARDLIMIT: '1',
  CPULIST: '0',
  PATH: 'x',
  TEXT: 'x',
  'A=1 B=2': 'x',
  MAPPING: 'm',
}; // prettier-ignore

const LINES: Readonly<Record<string, readonly string[]>> = {
  machine: ['machine ram=64M swap=4096 swapkind=zram profile=2013 seed=1 cpus=1 uptime=1s boot=1 queue=1 hostname=x'],
  proc: [
    'proc x pid=1 ppid=1 pgrp=1 session=1 uid=1 gid=1 euid=1 suid=1 egid=1 sgid=1 groups=1 adj=1 nice=1 umask=0022 start=1s tracer=1',
  ],
  share: ['x share m other 0 3+'],
  mmap: [
    'x mmap m obj=LIB size=4096 off=0 at=0 hugetlb=4',
    'x mmap m size=4096 growsdown init=4096',
    'x mmap m count=1 each=4096 gap=4096 anon',
  ],
  lmk: ['lmk adj=1 minfree=1 cost=1 debug=1'],
  impose: ['impose vm.swappiness 1'],
  cache: ['cache x loadpart 0 4096'],
  pageout: ['x pageout range m 0 4096'],
  selfpageout: ['x selfpageout range m 0 4096'],
  cold: ['x cold range m 0 4096'],
  clearrefs: ['x clearrefs 1'],
  dropcaches: ['dropcaches 1'],
  dumpable: ['x dumpable 1'],
};

/** The lines of a usage: its alternatives, with everything that is optional. */
function linesOf({ word, usage }: Row): readonly string[] {
  const given = LINES[word];
  if (given !== undefined) return given;
  return usage.split(' | ').map((alternative) =>
    alternative
      .replace(/[[\]]/g, ' ')
      .split(/ +/)
      .filter((part) => part !== '')
      .map((part) => {
        const [, key = '', value = part] = /^([a-z]+=)?(.*)$/.exec(part) ?? [];
        const choice = EXAMPLES[value] ?? value.replace(/\.\..*$/, '').split('|')[0]!;
        return key + (EXAMPLES[choice] ?? choice);
      })
      .join(' '),
  );
}

function read(row: Row, line: string): NotingArgs {
  const words = splitWords(line, 'test', 1);
  const args = new NotingArgs(words.slice(row.lead), 'test', 1, line, row.usage);
  row.parse(args);
  args.end();
  return args;
}

/** The line with the number at a place replaced. */
function withNumber(line: string, { column, key, is }: Seen, value: number): string {
  const end = line.indexOf(' ', column - 1);
  const rest = end < 0 ? '' : line.slice(end);
  const plain =
    is === 'octal mode'
      ? value.toString(8)
      : value < 1 && value > 0
        ? String(value)
        : BigInt(Math.trunc(value)).toString();
  const text = is === 'time' ? `${plain}us` : plain;
  return `${line.slice(0, column - 1)}${key === undefined ? '' : `${key}=`}${text}${rest}`;
}

/** Whether the range refuses a line; what else may be wrong with it does not matter here. */
function refusedByRange(row: Row, line: string): boolean {
  try {
    read(row, line);
    return false;
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return / is no .* from .* to |is no size|is no time/.test(error.reason);
  }
}

let nrNumbers = 0;
let slowestMs = 0;

const MEGABYTE = '9'.repeat(1 << 20);
const NO_NUMBERS = [
  ...['NaN', '1e21', 'Infinity', '9'.repeat(1000), '-', '0x', '--1', '0b1', '1_0', '\xd9\xa3', '"1\\0"', '" 1"'],
  ...['"-"', '"\\0"', MEGABYTE],
];

describe('numbers of the step language', () => {
  test.each(rows.map((row) => [row.word, row] as const))('%s', (_word, row) => {
    for (const line of linesOf(row)) {
      let seen: readonly Seen[];
      try {
        ({ seen } = read(row, line));
      } catch (error) {
        throw new Error(`the usage of "${row.word}" is no line of it (${line}): mend it, or give one in LINES`, {
          cause: error,
        });
      }
      for (const number of seen) {
        nrNumbers++;
        const name = `${row.word}: ${number.what}`;
        expect(number.open, `${name} is read without a range: give min and max`).toBe(false);
        const { min, max, is } = number;
        const below = min > 0 && !Number.isInteger(min) ? min / 2 : min - 1;
        const above = is.startsWith('rate') ? max * 2 : max + 1;
        expect(refusedByRange(row, withNumber(line, number, min)), `${name} = ${min}`).toBe(false);
        expect(refusedByRange(row, withNumber(line, number, max)), `${name} = ${max}`).toBe(false);
        expect(refusedByRange(row, withNumber(line, number, below)), `${name} = ${below}`).toBe(true);
        expect(refusedByRange(row, withNumber(line, number, above)), `${name} = ${above}`).toBe(true);
        for (const text of NO_NUMBERS) {
          const begin = performance.now();
          const bad = withNumber(line, number, min).replace(/\S+/g, (word, at: number) =>
            at === number.column - 1 ? `${number.key === undefined ? '' : `${number.key}=`}${text}` : word,
          );
          expect(refusedByRange(row, bad), bad.slice(0, 200)).toBe(true);
          slowestMs = Math.max(slowestMs, text === MEGABYTE ? performance.now() - begin : 0);
        }
      }
    }
  });

  test('are many', () => expect(nrNumbers).toBeGreaterThan(100));
  test('of a megabyte are refused at once', () => expect(slowestMs).toBeLessThan(500));
});

test.each([
  ['proc a groups=a,NaN,1e21', 'groups "a" is no number from 0 to 4294967294'],
  ['proc a groups=1,,2', 'groups ""'],
  ['a cputime user=99999999999999h', 'user "99999999999999h" is no time'],
  ['a thread tid=99999999', 'tid "99999999" is no number from 1 to 4194303'],
  ['swap 8191P', 'size "8191P" is no size'],
  [`tick ${'9'.repeat(400)}`, 'is no time'],
])('%s is refused', (line, reason) => {
  const words = splitWords(line, 'test', 1);
  const row = rows.find(({ word, lead }) => words[lead - 1]?.text === word)!;
  expect(() => read(row, line)).toThrow(reason);
});
