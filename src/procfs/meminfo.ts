/** /proc/meminfo and the quantities that vmstat, zoneinfo and sysctl share with it. Mirrors: fs/proc/meminfo.c, mm/show_mem.c. */
import { kernelPages } from '../machine/kernel-pages.ts';
import { isIn, perKernel, type Span } from '../machine/kernels.ts';
import type { Machine } from '../machine/machine.ts';
import {
  LRU_ACTIVE_ANON,
  LRU_ACTIVE_FILE,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  LRU_UNEVICTABLE,
} from '../mm/pages/frames.ts';
import { HUGE_KB } from '../mm/pages/hugetlb.ts';
import { commitLimit } from '../mm/space/accounting.ts';
import { PAGE_KB } from './constants.ts';
import type { SystemContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

/** Mirrors: mm/show_mem.c:si_mem_available. */
export function availablePages(machine: Machine): number {
  const { mem } = machine;
  const { low, high } = mem.watermarks;
  const cache = mem.frames.nrOnList[LRU_ACTIVE_FILE]! + mem.frames.nrOnList[LRU_INACTIVE_FILE]!;
  const { reclaimable } = kernelPages(machine);
  const available = mem.nrFree - high + cache - Math.min(cache / 2, low) + reclaimable - Math.min(reclaimable / 2, low);
  return Math.max(0, Math.floor(available));
}

/** Name, pages, and the kernels that have it. A row without a model behind it shows zero. */
type Row = readonly [name: string, pages: (machine: Machine) => number, span?: Span];
const none = (): number => 0;
const on =
  (...lists: readonly number[]) =>
  (machine: Machine): number =>
    lists.reduce((sum, list) => sum + machine.mem.frames.nrOnList[list]!, 0);

const ROWS: readonly Row[] = [
  ['MemTotal', ({ mem }) => mem.frames.total],
  ['MemFree', ({ mem }) => Math.max(0, mem.nrFree)],
  ['MemAvailable', availablePages],
  ['Buffers', none],
  ['Cached', ({ mem }) => mem.nrFilePages],
  ['SwapCached', ({ mem }) => mem.nrSwapCache],
  ['Active', on(LRU_ACTIVE_ANON, LRU_ACTIVE_FILE)],
  ['Inactive', on(LRU_INACTIVE_ANON, LRU_INACTIVE_FILE)],
  ['Active(anon)', on(LRU_ACTIVE_ANON)],
  ['Inactive(anon)', on(LRU_INACTIVE_ANON)],
  ['Active(file)', on(LRU_ACTIVE_FILE)],
  ['Inactive(file)', on(LRU_INACTIVE_FILE)],
  ['Unevictable', on(LRU_UNEVICTABLE)],
  ['Mlocked', ({ mem }) => mem.nrMlocked],
  ['SwapTotal', ({ mem }) => (mem.swap?.active ? mem.swap.total : 0)],
  ['SwapFree', ({ mem }) => mem.swap?.nrFree ?? 0],
  ['Zswap', none, { since: '6.1' }],
  ['Zswapped', none, { since: '6.1' }],
  ['Dirty', ({ mem }) => mem.nrFileDirty],
  ['Writeback', ({ mem }) => mem.nrWriteback],
  ['AnonPages', ({ mem }) => mem.nrAnonMapped],
  ['Mapped', ({ mem }) => mem.nrFileMapped],
  ['Shmem', ({ mem }) => mem.nrShmem],
  ['KReclaimable', (machine) => kernelPages(machine).reclaimable, { since: '5.10' }],
  [
    'Slab',
    (machine) => {
      const { reclaimable, unreclaimable } = kernelPages(machine);
      return reclaimable + unreclaimable;
    },
  ],
  ['SReclaimable', (machine) => kernelPages(machine).reclaimable],
  ['SUnreclaim', (machine) => kernelPages(machine).unreclaimable],
  ['KernelStack', (machine) => kernelPages(machine).stacks],
  ['PageTables', ({ mem }) => mem.tables.nrTables],
  ['SecPageTables', none, { since: '6.1' }],
  ['NFS_Unstable', none],
  ['Bounce', none],
  ['WritebackTmp', none],
  ['CommitLimit', ({ mem }) => commitLimit(mem)],
  ['Committed_AS', ({ mem }) => mem.committed],
  // Pretend: the usual 32 TB, hardly used.
  ['VmallocTotal', () => 34_359_738_367 / PAGE_KB],
  // From 4.4 on kernels did not reckon it, until 5.3.
  ['VmallocUsed', (machine) => (isIn(machine.options.kernel, { since: '5.10' }) ? kernelPages(machine).stacks : 0)],
  ['VmallocChunk', none],
  ['Percpu', (machine) => kernelPages(machine).percpu, { since: '5.10' }],
  ['AnonHugePages', none],
  ['ShmemHugePages', none],
  ['ShmemPmdMapped', none],
  ['FileHugePages', none, { since: '5.10' }],
  ['FilePmdMapped', none, { since: '5.10' }],
  ['Balloon', none, { since: '6.18' }],
];
const NAME_COLUMNS = 16;
const PAGES = new Map(ROWS.map(([name, pages]) => [name, pages]));
const rowsOf = perKernel((kernel) => ROWS.filter(([, , span = {}]) => isIn(kernel, span)));

/** Pages of a row; 0 for one that there is not. */
export function meminfoPages(machine: Machine, name: string): number {
  return PAGES.get(name)?.(machine) ?? 0;
}

export function showMeminfo(out: TextBuffer, { machine }: SystemContext): void {
  const { kernel } = machine.options;
  for (const [name, pages] of rowsOf(kernel)) line(out, name, pages(machine) * PAGE_KB);
  const { hugePool } = machine.mem;
  for (const [name, value] of [
    ['HugePages_Total', hugePool.nr],
    ['HugePages_Free', hugePool.free],
    ['HugePages_Rsvd', hugePool.reserved],
    ['HugePages_Surp', hugePool.surplus],
  ] as const)
    out
      .text(`${name}:`)
      .dec(value, 24 - name.length - 1)
      .newline();
  line(out, 'Hugepagesize', HUGE_KB);
  if (isIn(kernel, { since: '5.10' })) line(out, 'Hugetlb', hugePool.nr * HUGE_KB);
  // Pretend: all of memory is mapped by huge pages of the kernel but for 2 MB.
  line(out, 'DirectMap4k', 2048);
  line(out, 'DirectMap2M', Math.max(0, machine.mem.frames.total * PAGE_KB - 2048));
  line(out, 'DirectMap1G', 0);
}

/** Mirrors: show_val_kb. */
function line(out: TextBuffer, name: string, kb: number): void {
  out.text(name).text(':').padTo(NAME_COLUMNS).dec(Math.floor(kb), 8).text(' kB').newline();
}
