import { expect, test } from 'vitest';
import { Clock } from '../../../src/server/clock.ts';
import { EINVAL } from '../../../src/util/errno.ts';

function clockAt(startUs: number, speed: number, running: boolean): { clock: Clock; pass(ms: number): void } {
  let wallMs = 5000;
  return {
    clock: new Clock(startUs, speed, running, () => wallMs),
    pass: (ms) => {
      wallMs += ms;
    },
  };
}

test('runs with the wall clock, times its speed', () => {
  const { clock, pass } = clockAt(1_000_000, 10, true);
  pass(250);
  expect(clock.nowUs).toBe(3_500_000);
  expect(clock.command('speed 0.5')).toBe(0);
  pass(1000);
  expect(clock.nowUs).toBe(4_000_000);
});

test('stands still while paused, and goes on from there', () => {
  const { clock, pass } = clockAt(0, 1, true);
  pass(1000);
  expect(clock.command('pause\n')).toBe(0);
  pass(5000);
  expect(clock.nowUs).toBe(1_000_000);
  expect(clock.command('run')).toBe(0);
  pass(500);
  expect(clock.nowUs).toBe(1_500_000);
});

test('+5s puts it forward; forwardTo never back', () => {
  const { clock } = clockAt(0, 1, false);
  expect(clock.command('+5s')).toBe(0);
  clock.forwardTo(3_000_000);
  expect(clock.nowUs).toBe(5_000_000);
  clock.forwardTo(7_000_000);
  expect(clock.textAt(7_000_000, false)).toBe('7.000000 paused speed 1');
});

test.each(['', '5s', '+', '+x', 'speed', 'speed 0', 'speed -1', 'speed x', 'pause now', 'stop', '+5s 3', '+9999999h'])(
  '"%s" is refused and changes nothing',
  (text) => {
    const { clock, pass } = clockAt(0, 1, true);
    expect(clock.command(text)).toBe(-EINVAL);
    pass(1000);
    expect(clock.nowUs).toBe(1_000_000);
  },
);

test('a machine that cannot keep up is behind, and a command gives up what it is behind', () => {
  const { clock, pass } = clockAt(0, 10_000, true);
  pass(1000);
  expect(clock.textAt(4_000_000_000, true)).toBe('4000.000000 running speed 10000 behind 6000.000000');
  expect(clock.command('speed 1', 4_000_000_000)).toBe(0);
  expect(clock.nowUs).toBe(4_000_000_000);
});

test('never gets older than its times are exact', () => {
  const { clock, pass } = clockAt(0, 1e6, true);
  pass(1e9);
  expect(clock.nowUs).toBe(100 * 365 * 86_400e6);
});
