/** Rules of reclaim that mutation testing found nobody to hold (native-notes/mutation.md): each names the kernel's function. */
import { expect, it } from 'vitest';
import { LRU_ACTIVE_FILE, LRU_INACTIVE_FILE, NR_LISTS } from '../../../src/mm/pages/frames.ts';
import { PG_ACTIVE, PG_SWAPCACHE } from '../../../src/mm/pages/page-flags.ts';
import { noteCost } from '../../../src/mm/reclaim/lruvec.ts';
import { DEACTIVATE_ANON, ScanControl } from '../../../src/mm/reclaim/scan-control.ts';
import { shrinkNode, tryToFreePages } from '../../../src/mm/reclaim/vmscan.ts';
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

it('what frees nothing is tried again: all groups, active pages by force, then what memory.low protects (do_try_to_free_pages)', () => {
  const { machine } = machineOf('machine ram=64M swap=64M');
  const { mem } = machine;
  const attempts: [boolean, boolean, boolean][] = [];
  mem.policy = {
    ...mem.policy,
    prepareScan(_mem, sc) {
      if (sc.priority === 12) attempts.push([sc.fullWalk, sc.forceDeactivate, sc.lowReclaim]);
      if (!sc.forceDeactivate && !sc.lowReclaim) sc.skippedDeactivate = true;
      if (!sc.lowReclaim) sc.lowSkipped = true;
    },
    beginLruvec() {},
    stepLruvec: () => false,
    endReclaim() {},
  };
  tryToFreePages(mem, new ScanControl('direct', 32, 60));
  expect(attempts).toEqual([
    [false, false, false],
    [true, false, false],
    [true, true, false],
    [true, false, true],
  ]);
});

it('anonymous pages are looked at while one slot is left (mem_cgroup_get_nr_swap_pages in get_scan_count)', () => {
  const session = machineOf(`machine ram=64M swap=64M
cgroup write /cgroup.subtree_control "+memory"
cgroup mkdir /a
proc A pid=100
cgroup write /a/cgroup.procs "100"
A mmap heap size=1M anon private
A touch heap 0 1M write
A clearrefs 1
cgroup write /a/memory.swap.max "4K"`);
  const { mem } = session.machine;
  const look = () => {
    const sc = new ScanControl('direct', 32, 60, session.machine.cgroups.at('/a').memcg);
    sc.priority = 2;
    mem.lruBatch.drain();
    shrinkNode(mem, sc);
    return [sc.nrScanned, mem.events.pswpout];
  };
  // 60 of 200 of 64 pages: the first takes the slot, the others find none; then there is nothing to look for.
  expect(look()).toEqual([19, 1]);
  expect(look()).toEqual([0, 1]);
});

it('when it is enough, the kind with more left is looked at in the same proportion, once (shrink_lruvec)', () => {
  const session = machineOf(`machine ram=64M swap=64M statflush=0s
object F file 1200p
cgroup write /cgroup.subtree_control "+memory"
cgroup mkdir /a
proc A pid=100
cgroup write /a/cgroup.procs "100"
A mmap heap size=1216p anon private
A mmap f size=1200p obj=F shared prot=r
A touch heap 0 1216p write
A touch f 0 1200p read
A clearrefs 1`);
  const { mem } = session.machine;
  const sc = new ScanControl('direct', 32, 100, session.machine.cgroups.at('/a').memcg);
  sc.priority = 1;
  sc.noCacheTrim = true;
  mem.lruBatch.drain();
  shrinkNode(mem, sc);
  // Half of 608 and of 600 pages. After 32 of each 268 of 300 are left of the file: 89 in a hundred of 301, so that of the
  // others 11 in a hundred of 304 are wanted, 33: one more.
  expect([mem.events.pgscan_file, mem.events.pgscan_anon]).toEqual([32, 33]);
});

it('of active pages used since the last look only code stays active, and the group counts the others (shrink_active_list)', () => {
  const session = machineOf(`machine ram=64M swap=64M
object X file 64p
object D file 64p
cgroup write /cgroup.subtree_control "+memory"
cgroup mkdir /a
proc A pid=100
cgroup write /a/cgroup.procs "100"
A mmap x size=64p obj=X private prot=rx
A mmap d size=64p obj=D private prot=r
A touch x 0 64p read
A touch d 0 64p read`);
  const { machine } = session;
  const { mem } = machine;
  const { memcg } = machine.cgroups.at('/a');
  for (const name of ['X', 'D'])
    for (let page = 0; page < 64; page++)
      mem.frames.changeFlags(machine.objects.get(name)!.pages.get(page), 0, PG_ACTIVE);
  mem.lruBatch.drain();
  const sc = new ScanControl('direct', 32, 60, memcg);
  sc.priority = 0;
  sc.forceDeactivate = true;
  shrinkNode(mem, sc);
  const listed = (list: number) => mem.frames.nrOnGroupList[memcg.id * NR_LISTS + list];
  expect([listed(LRU_ACTIVE_FILE), listed(LRU_INACTIVE_FILE)]).toEqual([64, 64]);
  expect([memcg.counts.pgdeactivate, memcg.counts.pgrefill]).toEqual([64, 128]);
  expect(mem.frames.flags[machine.objects.get('X')!.pages.get(0)]! & PG_ACTIVE).toBe(PG_ACTIVE);
});

it('a page that is on no list does not become active by use (folio_mark_accessed)', () => {
  const { machine } = machineOf('machine ram=64M\nobject F file 2p\ncache F load');
  const { mem } = machine;
  const [on, off] = [0, 1].map((page) => machine.objects.get('F')!.pages.get(page)) as [number, number];
  mem.frames.lruDel(off);
  for (const pfn of [on, off, on, off]) mem.policy.markAccessed(mem, pfn);
  expect([on, off].map((pfn) => mem.frames.flags[pfn]! & PG_ACTIVE)).toEqual([PG_ACTIVE, 0]);
});
