/** The machine's side of the calls on files of its disk. */
import { isIn } from '../../../machine/kernels.ts';
import type { Machine } from '../../../machine/machine.ts';
import { cachestat, isInCore } from '../../../mm/cache/cachestat.ts';
import { quoteValue } from '../../../scenario/words.ts';
import { EBADF, EINVAL, ENOSYS } from '../../../util/errno.ts';
import type { DeskAnswers, DeskRequest } from './desk-protocol.ts';

type Of<A extends DeskRequest['ask']> = DeskRequest & { readonly ask: A };

/** Mirrors: mm/filemap.c:cachestat, which Linux has since 6.5. */
export function cachestatOf(machine: Machine, { path, first, last, flags }: Of<'cachestat'>): DeskAnswers['cachestat'] {
  if (!isIn(machine.options.kernel, { since: '6.18' })) return -ENOSYS;
  const file = machine.files.get(path);
  if (file === undefined) return -EBADF;
  if (flags !== 0) return -EINVAL;
  const { cache, dirty, writeback, evicted, recentlyEvicted } = cachestat(machine.mem, file, first, last);
  return [cache, dirty, writeback, evicted, recentlyEvicted];
}

/** The bits of mincore(2), the first in the lowest place, in base64. */
export function inCoreOf({ mem, files }: Machine, { path, first, count }: Of<'incore'>): string {
  const bits = Buffer.alloc(Math.ceil(count / 8));
  const file = files.get(path);
  for (let i = 0; file !== undefined && i < count; i++)
    if (isInCore(mem, file.pages.get(first + i))) bits[i >> 3]! |= 1 << (i & 7);
  return bits.toString('base64');
}

/** The step that advice comes down to; -EBADF where there is no such file any more, 0 where there is nothing to do. */
export function adviceStep(machine: Machine, { path, offset, length, advice }: Of<'fadvise'>): string | number {
  const file = machine.files.get(path);
  const name = [...machine.objects].find(([, object]) => object === file)?.[0];
  if (file === undefined || name === undefined) return -EBADF;
  const from = Number(offset);
  if (from >= file.sizeBytes) return 0;
  // 0: to the end.
  const bytes = from + Number(length) >= file.sizeBytes ? 0 : Number(length);
  return `cache ${quoteValue(name)} ${advice} ${from} ${bytes}`;
}
