/** Page cache operations from outside any process: reading, writing, syncing and dropping a file. */

import type { Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import { PG_DIRTY, PG_WRITEBACK } from '../pages/page-flags.ts';
import { getCachePage } from '../space/fault.ts';
import { ENTRY_NUMBER, ENTRY_SWAPPED, type Mapping } from './mapping.ts';
import { syncMapping } from './writeback.ts';

/** Pages in one piece of work. */
const PIECE_PAGES = 512;

/** Reads pages [from, to) of a file into the cache. */
export function* cacheLoad(mem: Memory, mapping: Mapping, from: number, to: number): Job<void> {
  for (let index = from; index < to; index++) {
    if (getCachePage(mem, mapping, index) === 0) return;
    if ((index - from) % PIECE_PAGES === PIECE_PAGES - 1) yield;
  }
}

/** Writes fresh content to pages [from, to) as write(2) does: they are dirty in the cache. */
export function* cacheDirtyWrite(mem: Memory, mapping: Mapping, from: number, to: number): Job<void> {
  for (let index = from; index < to; index++) {
    const pfn = getCachePage(mem, mapping, index) & ENTRY_NUMBER;
    if (pfn === 0) return;
    const id = mem.content.write();
    mem.frames.content[pfn] = id;
    mapping.expected.set(index, id);
    if (mapping.isShmem) mem.setDirty(pfn);
    else mem.setDirtyByWrite(pfn);
    if (mem.nrFileDirty > mem.dirtyLimitPages) mem.hooks.onDirtyLimit?.(mem);
    if ((index - from) % PIECE_PAGES === PIECE_PAGES - 1) yield;
  }
}

/** Mirrors: fsync(2). */
export function* cacheSync(mem: Memory, mapping: Mapping): Job<void> {
  yield* syncMapping(mem, mapping);
}

/** A clean page that nobody maps goes, and is forgotten: unlike one that reclaim takes, it leaves no shadow. Mirrors: mm/truncate.c:mapping_evict_folio. */
export function dropPage(mem: Memory, pfn: number): void {
  mem.removeFromCache(pfn, 0);
  mem.freeFrame(pfn);
}

/**
 * Drops what is clean and not mapped. `writeFirst`: dirty pages are written (and stay), as posix_fadvise(DONTNEED) does.
 * Mirrors: mm/truncate.c:invalidate_mapping_pages.
 */
export function* cacheDrop(mem: Memory, mapping: Mapping, writeFirst = true): Job<void> {
  if (mapping.isShmem) return;
  yield* mapping.pages.walk((_index, pfn) => {
    if (pfn >= ENTRY_SWAPPED || mem.frames.mapcount[pfn] !== 0) return;
    if (mem.frames.flags[pfn]! & (PG_DIRTY | PG_WRITEBACK)) return;
    dropPage(mem, pfn);
  });
  if (writeFirst) yield* syncMapping(mem, mapping);
}
