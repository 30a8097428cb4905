import { expect, test } from 'vitest';
import { estimate, pairedDifference, percentile, tQuantile } from '../../../src/scenario/compare/statistics.ts';

test('quantiles of Student’s t are those of the published tables, and never too small between two entries', () => {
  expect([1, 2, 4, 9, 19, 30].map(tQuantile)).toEqual([12.706, 4.303, 2.776, 2.262, 2.093, 2.042]);
  expect([31, 40, 59, 60, 119, 120, 5000].map(tQuantile)).toEqual([2.042, 2.021, 2.021, 2, 2, 1.98, 1.98]);
});

test('the interval of a mean: an example that can be checked by hand', () => {
  // 2, 4, 6: mean 4, standard deviation 2, t(2) = 4.303: 4 ± 4.303 × 2 / √3.
  const { mean, low, high } = estimate([2, 4, 6]);
  expect(mean).toBe(4);
  expect(high! - 4).toBeCloseTo(4.9687, 3);
  expect(4 - low!).toBeCloseTo(4.9687, 3);
  expect(estimate([3])).toEqual({ n: 1, mean: 3, low: undefined, high: undefined });
});

test('pairs are told apart where the values themselves are not', () => {
  const base = [100, 200, 300, 400];
  const better = base.map((value, i) => value - 10 - i);
  expect(estimate(better).high!).toBeGreaterThan(estimate(base).low!);
  expect(pairedDifference(better, base)).toMatchObject({ mean: -11.5, distinguishable: true });
  expect(pairedDifference([1, 2, 3], [2, 2, 2])).toMatchObject({ mean: 0, distinguishable: false });
  expect(pairedDifference([1], [2]).distinguishable).toBeUndefined();
});

test('percentiles are of what was measured', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([0.5, 0.95, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 95, 99, 100]);
  expect(percentile([], 0.5)).toBe(0);
  expect(percentile([7], 0.99)).toBe(7);
});
