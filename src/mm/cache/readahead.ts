/**
 * Reading a file ahead of who uses it: how much, when, and where the page is marked at which the next window is read.
 * Mirrors: mm/readahead.c, mm/filemap.c:do_sync_mmap_readahead.
 *
 *                      |<----- asyncSize ----------|
 *   |------------------- size -------------------->|
 *   ^ start            ^ the marked page
 *
 * The mark is PG_RECLAIM, which no clean page has for another reason: PG_readahead is the same bit.
 */
import type { Memory } from '../memory.ts';
import { PG_RECLAIM, PG_WRITEBACK } from '../pages/page-flags.ts';
import { ENTRY_SHADOW, ENTRY_SWAPPED, type Mapping } from './mapping.ts';

/** Misses of a mapping, less hits, above which faults read nothing ahead. Mirrors: MMAP_LOTSAMISS. */
const LOTS_OF_MISSES = 100;
/** Windows that go on end at multiples of four pages, as those of files without large folios do. */
const ALIGN_PAGES = 4;

/** A file as one process has opened it, its children with it (struct file with its file_ra_state). */
export class OpenFile {
  /** Most pages of a window by its own rules; 0: nothing is read ahead. */
  raPages: number;
  /** POSIX_FADV_RANDOM: what is asked for is read, no more. */
  random = false;
  /** POSIX_FADV_NOREUSE: that its mappings use a page is no reason to keep it. */
  noreuse = false;
  /** The window read last: first page, pages, pages from the mark to its end. */
  start = 0;
  size = 0;
  asyncSize = 0;
  /** Where the last read(2) ended, bytes; -1: there was none. */
  prevPos = -1;
  mmapMiss = 0;

  constructor(raPages: number) {
    this.raPages = raPages;
  }
}

/** The frame of a page of a file if it is cached, else 0. */
export function cachedPage(mapping: Mapping, index: number): number {
  const entry = mapping.pages.get(index);
  return entry < ENTRY_SWAPPED ? entry : 0;
}

/**
 * Reads pages from `index` on that are not cached, none beyond the end of the file, and marks the one `lookahead` pages before
 * the end. Ends where there is no memory. Mirrors: do_page_cache_ra, page_cache_ra_unbounded.
 */
function readPages(mem: Memory, mapping: Mapping, index: number, nrPages: number, lookahead: number): void {
  const nr = Math.min(nrPages, mapping.nrPages - index);
  const mark = lookahead > 0 && lookahead <= nr ? index + nr - lookahead : -1;
  let read = 0;
  for (let at = index; at < index + nr; at++) {
    if (cachedPage(mapping, at) !== 0) continue;
    const pfn = pageAhead(mem, mapping, at);
    if (pfn === 0) break;
    read++;
    if (at === mark) mem.frames.flags[pfn]! |= PG_RECLAIM;
  }
  mem.countReadTogether(read);
}

/** One page; looks for memory but once, and nobody dies for it (__GFP_NORETRY); 0: there is none. */
function pageAhead(mem: Memory, mapping: Mapping, index: number): number {
  mem.triesOnce = true;
  const pfn = mem.allocFrame();
  mem.triesOnce = false;
  if (pfn === 0) return 0;
  readInto(mem, mapping, index, pfn);
  return pfn;
}

/** Puts a frame into the cache for a page that is read from the device. Mirrors: filemap_add_folio. */
export function readInto(mem: Memory, mapping: Mapping, index: number, pfn: number): void {
  // What was there may have been taken in the search for memory.
  const entry = mapping.pages.get(index);
  mem.frames.content[pfn] = mapping.diskContent(index);
  mem.addToCache(mapping, index, pfn);
  mem.countPageIn(1);
  if (entry >= ENTRY_SHADOW) mem.policy.refault(mem, pfn, entry - ENTRY_SHADOW);
}

/** Reads so many pages, but no more than a device takes at once or a window has. Mirrors: force_page_cache_ra. */
export function forceReadahead(mem: Memory, mapping: Mapping, file: OpenFile, index: number, nrPages: number): void {
  readPages(mem, mapping, index, Math.min(nrPages, Math.max(mem.settings.deviceRequestPages, file.raPages)), 0);
}

/** A request that is larger than the window may have one of its own, as large as the device takes. Mirrors: ractl_max_pages. */
function mostPages(mem: Memory, file: OpenFile, wanted: number): number {
  const { deviceRequestPages } = mem.settings;
  return wanted > file.raPages && deviceRequestPages > file.raPages
    ? Math.min(wanted, deviceRequestPages)
    : file.raPages;
}

/** Mirrors: get_init_ra_size. */
export function firstWindow(wanted: number, most: number): number {
  const size = 2 ** Math.ceil(Math.log2(wanted));
  if (size <= Math.floor(most / 32)) return size * 4;
  return size <= Math.floor(most / 4) ? size * 2 : most;
}

