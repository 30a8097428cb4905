/** What the kernel itself holds of memory, for those who show it. */
import type { Machine } from './machine.ts';

/** Pretend: pages of one kernel stack. */
const KERNEL_STACK_PAGES = 4;

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
