/** Faults: what the entry says afterwards, and what is left of one that finds no memory. */
import { describe, expect, it } from 'vitest';
import { PTE_DIRTY, PTE_EXCLUSIVE, PTE_SOFTDIRTY, PTE_WRITE, PTE_YOUNG } from '../../../src/mm/pages/pte.ts';
import { accessPage, FAULT_MINOR, FAULT_NONE } from '../../../src/mm/space/fault.ts';
import { Session } from '../../../src/scenario/session.ts';

function play(text: string): Session {
  const session = new Session();
  session.setUp(text, 'test');
  return session;
}

const last = (s: Session, step: string) => s.apply(step).at(-1)!.result!;

/** The entry of the first page of a mapping. */
function entryOf({ machine }: Session, process: string, mapping: string): number {
  const task = machine.named.get(process)!;
  const at = machine.mem.tables.find(task.mm!.pageDirectory, task.regions.get(mapping)!.start);
  return machine.mem.tables.pte[at]!;
}

const WRITTEN = PTE_YOUNG | PTE_WRITE | PTE_DIRTY | PTE_SOFTDIRTY | PTE_EXCLUSIVE;

describe('a fault that finds no memory in its group, where nobody may be killed, leaves everything as it was', () => {
  /** Whatever it is about is not in memory; the group has no page left, and all that it has is locked. */
  const KINDS = [
    ['a page of a file', 'zram', 'A mmap m size=16p obj=F shared prot=r', 'read'],
    ['a private copy of a page of a file', 'zram', 'A mmap m size=16p obj=F private', 'write'],
    ['a new page of shared memory', 'zram', 'A mmap m size=16p obj=S shared', 'write'],
    ['shared memory on disk', 'disk', 'A mmap m size=16p obj=S shared\nA touch m 0 16p write\nA pageout all', 'read'],
    ['shared memory in zram', 'zram', 'A mmap m size=16p obj=S shared\nA touch m 0 16p write\nA pageout all', 'read'],
    [
      'anonymous memory on disk',
      'disk',
      'A mmap m size=16p anon private\nA touch m 0 16p write\nA pageout all',
      'read',
    ],
    [
      'anonymous memory in zram',
      'zram',
      'A mmap m size=16p anon private\nA touch m 0 16p write\nA pageout all',
      'read',
    ],
  ] as const;
  for (const [what, kind, steps, access] of KINDS) {
    it(what, () => {
      const s = play(`machine ram=32M swap=16M swapkind=${kind} profile=linux-6.18
sysctl vm.page-cluster 0
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
object F file 16p
object S memfd 16p
proc A cgroup=/g adj=-1000
${steps}
tick 1s
squeeze
A mmap lock size=64p anon private locked
cgroup write /g/memory.max 256K`);
      const { machine } = s;
      const { pgfault, pgmajfault } = machine.mem.events;
      expect(s.machine.check()).toEqual([]);
      const seen = last(s, `A touch m 0 16p ${access} expect=ENOMEM`);
      expect(seen).toMatchObject({ errno: 'ENOMEM' });
      expect(machine.check()).toEqual([]);
      expect([machine.mem.events.pgfault, machine.mem.events.pgmajfault]).toEqual([pgfault, pgmajfault]);
    });
  }
});

it('a page of zeros that is read again is no fault, and stays one', () => {
  const { machine } = play('machine ram=32M\nproc A\nA mmap m size=4p anon private');
  const { mem } = machine;
  const vma = machine.named.get('A')!.mm!.vmas[0]!;
  expect(accessPage(mem, vma, vma.start, false)).toBe(FAULT_MINOR);
  expect(accessPage(mem, vma, vma.start, false)).toBe(FAULT_NONE);
  expect([mem.events.pgfault, vma.mm.rss]).toEqual([1, 0]);
});

it('a write to a page that has become its own makes the entry writable, dirty and exclusive (wp_page_reuse)', () => {
  const s = play('machine ram=32M\nproc A\nA mmap m size=1p anon private\nA touch m 0 1p write\nA fork B\nB exit');
  expect(entryOf(s, 'A', 'm') & PTE_WRITE).toBe(0);
  s.apply('A clearrefs 1\nA clearrefs 4\nA touch m 0 1p write');
  expect(s.machine.mem.events.pgreuse).toBe(1);
  expect(entryOf(s, 'A', 'm') & WRITTEN).toBe(WRITTEN);
});

it('a page read back from swap that nobody else has is exclusive again, one that a child may read is not (do_swap_page)', () => {
  const s = play(`machine ram=32M swap=16M swapkind=disk profile=linux-6.18
sysctl vm.page-cluster 0
proc A
A mmap m size=1p anon private
A touch m 0 1p write
A pageout all
tick 1s
squeeze
A fork B`);
  // Both have an entry in swap: while the other's names the slot, the page stays in the swap cache and is nobody's alone.
  s.apply('A touch m 0 1p read');
  expect(entryOf(s, 'A', 'm') & (PTE_EXCLUSIVE | PTE_WRITE)).toBe(0);
  s.apply('B touch m 0 1p read');
  expect(entryOf(s, 'B', 'm') & (PTE_EXCLUSIVE | PTE_WRITE)).toBe(0);
  expect(last(s, 'A verify m')).toMatchObject({ bad: 0 });
  expect(s.machine.check()).toEqual([]);
});

it('a page whose slot is given up while another process maps it is not exclusive (do_swap_page)', () => {
  const s = play(`machine ram=32M swap=64K swapkind=disk profile=linux-6.18
sysctl vm.page-cluster 0
proc A
A mmap m size=12p anon private
A touch m 0 12p write
A pageout all
tick 1s
squeeze
A fork B`);
  const { mem } = s.machine;
  expect(mem.swap!.isFull).toBe(true);
  s.apply('A touch m 0 1p read\nB touch m 0 1p read');
  // The last entry that named the slot is gone: with swap more than half full the slot goes, too.
  expect([mem.swap!.nrUsed, mem.nrSwapCache]).toEqual([11, 0]);
  expect(entryOf(s, 'B', 'm') & (PTE_EXCLUSIVE | PTE_WRITE)).toBe(0);
  expect(s.machine.check()).toEqual([]);
});

it('a write that brings back a page which only this process has left makes it its own at once, not by a second fault', () => {
  const s = play(`machine ram=32M swap=16M swapkind=disk profile=linux-6.18
sysctl vm.page-cluster 0
proc A
A mmap m size=1p anon private
A touch m 0 1p write
A pageout all
tick 1s
squeeze
A fork B
B exit`);
  s.apply('A touch m 0 1p write');
  expect(s.machine.mem.events.pgreuse).toBe(0);
  expect(entryOf(s, 'A', 'm') & WRITTEN).toBe(WRITTEN);
});
