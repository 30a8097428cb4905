/** Pools of huge pages: Documentation/admin-guide/mm/hugetlbpage.rst, mm/hugetlb.c. */
import { expect, test } from 'vitest';
import { createMachine } from '../../../src/library/machine.ts';

const kb = (text: string, name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]);
const start = (steps: string) => createMachine(`machine ram=1G\n${steps}`);
const pool = (m: ReturnType<typeof start>) =>
  ['Total', 'Free', 'Rsvd', 'Surp'].map((name) => kb(m.read('/proc/meminfo'), `HugePages_${name}`));

test('pages of the pool are neither free nor available, and nothing of them is resident', () => {
  const m = start('proc a pid=90');
  const before = m.read('/proc/meminfo');
  m.apply('sysctl vm.nr_hugepages 100');
  const after = m.read('/proc/meminfo');
  expect(kb(before, 'MemFree') - kb(after, 'MemFree')).toBe(100 * 2048);
  expect(kb(before, 'MemAvailable') - kb(after, 'MemAvailable')).toBe(100 * 2048);
  expect(kb(after, 'MemTotal')).toBe(kb(before, 'MemTotal'));
  expect(kb(after, 'Slab')).toBe(kb(before, 'Slab'));
  expect(pool(m)).toEqual([100, 100, 0, 0]);
  m.apply('a mmap h size=20M anon private hugetlb=0\na touch h 0 4M write');
  expect(pool(m)).toEqual([100, 98, 8, 0]);
  expect(kb(m.read('/proc/90/status'), 'VmRSS')).toBe(0);
  expect(kb(m.read('/proc/90/status'), 'HugetlbPages')).toBe(4096);
  expect(kb(m.read('/proc/meminfo'), 'MemFree')).toBeGreaterThan(kb(after, 'MemFree') - 100);
  m.apply('a munmap h 0 20M');
  expect(pool(m)).toEqual([100, 100, 0, 0]);
  expect(m.check()).toEqual([]);
});

test('a pool without room: ENOMEM at mmap; noreserve gets SIGBUS at the touch', () => {
  const m = start('proc a pid=90\nsysctl vm.nr_hugepages 4');
  expect(() => m.apply('a mmap h size=10M anon private hugetlb=0')).toThrow(/ENOMEM/);
  expect(pool(m)).toEqual([4, 4, 0, 0]);
  m.apply('a mmap h size=10M anon private hugetlb=0 noreserve');
  const touched = m.apply('a touch h 0 10M write stride=2M').at(-1)?.result;
  expect(touched).toMatchObject({ signals: 1, minflt: 4 });
  expect(m.check()).toEqual([]);
});

test('surplus pages are made up to nr_overcommit_hugepages and go back when they are freed', () => {
  const m = start('proc a pid=90\nsysctl vm.nr_hugepages 2\nsysctl vm.nr_overcommit_hugepages 3');
  m.apply('a mmap h size=10M anon private hugetlb=0\na touch h 0 10M write stride=2M');
  expect(pool(m)).toEqual([5, 0, 0, 3]);
  m.apply('a munmap h 0 10M');
  expect(pool(m)).toEqual([2, 2, 0, 0]);
});

test('nr_hugepages below what is in use leaves surplus pages; they go when they are freed', () => {
  const m = start('proc a pid=90\nsysctl vm.nr_hugepages 8\na mmap h size=8M anon private hugetlb=8192');
  m.apply('sysctl vm.nr_hugepages 1');
  expect(pool(m)).toEqual([4, 0, 0, 3]);
  expect(m.read('/proc/sys/vm/nr_hugepages').trim()).toBe('1');
  m.apply('a exit');
  expect(pool(m)).toEqual([1, 1, 0, 0]);
});

test('shared memory counts once however many map it, and is Shared_Hugetlb in each', () => {
  const m = start('proc a pid=90\na mmap s size=16M shared hugetlb=16384\na fork b pid=91\na fork c pid=92');
  expect(kb(m.read('/proc/meminfo'), 'Hugetlb')).toBe(16384);
  for (const pid of [90, 91, 92]) {
    const rollup = m.read(`/proc/${pid}/smaps_rollup`);
    expect([kb(rollup, 'Shared_Hugetlb'), kb(rollup, 'Private_Hugetlb'), kb(rollup, 'Rss')]).toEqual([16384, 0, 0]);
  }
  m.apply('b exit\nc exit');
  expect(kb(m.read('/proc/90/smaps_rollup'), 'Private_Hugetlb')).toBe(16384);
  m.apply('a exit');
  expect(pool(m)).toEqual([8, 8, 0, 0]);
});

test('private memory is copied by the write after a fork, a huge page at a time', () => {
  const m = start('proc a pid=90\na mmap h size=4M anon private hugetlb=4096\na fork b pid=91');
  expect(kb(m.read('/proc/90/smaps_rollup'), 'Shared_Hugetlb')).toBe(4096);
  m.apply('b touch h 0 4K write');
  expect(kb(m.read('/proc/91/smaps_rollup'), 'Private_Hugetlb')).toBe(2048);
  expect(kb(m.read('/proc/90/smaps_rollup'), 'Private_Hugetlb')).toBe(2048);
  expect(kb(m.read('/proc/meminfo'), 'Hugetlb')).toBe(6144);
  expect(m.check()).toEqual([]);
});

test('a mapping of huge pages is divided at 2 MiB only', () => {
  const m = start('proc a pid=90\na mmap h size=8M anon private hugetlb=8192');
  expect(() => m.apply('a munmap h 1M 1M')).toThrow(/EINVAL/);
  m.apply('a munmap h 2M 2M');
  expect(pool(m)).toEqual([4, 1, 0, 0]);
  expect(kb(m.read('/proc/90/smaps_rollup'), 'Private_Hugetlb')).toBe(6144);
});
