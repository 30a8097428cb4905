/** What there is of a file in the page cache, and what has been. Mirrors: mm/filemap.c:filemap_cachestat. */
import type { Memory } from '../memory.ts';
import { PG_DIRTY, PG_WRITEBACK } from '../pages/page-flags.ts';
import { isRecent } from '../reclaim/workingset.ts';
import { ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED, type Mapping } from './mapping.ts';

/** Pages. */
export interface CacheStat {
  cache: number;
  dirty: number;
  writeback: number;
  evicted: number;
  recentlyEvicted: number;
}

/** Of pages first to last, both included. What is dirty of shared memory is not counted: it has no tags. */
export function cachestat(mem: Memory, mapping: Mapping, first: number, last: number): CacheStat {
  const stat: CacheStat = { cache: 0, dirty: 0, writeback: 0, evicted: 0, recentlyEvicted: 0 };
  mapping.pages.forEach((index, entry) => {
    if (index < first || index > last) return;
    if (entry < ENTRY_SWAPPED) {
      const flags = mem.frames.flags[entry]!;
      stat.cache++;
      if ((flags & PG_DIRTY) !== 0 && !mapping.isShmem) stat.dirty++;
      if ((flags & PG_WRITEBACK) !== 0 && !mapping.isShmem) stat.writeback++;
      return;
    }
    stat.evicted++;
    const shadow = shadowOf(mem, entry);
    if (shadow !== 0 && isRecent(mem, shadow, !mapping.isShmem)) stat.recentlyEvicted++;
  });
  return stat;
}

/** 0: none. What is in swap has it beside its slot. */
function shadowOf(mem: Memory, entry: number): number {
  if (entry >= ENTRY_SHADOW) return (entry & ~ENTRY_SHADOW) >>> 0;
  return mem.swap?.shadow[entry & ENTRY_NUMBER] ?? 0;
}

/** Whether mincore(2) finds the page of a cache entry: cached, or of a shmem object in the swap cache. Mirrors: filemap_get_incore_folio. */
export function isInCore(mem: Memory, entry: number): boolean {
  if (entry < ENTRY_SWAPPED) return entry !== 0;
  return entry < ENTRY_SHADOW && mem.swap !== null && mem.swap.frame[entry & ENTRY_NUMBER] !== 0;
}
