/** Files and their lines by kernel, held to lists read from the sources of these kernels (kernels/README.md). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cgroupFile } from '../../../src/machine/cgroup-access.ts';
import { CGROUP_FILES } from '../../../src/machine/cgroup-files.ts';
import { KERNEL_NAMES, type KernelName } from '../../../src/machine/kernels.ts';
import { checkTree } from '../../../src/procfs/tree-check.ts';
import { Session } from '../../../src/scenario/session.ts';
import { EOPNOTSUPP } from '../../../src/util/errno.ts';
import { RICH, Tree } from './support.ts';

type Lists = Readonly<
  Record<'vmstat' | 'meminfo' | 'status' | 'smaps' | 'tgid' | 'tid' | 'ns' | 'cgroup2', readonly string[]>
>;

function listsOf(kernel: KernelName): Lists {
  return JSON.parse(readFileSync(new URL(`kernels/${kernel}.json`, import.meta.url), 'utf8')) as Lists;
}

const scenario = (words: string): string => RICH.replace('cpus=2', `cpus=2 ${words}`);
const names = (text: string, end: RegExp): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(end)[0]!);
const there = (tree: Tree, path: string): boolean => tree.ino(path) > 0;
/** Ours beside the kernel's. */
const OURS = new Set(['reclaim', 'pgvolatile_discarded']);
const genuine = (list: readonly string[]): string[] => list.filter((name) => !OURS.has(name));

describe.each(KERNEL_NAMES)('kernel=%s', (kernel) => {
  const tree = new Tree(scenario(`kernel=${kernel}`));
  const lists = listsOf(kernel);

  test('names itself everywhere', () => {
    expect(tree.read('sys/kernel/osrelease')).toBe(`${kernel}.0-reclaimfs\n`);
    expect(tree.read('version')).toMatch(new RegExp(`^Linux version ${kernel.replace('.', '\\.')}\\.0-reclaimfs `));
  });

  test('shows the lines of its vmstat, meminfo and status in their order', () => {
    expect(genuine(names(tree.read('vmstat'), / /))).toEqual(lists.vmstat);
    expect(names(tree.read('meminfo'), /:/)).toEqual(lists.meminfo);
    expect(names(tree.read('4242/status'), /:/)).toEqual(lists.status);
  });

  test('shows the lines of its smaps in their order, and the same of all mappings', () => {
    const entry = tree.read('4242/smaps').split(/^[0-9a-f]+-[0-9a-f]+ .*\n/m)[1]!;
    expect(names(entry, /:/)).toEqual(lists.smaps);
    const rollup = names(tree.read('4242/smaps_rollup'), /:/).slice(1);
    const parts = rollup.filter((name) => !/^Pss_(Anon|File|Shmem)$/.test(name));
    const ofAll = lists.smaps.filter((name) => !/^(Size|.*PageSize|THPeligible|VmFlags)$/.test(name));
    expect(parts).toEqual(ofAll);
    expect(rollup.includes('Pss_Anon')).toBe(kernel !== '4.14');
  });

  test('has its files of a process and of a thread', () => {
    expect(genuine(tree.names('4242'))).toEqual(lists.tgid);
    expect(tree.names('4242/task/4243')).toEqual(lists.tid);
    expect(tree.names('4242/ns').sort()).toEqual([...lists.ns].sort());
  });

  test('finds no file by name that it does not list', () => {
    const all = new Set(KERNEL_NAMES.flatMap((name) => [...listsOf(name).tgid]));
    for (const name of all) expect(there(tree, `4242/${name}`), name).toBe(lists.tgid.includes(name));
    expect(there(tree, 'pressure')).toBe(kernel !== '4.14');
    expect(there(tree, 'pressure/cpu')).toBe(kernel !== '4.14');
    expect(there(tree, 'sys/vm/watermark_boost_factor')).toBe(kernel !== '4.14');
    expect(there(tree, 'sys/vm/percpu_pagelist_fraction')).toBe(kernel === '4.14' || kernel === '5.10');
  });

  test('has its files of a group', () => {
    const machine = tree.session.machine;
    machine.cgroups.root.delegates = machine.cgroups.root.delegatesPids = true;
    const group = machine.cgroups.mkdir('/a');
    const found = CGROUP_FILES.filter(({ name }) => cgroupFile(machine, group, name) !== undefined);
    expect(found.map(({ name }) => name).sort()).toEqual(lists.cgroup2);
    for (const file of found) file.show?.(machine, group);
    machine.cgroups.rmdir('/a');
  });

  test('keeps every text whole', () => {
    expect(checkTree(tree.fs)).toEqual([]);
  });

  test('knows as many capabilities as it says', () => {
    const last = Number(tree.read('sys/kernel/cap_last_cap'));
    expect(last).toBe(kernel === '4.14' ? 37 : 40);
    expect(tree.read('4242/status')).toContain(
      `CapBnd:\t${(2n ** BigInt(last + 1) - 1n).toString(16).padStart(16, '0')}`,
    );
  });

  test('has as many fields of a disk as it counts', () => {
    for (const line of tree.read('diskstats').trimEnd().split('\n'))
      expect(line.trim().split(/\s+/)).toHaveLength(kernel === '4.14' ? 14 : 20);
  });
});

