/** What the kernel says of a kill for want of memory, line by line. Mirrors: mm/oom_kill.c, mm/show_mem.c, mm/memcontrol.c. */
import {
  LRU_ACTIVE_ANON,
  LRU_ACTIVE_FILE,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  LRU_UNEVICTABLE,
} from '../mm/pages/frames.ts';
import type { Memcg } from '../mm/reclaim/memcg.ts';
import type { Cgroup } from './cgroup.ts';
import { memcgStatUnflushed } from './cgroup-stat.ts';
import { KERN_ERR, KERN_INFO, KERN_WARNING } from './kernel-log.ts';
import { kernelPages, zramPages } from './kernel-pages.ts';
import { isIn, releaseOf, type Span } from './kernels.ts';
import type { Machine } from './machine.ts';
import type { Task } from './task.ts';

const KB = 4;
const PAGE = 4096;
/** What a limit of none is shown as: PAGE_COUNTER_MAX. */
const NO_LIMIT_KB = '9007199254740988';
const ORDERS = 11;

/** Whom a report is about, and why. */
export interface OomReport {
  readonly asker: Task | undefined;
  readonly victim: Task;
  /** Those who could have died. */
  readonly among: readonly Task[];
  /** The group that is short of memory; absent: the machine. */
  readonly group?: Cgroup | undefined;
  /** vm.oom_kill_allocating_task has chosen it. */
  readonly allocating: boolean;
}

/** Flags of an allocation, as 4.14 and as later kernels show them. Pretend: faults of user memory, charges of groups. */
const GFP = {
  machine: { old: '0x14280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO)', new: '0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP)' },
  group: { old: '0x14000c0(GFP_KERNEL)', new: '0xcc0(GFP_KERNEL)' },
} as const;

/** Everything up to the kill itself. */
export function reportOom(machine: Machine, report: OomReport): void {
  const { vm, options } = machine;
  const { asker, victim, group } = report;
  const modern = isIn(options.kernel, { since: '5.10' });
  const gfp = GFP[group === undefined ? 'machine' : 'group'][modern ? 'new' : 'old'];
  // Pretend: where nobody asks it is a worker of the kernel.
  const comm = asker?.comm ?? 'kworker/0:1';
  machine.printk(
    KERN_WARNING,
    `${comm} invoked oom-killer: gfp_mask=${gfp}, ${modern ? '' : 'nodemask=(null),  '}order=0, oom_score_adj=${asker?.oomScoreAdj ?? 0}`,
  );
  if (!modern) machine.printk(KERN_INFO, `${comm} cpuset=/ mems_allowed=0`);
  dumpStack(machine, comm, asker);
  if (group === undefined) showMem(machine);
  else showGroup(machine, group, modern ? undefined : victim);
  if (vm.oomDumpTasks !== 0) dumpTasks(machine, report.among);
  if (!modern) return;
  const where = group === undefined ? 'global_oom' : `oom_memcg=${group.path}`;
  const constraint = group === undefined ? 'CONSTRAINT_NONE' : 'CONSTRAINT_MEMCG';
  machine.printk(
    KERN_INFO,
    `oom-kill:constraint=${constraint},nodemask=(null),cpuset=/,mems_allowed=0,${where},task_memcg=${machine.cgroups.of(victim).path},task=${victim.comm},pid=${victim.pid},uid=${victim.ids.uid}`,
  );
}

/** The line that everybody looks for. Mirrors: __oom_kill_process. */
export function reportKill(machine: Machine, { victim, group, allocating }: OomReport, points: number): void {
  const { mm } = victim;
  if (mm === null) return;
  const message = `${group === undefined ? 'Out of memory' : 'Memory cgroup out of memory'}${allocating ? ' (oom_kill_allocating_task)' : ''}`;
  const sizes = `total-vm:${mm.sizes.total * KB}kB, anon-rss:${mm.rssAnon * KB}kB, file-rss:${mm.rssFile * KB}kB, shmem-rss:${mm.rssShmem * KB}kB`;
  const who = `${victim.pid} (${victim.comm})`;
  if (isIn(machine.options.kernel, { since: '5.10' })) {
    const more = `UID:${victim.ids.uid} pgtables:${mm.pageDirectory.size * KB}kB oom_score_adj:${victim.oomScoreAdj}`;
    machine.printk(KERN_ERR, `${message}: Killed process ${who} ${sizes}, ${more}`);
  } else {
    machine.printk(KERN_ERR, `${message}: Kill process ${who} score ${points} or sacrifice child`);
    machine.printk(KERN_ERR, `Killed process ${who} ${sizes}`);
  }
}

/** Mirrors: mem_cgroup_print_oom_group. */
export function reportGroupKill(machine: Machine, group: Cgroup): void {
  machine.printk(KERN_INFO, `Tasks in ${group.path} are going to be killed due to memory.oom.group set`);
}

