/** The pure parts of `reclaimfs top`: what the texts of /proc mean, and where it stands on the screen. */
import { describe, expect, test } from 'vitest';
import { frame, sparkline, textOf } from '../../../src/cli/top/frame.ts';
import { report } from '../../../src/cli/top/plain.ts';
import type { View } from '../../../src/cli/top/viewer.ts';
import {
  eventText,
  parseNumbers,
  parsePressure,
  parseProcess,
  parseSwaps,
  printable,
  type Reading,
} from '../../../src/ui/proc/source.ts';
import { cellsOf, parseSmaps, type Space, toMapping, toSpace } from '../../../src/ui/proc/space.ts';

const STATUS = `Name:\ta) b\nState:\tT (stopped)\nPid:\t7\nVmRSS:\t   28 kB\nRssAnon:\t   16 kB\nRssFile:\t    8 kB\nRssShmem:\t    4 kB\nVmSwap:\t   12 kB\n`;
const STAT = '7 (a) b) T 1 7 7 0 -1 4194304 100 0 42 0 0 1 0 0 20 0 1\n';

test('a process: numbers of status, major faults behind a name with parentheses', () => {
  expect(parseProcess(STATUS, STAT)).toEqual({
    pid: 7,
    name: 'a) b',
    state: 'T',
    rssKb: 28,
    anonKb: 16,
    fileKb: 8,
    shmemKb: 4,
    swapKb: 12,
    nrMajorFaults: 42,
  });
  expect(parseProcess('Name:\tkswapd0\nPid:\t40\n', STAT)).toBeUndefined();
});

test('meminfo, vmstat, pressure, swaps', () => {
  expect(parseNumbers('MemTotal:   557056 kB\nHugePages_Total:  3\npgmajfault 9\nName:\tx\n')).toEqual(
    new Map([
      ['MemTotal', 557056],
      ['HugePages_Total', 3],
      ['pgmajfault', 9],
    ]),
  );
  const psi = 'some avg10=1.25 avg60=2.00 avg300=3.00 total=7\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=1\n';
  expect(parsePressure(psi)).toEqual({ some: 1.25, full: 0.5 });
  expect(parsePressure(undefined)).toBeUndefined();
  expect(parseSwaps('Filename Type Size Used Priority\n/dev/zram0   partition\t262144\t\t512\t\t100\n')).toEqual([
    { name: '/dev/zram0', sizeKb: 262144, usedKb: 512 },
  ]);
});

test('names and events cannot command the terminal', () => {
  expect(printable('a\x1b[2Jb\n\x9bc\u202ed')).toBe('a?[2Jb??c?d');
  expect(eventText('{"type":"kill","time":1.5,"pid":7,"comm":"a\\u001b[2J"}')).toBe('1.500 kill pid=7 comm=a?[2J');
});

const KEYS = ['Rss', 'Shared_Dirty', 'Private_Dirty', 'Anonymous', 'Swap', 'Locked'] as const;
function smaps(range: string, name: string, kb: Partial<Record<(typeof KEYS)[number], number>>, flags = ''): string {
  const rows = KEYS.map((key) => `${key}:   ${kb[key] ?? 0} kB\n`).join('');
  return `${range} rw-p 00000000 00:00 0     ${name}\n${rows}VmFlags: rd ${flags}\n`;
}
/** P present and exclusive, f file, z neither, s swapped, . nothing. */
function pagemap(pages: string): Uint8Array {
  const high: Record<string, bigint> = { P: 0x81n, f: 0xa1n, z: 0x80n, s: 0x40n, '.': 0n };
  return new Uint8Array(new BigUint64Array([...pages].map((page) => high[page]! << 56n)).buffer);
}
function space(...parts: (readonly [text: string, pages: string | undefined])[]): Space {
  return toSpace(
    parts.map(([text, pages]) => toMapping(parseSmaps(text)[0]!, pages === undefined ? undefined : pagemap(pages))),
  );
}
const letters = (of: Space, width = 100): string =>
  cellsOf(of, width)
    .map(({ letter }) => letter)
    .join('');

