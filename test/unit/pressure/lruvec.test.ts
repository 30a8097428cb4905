import { describe, expect, it } from 'vitest';
import { memcgStat } from '../../../src/machine/cgroup-stat.ts';
import { LRU_ACTIVE_FILE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE, NR_LISTS } from '../../../src/mm/pages/frames.ts';
import { PG_DIRTY, PG_RECLAIM, PG_WRITEBACK } from '../../../src/mm/pages/page-flags.ts';
import { flushStats, noteCost, pageState } from '../../../src/mm/reclaim/lruvec.ts';
import type { Memcg } from '../../../src/mm/reclaim/memcg.ts';
import { calculateProtection, isBelowLow, isBelowMin } from '../../../src/mm/reclaim/protection.ts';
import { ScanControl } from '../../../src/mm/reclaim/scan-control.ts';
import { shrinkNode } from '../../../src/mm/reclaim/vmscan.ts';
import { evictionShadow, isRecent } from '../../../src/mm/reclaim/workingset.ts';
import { Session } from '../../../src/scenario/session.ts';

/** A machine with groups that hand the controller down, and a process in each leaf that holds so much memory. */
function groups(paths: Record<string, string>, head = 'ram=256M swap=128M statflush=0s') {
  const session = new Session();
  const lines = [`machine ${head}`, 'cgroup write /cgroup.subtree_control "+memory"'];
  let pid = 100;
  for (const [path, size] of Object.entries(paths)) {
    lines.push(`cgroup mkdir ${path}`);
    if (size === '') lines.push(`cgroup write ${path}/cgroup.subtree_control "+memory"`);
    else {
      const name = path.slice(path.lastIndexOf('/') + 1);
      lines.push(`proc ${name} pid=${++pid}`, `cgroup write ${path}/cgroup.procs "${pid}"`);
      lines.push(`${name} mmap heap size=${size} anon private`, `${name} touch heap 0 ${size} write`);
    }
  }
  session.load(lines.join('\n'), 'test');
  const { machine } = session;
  return { session, machine, mem: machine.mem, memcg: (path: string): Memcg => machine.cgroups.at(path).memcg };
}

const counted = (lists: Uint32Array, { id }: Memcg, list: number) => lists[id * NR_LISTS + list];

describe('the lists of a group', () => {
  it('hold its pages and nobody else’s; reclaim from it leaves strangers alone', () => {
    const { session, mem, memcg } = groups({ '/a': '4M', '/b': '8M' });
    expect(counted(mem.frames.nrOnGroupList, memcg('/a'), LRU_INACTIVE_ANON)).toBe(1024);
    expect(counted(mem.frames.nrOnGroupList, memcg('/b'), LRU_INACTIVE_ANON)).toBe(2048);
    session.apply('cgroup write /a/memory.reclaim "1M"');
    expect(memcg('/a').usage).toBeLessThanOrEqual(1024 - 256);
    expect(memcg('/b').usage).toBe(2048);
    expect(() => session.apply('cgroup write /a/memory.reclaim "20M"')).toThrow('EAGAIN');
    expect([memcg('/a').usage, memcg('/b').usage]).toEqual([0, 2048]);
    // What was refused is undone: from here on the machine is another one, in the memory of the first.
    expect(session.machine.check()).toEqual([]);
  });

  it('become the oldest of the parent when the group is removed', () => {
    const { session, machine, mem, memcg } = groups({ '/g': '', '/g/a': '1M', '/g/b': '1M' });
    session.apply('object F file 1M\na mmap f size=1M obj=F shared\na touch f 0 1M read\na exit');
    session.apply('cgroup rmdir /g/a');
    expect(memcg('/g').usage).toBe(512);
    expect(counted(mem.frames.nrOnGroupList, memcg('/g'), LRU_INACTIVE_FILE)).toBe(256);
    expect(machine.check()).toEqual([]);
    session.apply('cgroup write /g/memory.reclaim "1M"');
    expect(machine.check()).toEqual([]);
    expect(machine.objects.get('F')!.nrCached).toBeLessThan(256);
  });

  it('are looked at once in a batch, however short', () => {
    const { mem } = groups({ '/a': '64K' });
    const sc = new ScanControl('direct', 32, 60, mem.memcgs[1]!);
    sc.priority = 0;
    mem.lruBatch.drain();
    shrinkNode(mem, sc);
    expect([sc.nrScanned, sc.nrReclaimed]).toEqual([16, 0]);
  });
});