describe('by kernel', () => {
  test('the columns of swaps', () => {
    const lines = (kernel: string) => new Tree(scenario(`kernel=${kernel}`)).read('swaps').split('\n');
    expect(lines('4.14')[0]).toBe('Filename\t\t\t\tType\t\tSize\tUsed\tPriority');
    expect(lines('4.14')[1]).toMatch(/^\/dev\/zram0 {30}partition\t65536\t\d+\t100$/);
    expect(lines('5.10')[0]).toBe('Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority');
    expect(lines('5.10')[1]).toMatch(/^\/dev\/zram0 {30}partition\t65536\t\t\d+\t\t100$/);
  });

  test('oom_score counts in thousandths of memory before 5.9', () => {
    const score = (kernel: string) => Number(new Tree(scenario(`kernel=${kernel}`)).read('4242/oom_score'));
    expect(score('4.14')).toBeLessThan(100);
    expect(score('5.10')).toBe(Math.trunc(((1000 + score('4.14')) * 2) / 3));
  });

  test('full of cpu since 5.13', () => {
    const cpu = (kernel: string) => names(new Tree(scenario(`kernel=${kernel}`)).read('pressure/cpu'), / /);
    expect(cpu('5.10')).toEqual(['some']);
    expect(cpu('6.1')).toEqual(['some', 'full']);
  });

  test('a kernel that is not known is refused with those that are', () => {
    expect(() => new Session().setUp('machine kernel=2.4', 'a')).toThrow(
      /kernel "2.4" is not known \(one of 4.14 5.10 6.1 6.18\)/,
    );
  });

  test('the state tells the kernel', () => {
    const { session } = new Tree(scenario('kernel=5.10 psi=off'));
    expect(session.state()).toContain('kernel=5.10 psi=off');
  });
});

describe('psi=', () => {
  test('off: the files are there, and nothing can be asked of them', () => {
    const tree = new Tree(scenario('psi=off'));
    expect(tree.names('pressure').sort()).toEqual(['cpu', 'io', 'memory']);
    expect(tree.bytes('pressure/memory')).toBe(-EOPNOTSUPP);
    expect(tree.write('pressure/memory', 'some 150000 1000000')).toBe(-EOPNOTSUPP);
    expect(tree.attr('pressure/cpu').size).toBe(0);
  });

  test('none: there is no directory', () => {
    const tree = new Tree(scenario('psi=none'));
    expect(there(tree, 'pressure')).toBe(false);
    expect(tree.names('')).not.toContain('pressure');
  });

  test('groups: no files, but before 5.13 where it is only switched off', () => {
    const has = (words: string): boolean => {
      const { machine } = new Tree(scenario(words));
      return cgroupFile(machine, machine.cgroups.mkdir('/a'), 'memory.pressure') !== undefined;
    };
    expect(['psi=on', 'psi=off', 'psi=none', 'kernel=5.10 psi=off', 'kernel=4.14'].map(has)).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
  });
});
