/** One page of read(2) and write(2): it is charged to who calls. Mirrors: mm/filemap.c:filemap_read, generic_perform_write. */
import type { Memory } from '../memory.ts';
import { PG_DIRTY, PG_UNFILLED } from '../pages/page-flags.ts';
import { PTE_NUMBER } from '../pages/pte.ts';
import { getCachePage, newCachePage } from '../space/fault.ts';
import { ENTRY_SHADOW, ENTRY_SWAPPED, type Mapping } from './mapping.ts';

/**
 * Brings a page in and marks it as accessed; `start`: what is read begins with it, or before it. A hole in shared memory is read as zeros
 * and stays one. False: out of memory. Mirrors: filemap_read, shmem_file_read_iter.
 */
export function readPage(mem: Memory, mapping: Mapping, index: number, start: boolean): boolean {
  const entry = mapping.pages.get(index);
  if (mapping.isShmem) {
    if (entry === 0) return true;
    if (entry < ENTRY_SWAPPED && mem.frames.flags[entry]! & PG_UNFILLED) return true;
  }
  const pfn = getCachePage(mem, mapping, index) & PTE_NUMBER;
  if (pfn === 0) return false;
  if (start || !mapping.isShmem) mem.policy.markAccessed(mem, pfn);
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
    ? getCachePage(mem, mapping, index) & PTE_NUMBER
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