describe('costs', () => {
  it('count for the group and all above, and are halved beyond a quarter of the lists', () => {
    const { mem, memcg } = groups({ '/g': '', '/g/a': '4M' });
    noteCost(mem, memcg('/g/a'), false, 2, 3);
    expect(memcg('/g/a').lruvec.anonCost).toBe(67);
    expect(memcg('/g').lruvec.anonCost).toBe(67);
    expect(mem.rootMemcg.lruvec.anonCost).toBe(67);
    noteCost(mem, memcg('/g/a'), true, 0, 190);
    expect([memcg('/g/a').lruvec.anonCost, memcg('/g/a').lruvec.fileCost]).toEqual([33, 95]);
  });
});

describe('shadows', () => {
  it('remember the group that was reclaimed from; a removed one remembers nothing', () => {
    const { session, mem, memcg } = groups({ '/a': '4M', '/b': '4M' });
    const shadow = evictionShadow(mem, 1, memcg('/a'));
    expect(mem.rootMemcg.lruvec.nonresidentAge).toBe(2);
    expect(memcg('/b').lruvec.nonresidentAge).toBe(1);
    expect(isRecent(mem, shadow, true)).toBe(true);
    // 1024 anonymous pages of the group are all that could have been given up for it.
    memcg('/a').lruvec.nonresidentAge += 1023;
    expect(isRecent(mem, shadow, true)).toBe(true);
    memcg('/a').lruvec.nonresidentAge++;
    expect(isRecent(mem, shadow, true)).toBe(false);
    const other = evictionShadow(mem, 1, memcg('/b'));
    session.apply('b exit\ncgroup rmdir /b');
    expect(isRecent(mem, other, true)).toBe(false);
  });
});

describe('statistics', () => {
  it('are as old as the last two seconds, or as the last look at memory.stat', () => {
    const { session, machine, mem, memcg } = groups({ '/a': '4M' }, 'ram=256M swap=128M');
    const known = () => pageState(mem, memcg('/a'), LRU_INACTIVE_ANON);
    expect(known()).toBe(0);
    mem.lruBatch.drain();
    memcgStat(machine, machine.cgroups.at('/a'));
    expect(known()).toBe(1024);
    session.apply('a mmap more size=1M anon private\na touch more 0 1M write');
    mem.lruBatch.drain();
    session.apply('tick 1s');
    expect(known()).toBe(1024);
    session.apply('tick 1s');
    expect(known()).toBe(1280);
  });

  it('include the groups below, and those of the machine are never old', () => {
    const { mem, memcg } = groups({ '/g': '', '/g/a': '1M', '/g/b': '2M' });
    mem.lruBatch.drain();
    flushStats(mem, mem.rootMemcg);
    expect(pageState(mem, memcg('/g'), LRU_INACTIVE_ANON)).toBe(768);
    expect(pageState(mem, mem.rootMemcg, LRU_INACTIVE_ANON)).toBe(mem.frames.nrOnList[LRU_INACTIVE_ANON]);
  });
});

describe('a walk over the tree', () => {
  it('of a direct reclaimer begins where the last one stopped; kswapd visits all', () => {
    const { session, mem, memcg } = groups({ '/g': '', '/g/a': '4M', '/g/b': '4M', '/g/c': '4M' });
    for (const name of ['a', 'b', 'c']) session.apply(`${name} clearrefs 1`);
    const freed = () => ['a', 'b', 'c'].map((name) => 1024 - memcg(`/g/${name}`).usage);
    const once = () => {
      const sc = new ScanControl('direct', 32, 200, memcg('/g'));
      sc.priority = 3;
      shrinkNode(mem, sc);
    };
    once();
    expect(freed()).toEqual([32, 0, 0]);
    once();
    expect(freed()).toEqual([32, 32, 0]);
    const kswapd = new ScanControl('kswapd', 32, 200);
    kswapd.priority = 3;
    shrinkNode(mem, kswapd);
    expect(freed().every((n) => n >= 32)).toBe(true);
  });
});

