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
      'title demo.cfg (masim)',
      'proc masim comm=masim cmdline="masim dir/demo.cfg"',
      'masim mmap a size=1048576 anon private',
      'masim mmap b size=4194304 anon private',
      '# warm up: 1000 ms',
      'masim run random a rate=40000/s write=100% after=0ms for=1000ms',
      'masim run sequential b rate=10000/s write=100% after=0ms for=1000ms',
      '# reading: 2000 ms',
      'masim run sequential b rate=781/s write=0% after=1000ms for=2000ms',
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

  test.each([
    ['a, 10\n\nphase\n1000\nc, 1, 64, 1\n', 5, 'there is no region c'],
    ['a, 10\n\nphase\nsoon\na, 1, 64, 1\n', 3, 'a phase is incomplete'],
    ['a, 10\n\nphase\n1000\na, 1, 64\n', 5, 'is no access pattern'],
    ['a, ten\n\nphase\n1000\na, 1, 64, 1\n', 1, 'is no region'],
    ['a, 10, /etc/passwd\n\nphase\n1000\na, 1, 64, 1\n', 1, 'filled from a file'],
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
