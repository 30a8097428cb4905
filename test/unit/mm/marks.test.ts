/** Marks of pages and entries that system calls leave as they are, or set. */
import { describe, expect, test } from 'vitest';
import type { Mapping } from '../../../src/mm/cache/mapping.ts';
import { PG_RECLAIM, PG_REFERENCED } from '../../../src/mm/pages/page-flags.ts';
import { PTE_LOW, PTE_YOUNG } from '../../../src/mm/pages/pte.ts';
import { Session } from '../../../src/scenario/session.ts';
import { takeSnap } from '../../../src/scenario/snap.ts';

const HEAD = 'machine ram=32M profile=linux-6.18';

function play(text: string): Session {
  const session = new Session();
  session.load(`${HEAD} ${text}`, 'test');
  return session;
}

/** Entries of the first pages of a mapping. */
function entries({ machine }: Session, proc: string, region: string, count: number): number[] {
  const task = machine.named.get(proc)!;
  const { start } = task.regions.get(region)!;
  const { tables } = machine.mem;
  return Array.from({ length: count }, (_, i) => tables.pte[tables.find(task.mm!.pageDirectory, start + i)]!);
}

function flagsOf(session: Session, mapping: Mapping, index: number): number {
  return session.machine.mem.frames.flags[mapping.pages.get(index)]!;
}

describe('a shared mapping of a file opened for reading', () => {
  const READER = 'swap=4M swapkind=zram\nobject F file 8p\nproc A\nA mmap r size=8p obj=F shared prot=r';

  test('cannot be made writable, and is not shown as shared in VmFlags', () => {
    const s = play(READER);
    expect(() => s.apply('A mprotect r 0 8p rw')).toThrow('EACCES');
    const vma = takeSnap(s.machine, '').procs['A']!.maps['r']!.vmas![0]!;
    expect([vma.perms, vma.VmFlags]).toEqual(['r--s', 'rd mr me ms ']);
  });

  test('open=rw: the file was opened for writing, as one mapped for writing is', () => {
    const s = play(READER.replace('prot=r', 'prot=r open=rw'));
    s.apply('A mprotect r 0 8p rw');
    expect(takeSnap(s.machine, '').procs['A']!.maps['r']!.vmas![0]!.VmFlags).toBe('rd wr sh mr mw me ms ');
    expect(() => s.apply('A mmap w size=8p obj=F shared prot=rw open=r')).toThrow('EACCES');
  });

  test('shared memory is always open for both', () => {
    const s = play('swap=4M swapkind=zram\nobject M memfd 8p\nproc A\nA mmap r size=8p obj=M shared prot=r');
    s.apply('A mprotect r 0 8p rw');
  });
});

test('write(2) leaves the mark for reclaim on a page, a write through a mapping takes it away', () => {
  const s = play(
    'swap=4M swapkind=zram\nobject F file 8p\nproc A\nA mmap w size=8p obj=F shared prot=rw\nA touch w 0 8p write\nA pageout file',
  );
  const file = s.machine.objects.get('F')!;
  expect(flagsOf(s, file, 1) & PG_RECLAIM).toBe(PG_RECLAIM);
  s.apply('cache F dirtywrite 0 2p\nA touch w 1p 1p write');
  expect([0, 1].map((index) => flagsOf(s, file, index) & PG_RECLAIM)).toEqual([PG_RECLAIM, 0]);
});

test('MADV_PAGEOUT leaves accessed bits of pages that it could not take, MADV_COLD takes them away', () => {
  const s = play('swap=0 swapkind=zram\nproc A\nA mmap heap size=4p anon private\nA touch heap 0 4p write');
  s.apply('A madvise heap 0 4p pageout');
  expect(entries(s, 'A', 'heap', 4).map((pte) => pte & PTE_YOUNG)).toEqual([1, 1, 1, 1].map((n) => n * PTE_YOUNG));
  s.apply('A madvise heap 0 2p cold');
  expect(entries(s, 'A', 'heap', 4).map((pte) => pte & PTE_YOUNG)).toEqual([0, 0, 1, 1].map((n) => n * PTE_YOUNG));
});

test('mlock marks what it finds and what it brings in as referenced', () => {
  const s = play(
    'swap=4M swapkind=zram\nproc A\nA mmap heap size=4p anon private\nA touch heap 0 2p write\nA mlock heap 0 4p',
  );
  const { flags } = s.machine.mem.frames;
  expect(entries(s, 'A', 'heap', 4).map((pte) => flags[pte & PTE_LOW]! & PG_REFERENCED)).toEqual(
    [1, 1, 1, 1].map((n) => n * PG_REFERENCED),
  );
});

test('mincore sees pages of shared memory that are in the swap cache', () => {
  const s = play(
    'swap=4M swapkind=disk\nobject M memfd 4p\nproc A\nA mmap m size=4p obj=M shared\nA touch m 0 4p write\nA pageout all\ntick 1s',
  );
  const mincore = () => takeSnap(s.machine, '').objects['M']!.mincore;
  expect(mincore()).toEqual([['in', 4]]);
  s.apply('squeeze');
  expect(mincore()).toEqual([['-', 4]]);
  s.apply('A madvise m 0 2p willneed');
  expect(mincore()).toEqual([
    ['in', 2],
    ['-', 2],
  ]);
});
