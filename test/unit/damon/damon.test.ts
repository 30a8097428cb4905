/** Recordings of DAMON as damo writes them (see recordings/README.md) become a workload. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { damonToScenario, playScenario } from '../../../src/index.ts';
import { AccessMap } from '../../../src/scenario/heat/access-map.ts';

const RECORDINGS = join(import.meta.dirname, 'recordings');
const read = (name: string): Buffer => readFileSync(join(RECORDINGS, name));
const KINDS = ['walk.data', 'walk.json', 'walk.perf-script', 'walk.raw'];
/** What damo itself calls the working set of each interval, in bytes. */
const WORKING_SETS = [
  ...read('walk.wss')
    .toString()
    .matchAll(/^\d+ (\d+)$/gm),
].map(([, bytes]) => Number(bytes));

/** Bytes touched between two ticks. */
function touched(text: string): number[] {
  const intervals = text.split(/^tick .*$/m).slice(0, -1);
  return intervals.map((steps) =>
    [...steps.matchAll(/ touch \S+ \d+p (\d+)p /g)].reduce((sum, [, pages]) => sum + Number(pages) * 4096, 0),
  );
}

test.each(KINDS)('%s: what is touched in each interval is what damo calls the working set', (name) => {
  expect(WORKING_SETS).toHaveLength(12);
  expect(touched(damonToScenario(read(name)).text)).toEqual(WORKING_SETS);
});

test.each(KINDS)('%s is the same scenario as the others', (name) => {
  const steps = (file: string): string[] =>
    damonToScenario(read(file))
      .text.split('\n')
      .filter((line) => line[0] !== '#');
  expect(steps(name)).toEqual(steps('walk.data'));
});

test('it plays: memory that was accessed is there, at its address, at its time', () => {
  const { text } = damonToScenario(read('walk.data'), { file: 'walk.data' });
  const heat = new AccessMap('damon1');
  const { session } = playScenario(text, 'walk.scn', { heat });
  const [process] = [...session.machine.tasks.values()].filter(({ comm }) => comm === 'damon1');
  const accessed = 1024 ** 2 + 6 * 8 * 1024 ** 2 + 132 * 1024;
  expect(process?.mm?.rssAnon).toBe(accessed / 4096);
  expect(session.machine.nowUs).toBe(1_200_000);
  expect(text).toContain('mmap area2 size=16384p at=0x7f2400000000');
});

test('--ram is the memory of the machine', () => {
  expect(damonToScenario(read('walk.json'), { ramBytes: 32 * 1024 ** 2 }).text).toContain('machine ram=32768K\n');
});

describe('what is no recording is refused with what to do', () => {
  const json = read('walk.json').toString();
  test.each([
    ['a perf.data', 'PERFILE2\x01\x02', /perf\.data: give what/],
    ['a text', 'hello\n', /no recording of DAMON: give the file/],
    ['nothing', '', /no recording of DAMON/],
    ['an empty list', '[]', /no region in it/],
    ['half a file', json.slice(0, 2000), /damaged \(/],
    ['half a compressed one', read('walk.data').subarray(0, 500), /damaged or larger/],
    ['an object', '{}', /it is no list: "\{\}"/],
    ['a region backwards', json.replace('"93,823,561,629,696"', '"4096"'), /is no range of pages/],
    ['an address that is a word', json.replace('"93,823,561,629,696"', '"heap"'), /end is no number: "heap"/],
    ['accesses below nought', json.replace('"samples": 20', '"samples": -1'), /nr_accesses is no number/],
    ['a time that is none', json.replace('"1000000000"', '"soon"'), /start_time is no time: "soon"/],
    ['no accesses at all', json.replaceAll(/"samples": \d+/g, '"samples": 0'), /no region in it was accessed/],
    [
      'a line cut off',
      read('walk.perf-script').toString().replace(': 20 0', ''),
      /line 1 is no damon_aggregated event/,
    ],
    ['events lost', read('walk.perf-script').toString().split('\n').toSpliced(7, 1).join('\n'), /events were lost/],
    ['regions lost', read('walk.raw').toString().split('\n').toSpliced(9, 1).join('\n'), /4 of 5 regions/],
    ['a line of something else', read('walk.raw').toString().replace('# start', 'start'), /is not understood/],
  ])('%s', (_what, recording, reason) => {
    const bytes = typeof recording === 'string' ? Buffer.from(recording, 'latin1') : recording;
    expect(() => damonToScenario(bytes)).toThrow(reason);
  });

  test('regions that overlap', () => {
    const twice = JSON.parse(json);
    twice[0].snapshots[3].regions.push(twice[0].snapshots[3].regions[0]);
    expect(() => damonToScenario(deflateSync(JSON.stringify(twice)))).toThrow(
      /record 0, snapshot 3: the region .* overlaps/,
    );
  });

  test('a bomb', () => {
    expect(() => damonToScenario(deflateSync(Buffer.alloc(257 * 1024 ** 2)))).toThrow(/larger than 256 MiB/);
  });
});

test('of several targets each is a process', () => {
  const two = JSON.parse(read('walk.json').toString());
  two.push({ ...two[0], target_id: 7 });
  const { text } = damonToScenario(JSON.stringify(two));
  expect(text.match(/^proc /gm)).toHaveLength(2);
  expect(touched(text)).toEqual(WORKING_SETS.map((bytes) => 2 * bytes));
});

test('percent instead of samples, as a snapshot may have them', () => {
  const json = read('walk.json')
    .toString()
    .replaceAll(/"samples": (\d+),\s*"percent": null/g, '"samples": null, "percent": "$1 %"');
  expect(touched(damonToScenario(json).text)).toEqual(WORKING_SETS);
});

test('physical memory from nought on is mapped somewhere', () => {
  const json = JSON.parse(read('walk.json').toString());
  for (const { regions } of json[0].snapshots)
    regions.splice(1, regions.length, { ...regions[0], start: '0', end: '1048576' });
  const { text } = damonToScenario(JSON.stringify(json));
  expect(text).toMatch(/mmap area1 size=256p\n/);
  expect(() => playScenario(text, 'x')).not.toThrow();
});
