/** memory.stat of version 1: a group alone, then with those below. Mirrors: mm/memcontrol-v1.c:memcg1_stat_format. */
import { flushStats } from '../mm/reclaim/lruvec.ts';
import { type Memcg, MemcgCounts, NO_LIMIT } from '../mm/reclaim/memcg.ts';
import type { Cgroup } from './cgroup.ts';
import { addCounts, countPages } from './cgroup-stat.ts';
import { wordsByKernel } from './kernels.ts';
import type { Machine } from './machine.ts';

const PAGE = 4096;
const UNLIMITED = 9223372036854771712n;
/** The rows in order. Of what the kernel has, pgpgin and pgpgout have no model. */
const rowNames = wordsByKernel(`
  cache rss rss_huge shmem mapped_file dirty writeback workingset_refault_anon>=6.1 workingset_refault_file>=6.1 swap
  swapcached>=6.18 pgfault pgmajfault inactive_anon active_anon inactive_file active_file unevictable
`);

/** The text. Bytes, but for what has happened. */
export function memcg1Stat(machine: Machine, group: Cgroup): string {
  flushStats(machine.mem, group.memcg);
  return memcg1StatUnflushed(machine, group);
}

/** The same for an onlooker: what reclaim decides by is as old afterwards as it was before. */
export function memcg1StatUnflushed(machine: Machine, group: Cgroup): string {
  const names = rowNames(machine.options.kernel);
  const own = rowsOf(machine, group, false);
  const total = rowsOf(machine, group, true);
  const rows = names.map((name) => `${name} ${own.get(name) ?? 0}\n`);
  const limit = limitOf(group.memcg);
  rows.push(`hierarchical_memory_limit ${limit === NO_LIMIT ? UNLIMITED : BigInt(limit) * BigInt(PAGE)}\n`);
  rows.push(`hierarchical_memsw_limit ${UNLIMITED}\n`);
  return [...rows, ...names.map((name) => `total_${name} ${total.get(name) ?? 0}\n`)].join('');
}

function limitOf(memcg: Memcg): number {
  return Math.min(memcg.max, memcg.parent === null ? NO_LIMIT : limitOf(memcg.parent));
}

function rowsOf(machine: Machine, group: Cgroup, below: boolean): Map<string, number> {
  const pages = countPages(machine, group, below);
  const counts = new MemcgCounts();
  addCounts(group, counts, below);
  const of = (key: string): number => (pages.get(key) ?? 0) * PAGE;
  return new Map<string, number>([
    ['cache', of('file')],
    ['rss', of('anon')],
    ['shmem', of('shmem')],
    ['mapped_file', of('file_mapped')],
    ['dirty', of('file_dirty')],
    ['writeback', of('file_writeback')],
    ['swap', swapPages(group, below) * PAGE],
    ['swapcached', of('swapcached')],
    ['workingset_refault_anon', counts.workingset_refault_anon],
    ['workingset_refault_file', counts.workingset_refault_file],
    ['pgfault', counts.pgfault],
    ['pgmajfault', counts.pgmajfault],
    ...['inactive_anon', 'active_anon', 'inactive_file', 'active_file', 'unevictable'].map((list): [string, number] => [
      list,
      of(list),
    ]),
  ]);
}

/** Swap that a group uses: what a group is charged includes those below. */
function swapPages({ memcg }: Cgroup, below: boolean): number {
  if (below) return memcg.swapUsage;
  return memcg.children.reduce((left, child) => left - child.swapUsage, memcg.swapUsage);
}
