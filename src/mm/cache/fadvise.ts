/** Advice about a file, given by who has opened it. Mirrors: mm/fadvise.c:generic_fadvise. */
import type { Memory } from '../memory.ts';
import {
  PG_ACTIVE,
  PG_DIRTY,
  PG_LRU,
  PG_RECLAIM,
  PG_REFERENCED,
  PG_UNEVICTABLE,
  PG_WRITEBACK,
} from '../pages/page-flags.ts';
import type { Mapping } from './mapping.ts';
import { dropPage } from './page-cache.ts';
import { cachedPage, forceReadahead, type OpenFile } from './readahead.ts';
import { dirtyPages, startFileWrite } from './writeback.ts';

export const FILE_ADVICE = ['normal', 'random', 'sequential', 'willneed', 'dontneed', 'noreuse'] as const;
export type FileAdvice = (typeof FILE_ADVICE)[number];

/** Advice on `length` bytes from `offset` on; length 0: to the end. Shared memory takes no notice. */
export function fadvise(
  mem: Memory,
  mapping: Mapping,
  file: OpenFile,
  offset: number,
  length: number,
  advice: FileAdvice,
): void {
  if (mapping.isShmem) return;
  const end = length === 0 ? Number.POSITIVE_INFINITY : offset + length;
  switch (advice) {
    case 'normal':
      file.raPages = mem.settings.readaheadPages;
      file.random = false;
      file.noreuse = false;
      return;
    case 'random':
      file.random = true;
      return;
    case 'sequential':
      file.raPages = mem.settings.readaheadPages * 2;
      file.random = false;
      return;
    case 'willneed': {
      const first = Math.floor(offset / 4096);
      forceReadahead(mem, mapping, file, first, Math.ceil(end / 4096) - first);
      return;
    }
    case 'dontneed':
      dropPages(mem, mapping, offset, end);
      return;
    case 'noreuse':
      file.noreuse = true;
      mem.noreuseGiven = true;
  }
}

/**
 * What is dirty begins to be written; what is clean and not mapped goes, whole pages only; of the rest, what is not mapped goes
 * next. Mirrors: POSIX_FADV_DONTNEED, mapping_try_invalidate, lru_deactivate_file.
 */
function dropPages(mem: Memory, mapping: Mapping, offset: number, end: number): void {
  const last = Math.min(end, mapping.sizeBytes);
  const first = Math.ceil(offset / 4096);
  const stop = last === mapping.sizeBytes ? mapping.nrPages : Math.floor(last / 4096);
  for (const pfn of dirtyPages(mem, mapping, Math.floor(offset / 4096), Math.ceil(last / 4096)))
    startFileWrite(mem, pfn);
  const { frames } = mem;
  for (let index = first; index < stop; index++) {
    const pfn = cachedPage(mapping, index);
    if (pfn === 0 || frames.mapcount[pfn] !== 0) continue;
    if ((frames.flags[pfn]! & (PG_DIRTY | PG_WRITEBACK)) === 0) {
      dropPage(mem, pfn);
    } else deactivateFile(mem, pfn);
  }
}

function deactivateFile(mem: Memory, pfn: number): void {
  const { frames } = mem;
  const flags = frames.flags[pfn]!;
  if ((flags & (PG_LRU | PG_UNEVICTABLE)) !== PG_LRU) return;
  frames.lruDel(pfn);
  frames.flags[pfn] = (frames.flags[pfn]! & ~(PG_ACTIVE | PG_REFERENCED)) | PG_RECLAIM;
  frames.lruAdd(pfn);
  if ((flags & PG_ACTIVE) === 0) return;
  mem.events.pgdeactivate++;
  mem.memcgOf(pfn).counts.pgdeactivate++;
}
