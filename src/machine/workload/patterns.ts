/** Access patterns: which page of a mapping comes next. */
import type { Random } from '../../util/random.ts';

export const PATTERN_NAMES = ['sequential', 'random', 'zipf', 'stride', 'ws', 'stream', 'laps', 'idle'] as const;
export type PatternName = (typeof PATTERN_NAMES)[number];

/** How a pattern is set. Sizes in pages. */
export interface PatternSettings {
  readonly name: PatternName;
  /** Pages of the mapping that are accessed at all. */
  readonly nrPages: number;
  /** stride: distance of one access from the last. */
  readonly stridePages: number;
  /** laps: the same in bytes. */
  readonly strideBytes?: number;
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

/** Makes a pattern; undefined for `idle`, which accesses nothing. */
export function makePattern(settings: PatternSettings, random: Random): Pattern | undefined {
  const { name, nrPages } = settings;
  switch (name) {
    case 'idle':
      return undefined;
    case 'sequential':
    case 'stream':
      // A stream is sequential, too; its workload drops what lies behind it.
      return new Cursor(nrPages, 1);
    case 'stride':
      return new Cursor(nrPages, settings.stridePages);
    case 'laps':
      return new Laps(nrPages * 4096, settings.strideBytes ?? 4096);
    case 'random':
      return new RandomPages(nrPages, settings.hotShare, random);
    case 'zipf':
      return new Zipf(nrPages, random);
    case 'ws':
      return new WorkingSet(settings, random);
  }
}

/** Walks forward by `step` pages; past the end it begins again, one page further on when the step leaves pages out. */
export class Cursor implements Pattern {
  private readonly nrPages: number;
  private readonly step: number;
  private page: number;
  private lap = 0;

  constructor(nrPages: number, step: number) {
    this.nrPages = nrPages;
    this.step = step;
    this.page = -step;
  }

  next(): number {
    const { nrPages, step } = this;
    this.page += step;
    if (this.page < nrPages) return this.page;
    this.lap = step > 1 && step < nrPages ? (this.lap + 1) % step : 0;
    this.page = this.lap;
    return this.page;
  }
}

/** Walks forward by a number of bytes and begins at the start again, so that it comes by the same places on every lap. */
export class Laps implements Pattern {
  private readonly bytes: number;
  private readonly step: number;
  private offset = 0;

  constructor(bytes: number, step: number) {
    this.bytes = bytes;
    this.step = step;
  }

  next(): number {
    this.offset += this.step;
    if (this.offset >= this.bytes) this.offset = 0;
    return Math.floor(this.offset / 4096);
  }
}

/** Any page; with a hot share, HOT_SHARE of the accesses go to the first pages. */
export class RandomPages implements Pattern {
  private readonly nrPages: number;
  /** Pages that are hot; 0: all alike. */
  private readonly hot: number;
  private readonly random: Random;

  constructor(nrPages: number, hotShare: number, random: Random) {
    const hot = Math.max(1, Math.round(nrPages * hotShare));
    this.nrPages = nrPages;
    this.hot = hotShare === 0 || hot >= nrPages ? 0 : hot;
    this.random = random;
  }

  next(): number {
    const { nrPages, hot, random } = this;
    if (hot === 0) return random.below(nrPages);
    return random.fraction() < HOT_SHARE ? random.below(hot) : hot + random.below(nrPages - hot);
  }
}

export class Zipf implements Pattern {
  private readonly nrPages: number;
  private readonly random: Random;
  private readonly spread: number;

  constructor(nrPages: number, random: Random) {
    this.nrPages = nrPages;
    this.random = random;
    this.spread = coprimeStep(nrPages);
  }

  next(): number {
    const { nrPages } = this;
    const sums = zipfSums(nrPages);
    const rank = lowerBound(sums, this.random.fraction() * sums[nrPages - 1]!);
    return (rank * this.spread) % nrPages;
  }
}

/** Any page of a window that moves on. */
export class WorkingSet implements Pattern {
  private readonly nrPages: number;
  private readonly size: number;
  private readonly driftPagesPerSecond: number;
  private readonly random: Random;

  constructor({ nrPages, workingSetPages, driftPagesPerSecond }: PatternSettings, random: Random) {
    this.nrPages = nrPages;
    this.size = Math.min(workingSetPages, nrPages);
    this.driftPagesPerSecond = driftPagesPerSecond;
    this.random = random;
  }

  next(elapsedUs: number): number {
    const from = Math.floor((elapsedUs * this.driftPagesPerSecond) / 1e6);
    return (from + this.random.below(this.size)) % this.nrPages;
  }
}

/** The sums 1 + 1/2 + … + 1/rank (Zipf's law with exponent 1), by rank; only additions and divisions, so alike everywhere. */
function zipfSums(nrPages: number): Float64Array {
  if (lastSums.length === nrPages) return lastSums;
  const known = ZIPF_SUMS.get(nrPages);
  if (known !== undefined) {
    lastSums = known;
    return known;
  }
  const sums = new Float64Array(nrPages);
  let sum = 0;
  for (let rank = 0; rank < nrPages; rank++) {
    sum += 1 / (rank + 1);
    sums[rank] = sum;
  }
  if (ZIPF_SUMS.size >= MOST_ZIPF_SUMS) ZIPF_SUMS.clear();
  ZIPF_SUMS.set(nrPages, sums);
  lastSums = sums;
  return sums;
}

const MOST_ZIPF_SUMS = 64;
const ZIPF_SUMS = new Map<number, Float64Array>();
/** Those asked for last. */
let lastSums: Float64Array = new Float64Array(0);

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