/** Nothing is left of what can be taken from it. Mirrors: oom_reap_task_mm. */
export function reportReaped(machine: Machine, { pid, comm }: Task): void {
  machine.printk(
    KERN_INFO,
    `oom_reaper: reaped process ${pid} (${comm}), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB`,
  );
}

/** Pretend: the way that every such allocation takes, without addresses. Mirrors: dump_stack. */
function dumpStack(machine: Machine, comm: string, asker: Task | undefined): void {
  const { cpus, kernel } = machine.options;
  const pid = asker?.pid ?? 2;
  const uid = isIn(kernel, { since: '6.18' }) ? `UID: ${asker?.ids.uid ?? 0} ` : '';
  machine.printk(
    KERN_WARNING,
    `CPU: ${pid % cpus} ${uid}PID: ${pid} Comm: ${comm} Not tainted ${releaseOf(kernel)} #1`,
  );
  machine.printk(KERN_WARNING, 'Call Trace:');
  for (const frame of ['dump_header', 'oom_kill_process', 'out_of_memory']) machine.printk(KERN_WARNING, ` ${frame}`);
}

interface Field extends Span {
  readonly name: string;
  readonly value: number | string;
}

/** `a:1 b:2`, as far as the kernel has them. */
function fields(machine: Machine, rows: readonly Field[], unit = ''): string {
  return rows
    .filter((row) => isIn(machine.options.kernel, row))
    .map(({ name, value }) => `${name}:${value}${unit}`)
    .join(' ');
}

/** Mirrors: __show_mem, show_free_areas. What has no model behind it is zero. */
function showMem(machine: Machine): void {
  const { mem, options } = machine;
  const { nrOnList, total } = mem.frames;
  const on = (list: number): number => nrOnList[list]!;
  const { low, high, min } = mem.watermarks;
  const kernel = kernelPages(machine);
  const say = (text: string): void => machine.printk(KERN_WARNING, text);
  const f = (name: string, value: number | string, span: Span = {}): Field => ({ name, value, ...span });
  const free = Math.max(0, mem.nrFree);
  const lru: readonly Field[] = [
    f('active_anon', on(LRU_ACTIVE_ANON)),
    f('inactive_anon', on(LRU_INACTIVE_ANON)),
    f('active_file', on(LRU_ACTIVE_FILE)),
    f('inactive_file', on(LRU_INACTIVE_FILE)),
    f('unevictable', on(LRU_UNEVICTABLE)),
  ];
  const [activeAnon, inactiveAnon, activeFile, inactiveFile, unevictable] = lru as [Field, Field, Field, Field, Field];
  const since61: Span = { since: '6.1' };
  say('Mem-Info:');
  say(
    [
      [activeAnon, inactiveAnon, f('isolated_anon', 0)],
      [activeFile, inactiveFile, f('isolated_file', 0)],
      [unevictable, f('dirty', mem.nrFileDirty), f('writeback', mem.nrWriteback), f('unstable', 0, { until: '5.10' })],
      [f('slab_reclaimable', kernel.reclaimable), f('slab_unreclaimable', kernel.unreclaimable)],
      [
        f('mapped', mem.nrFileMapped),
        f('shmem', mem.nrShmem),
        f('pagetables', mem.tables.nrTables),
        f('bounce', 0, { until: '6.1' }),
      ],
      [f('sec_pagetables', 0, since61), f('bounce', 0, since61)],
      [f('kernel_misc_reclaimable', 0, since61)],
      [f('free', free), f('free_pcp', 0), f('free_cma', 0)],
    ]
      .map((row) => fields(machine, row))
      .filter((row) => row !== '')
      .join('\n '),
  );
  const kb = (rows: readonly Field[]): string =>
    fields(
      machine,
      rows.map((row) => ({ ...row, value: Number(row.value) * KB })),
      'kB',
    );
  const node = kb([
    ...lru,
    f('isolated(anon)', 0),
    f('isolated(file)', 0),
    f('mapped', mem.nrFileMapped),
    f('dirty', mem.nrFileDirty),
    f('writeback', mem.nrWriteback),
    f('shmem', mem.nrShmem),
    f('shmem_thp', 0),
    f('shmem_pmdmapped', 0),
    f('anon_thp', 0),
    f('writeback_tmp', 0, { until: '6.18' }),
    f('unstable', 0, { until: '5.10' }),
    f('kernel_stack', kernel.stacks, { since: '5.10' }),
    f('pagetables', mem.tables.nrTables, since61),
    f('sec_pagetables', 0, since61),
  ]);
  say(`Node 0 ${node} all_unreclaimable? no${isIn(options.kernel, { since: '6.18' }) ? ' Balloon:0kB' : ''}`);
  const zone = kb([
    f('free', free),
    f('boost', 0, since61),
    f('min', min),
    f('low', low),
    f('high', high),
    f('reserved_highatomic', 0, { since: '5.10' }),
    f('free_highatomic', 0, { since: '6.18' }),
    ...lru,
    f('writepending', mem.nrFileDirty + mem.nrWriteback),
    f('zspages', zramPages(machine), { since: '6.18' }),
    f('present', total),
    f('managed', total),
    f('mlocked', mem.nrMlocked),
    f('kernel_stack', kernel.stacks, { until: '5.10' }),
    f('pagetables', mem.tables.nrTables, { until: '6.1' }),
    f('bounce', 0),
    f('free_pcp', 0),
    f('local_pcp', 0),
    f('free_cma', 0),
  ]).replace(/(highatomic:0)kB/g, '$1KB');
  say(`Node 0 Normal ${zone}`);
  say('lowmem_reserve[]: 0 0 0 0 0');
  // Pretend: free pages lie in blocks as large as can be, as buddyinfo says.
  const blocks = Array.from({ length: ORDERS }, (_, order) => {
    const count = Math.floor(free / 2 ** order);
    return `${order < ORDERS - 1 ? count % 2 : count}*${KB * 2 ** order}kB`;
  });
  say(
    `Node 0 Normal: ${blocks.map((block) => (block.startsWith('0*') ? block : `${block} (M)`)).join(' ')} = ${free * KB}kB`,
  );
  const { nr, free: hugeFree, surplus } = mem.hugePool;
  say(`Node 0 hugepages_total=${nr} hugepages_free=${hugeFree} hugepages_surp=${surplus} hugepages_size=2048kB`);
  say(`${mem.nrFilePages + mem.nrSwapCache} total pagecache pages`);
  say(`${mem.nrSwapCache} pages in swap cache`);
  say(`Free swap  = ${(mem.swap?.nrFree ?? 0) * KB}kB`);
  say(`Total swap = ${(mem.swap?.active ? mem.swap.total : 0) * KB}kB`);
  say(`${total} pages RAM`);
  say('0 pages HighMem/MovableOnly');
  say('0 pages reserved');
}

