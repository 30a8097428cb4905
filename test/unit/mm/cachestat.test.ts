/** What cachestat(2) and mincore(2) tell of a file, and advice by somebody who is no process of the machine. */
import { expect, test } from 'vitest';
import { cachestat, isInCore } from '../../../src/mm/cache/cachestat.ts';
import { Session } from '../../../src/scenario/session.ts';

function play(text: string) {
  const session = new Session();
  session.load(text, 'test');
  const { machine } = session;
  machine.mem.lruBatch.drain();
  return {
    session,
    stat: (name: string, first = 0, last = Number.MAX_SAFE_INTEGER) =>
      cachestat(machine.mem, machine.objects.get(name)!, first, last),
    inCore: (name: string) => {
      const { pages, nrPages } = machine.objects.get(name)!;
      return Array.from({ length: nrPages }, (_, i) => (isInCore(machine.mem, pages.get(i)) ? '#' : '-')).join('');
    },
  };
}

const NOTHING = { cache: 0, dirty: 0, writeback: 0, evicted: 0, recentlyEvicted: 0 };

test('counts what is cached and dirty, within the range, both ends included', () => {
  const { stat, inCore } = play(
    'machine ram=64M readahead=0\nobject F file 8p path=/f\ncache F loadpart 1p 3p\ncache F dirtywrite 6p 1p',
  );
  expect(inCore('F')).toBe('-###--#-');
  expect(stat('F')).toEqual({ ...NOTHING, cache: 4, dirty: 1 });
  expect(stat('F', 2, 2)).toEqual({ ...NOTHING, cache: 1 });
  expect(stat('F', 4, 5)).toEqual(NOTHING);
  expect(stat('F', 6, 6)).toEqual({ ...NOTHING, cache: 1, dirty: 1 });
});

test('what reclaim has taken is evicted, recently where the working set would hold it; what was dropped is not', () => {
  const { stat, session } = play(
    'machine ram=64M\nproc a pid=1001\nobject F file 4M path=/f\na mmap m obj=F size=4M private prot=r\na touch m 0 4M read\na mmap h size=32M anon private\na touch h 0 32M write\na reclaim file',
  );
  const pages = 1024;
  expect(stat('F')).toEqual({ ...NOTHING, evicted: pages, recentlyEvicted: expect.any(Number) });
  const { recentlyEvicted } = stat('F');
  const group = session.machine.mem.memcgs[0]!;
  // As many more evictions as there are ages of what could have held them.
  group.lruvec.nonresidentAge += session.machine.mem.frames.total;
  expect(stat('F').recentlyEvicted).toBe(0);
  expect(recentlyEvicted).toBeGreaterThan(0);
  session.apply('cache F load', 'test');
  session.apply('cache F dontneed 0 0', 'test');
  expect(stat('F').evicted).toBe(0);
});

test('shared memory in swap is evicted, and dirty pages of it are not counted', () => {
  const { stat } = play(
    'machine ram=64M swap=64M\nproc a pid=1001\nobject S memfd 4p\na mmap m obj=S size=4p shared\na touch m 0 4p write\na reclaim all\na touch m 0 1p write',
  );
  const { cache, dirty, evicted } = stat('S');
  expect([cache + evicted, dirty]).toEqual([4, 0]);
  expect(evicted).toBeGreaterThan(0);
});

test('cache dontneed takes whole pages that are clean, willneed reads', () => {
  const { session, inCore } = play('machine ram=64M readahead=0\nobject F file 8p path=/f\ncache F load');
  session.apply('cache F dontneed 100 9000', 'test');
  expect(inCore('F')).toBe('#-######');
  session.apply('cache F dontneed 3p 0', 'test');
  expect(inCore('F')).toBe('#-#-----');
  session.apply('cache F willneed 4p 2p', 'test');
  expect(inCore('F')).toBe('#-#-##--');
});
