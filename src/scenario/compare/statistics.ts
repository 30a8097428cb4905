/**
 * Means with 95 % confidence intervals of Student's t over seeds. The same seed makes the same load under each policy, so
 * that policies are compared by the differences of pairs.
 */

/** A mean over seeds; the interval is missing where there are fewer than two. */
export interface Estimate {
  readonly n: number;
  readonly mean: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
}

/** A difference to the baseline, as the mean of pairs. */
export interface Difference extends Estimate {
  /** The interval excludes 0 (or: no pair differs by anything but the same amount). Undefined without an interval. */
  readonly distinguishable: boolean | undefined;
}

export const INTERVAL = "95 % interval of Student's t over seeds";

/** Two-sided 95 % quantiles of Student's t with 1, 2, … degrees of freedom; then a coarser table, read downward. */
const T_QUANTILES: readonly number[] = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const T_BEYOND: readonly (readonly [degrees: number, quantile: number])[] = [
  [120, 1.98],
  [60, 2.0],
  [40, 2.021],
  [30, 2.042],
];

/** Precondition: degrees ≥ 1. Between two entries the larger quantile: an interval is never too narrow. */
export function tQuantile(degrees: number): number {
  return T_QUANTILES[degrees - 1] ?? T_BEYOND.find(([least]) => degrees >= least)![1];
}

/** The mean of some values. Precondition: at least one. */
export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean, low: undefined, high: undefined };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = tQuantile(n - 1) * Math.sqrt(variance / n);
  return { n, mean, low: mean - half, high: mean + half };
}

/** How much larger `values` are than `baseline`, pair by pair. */
export function pairedDifference(values: readonly number[], baseline: readonly number[]): Difference {
  const result = estimate(values.map((value, i) => value - baseline[i]!));
  const { low, high } = result;
  const distinguishable = low === undefined || high === undefined ? undefined : low > 0 || high < 0;
  return { ...result, distinguishable };
}

/** The value below which a share of the (unsorted) values lies; 0 without values. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? 0;
}
