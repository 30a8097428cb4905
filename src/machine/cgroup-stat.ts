/** memory.stat of a control group: pages counted one by one when somebody asks. Mirrors: mm/memcontrol.c:memory_stat_format. */

import { PG_ANON, PG_DIRTY, PG_LRU, PG_SWAPBACKED, PG_SWAPCACHE, PG_WRITEBACK } from '../mm/pages/page-flags.ts';
import { flushStats } from '../mm/reclaim/lruvec.ts';
import { MemcgCounts } from '../mm/reclaim/memcg.ts';
import type { Cgroup } from './cgroup.ts';
import type { Machine } from './machine.ts';

const PAGE = 4096;
const STACK_BYTES = 16_384;
const LISTS = ['inactive_anon', 'active_anon', 'inactive_file', 'active_file', 'unevictable'] as const;
/** Rows of counters, in the order of 6.18; those that no MemcgCounts has are without a model and stay zero. */
const WORKINGSET = [
  'workingset_refault_anon',
  'workingset_refault_file',
  'workingset_activate_anon',
  'workingset_activate_file',
  'workingset_restore_anon',
  'workingset_restore_file',
  'workingset_nodereclaim',
  'pgdemote_kswapd',
  'pgdemote_direct',
  'pgdemote_khugepaged',
  'pgdemote_proactive',
];
const EVENTS = [
  'pswpin',
  'pswpout',
  'pgscan_kswapd',
  'pgscan_direct',
  'pgscan_khugepaged',
  'pgscan_proactive',
  'pgsteal_kswapd',
  'pgsteal_direct',
  'pgsteal_khugepaged',
  'pgsteal_proactive',
  'pgfault',
  'pgmajfault',
  'pgrefill',
  'pgactivate',
  'pgdeactivate',
  'pglazyfree',
  'pglazyfreed',
  'swpin_zero',
  'swpout_zero',
  'zswpin',
  'zswpout',
  'zswpwb',
  'thp_fault_alloc',
  'thp_collapse_alloc',
  'thp_swpout',
  'thp_swpout_fallback',
];

/** The text, with the groups below counted in. What has no model behind it is zero. */
export function memcgStat(machine: Machine, group: Cgroup): string {
  flushStats(machine.mem, group.memcg);
  return memcgStatUnflushed(machine, group);
}

/** The same for an onlooker: what reclaim decides by is as old afterwards as it was before. */
export function memcgStatUnflushed(machine: Machine, group: Cgroup): string {
  const pages = countPages(machine, group);
  let pagetables = 0;
  let stacks = 0;
  for (const task of machine.cgroups.tasksOf(group, true)) {
    pagetables += task.mm?.pageDirectory.size ?? 0;
    stacks += task.threads.length;
  }
  const counts = new MemcgCounts();
  addCounts(group, counts);
  const of = (key: string) => (pages.get(key) ?? 0) * PAGE;
  const counted = (key: string): [string, number] => [key, Number((counts as unknown as Counts)[key] ?? 0)];
  const rows: [string, number][] = [
    ['anon', of('anon')],
    ['file', of('file')],
    ['kernel', pagetables * PAGE + stacks * STACK_BYTES],
    ['kernel_stack', stacks * STACK_BYTES],
    ['pagetables', pagetables * PAGE],
    ['sec_pagetables', 0],
    ['percpu', 0],
    ['sock', 0],
    ['vmalloc', 0],
    ['shmem', of('shmem')],
    ['zswap', 0],
    ['zswapped', 0],
    ['file_mapped', of('file_mapped')],
    ['file_dirty', of('file_dirty')],
    ['file_writeback', of('file_writeback')],
    ['swapcached', of('swapcached')],
    ['anon_thp', 0],
    ['file_thp', 0],
    ['shmem_thp', 0],
    ...LISTS.map((list): [string, number] => [list, of(list)]),
    ['slab_reclaimable', 0],
    ['slab_unreclaimable', 0],
    ['slab', 0],
    ...WORKINGSET.map(counted),
    ['pgscan', counts.pgscan_kswapd + counts.pgscan_direct + counts.pgscan_proactive],
    ['pgsteal', counts.pgsteal_kswapd + counts.pgsteal_direct + counts.pgsteal_proactive],
    ...EVENTS.map(counted),
  ];
  return rows.map(([name, value]) => `${name} ${value}\n`).join('');
}

type Counts = Readonly<Record<string, number | undefined>>;

function addCounts(group: Cgroup, counts: MemcgCounts): void {
  for (const key of Object.keys(counts) as (keyof MemcgCounts)[]) counts[key] += group.memcg.counts[key];
  for (const child of group.children.values()) addCounts(child, counts);
}

function countPages({ mem }: Machine, group: Cgroup): Map<string, number> {
  const ids = new Set<number>();
  const add = (g: Cgroup) => {
    ids.add(g.memcg.id);
    for (const child of g.children.values()) add(child);
  };
  add(group);
  const counts = new Map<string, number>();
  const bump = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const { frames } = mem;
  for (let pfn = 1; pfn < frames.fresh; pfn++) {
    const flags = frames.flags[pfn]!;
    if (flags === 0 || !ids.has(frames.memcg[pfn]!)) continue;
    const mapped = frames.mapcount[pfn]! > 0;
    // Unlike that of the machine, `file` of a group leaves out the swap cache (__node_stat_mod_folio).
    if (flags & PG_SWAPCACHE) bump('swapcached');
    if (flags & PG_ANON) {
      if (mapped) bump('anon');
    } else if ((flags & PG_SWAPCACHE) === 0) {
      bump('file');
      if (flags & PG_SWAPBACKED) bump('shmem');
      else if (flags & PG_DIRTY) bump('file_dirty');
    }
    if (flags & PG_WRITEBACK) bump('file_writeback');
    if (mapped && (flags & PG_ANON) === 0) bump('file_mapped');
    if (flags & PG_LRU) bump(LISTS[frames.listOf(pfn)]!);
  }
  return counts;
}

/** Rows of memory.stat that are not kept by node. */
const WITHOUT_NODE = new Set([
  'kernel',
  'percpu',
  'sock',
  'vmalloc',
  'zswap',
  'zswapped',
  'slab',
  'pgscan',
  'pgsteal',
  ...EVENTS,
]);

/** memory.numa_stat: there is one node. Mirrors: memory_numa_stat_show. */
export function memcgNumaStat(machine: Machine, group: Cgroup): string {
  return numaStat(memcgStat(machine, group));
}

/** The rows of memory.stat that are kept by node, as memory.numa_stat has them. */
export function numaStat(stat: string): string {
  return stat
    .split('\n')
    .slice(0, -1)
    .map((row) => row.split(' '))
    .filter(([name]) => !WITHOUT_NODE.has(name!))
    .map(([name, value]) => `${name} N0=${value}\n`)
    .join('');
}