/** Mirrors: mem_cgroup_print_oom_meminfo; before 5.0 mem_cgroup_print_oom_info, which names the task. */
function showGroup(machine: Machine, group: Cgroup, task: Task | undefined): void {
  const { memcg } = group;
  const say = (text: string): void => machine.printk(KERN_INFO, text);
  if (task !== undefined) say(`Task in ${machine.cgroups.of(task).path} killed as a result of limit of ${group.path}`);
  const limit = (pages: number): string => (pages === Number.POSITIVE_INFINITY ? NO_LIMIT_KB : String(pages * KB));
  const { usage, max, swapUsage, swapMax } = memcg;
  say(`memory: usage ${usage * KB}kB, limit ${limit(max)}kB, failcnt ${failures(memcg)}`);
  say(`swap: usage ${swapUsage * KB}kB, limit ${limit(swapMax)}kB, failcnt ${memcg.swapEvents.max}`);
  say(`Memory cgroup stats for ${group.path}:`);
  for (const line of memcgStatUnflushed(machine, group).trimEnd().split('\n')) say(line);
}

function failures({ events }: Memcg): number {
  return events.max;
}

/** Mirrors: dump_tasks, dump_task. */
function dumpTasks(machine: Machine, among: readonly Task[]): void {
  const { kernel } = machine.options;
  const say = (text: string): void => machine.printk(KERN_INFO, text);
  const column = (value: number, width: number): string => String(value).padStart(width);
  if (isIn(kernel, { until: '5.10' }))
    say('[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name');
  else {
    say('Tasks state (memory values in pages):');
    say(
      isIn(kernel, { since: '6.18' })
        ? '[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name'
        : '[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name',
    );
  }
  for (const { pid, ids, mm, oomScoreAdj, comm, kernelThread } of among) {
    if (mm === null || pid === 1 || kernelThread) continue;
    const tables = mm.pageDirectory.size;
    const ends = `${column(mm.swapents, 8)}         ${column(oomScoreAdj, 5)} ${comm}`;
    const starts = `${column(ids.uid, 5)} ${column(pid, 5)} ${column(mm.sizes.total, 8)} ${column(mm.rss, 8)}`;
    if (isIn(kernel, { until: '5.10' }))
      say(`[${column(pid, 5)}] ${starts} ${column(tables, 7)} ${column(1, 7)} ${ends}`);
    else {
      const kinds = isIn(kernel, { since: '6.18' })
        ? `${column(mm.rssAnon, 8)} ${column(mm.rssFile, 8)} ${column(mm.rssShmem, 9)} `
        : '';
      say(`[${column(pid, 7)}] ${starts} ${kinds}${column(tables * PAGE, 8)} ${ends}`);
    }
  }
}