describe('the bar of an address space', () => {
  const heap = smaps('1000-7000', '[heap]', { Rss: 12, Private_Dirty: 8, Shared_Dirty: 4, Anonymous: 12, Swap: 4 });
  const file = smaps('100000-102000', '/lib/x', { Rss: 8 });
  const key = smaps('200000-201000', '', { Rss: 4, Anonymous: 4, Locked: 4, Private_Dirty: 4 }, 'lo');
  const all = space([heap, 'PPPzs.'], [file, 'ff'], [key, 'P']);

  test('a letter for each page; sums are those of smaps, zero pages those that smaps does not count', () => {
    expect(letters(all)).toBe('DDDZS.FFL');
    expect(all.sums).toEqual({ present: 24, dirty: 16, file: 8, swapped: 4, locked: 4, zero: 4 });
  });

  test('a page that is neither file nor exclusive is no zero page where smaps counts it: fork shares it', () => {
    expect(letters(space([heap, 'PPz.s.']))).toBe('DDD.S.');
  });

  test('clean anonymous pages are only present; frames without a page of their own are no zero pages', () => {
    expect(letters(space([smaps('1000-3000', '', { Rss: 8, Private_Dirty: 0, Anonymous: 8 }), 'PP']))).toBe('PP');
    expect(space([smaps('1000-2000', '[vvar]', {}, 'pf io'), 'z']).sums.zero).toBe(0);
  });

  test('cells cover every page once; small letters where less than half is there', () => {
    const cells = cellsOf(all, 4);
    expect(cells.map(({ start, end }) => [start.toString(16), end.toString(16)])).toEqual([
      ['1000', '3000'],
      ['3000', '5000'],
      ['5000', '7000'],
      ['100000', '201000'],
    ]);
    expect(letters(space([heap, 's.....']), 2)).toBe('s.');
  });

  test('what is too large to be read page by page is drawn by its sums', () => {
    const unread = space([smaps('1000-5000', '', { Rss: 16, Anonymous: 16, Private_Dirty: 16 }), undefined]);
    expect(letters(unread)).toBe('DDDD');
    expect(unread.sums.zero).toBeUndefined();
  });

  test('addresses beyond user space do not count', () => {
    expect(parseSmaps(smaps('ffffffffff600000-ffffffffff601000', '[vsyscall]', {}))).toEqual([]);
  });
});

test('sparklines: the newest at the right, full height at most', () => {
  expect(sparkline([0, 50, 100], 8, 100, true)).toBe('▁▅█');
  expect(sparkline([0, 50, 100], 2, 100, false)).toBe('+@');
});

function view(nrProcesses: number, isMount: boolean): View {
  const row = parseProcess(STATUS, STAT)!;
  const processes = Array.from({ length: nrProcesses }, (_, i) => ({ ...row, pid: i + 1 }));
  const reading: Reading = {
    processes,
    nrWithout: 2,
    meminfo: new Map([
      ['MemTotal', 1000],
      ['MemAvailable', 500],
    ]),
    vmstat: new Map([['pgmajfault', 9]]),
    pressure: { some: 1.25, full: 0.5 },
    swaps: [{ name: '/dev/zram0', sizeKb: 100, usedKb: 12 }],
    clock: isMount ? '1.000000 paused speed 1' : undefined,
  };
  const seen = space([smaps('1000-3000', '[heap]', { Rss: 8, Private_Dirty: 8, Anonymous: 8 }), 'PP']);
  return {
    root: '/m',
    isMount,
    reading,
    available: [500],
    pressure: [1.25],
    selected: processes[nrProcesses - 1],
    space: seen,
    cells: cellsOf(seen, 80),
    cursor: 1,
    events: ['1.000 tick', '2.000 exit pid=7'],
    message: 'done',
  };
}

describe('a frame', () => {
  test.each([
    [80, 24],
    [80, 23],
    [40, 18],
    [200, 60],
  ])('fits into %i columns and %i lines, and shows who is selected, the events and the keys', (width, height) => {
    const lines = textOf(frame(view(100, true), { width, height, unicode: false })).split('\n');
    expect(lines.length).toBe(height);
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
    expect(lines.filter((line) => /^> +100 a\) b/.test(line))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('event 2.000 exit'))).toHaveLength(1);
    expect(lines.at(-2)).toContain('reclaim anon/file/all');
  });

  test('a small screen is not overrun', () => {
    expect(frame(view(9, true), { width: 20, height: 5, unicode: true }).length).toBe(5);
  });

  test('without limit every process is there', () => {
    const text = textOf(frame(view(100, true), { width: 80, height: Number.POSITIVE_INFINITY, unicode: true }));
    expect(text.match(/a\) b/g)).toHaveLength(100);
    expect(text).toContain('\nDD\n ^\n2000-3000 of rw-p D 8 P 8 [heap]\n');
  });

  test('a real /proc offers no key that would change it', () => {
    const text = textOf(frame(view(3, false), { width: 80, height: 24, unicode: true }));
    expect(text).not.toMatch(/reclaim anon|kill|tick|speed|event/);
    expect(text).toMatch(/↑↓ kj process {2}←→ hl cursor {2}q quit$/);
  });

  test('in words it says the same', () => {
    const text = report(view(1, true));
    expect(text).toContain(
      'Process 1 a) b: state T, resident 28 kB (anon 16, file 8, shmem 4), swap 12 kB, 42 major faults.',
    );
    expect(text).toContain('Mapping 1000-3000: [heap] rw-p 8 kB, dirty 8, present 8.');
    expect(text).toContain('some 1.25 %, full 0.50 %');
    expect(text).toContain('Swap /dev/zram0: 12 of 100 kB used.');
  });
});
