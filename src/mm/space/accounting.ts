/** How much memory may be promised. Mirrors: mm/util.c. */
import { ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Memory } from '../memory.ts';

/** Takes pages from what may still be promised. Throws ENOMEM. Mirrors: mm/util.c:__vm_enough_memory. */
export function promise(mem: Memory, nrPages: number): void {
  const swapPages = mem.swap?.total ?? 0;
  if (mem.settings.overcommitMemory === 0 && nrPages > mem.frames.total + swapPages) {
    throw new KernelError(ENOMEM, 'more memory than the machine has (vm.overcommit_memory = 0)');
  }
  if (mem.settings.overcommitMemory === 2 && mem.committed + nrPages > commitLimit(mem)) {
    throw new KernelError(ENOMEM, 'beyond the commit limit (vm.overcommit_memory = 2)');
  }
  mem.committed += nrPages;
}

/** CommitLimit in pages. */
export function commitLimit(mem: Memory): number {
  return Math.floor((mem.frames.total * mem.settings.overcommitRatio) / 100) + (mem.swap?.total ?? 0);
}
