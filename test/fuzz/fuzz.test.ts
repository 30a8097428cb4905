/** The fuzz in small: the same properties, a fixed seed, a few seconds. `npm run fuzz` for millions. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { counts, FUZZES } from './properties.ts';

const RUNS: Readonly<Record<string, number>> = {
  writes: 12,
  lines: 12,
  masim: 300,
  states: 100,
  machines: 60,
  captures: 40,
  frames: 8,
};

test.each(FUZZES.map((fuzz) => [fuzz.name, fuzz] as const))('%s', (name, { inputs, holds }) => {
  const numRuns = RUNS[name];
  expect(numRuns).toBeDefined();
  const before = { ...counts };
  fc.assert(fc.property(inputs, holds), { seed: 2013, numRuns: numRuns ?? 1 });
  if (name !== 'writes' && name !== 'lines') return;
  expect(counts.taken - before.taken, 'inputs that are taken').toBeGreaterThan(50);
  expect(counts.refused - before.refused, 'inputs that are refused').toBeGreaterThan(50);
});
