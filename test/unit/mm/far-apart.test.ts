/** Places that are touched far apart in a mapping of terabytes: as address sanitizers and runtimes with large reservations have. */
import { expect, test } from 'vitest';
import { PageTables } from '../../../src/mm/pages/page-table.ts';
import { Session } from '../../../src/scenario/session.ts';

const TABLE = 512;

test('a hole is left in one step, whatever comes and goes beside it', () => {
  const tables = new PageTables();
  const directory = new Map<number, number>();
  const end = 2 ** 34;
  for (const pmd of [5_000_000, 1_000_000, 3_000_000]) tables.ensure(directory, pmd * TABLE);
  expect(tables.run(directory, 0, end)).toBe(1_000_000 * TABLE);
  expect(tables.run(directory, 1_000_001 * TABLE, end)).toBe(1_999_999 * TABLE);
  tables.ensure(directory, 2_000_000 * TABLE);
  expect(tables.run(directory, 1_000_001 * TABLE, end)).toBe(999_999 * TABLE);
  tables.freeTables(directory, 2_000_000 * TABLE, 3_000_001 * TABLE);
  expect(tables.run(directory, 1_000_001 * TABLE, end)).toBe(3_999_999 * TABLE);
  expect(tables.run(directory, 5_000_001 * TABLE, end)).toBe(end - 5_000_001 * TABLE);
  expect(tables.hole(directory, 5_000_000 * TABLE, end)).toBe(0);
  expect(tables.hole(directory, end, end)).toBe(0);
});

/** Milliseconds of CPU that all that walks such a mapping takes. */
function walkMs(nrPlaces: number): number {
  const step = Math.floor(2 ** 45 / nrPlaces / 2 ** 21) * 2 ** 21;
  const touches = Array.from({ length: nrPlaces }, (_, i) => `a touch h ${i * step} 4096 write`);
  const session = new Session();
  session.load(
    `machine ram=256M swap=64M\nproc a pid=50\na mmap h size=32T anon noreserve\n${touches.join('\n')}`,
    'test',
  );
  const before = process.cpuUsage();
  const [snap] = session.apply('snap now\na reclaim anon\na madvise h 0 32T dontneed\na exit');
  const { user, system } = process.cpuUsage(before);
  expect(JSON.stringify(snap)).toContain(`"Rss":${nrPlaces * 4}`);
  expect(session.machine.check()).toEqual([]);
  return (user + system) / 1000;
}

test('the walks take a time that grows with the number of places, not with its square or the terabytes between', () => {
  walkMs(500);
  const [few, many] = [walkMs(1500), walkMs(12_000)];
  // Eight times as many: 64 times the work, were each hop to look at all.
  expect(many / Math.max(few, 20)).toBeLessThan(30);
  expect(many).toBeLessThan(10_000);
});
