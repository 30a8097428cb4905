/**
 * Seeded random numbers that are the same on every host: sfc32 (Chris Doty-Humphrey's "small fast counting" generator,
 * 128 bits of state), filled from the seed by splitmix32. Only 32-bit integer arithmetic and divisions by powers of two.
 */

/** One independent stream of random numbers. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** The stream `stream` of a seed; both are whole numbers. Different streams of one seed do not follow each other. */
  constructor(seed: number, stream = 0) {
    let state = (Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul((stream | 0) + 0x7f4a7c15, 0x85ebca6b)) | 0;
    const fill = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) | 0;
    };
    this.a = fill();
    this.b = fill();
    this.c = fill();
    for (let i = 0; i < 12; i++) this.next();
  }

  /** A whole number from 0 to 2^32 − 1. */
  next(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A number from 0 (inclusive) to 1 (exclusive), with 32 random bits. */
  fraction(): number {
    return this.next() / 4294967296;
  }

  /** A whole number from 0 to n − 1. Precondition: 1 ≤ n ≤ 2^32. */
  below(n: number): number {
    return Math.floor(this.fraction() * n);
  }

  /** A whole number from `low` to `high`, both inclusive. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** Puts a list into random order, in place (Fisher and Yates). */
  shuffle<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const other = list[j]!;
      list[j] = list[i]!;
      list[i] = other;
    }
    return list;
  }
}
