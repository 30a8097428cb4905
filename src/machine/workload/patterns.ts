/** Access patterns: which page of a mapping comes next. */
import type { Random } from '../../util/random.ts';

export const PATTERN_NAMES = ['sequential', 'random', 'zipf', 'stride', 'ws', 'stream', 'idle'] as const;
export type PatternName = (typeof PATTERN_NAMES)[number];

/** How a pattern is set. Sizes in pages. */
export interface PatternSettings {
  readonly name: PatternName;
  /** Pages of the mapping that are accessed at all. */
  readonly nrPages: number;
  /** stride: distance of one access from the last. */
  readonly stridePages: number;
  /** random: share of the pages that gets HOT_SHARE of the accesses; 0: all alike. */
  readonly hotShare: number;
  /** ws: size of the working set. */
  readonly workingSetPages: number;
  /** ws: pages per second by which the working set moves on. */
  readonly driftPagesPerSecond: number;
}

/** Gives the next page (0 … nrPages − 1) at a virtual time since its start. */
export interface Pattern {
  next(elapsedUs: number): number;
}

/** Of the accesses of `random hot=`, how many go to the hot pages. */
export const HOT_SHARE = 0.9;

type Maker = (settings: PatternSettings, random: Random) => Pattern;

const MAKERS: Readonly<Record<Exclude<PatternName, 'idle'>, Maker>> = {
  sequential: (settings) => cursor(settings.nrPages, 1),
  // A stream is sequential, too; its workload drops what lies behind it.
  stream: (settings) => cursor(settings.nrPages, 1),
  stride: (settings) => cursor(settings.nrPages, settings.stridePages),
  random: ({ nrPages, hotShare }, random) => {
    const hot = Math.max(1, Math.round(nrPages * hotShare));
    if (hotShare === 0 || hot >= nrPages) return { next: () => random.below(nrPages) };
    return {
      next: () => (random.fraction() < HOT_SHARE ? random.below(hot) : hot + random.below(nrPages - hot)),
    };
  },
  zipf: ({ nrPages }, random) => {
    const sums = zipfSums(nrPages);
    const total = sums[nrPages - 1]!;
    const spread = coprimeStep(nrPages);
    return {
      next: () => {
        const rank = lowerBound(sums, random.fraction() * total);
        return (rank * spread) % nrPages;
      },
    };
  },
  ws: ({ nrPages, workingSetPages, driftPagesPerSecond }, random) => {
    const size = Math.min(workingSetPages, nrPages);
    return {
      next: (elapsedUs) => {
        const from = Math.floor((elapsedUs * driftPagesPerSecond) / 1e6);
        return (from + random.below(size)) % nrPages;
      },
    };
  },
};

/** Makes a pattern; undefined for `idle`, which accesses nothing. */
export function makePattern(settings: PatternSettings, random: Random): Pattern | undefined {
  return settings.name === 'idle' ? undefined : MAKERS[settings.name](settings, random);
}

/** Walks forward by `step` pages; past the end it begins again, one page further on when the step leaves pages out. */
function cursor(nrPages: number, step: number): Pattern {
  let page = -step;
  let lap = 0;
  return {
    next: () => {
      page += step;
      if (page < nrPages) return page;
      lap = step > 1 && step < nrPages ? (lap + 1) % step : 0;
      page = lap;
      return page;
    },
  };
}

/** The sums 1 + 1/2 + … + 1/rank (Zipf's law with exponent 1), by rank; only additions and divisions, so alike everywhere. */
function zipfSums(nrPages: number): Float64Array {
  const known = ZIPF_SUMS.get(nrPages);
  if (known !== undefined) return known;
  const sums = new Float64Array(nrPages);
  let sum = 0;
  for (let rank = 0; rank < nrPages; rank++) {
    sum += 1 / (rank + 1);
    sums[rank] = sum;
  }
  if (ZIPF_SUMS.size >= MOST_ZIPF_SUMS) ZIPF_SUMS.clear();
  ZIPF_SUMS.set(nrPages, sums);
  return sums;
}

const MOST_ZIPF_SUMS = 64;
const ZIPF_SUMS = new Map<number, Float64Array>();

/** Index of the first element that is larger than `wanted`. */
function lowerBound(sums: Float64Array, wanted: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle]! > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A step near 0.618 · n without common divisor with n: spreads neighbouring ranks over all pages. */
function coprimeStep(n: number): number {
  let step = Math.max(1, Math.floor((n * 618) / 1000));
  while (greatestCommonDivisor(step, n) !== 1) step++;
  return step;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