/** Mirrors: get_next_ra_size. */
export function nextWindow(size: number, most: number): number {
  if (size < Math.floor(most / 16)) return 4 * size;
  return size <= Math.floor(most / 2) ? 2 * size : most;
}

/**
 * Page `index` is not cached and wanted, and with it `wanted` pages in all: reads it and, where that looks like the beginning of
 * a stream or a part of one, more. Mirrors: page_cache_sync_ra.
 */
export function syncReadahead(mem: Memory, mapping: Mapping, file: OpenFile, index: number, wanted: number): void {
  if (file.raPages === 0 || file.random) {
    forceReadahead(mem, mapping, file, index, file.raPages === 0 ? 1 : wanted);
    return;
  }
  const most = mostPages(mem, file, wanted);
  const jump = file.prevPos < 0 ? Number.POSITIVE_INFINITY : index - Math.floor(file.prevPos / 4096);
  if (index === 0 || wanted > most || jump === 0 || jump === 1) {
    const size = firstWindow(wanted, most);
    readWindow(mem, mapping, file, index, size, size > wanted ? size - wanted : size >>> 1);
    return;
  }
  let cached = 0;
  while (cached < most && cached < index && cachedPage(mapping, index - 1 - cached) !== 0) cached++;
  if (cached <= wanted) {
    readPages(mem, mapping, index, wanted, 0);
    return;
  }
  if (cached === index) cached *= 2;
  readWindow(mem, mapping, file, index, Math.min(cached + wanted, most), 1);
}

/** The marked page `index` is used: the window behind it is read. Mirrors: page_cache_async_ra. */
export function asyncReadahead(mem: Memory, mapping: Mapping, file: OpenFile, index: number, wanted: number): void {
  const { flags } = mem.frames;
  const pfn = cachedPage(mapping, index);
  if (file.raPages === 0 || flags[pfn]! & PG_WRITEBACK) return;
  flags[pfn]! &= ~PG_RECLAIM;
  const most = mostPages(mem, file, wanted);
  let { start } = file;
  let size: number;
  if (index === file.start + file.size - file.asyncSize) {
    start += file.size;
    size = Math.max(file.size, nextWindow(file.size, most));
  } else {
    // Somebody else's mark, or one of a window given up: what is cached behind it says how far a stream has come.
    start = index + 1;
    while (start - index <= most && cachedPage(mapping, start) !== 0) start++;
    if (start - index > most) return;
    size = nextWindow(start - index + wanted, most);
  }
  const end = start + size;
  const aligned = end - (end % Math.min(ALIGN_PAGES, most & -most));
  if (aligned > start) size = aligned - start;
  readWindow(mem, mapping, file, start, size, size);
}

/** Mirrors: page_cache_ra_order, without large folios. */
function readWindow(
  mem: Memory,
  mapping: Mapping,
  file: OpenFile,
  start: number,
  size: number,
  asyncSize: number,
): void {
  file.start = start;
  file.size = size;
  file.asyncSize = asyncSize;
  readPages(mem, mapping, start, size, asyncSize);
}

/** How the mapping of a fault is used. */
export interface FaultAdvice {
  readonly sequential: boolean;
  readonly random: boolean;
  /** Code is read on from the fault, within its mapping: pages [first, end) of the file. */
  readonly code: { readonly first: number; readonly end: number } | null;
}

/** A fault has met a page that is not cached. It may stay so: then it is to be read alone. Mirrors: do_sync_mmap_readahead. */
export function readAroundFault(
  mem: Memory,
  mapping: Mapping,
  file: OpenFile,
  index: number,
  { sequential, random, code }: FaultAdvice,
): void {
  const { raPages } = file;
  if (raPages === 0 || (random && code === null)) return;
  if (sequential) {
    syncReadahead(mem, mapping, file, index, raPages);
    return;
  }
  if (file.mmapMiss < LOTS_OF_MISSES * 10) file.mmapMiss++;
  if (file.mmapMiss > LOTS_OF_MISSES) return;
  if (code !== null) {
    const start = Math.max(index, code.first);
    readWindow(mem, mapping, file, start, Math.min(start + raPages, code.end) - start, 0);
    return;
  }
  readWindow(mem, mapping, file, Math.max(0, index - Math.floor(raPages / 2)), raPages, Math.floor(raPages / 4));
}

/** A fault has met a cached page. Mirrors: do_async_mmap_readahead. */
export function noteFaultHit(mem: Memory, mapping: Mapping, file: OpenFile, index: number, pfn: number): void {
  if (file.mmapMiss > 0) file.mmapMiss--;
  if (mem.frames.flags[pfn]! & PG_RECLAIM) asyncReadahead(mem, mapping, file, index, file.raPages);
}
