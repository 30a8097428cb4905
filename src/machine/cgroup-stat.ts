/** memory.stat of a control group: pages counted one by one when somebody asks. Mirrors: mm/memcontrol.c:memory_stat_format. */

import { PG_ANON, PG_DIRTY, PG_LRU, PG_SWAPBACKED, PG_SWAPCACHE, PG_WRITEBACK } from '../mm/pages/page-flags.ts';
import { flushStats } from '../mm/reclaim/lruvec.ts';
import { MemcgCounts } from '../mm/reclaim/memcg.ts';
import type { Cgroup } from './cgroup.ts';
import { wordsByKernel } from './kernels.ts';
import type { Machine } from './machine.ts';

const PAGE = 4096;
const STACK_BYTES = 16_384;
const LISTS = ['inactive_anon', 'active_anon', 'inactive_file', 'active_file', 'unevictable'] as const;
/** What has happened, as far as it is not kept by node. */
const EVENTS = `
  pswpin>=6.18 pswpout>=6.18 pgscan_kswapd>=6.1 pgscan_direct>=6.1 pgscan_khugepaged>=6.18 pgscan_proactive>=6.18
  pgsteal_kswapd>=6.1 pgsteal_direct>=6.1 pgsteal_khugepaged>=6.18 pgsteal_proactive>=6.18 pgfault>=6.1
  pgmajfault>=6.1 pgrefill>=6.1 pgactivate>=6.1 pgdeactivate>=6.1 pglazyfree>=6.1 pglazyfreed>=6.1 swpin_zero>=6.18
  swpout_zero>=6.18 zswpin>=6.1 zswpout>=6.1 zswpwb>=6.18 thp_fault_alloc>=5.10 thp_collapse_alloc>=5.10
  thp_swpout>=6.18 thp_swpout_fallback>=6.18
`;
/** The rows in the order of each kernel; what has no model behind it is zero. Mirrors: memory_stats, memcg_vm_event_stat. */
const statNames = wordsByKernel(`
  anon file kernel>=6.1 kernel_stack slab<5.10 pagetables>=6.1 sec_pagetables>=6.1 percpu>=5.10 sock vmalloc>=6.1 shmem
  zswap>=6.1 zswapped>=6.1 file_mapped file_dirty file_writeback swapcached>=6.1 anon_thp>=5.10 file_thp>=6.1
  shmem_thp>=6.1 inactive_anon active_anon inactive_file active_file unevictable slab_reclaimable slab_unreclaimable
  slab>=5.10 workingset_refault_anon>=5.10 workingset_refault_file>=5.10 workingset_activate_anon>=5.10
  workingset_activate_file>=5.10 workingset_restore_anon>=5.10 workingset_restore_file>=5.10
  workingset_nodereclaim>=5.10 pgdemote_kswapd>=6.18 pgdemote_direct>=6.18 pgdemote_khugepaged>=6.18
  pgdemote_proactive>=6.18 pgfault<6.1 pgmajfault<6.1 pgrefill<6.1 pgscan pgsteal pgactivate<6.1 pgdeactivate<6.1
  pglazyfree<6.1 pglazyfreed<6.1 workingset_refault<5.10 workingset_activate<5.10 workingset_nodereclaim<5.10
  ${EVENTS}
`);

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
    ['pgscan', counts.pgscan_kswapd + counts.pgscan_direct + counts.pgscan_proactive],
    ['pgsteal', counts.pgsteal_kswapd + counts.pgsteal_direct + counts.pgsteal_proactive],
    ...Object.keys(counts).map(counted),
    ['workingset_refault', counts.workingset_refault_anon + counts.workingset_refault_file],
    ['workingset_activate', counts.workingset_activate_anon + counts.workingset_activate_file],
  ];
  const values = new Map(rows);
  return statNames(machine.options.kernel)
    .map((name) => `${name} ${values.get(name) ?? 0}\n`)
    .join('');
}

type Counts = Readonly<Record<string, number | undefined>>;

/** Adds what has happened to pages of a group, and of those below unless told otherwise. */
export function addCounts(group: Cgroup, counts: MemcgCounts, below = true): void {
  for (const key of Object.keys(counts) as (keyof MemcgCounts)[]) counts[key] += group.memcg.counts[key];
  if (below) for (const child of group.children.values()) addCounts(child, counts);
}

/** Pages of a group, and of those below unless told otherwise, by row of memory.stat. */
export function countPages({ mem }: Machine, group: Cgroup, below = true): Map<string, number> {
  const ids = new Set<number>();
  const add = (g: Cgroup) => {
    ids.add(g.memcg.id);
    if (below) for (const child of g.children.values()) add(child);
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
    if (flags & PG_LRU) bump(LISTS[frames.knownListOf(pfn)]!);
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
  ...EVENTS.trim()
    .split(/\s+/)
    .map((word) => word.replace(/[<>].*/, '')),
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
