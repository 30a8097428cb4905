/** The heap. Mirrors: mm/mmap.c:brk, do_brk_flags. */
import { ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import type { Mm } from './mm.ts';
import { mmapInPieces, munmap } from './mmap.ts';
import { PROT_READ, PROT_WRITE } from './vm-flags.ts';

/**
 * Moves the end of the heap, `mm.brk`, in bytes; whole pages are mapped and unmapped. Throws ENOMEM (below the heap's
 * start, into another mapping, beyond what may be promised).
 */
export function* setBrk(mem: Memory, mm: Mm, brk: number): Job<void> {
  if (brk < mm.startBrk) throw new KernelError(ENOMEM, 'the heap does not end before it begins');
  const before = Math.ceil(mm.brk / 4096);
  const after = Math.ceil(brk / 4096);
  if (after < before) yield* munmap(mem, mm, after, before);
  else if (after > before) {
    yield* mmapInPieces(mem, mm, {
      start: before,
      nrPages: after - before,
      prot: PROT_READ | PROT_WRITE,
      shared: false,
      mapping: null,
      name: '[heap]',
    });
  }
  mm.brk = brk;
}
