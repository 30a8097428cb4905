/** Heat maps and miss-ratio curves: what they say is what was accessed, page by page. */
import { describe, expect, test } from 'vitest';
import { AccessMap, FIRST_SLOT_US } from '../../../src/scenario/heat/access-map.ts';
import { heatText } from '../../../src/scenario/heat/heat-text.ts';
import { missRatio, missRatioText } from '../../../src/scenario/heat/miss-ratio.ts';
import { ReuseDistances } from '../../../src/scenario/heat/reuse.ts';
import { playScenario } from '../../../src/scenario/play.ts';
import { Random } from '../../../src/util/random.ts';

/** Faults of an LRU, one access after the other. */
function lruFaults(pages: readonly number[], size: number): number {
  const held = new Set<number>();
  let faults = 0;
  for (const page of pages) {
    if (!held.delete(page)) faults++;
    held.add(page);
    if (held.size > size) held.delete(held.values().next().value!);
  }
  return faults;
}

test('reuse distances: the faults of an LRU of every size, also after moments were numbered anew', () => {
  const random = new Random(7);
  const pages = Array.from({ length: 150_000 }, () => Math.floor(random.fraction() ** 3 * 60));
  const distances = new ReuseDistances();
  for (const page of pages) distances.access(page);
  expect(distances.nrPages).toBe(new Set(pages).size);
  for (const size of [1, 2, 3, 7, 20, 45, 59, 60, 100])
    expect([size, distances.faults(size)]).toEqual([size, lruFaults(pages, size)]);
});

describe('heat map', () => {
  const STORY = `machine ram=64M swap=16M
proc a pid=10
a mmap cold size=4M anon
a mmap hot size=1M anon
a touch cold 0 4M write
a touch hot 0 1M write
${'tick 100ms\na touch hot 0 1M write\n'.repeat(9)}tick 100ms
a reclaim anon
`;
  const seen = (scenario: string, mostSlots?: number): AccessMap => {
    const map = new AccessMap('a', mostSlots);
    playScenario(scenario, 'story', { heat: map });
    return map;
  };
  const total = (units: ReadonlyMap<number, number>): number => [...units.values()].reduce((sum, n) => sum + n, 0);

  test('counts every access where it was made', () => {
    const map = seen(`${STORY}tick 2s\n`);
    expect(map.nrAccesses).toBe(1024 + 2560);
    expect(map.ranges.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(1024 + 256);
    const [first] = map.slots;
    expect(total(first!.accesses)).toBe(1024 + 256);
    expect(map.slots.slice(1, 10).map(({ accesses }) => total(accesses))).toEqual(new Array(9).fill(256));
    expect(map.slots.slice(10).every(({ accesses }) => accesses.size === 0)).toBe(true);
    expect(map.workingSets().slice(0, 11)).toEqual([1280, ...new Array(9).fill(256), 0]);
  });

  test('residency is what the page tables say', () => {
    const map = new AccessMap('a');
    const { session } = playScenario(`${STORY}tick 2s\n`, 'story', { heat: map });
    const { mm } = session.machine.named.get('a')!;
    const last = map.slots.at(-1)!;
    expect([total(last.resident), total(last.swapped)]).toEqual([mm!.rss, mm!.swapents]);
    expect(mm!.swapents).toBeGreaterThan(0);
  });

  test('longer slots hold the same: accesses are summed, working sets are those of the longer time', () => {
    const scenario = `${STORY}a run zipf hot rate=2560/s write=100% for=20s\ntick 20s\n`;
    const fine = seen(scenario, 200);
    const coarse = seen(scenario, 10);
    expect(fine.slotUs).toBe(FIRST_SLOT_US);
    expect(coarse.slots.length).toBeLessThan(20);
    const ratio = coarse.slotUs / fine.slotUs;
    expect(ratio).toBe(16);
    for (const [i, slot] of coarse.slots.entries()) {
      const parts = fine.slots.slice(i * ratio, (i + 1) * ratio);
      expect(total(slot.accesses)).toBe(parts.reduce((sum, { accesses }) => sum + total(accesses), 0));
      const pages = new Set(parts.flatMap(({ accesses }) => [...accesses.keys()]));
      expect(fine.unitPages).toBe(1);
      expect(coarse.workingSets()[i]).toBe(pages.size);
    }
  });

  test('many pages are told apart by larger units, and none is lost', () => {
    const map = seen('machine ram=256M\nproc a pid=10\na mmap big size=128M anon\na touch big 0 128M write\ntick 1s\n');
    expect(map.unitPages).toBeGreaterThan(1);
    expect(total(map.slots[0]!.accesses)).toBe(32768);
    expect(total(map.slots[0]!.resident)).toBe(32768);
  });

  test('as text: hot is hot, what is in swap is S', () => {
    const text = heatText(seen(`${STORY}tick 2s\n`), 'a');
    const lines = text.split('\n');
    const at = (from: string, seconds: string): string =>
      lines.slice(lines.findIndex((line) => line.startsWith(from))).find((line) => line.includes(`${seconds} s `))!;
    expect(at('accesses', '0.5')).toMatch(/ 0\.5 s \.{51,52}9{12,13}$/);
    expect(at('what is there', '1.5')).toMatch(/ 1\.5 s S{64}$/);
    expect(at('in kB', '0.5')).toMatch(/ 0\.5 s +1024 +5120 +0$/);
    expect(heatText(seen('proc b\n'), 'a')).toContain('it has had no memory');
  });
});

describe('miss-ratio curve', () => {
  test('two regions in turn: each fits, or nothing does', () => {
    const story = `machine ram=64M
proc a pid=10
a mmap low size=4M anon
a mmap high size=4M anon
${'a touch low 0 4M write\n'.repeat(10)}${'a touch high 0 4M write\n'.repeat(10)}${'a touch low 0 4M write\n'.repeat(10)}
`;
    const { accesses, footprintKb, curve } = missRatio(story, 'story', { sizesKb: [2048, 4096, 8188, 8192] });
    expect([accesses, footprintKb]).toEqual([3 * 10240, 8192]);
    // Below 4 MiB every access but the first 2048 misses; up to 8 MiB those that come back to the lower region.
    expect(curve.map(({ faults }) => faults)).toEqual([3 * 10240 - 2048, 1024, 1024, 0]);
  });

  test('what it says is what runs with less memory have', () => {
    const story = `machine ram=256M swap=256M swapkind=zram seed=3
proc a pid=10
a mmap heap size=64M anon private
a run zipf heap rate=20000/s write=100%
duration 20s
`;
    const { measured } = missRatio(story, 'story', { ramKb: [32768, 49152, 131072] });
    const [small, middle, ample] = measured;
    // The kernel's two lists are not an LRU; over a time long enough for memory to settle they come to the same within a tenth.
    for (const run of [small!, middle!])
      expect(Math.abs(run.perThousand - run.lru.perThousand)).toBeLessThan(run.lru.perThousand / 10);
    expect(small!.faults).toBeGreaterThan(middle!.faults);
    expect([ample!.faults, ample!.lru.faults]).toEqual([0, 0]);
    expect(missRatioText(missRatio(story, 'story'))).toMatch(/^\d+ accesses to \d+ kB\n/);
  }, 120_000);
});
