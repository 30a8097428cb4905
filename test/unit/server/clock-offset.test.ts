/** What the time namespace of `run` is given. */
import { describe, expect, test } from 'vitest';
import { clockOffset } from '../../../src/server/run/surroundings.ts';

describe('the clock of a command', () => {
  test.each([
    [0.1, 24155.95],
    [0, 24155.95],
    [0.99, 24155],
    [5.2, 24155.9],
    [3600, 10.5],
  ])('a machine %d s old on one %d s old: no clock below 0, and off by less than a second', (machine, host) => {
    const offset = clockOffset(machine, host);
    expect(Number.isInteger(offset)).toBe(true);
    expect(host + offset).toBeGreaterThanOrEqual(0);
    expect(Math.abs(host + offset - machine)).toBeLessThan(1);
  });

  test('of a machine older than a second: nothing seems to have started in the future', () => {
    expect(24155.9 + clockOffset(5.2, 24155.9)).toBeLessThanOrEqual(5.2);
  });
});
