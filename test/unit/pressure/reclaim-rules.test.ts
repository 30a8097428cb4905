/** Rules of reclaim that mutation testing found nobody to hold (native-notes/mutation.md): each names the kernel's function. */
import { expect, it } from 'vitest';
import { PG_ACTIVE, PG_SWAPCACHE } from '../../../src/mm/pages/page-flags.ts';
import { noteCost } from '../../../src/mm/reclaim/lruvec.ts';
import { DEACTIVATE_ANON, ScanControl } from '../../../src/mm/reclaim/scan-control.ts';
import { shrinkNode } from '../../../src/mm/reclaim/vmscan.ts';
import { Session } from '../../../src/scenario/session.ts';

function machineOf(text: string) {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

it('a page that two processes have used since the last look becomes active at once (folio_referenced counts all mappings)', () => {
  const { machine } = machineOf(`machine ram=64M swap=64M
object F file 128K
proc A
A mmap f size=128K obj=F shared prot=r
proc B
B mmap f size=128K obj=F shared prot=r
A touch f 0 128K read
B touch f 0 128K read`);
  const { mem } = machine;
  const sc = new ScanControl('direct', 32, 60);
  sc.priority = 0;
  shrinkNode(mem, sc);
  expect(mem.events.pgactivate).toBe(32);
  const active = machine.objects.get('F')!.pages.get(0);
  expect(mem.frames.flags[active]! & PG_ACTIVE).toBe(PG_ACTIVE);
});

it('a page of the swap cache that is used again keeps its slot while swap is not half full (activate_locked in shrink_folio_list)', () => {
  const session = machineOf(`machine ram=64M swap=64M swapkind=disk
sysctl vm.page-cluster 0
proc A
A mmap h size=128K anon private
A touch h 0 128K write
A reclaim all
tick 10s
A touch h 0 128K read
A clearrefs 1
A touch h 0 128K read`);
  const { mem } = session.machine;
  expect(mem.nrSwapCache).toBe(32);
  const look = () => {
    const sc = new ScanControl('direct', 32, 200);
    sc.priority = 0;
    mem.lruBatch.drain();
    shrinkNode(mem, sc);
  };
  look();
  session.apply('A touch h 0 128K read');
  look();
  expect(mem.events.pgactivate).toBe(32);
  expect([mem.nrSwapCache, mem.swap!.nrUsed]).toEqual([32, 32]);
  expect(mem.frames.flags[mem.swap!.frame[1]!]! & PG_SWAPCACHE).toBe(PG_SWAPCACHE);
});

it('what cost nothing halves nothing (lru_note_cost)', () => {
  const { machine } = machineOf(
    'machine ram=64M swap=64M\nproc A\nA mmap h size=128K anon private\nA touch h 0 128K write',
  );
  const { mem } = machine;
  mem.rootMemcg.lruvec.anonCost = 1000;
  noteCost(mem, mem.rootMemcg, false, 0, 0);
  expect(mem.rootMemcg.lruvec.anonCost).toBe(1000);
  noteCost(mem, mem.rootMemcg, false, 0, 1);
  expect(mem.rootMemcg.lruvec.anonCost).toBe(500);
});

it('a group in which nothing has come back keeps its active pages while its inactive list is long (prepare_scan_control)', () => {
  const { machine } = machineOf(`machine ram=64M swap=64M
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
proc A cgroup=/g
A mmap h size=4M anon private
A touch h 0 4M write
tick 3s`);
  const { mem } = machine;
  const group = mem.memcgs[1]!;
  const sc = new ScanControl('direct', 32, 60, group);
  mem.policy.prepareScan(mem, sc);
  expect(sc.mayDeactivate & DEACTIVATE_ANON).toBe(0);
  group.lruvec.activatedAnon++;
  machine.advance(machine.nowUs + 3_000_000);
  mem.policy.prepareScan(mem, sc);
  expect(sc.mayDeactivate & DEACTIVATE_ANON).toBe(DEACTIVATE_ANON);
});

it('use through a mapping of random access says nothing of a page (vma_has_recency)', () => {
  const freed = (advice: string) => {
    const { machine } = machineOf(`machine ram=64M swap=64M
object F file 128K
cache F load
proc A
A mmap f size=128K obj=F shared prot=r
A madvise f 0 128K ${advice}
A touch f 0 128K read`);
    const sc = new ScanControl('direct', 32, 60);
    sc.priority = 0;
    shrinkNode(machine.mem, sc);
    return sc.nrReclaimed;
  };
  expect([freed('random'), freed('normal')]).toEqual([32, 0]);
});

it('of a group that uses more than memory.low only that part is looked at; where nothing else helps, all (apply_proportional_protection)', () => {
  const { machine } = machineOf(`machine ram=64M swap=0
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
object F file 4M
proc A cgroup=/g
A read F 0 4M
cgroup write /g/memory.low 3M`);
  const { mem } = machine;
  expect(mem.memcgs[1]!.usage).toBe(1024);
  const look = (lowReclaim: boolean) => {
    const sc = new ScanControl('direct', 2 ** 20, 60);
    sc.priority = 0;
    sc.lowReclaim = lowReclaim;
    shrinkNode(mem, sc);
    return [sc.nrScanned, sc.lowSkipped];
  };
  // 1024 pages less 1024 × 768 / 1025 of them.
  expect(look(false)).toEqual([257, true]);
  expect(look(true)).toEqual([1024 - 257, false]);
});

it('a direct reclaimer whose turn begins behind the last group begins again at the first (mem_cgroup_iter)', () => {
  const { machine } = machineOf(`machine ram=64M swap=0
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
object F file 4M
proc A cgroup=/g
A read F 0 4M
object G file 4M
proc B
B read G 0 4M`);
  const { mem } = machine;
  const turns = Array.from({ length: 4 }, () => {
    const sc = new ScanControl('direct', 32, 60);
    sc.priority = 2;
    const before = mem.memcgs[1]!.usage;
    expect(shrinkNode(mem, sc)).toBeGreaterThanOrEqual(32);
    return mem.memcgs[1]!.usage < before ? 'g' : 'root';
  });
  expect(turns).toEqual(['root', 'g', 'root', 'g']);
});

it('where volatile memory suffices the lists are left alone', () => {
  const { machine } = machineOf(`machine ram=64M swap=64M
proc A
A mmap data size=4M anon private
A touch data 0 4M write
A mmap cache size=4M anon private
A touch cache 0 4M write
A volatile cache 0 4M`);
  const sc = new ScanControl('direct', 32, 60);
  sc.priority = 0;
  expect(shrinkNode(machine.mem, sc)).toBeGreaterThanOrEqual(32);
  expect(sc.nrScanned).toBe(0);
});

it('after reclaim of a group nobody is reclaimed from any more: later shadows are of the machine', () => {
  const session = machineOf(`machine ram=64M swap=64M
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
object F file 4M
proc A cgroup=/g
A read F 0 4M`);
  session.apply('cgroup write /g/memory.reclaim 1M');
  expect(session.machine.mem.memcgs[1]!.usage).toBeLessThanOrEqual(768);
  expect(session.machine.mem.reclaimTarget).toBe(null);
});

it('a page that two processes have locked stays locked when one of them unmaps it, and no longer when the last does', () => {
  const { session, locked } = lockedBy('locked');
  expect(locked()).toBe(16);
  session.apply('A munmap m 0 16p');
  expect(locked()).toBe(16);
  session.apply('B munmap m 0 16p');
  expect(locked()).toBe(0);
});

it('a page that another process maps without a lock is free of it when the one that has locked it unmaps it', () => {
  const { session, locked } = lockedBy('');
  session.apply('A munmap m 0 16p');
  expect(locked()).toBe(0);
  expect(session.machine.check()).toEqual([]);
});

/** A file that A has locked, and B maps with `how`; how many pages are locked. */
function lockedBy(how: string) {
  const session = machineOf(`machine ram=64M
object F file 16p
proc A
A mmap m size=16p obj=F shared prot=r locked
proc B
B mmap m size=16p obj=F shared prot=r ${how}
B touch m 0 16p read`);
  return { session, locked: () => session.machine.mem.nrMlocked };
}
