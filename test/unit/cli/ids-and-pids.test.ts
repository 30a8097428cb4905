import { expect, test } from 'vitest';
import { freePidRow } from '../../../src/fuse/namespace.ts';
import { mappedIds } from '../../../src/server/server-options.ts';

test('the ids of a user namespace: all of them, or some', () => {
  expect(mappedIds('         0          0 4294967295\n')).toBeUndefined();
  expect(mappedIds('         0       1000          1\n')).toEqual([[0, 0]]);
  expect(mappedIds('0 1000 1\n1 100000 65536\n')).toEqual([
    [0, 0],
    [1, 65536],
  ]);
});

test('pids of ours lie in the highest free row', () => {
  expect(freePidRow([], 32768)).toBe(32768 - 256);
  expect(freePidRow([32767, 32000, 1], 32768)).toBe(32767 - 256);
  expect(freePidRow([32767, 32600, 32400], 32768)).toBe(32400 - 256);
  expect(freePidRow([5_000_000], 32768)).toBe(32768 - 256);
});

test('a scenario that leaves no room is refused with a hint', () => {
  const every = Array.from({ length: 132 }, (_, i) => i * 250);
  expect(() => freePidRow(every, 32768)).toThrow('--no-pidns');
});
