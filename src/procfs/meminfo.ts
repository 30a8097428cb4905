/** /proc/meminfo and the quantities that vmstat, zoneinfo and sysctl share with it. Mirrors: fs/proc/meminfo.c, mm/show_mem.c. */
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
import { KERNEL_STACK_PAGES, PAGE_KB } from './constants.ts';
import type { SystemContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

/** How the pages that the kernel itself takes are used. Their sum is what the machine says it is. */
export interface KernelPages {
  readonly stacks: number;
  readonly reclaimable: number;
  readonly unreclaimable: number;
  readonly percpu: number;
}

/** Pretend: of what is not stacks, half is reclaimable slab, and a page in 64 belongs to single CPUs. */
export function kernelPages(machine: Machine): KernelPages {
  const stacks = Math.min(machine.byTid.size * KERNEL_STACK_PAGES, machine.mem.kernelPages);
  const rest = machine.mem.kernelPages - stacks;
  const percpu = Math.floor(rest / 64);
  const reclaimable = Math.floor((rest - percpu) / 2);
  return { stacks, percpu, reclaimable, unreclaimable: rest - percpu - reclaimable };
}

/** Pages that zram holds compressed. */
export function zramPages(machine: Machine): number {
  const { mem } = machine;
  return mem.nrKernelPages - mem.kernelPages - mem.tables.nrTables - mem.hugePool.smallPages;
}

/** Mirrors: mm/show_mem.c:si_mem_available. */
export function availablePages(machine: Machine): number {
  const { mem } = machine;
  const { low, high } = mem.watermarks;
  const cache = mem.frames.nrOnList[LRU_ACTIVE_FILE]! + mem.frames.nrOnList[LRU_INACTIVE_FILE]!;
  const { reclaimable } = kernelPages(machine);
  const available = mem.nrFree - high + cache - Math.min(cache / 2, low) + reclaimable - Math.min(reclaimable / 2, low);
  return Math.max(0, Math.floor(available));
}

/** Name and pages, or kB as they are. A row of Pretend has no model behind it and shows zero. */
type Row = readonly [name: string, pages: (machine: Machine) => number];
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
  ['Zswap', none],
  ['Zswapped', none],
  ['Dirty', ({ mem }) => mem.nrFileDirty],
  ['Writeback', ({ mem }) => mem.nrWriteback],
  ['AnonPages', ({ mem }) => mem.nrAnonMapped],
  ['Mapped', ({ mem }) => mem.nrFileMapped],
  ['Shmem', ({ mem }) => mem.nrShmem],
  ['KReclaimable', (machine) => kernelPages(machine).reclaimable],
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
  ['SecPageTables', none],
  ['NFS_Unstable', none],
  ['Bounce', none],
  ['WritebackTmp', none],
  ['CommitLimit', ({ mem }) => commitLimit(mem)],
  ['Committed_AS', ({ mem }) => mem.committed],
  // Pretend: the usual 32 TB, hardly used.
  ['VmallocTotal', () => 34_359_738_367 / PAGE_KB],
  ['VmallocUsed', (machine) => kernelPages(machine).stacks],
  ['VmallocChunk', none],
  ['Percpu', (machine) => kernelPages(machine).percpu],
  ['AnonHugePages', none],
  ['ShmemHugePages', none],
  ['ShmemPmdMapped', none],
  ['FileHugePages', none],
  ['FilePmdMapped', none],
  ['Balloon', none],
];
const NAME_COLUMNS = 16;
const PAGES = new Map(ROWS);

/** Pages of a row; 0 for one that there is not. */
export function meminfoPages(machine: Machine, name: string): number {
  return PAGES.get(name)?.(machine) ?? 0;
}

export function showMeminfo(out: TextBuffer, { machine }: SystemContext): void {
  for (const [name, pages] of ROWS) line(out, name, pages(machine) * PAGE_KB);
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
  line(out, 'Hugetlb', hugePool.nr * HUGE_KB);
  // Pretend: all of memory is mapped by huge pages of the kernel but for 2 MB.
  line(out, 'DirectMap4k', 2048);
  line(out, 'DirectMap2M', Math.max(0, machine.mem.frames.total * PAGE_KB - 2048));
  line(out, 'DirectMap1G', 0);
}

/** Mirrors: show_val_kb. */
function line(out: TextBuffer, name: string, kb: number): void {
  out.text(name).text(':').padTo(NAME_COLUMNS).dec(Math.floor(kb), 8).text(' kB').newline();
}
