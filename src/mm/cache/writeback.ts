/** Writing dirty file pages to the simulated disk, and the end of any write. Mirrors: mm/page-writeback.c, mm/filemap.c:folio_end_writeback. */

import type { Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import {
  PG_ACTIVE,
  PG_DIRTY,
  PG_LRU,
  PG_RECLAIM,
  PG_SWAPCACHE,
  PG_UNEVICTABLE,
  PG_VMSCAN,
  PG_WRITEBACK,
} from '../pages/page-flags.ts';
import { PTE_DIRTY, PTE_WRITE } from '../pages/pte.ts';
import { evictFromCache, evictFromSwapCache } from '../reclaim/pageout.ts';
import { entryIn } from '../space/rmap.ts';
import { CHUNK, ENTRY_SWAPPED, type Mapping } from './mapping.ts';

/**
 * Starts the write of a dirty page of a file: the page is clean from now on, every mapping write-protected, its content
 * on its way to the disk. False if there is nothing to write (clean, or a write is under way).
 */
export function startFileWrite(mem: Memory, pfn: number): boolean {
  if (!cleanForIo(mem, pfn)) return false;
  mem.startWriteback(pfn);
  return true;
}

/** Writes a page and waits: for msync and fsync. False if there was nothing to write. */
export function writeFilePage(mem: Memory, pfn: number): boolean {
  mem.endWritebackEarly(pfn);
  if (!cleanForIo(mem, pfn)) return false;
  mem.frames.flags[pfn]! &= ~PG_RECLAIM;
  mem.events.nr_written++;
  mem.countPageOut(1);
  return true;
}

/** Mirrors: folio_clear_dirty_for_io with folio_mkclean. */
function cleanForIo(mem: Memory, pfn: number): boolean {
  const { frames, tables } = mem;
  const flags = frames.flags[pfn]!;
  if ((flags & PG_DIRTY) === 0 || flags & PG_WRITEBACK) return false;
  const mapping = mem.mappingOf(pfn);
  let left = frames.mapcount[pfn]!;
  if (left > 0) {
    for (const vma of mapping.vmas) {
      const at = entryIn(mem, vma, pfn);
      if (at === 0) continue;
      tables.pte[at]! &= ~(PTE_DIRTY | PTE_WRITE);
      if (--left === 0) break;
    }
  }
  mem.clearDirty(pfn);
  mapping.setDiskContent(frames.index[pfn]!, frames.content[pfn]!);
  return true;
}

/** Dirty pages of a file in [from, to), ascending. */
export function dirtyPages(mem: Memory, mapping: Mapping, from = 0, to = Number.POSITIVE_INFINITY): number[] {
  const dirty: number[] = [];
  for (const key of mapping.dirtyChunks()) {
    mapping.pages.forEachIn(key, (index, entry) => {
      if (entry < ENTRY_SWAPPED && index >= from && index < to && mem.frames.flags[entry]! & PG_DIRTY)
        dirty.push(entry);
    });
  }
  return dirty;
}

/** Starts the writes of a file's dirty pages, ascending, until at most `keep` pages of the machine are dirty. */
export function startFileWrites(mem: Memory, mapping: Mapping, keep = 0): void {
  const { flags } = mem.frames;
  for (const key of mapping.dirtyChunks()) {
    const chunk = mapping.pages.chunk(key);
    if (chunk === undefined) continue;
    for (let i = 0; i < CHUNK; i++) {
      const entry = chunk[i]!;
      if (entry === 0 || entry >= ENTRY_SWAPPED || (flags[entry]! & PG_DIRTY) === 0) continue;
      if (mem.nrFileDirty <= keep) return;
      startFileWrite(mem, entry);
    }
  }
}

/** Pages written in one piece of work. */
const PIECE_PAGES = 512;

/** Writes the dirty pages of a part of a file and waits for them; returns how many. Mirrors: vfs_fsync_range. */
export function* syncMapping(mem: Memory, mapping: Mapping, from = 0, to = Number.POSITIVE_INFINITY): Job<number> {
  if (mapping.isShmem) return 0;
  let written = 0;
  let seen = 0;
  for (const pfn of dirtyPages(mem, mapping, from, to)) {
    if (writeFilePage(mem, pfn)) written++;
    if (++seen % PIECE_PAGES === 0) yield;
  }
  return written;
}

/**
 * A device has finished writing a frame. One that reclaim waits for is freed, unless it was taken back into use; under
 * `rules.asMadvise`, and where global reclaim waits for it, it is only moved to where reclaim looks first.
 */
export function endWriteback(mem: Memory, pfn: number): void {
  const { frames, events } = mem;
  const flags = frames.flags[pfn]!;
  if ((flags & PG_WRITEBACK) === 0) return;
  frames.flags[pfn]! &= ~(PG_WRITEBACK | PG_RECLAIM | PG_VMSCAN);
  mem.nrWriteback--;
  mem.countPageOut(1);
  events.nr_written++;
  if ((flags & PG_RECLAIM) === 0 || frames.mapcount[pfn] !== 0 || flags & PG_DIRTY) return;
  events.pgrotated++;
  if (mem.rules.asMadvise || flags & PG_VMSCAN) {
    if ((flags & (PG_LRU | PG_UNEVICTABLE)) !== PG_LRU) return;
    frames.lruDel(pfn);
    frames.flags[pfn]! &= ~PG_ACTIVE;
    frames.lruAddTail(pfn);
    return;
  }
  if (flags & PG_SWAPCACHE) evictFromSwapCache(mem, pfn);
  else evictFromCache(mem, pfn);
  mem.freeFrame(pfn);
}
