/** One page of read(2) and write(2): it is charged to who calls. Mirrors: mm/filemap.c:filemap_read, generic_perform_write. */
import type { Memory } from '../memory.ts';
import { PG_DIRTY, PG_RECLAIM, PG_UNFILLED } from '../pages/page-flags.ts';
import { getCachePage, newCachePage } from '../space/fault.ts';
import { ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED, type Mapping } from './mapping.ts';
import { asyncReadahead, cachedPage, type OpenFile, syncReadahead } from './readahead.ts';

/** Pages that a read takes at once: a folio_batch. */
const BATCH_PAGES = 31;

/**
 * Cached pages from `index` on that a read up to page `end` may take now, brought in and read ahead if need be; 0: there is no
 * memory. A marked page ends them, and has the next window read. Mirrors: filemap_get_pages.
 */
export function getReadBatch(mem: Memory, mapping: Mapping, file: OpenFile, index: number, end: number): number {
  let pages = batchFrom(mem, mapping, index, end);
  if (pages === 0) {
    syncReadahead(mem, mapping, file, index, end - index);
    pages = batchFrom(mem, mapping, index, end);
  }
  if (pages === 0) return getCachePage(mem, mapping, index) === 0 ? 0 : 1;
  const last = index + pages - 1;
  if (isMarked(mem, mapping, last)) asyncReadahead(mem, mapping, file, last, end - last);
  return pages;
}

function isMarked(mem: Memory, mapping: Mapping, index: number): boolean {
  return (mem.frames.flags[cachedPage(mapping, index)]! & PG_RECLAIM) !== 0;
}

/** Mirrors: filemap_get_read_batch. */
function batchFrom(mem: Memory, mapping: Mapping, index: number, end: number): number {
  const most = Math.min(BATCH_PAGES, end - index);
  for (let pages = 0; pages < most; pages++) {
    if (cachedPage(mapping, index + pages) === 0) return pages;
    if (isMarked(mem, mapping, index + pages)) return pages + 1;
  }
  return most;
}

/** A page of a batch is copied, and so marked as accessed. */
export function copyPage(mem: Memory, mapping: Mapping, index: number): void {
  const pfn = cachedPage(mapping, index);
  if (pfn !== 0) mem.policy.markAccessed(mem, pfn);
}

/**
 * Reads a page of shared memory; `start`: what is read begins with it, or before it. A hole is read as zeros and stays one.
 * False: out of memory. Mirrors: shmem_file_read_iter.
 */
export function readShmemPage(mem: Memory, mapping: Mapping, index: number, start: boolean): boolean {
  const entry = mapping.pages.get(index);
  if (entry === 0) return true;
  if (entry < ENTRY_SWAPPED && mem.frames.flags[entry]! & PG_UNFILLED) return true;
  const pfn = getCachePage(mem, mapping, index) & ENTRY_NUMBER;
  if (pfn === 0) return false;
  if (start) mem.policy.markAccessed(mem, pfn);
  return true;
}

/** What a write has done to a page: nothing for want of memory, dirtied it, or found it dirty. */
export type PageWritten = 'no memory' | 'dirtied' | 'dirty';

/**
 * Writes content of its own to a page; `whole`: nothing of what it held is left, so that it need not be read. Pages of files are not
 * marked as accessed by that, nor do they come back to the working set. Mirrors: generic_perform_write, shmem_write_begin.
 */
export function writePage(mem: Memory, mapping: Mapping, index: number, whole: boolean): PageWritten {
  const pfn = mapping.isShmem
    ? getCachePage(mem, mapping, index) & ENTRY_NUMBER
    : pageToWrite(mem, mapping, index, whole);
  if (pfn === 0) return 'no memory';
  const { frames } = mem;
  const wasDirty = (frames.flags[pfn]! & PG_DIRTY) !== 0;
  const id = mem.content.write();
  frames.content[pfn] = id;
  mapping.expected.set(index, id);
  if (mapping.isShmem) {
    mem.policy.markAccessed(mem, pfn);
    mem.setDirty(pfn);
  } else mem.setDirtyByWrite(pfn);
  return wasDirty ? 'dirty' : 'dirtied';
}

/** Mirrors: __filemap_get_folio with FGP_WRITEBEGIN: a shadow is forgotten (__GFP_WRITE), nothing is read ahead. */
function pageToWrite(mem: Memory, mapping: Mapping, index: number, whole: boolean): number {
  const entry = mapping.pages.get(index);
  if (entry !== 0 && entry < ENTRY_SHADOW) return entry;
  const pfn = newCachePage(mem, mapping, index, mapping.diskContent(index));
  if (pfn !== 0 && !whole) mem.countPageIn(1);
  return pfn;
}