describe('memory.min and memory.low', () => {
  it('are shared by use where the children claim more than the parent has, and what is unclaimed by what is unprotected', () => {
    const { mem, memcg } = groups({ '/g': '', '/g/a': '4M', '/g/b': '2M' });
    const [g, a, b] = [memcg('/g'), memcg('/g/a'), memcg('/g/b')];
    const protect = () => {
      for (const group of [g, a, b]) calculateProtection(mem.rootMemcg, group);
      return [g.effectiveLow, a.effectiveLow, b.effectiveLow];
    };
    g.low = 600;
    a.low = 1024;
    b.low = 512;
    expect(protect()).toEqual([600, 400, 200]);
    a.low = 100;
    b.low = 0;
    // 500 unclaimed, over 924 and 512 pages that are not protected of 1436.
    expect(protect()).toEqual([600, 100 + Math.floor((500 * 924) / 1436), Math.floor((500 * 512) / 1436)]);
    g.low = 2000;
    protect();
    expect(isBelowLow(mem.rootMemcg, g)).toBe(true);
    expect(isBelowLow(g, g)).toBe(false);
    expect(isBelowMin(mem.rootMemcg, g)).toBe(false);
  });

  it('keep reclaim away: min always, low as long as there is something else', () => {
    const { session, memcg } = groups({ '/g': '', '/g/a': '4M', '/g/b': '4M' });
    session.apply('cgroup write /g/a/memory.min "4M"\ncgroup write /g/b/memory.low "4M"');
    session.apply('cgroup write /g/memory.reclaim "2M"');
    expect(memcg('/g/a').usage).toBe(1024);
    expect(memcg('/g/b').usage).toBeLessThanOrEqual(512);
    expect(memcg('/g/b').events.low).toBeGreaterThan(0);
    expect(() => session.apply('cgroup write /g/memory.reclaim "8M"')).toThrow('EAGAIN');
    expect(memcg('/g/a').usage).toBe(1024);
  });
});

describe('limits', () => {
  it('memory.high lets a group grow beyond it where nothing can be freed, ever more slowly', () => {
    const { session, machine, mem, memcg } = groups({ '/a': '4M' }, 'ram=256M swap=0 statflush=0s');
    session.apply('a mmap more size=8M anon private\ncgroup write /a/memory.high "4M"');
    const cost = (page: number) => {
      const before = mem.stalledUs;
      session.apply(`a touch more ${page}p 64p write`);
      return mem.stalledUs - before;
    };
    const [first, second] = [cost(0), cost(64)];
    expect(memcg('/a').usage).toBe(1152);
    // HZ × (64 / 1024)² × 64 is a quarter of a second; pages are counted 64 at a time.
    expect(first).toBeGreaterThan(100_000);
    expect(first).toBeLessThan(500_000);
    expect(second).toBeGreaterThan(first * 2);
    expect(memcg('/a').events.high).toBeGreaterThan(16);
    expect(machine.check()).toEqual([]);
  });
});

describe('counters', () => {
  it('of the machine do not hear of direct reclaim within a group; those of the group do', () => {
    const { session, mem, memcg } = groups({ '/a': '4M' });
    session.apply('cgroup write /a/memory.max "2M"');
    const { events } = mem;
    expect([events.pgscan_direct, events.pgsteal_direct, events.pgrefill]).toEqual([0, 0, 0]);
    expect(events.pgsteal_anon).toBeGreaterThanOrEqual(512);
    expect(memcg('/a').counts.pgsteal_direct).toBe(events.pgsteal_anon);
    expect(memcg('/a').counts.pgscan_direct).toBe(events.pgscan_anon);
  });

  it('count a page written to zram as written', () => {
    const { session, mem } = groups({ '/a': '4M' });
    session.apply('cgroup write /a/memory.max "2M"');
    expect(mem.events.nr_written).toBe(mem.events.pswpout);
  });
});

describe('dirty file pages', () => {
  it('get out of the way, marked, and the flusher is woken when a batch has nothing else', () => {
    const session = new Session();
    session.load('machine ram=64M swap=0\nobject F file 64p\ncache F dirtywrite 0 64p', 'test');
    const { mem } = session.machine;
    const sc = new ScanControl('direct', 32, 60);
    sc.priority = 1;
    shrinkNode(mem, sc);
    expect(mem.frames.nrOnList[LRU_ACTIVE_FILE]).toBe(32);
    let marked = 0;
    let dirty = 0;
    for (let pfn = 1; pfn < mem.frames.fresh; pfn++) {
      const flags = mem.frames.flags[pfn]!;
      if (flags & PG_RECLAIM && flags & PG_WRITEBACK) marked++;
      if (flags & PG_DIRTY) dirty++;
    }
    expect([marked, dirty]).toEqual([32, 0]);
    expect(session.machine.check()).toEqual([]);
  });
});
