import { describe, expect, test } from 'vitest';
import { isMasim, masimToScenario } from '../../../src/scenario/masim.ts';
import { playScenario } from '../../../src/scenario/play.ts';
import { ScenarioError } from '../../../src/scenario/scenario-error.ts';

/** In the format of masim's README, with everything that it knows. */
const CONFIG = `#regions
# name, length, initial data file
a, 1048576, none
b, 4194304

# phase 1
warm up
# time in ms
1000
a, 1, 64, 80, wo
b, 0, 4096, 20

# phase 2
reading
2000
b, 0, 64, 1, ro
`;

describe('a configuration of masim', () => {
  test('is told from a scenario', () => {
    expect(isMasim(CONFIG)).toBe(true);
    expect(isMasim('machine ram=1G\nproc A')).toBe(false);
    expect(isMasim('# a, 5\nproc A')).toBe(false);
    expect(isMasim('')).toBe(false);
  });

  test('becomes a scenario: regions are mappings, phases are runs one after the other', () => {
    expect(masimToScenario(CONFIG, 'dir/demo.cfg').split('\n')).toEqual([
      'machine ram=2048M',
      'title demo.cfg (masim)',
      'proc masim comm=masim cmdline="masim dir/demo.cfg"',
      'masim mmap a size=1048576 anon private',
      'masim mmap b size=4194304 anon private',
      '# warm up: 1000ms',
      'masim run random a rate=7680/s write=100% fault=4us after=0ms for=1000ms',
      'masim run laps b rate=10240/s write=100% stride=4096 fault=4us after=0ms for=1000ms',
      '# reading: 2000ms',
      'masim run laps b rate=10240/s write=0% stride=4096 fault=4us after=1000ms for=2000ms',
      'duration 3000ms',
      '',
    ]);
  });

  test('plays', () => {
    const { machine } = playScenario(masimToScenario(CONFIG, 'demo.cfg'), 'demo.cfg').session;
    expect(machine.nowUs).toBe(3_000_000);
    expect(machine.named.get('masim')!.mm!.rss).toBe(256 + 1024);
    expect(machine.check()).toEqual([]);
  });

  const play = (text: string) => playScenario(masimToScenario(text, 'x.cfg'), 'x.cfg').session.machine;
  const rss = (text: string) => play(text).named.get('masim')!.mm!.rss;

  test('regions filled from a file are there from the start; zeros compress', () => {
    const text = 'a, 65536, /dev/zero\nb, 131072, /dev/urandom\nc=d, 4096\n\nidle\n10\nc=d, 1, 64, 1\n';
    expect(isMasim(text)).toBe(true);
    const machine = play(text);
    expect(machine.named.get('masim')!.mm!.rss).toBe(16 + 32 + 1);
    expect(machine.check()).toEqual([]);
  });

  test('a stride below a page is never slower than one of a page', () => {
    const with100M = (stride: number, ms: number) => rss(`a, 104857600\n\nonly\n${ms}\na, 0, ${stride}, 1, wo\n`);
    expect(with100M(64, 5000)).toBe(25600);
    expect(with100M(64, 100)).toBeGreaterThan(10_000);
    expect(with100M(64, 50)).toBeLessThan(with100M(64, 100));
    for (const stride of [1024, 2048]) expect(with100M(stride, 50)).toBeGreaterThanOrEqual(with100M(64, 50));
  });

  test('500 MB at stride 64: as much is resident after half a second as was measured with masim (343 MB), within 20 %', () => {
    const mb = rss('a, 524288000\n\nonly\n500\na, 0, 64, 1, wo\n') / 256;
    expect(mb).toBeGreaterThan(343 * 0.8);
    expect(mb).toBeLessThan(343 * 1.2);
  });

  test('a stride above a page comes by the same pages on every lap', () => {
    expect(rss('a, 4194304\n\nonly\n5000\na, 0, 16384, 1, wo\n')).toBe(256);
  });

  test('of two regions of one name the first is meant, as in masim', () => {
    const { named } = play('a, 40960\na, 4194304\n\nonly\n1000\na, 1, 64, 1\n');
    expect(named.get('masim')!.mm!.rss).toBe(10);
  });

  test('a phase of no time makes the accesses of one choice', () => {
    expect(rss('a, 409600\n\nonly\n0\na, 0, 4096, 1\n')).toBeGreaterThan(0);
  });

  test('the machine is as large as the file needs: 10 GiB', () => {
    const scenario = masimToScenario('huge, 10737418240\n\nwalk\n100\nhuge, 0, 4096, 1\n', 'x');
    expect(scenario).toContain('machine ram=11264M');
  });

  test.each([
    ['a, 10\n\nphase\n1000\nc, 1, 64, 1\n', 5, 'there is no region c'],
    ['a, 10\n\nphase\nsoon\na, 1, 64, 1\n', 3, 'a phase is incomplete'],
    ['a, 10\n\nphase\n1000\na, 1, 64\n', 5, 'is no access pattern'],
    ['a, ten\n\nphase\n1000\na, 1, 64, 1\n', 1, 'is no region'],
    ['a, 10\nb, 1099511627776\n\nphase\n1000\na, 1, 64, 1\n', 2, 'too large'],
    ['a, 10\n\nphase\n-1\na, 1, 64, 1\n', 3, 'a phase is incomplete'],
  ])('says where it is wrong: %j', (text, line, reason) => {
    let thrown: unknown;
    try {
      masimToScenario(text, 'x');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ScenarioError);
    expect((thrown as ScenarioError).line).toBe(line);
    expect((thrown as ScenarioError).message).toContain(reason);
  });
});
