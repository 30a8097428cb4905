import { describe, expect, test } from 'vitest';
import { makePattern, type PatternSettings } from '../../../src/machine/workload/patterns.ts';
import { Random } from '../../../src/util/random.ts';

const SETTINGS: PatternSettings = {
  name: 'random',
  nrPages: 1000,
  stridePages: 1,
  hotShare: 0,
  workingSetPages: 100,
  driftPagesPerSecond: 0,
};

function pages(settings: Partial<PatternSettings>, count: number, elapsedUs = 0): number[] {
  const pattern = makePattern({ ...SETTINGS, ...settings }, new Random(1, 1))!;
  return Array.from({ length: count }, () => pattern.next(elapsedUs));
}

describe('random numbers', () => {
  test('are the same for a seed on every host', () => {
    const random = new Random(7, 3);
    expect([random.next(), random.next(), random.below(1000), random.between(5, 9)]).toMatchInlineSnapshot(`
      [
        937671138,
        79281453,
        7,
        6,
      ]
    `);
  });

  test('differ by seed and by stream', () => {
    const first = (seed: number, stream: number) => new Random(seed, stream).next();
    expect(new Set([first(1, 0), first(1, 1), first(2, 0), first(2, 1)]).size).toBe(4);
  });

  test('are spread evenly', () => {
    const random = new Random(1);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  test('a shuffled list has the same members', () => {
    const list = new Random(5).shuffle([...Array(50).keys()]);
    expect([...list].sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
    expect(list).not.toEqual([...Array(50).keys()]);
  });
});

describe('access patterns', () => {
  test('sequential goes round', () => {
    expect(pages({ name: 'sequential', nrPages: 4 }, 6)).toEqual([0, 1, 2, 3, 0, 1]);
  });

  test('stride comes to every page in the end', () => {
    expect(pages({ name: 'stride', nrPages: 6, stridePages: 3 }, 6)).toEqual([0, 3, 1, 4, 2, 5]);
  });

  test('random with a hot tenth gives it nine accesses of ten', () => {
    const hot = pages({ hotShare: 0.1 }, 10_000).filter((page) => page < 100).length;
    expect(hot).toBeGreaterThan(8_800);
    expect(hot).toBeLessThan(9_200);
  });

  test('zipf: the most frequent page has about 1/ln(n) of all, and pages lie apart', () => {
    const counts = new Map<number, number>();
    for (const page of pages({ name: 'zipf' }, 20_000)) counts.set(page, (counts.get(page) ?? 0) + 1);
    const [first, second] = [...counts].sort((a, b) => b[1] - a[1]);
    expect(first![1] / 20_000).toBeCloseTo(1 / 7.485, 1);
    expect(first![1] / second![1]).toBeGreaterThan(1.7);
    expect(Math.abs(first![0] - second![0])).toBeGreaterThan(100);
    expect(Math.max(...counts.keys())).toBeLessThan(1000);
  });

  test('a working set moves with time', () => {
    const early = pages({ name: 'ws', driftPagesPerSecond: 50 }, 500);
    const late = pages({ name: 'ws', driftPagesPerSecond: 50 }, 500, 4_000_000);
    expect([Math.min(...early), Math.max(...early)]).toEqual([0, 99]);
    expect([Math.min(...late), Math.max(...late)]).toEqual([200, 299]);
  });

  test('idle accesses nothing', () => {
    expect(makePattern({ ...SETTINGS, name: 'idle' }, new Random(1))).toBeUndefined();
  });
});
