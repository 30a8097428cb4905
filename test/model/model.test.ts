/** Random steps on two models; RECLAIMFS_SEED repeats a run. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runs } from './commands.ts';
import { playRun } from './compare.ts';

it('100 random runs of up to 200 steps: both models agree after every step', () => {
  let commands = 0;
  const seed = process.env['RECLAIMFS_SEED'];
  fc.assert(
    fc.property(runs(), (run) => {
      commands += playRun(run).commands;
    }),
    { numRuns: 100, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  );
  expect(commands).toBeGreaterThan(5000);
});
