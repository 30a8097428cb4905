import type { Comparison } from './compare.ts';
export function comparisonPage(comparison: Comparison): string {
  return JSON.stringify(comparison);
}
