/** Cutting files and shared memory short, holes in them, and pages in advance. Mirrors: mm/truncate.c, mm/shmem.c, fs/open.c:vfs_fallocate. */
import { EFBIG, EINVAL, ENOSPC } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import { CONTENT_ZERO } from '../pages/content.ts';
import { PG_ANON, PG_UNFILLED } from '../pages/page-flags.ts';
import { KIND_PRESENT } from '../pages/pte.ts';
import { getCachePage } from '../space/fault.ts';
import { forEachEntryInPieces, zapRange, zapRangeInPieces } from '../space/zap.ts';
import { putSlot } from '../swap/swap-cache.ts';
import { ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED, EXPECT_NOTHING, type Mapping } from './mapping.ts';

/** Indexes of a PageArray are below 2^28. */
const MOST_PAGES = 2 ** 28;
/** Pages in one piece of work. */
const PIECE_PAGES = 512;
/** No file is longer. Mirrors: s_maxbytes. */
export const MOST_FILE_BYTES = MOST_PAGES * 4096;

/**
 * Another size. Pages beyond a nearer end go from the cache and from every mapping, private copies too; beyond a farther
 * one there are zeros. Throws EINVAL, EFBIG. Mirrors: do_truncate, truncate_pagecache.
 */
export function* truncate(mem: Memory, mapping: Mapping, sizeBytes: number): Job<void> {
  checkSize(sizeBytes);
  const nrPages = Math.ceil(sizeBytes / 4096);
  if (nrPages < mapping.nrPages) {
    const last = mapping.nrPages;
    yield* unmapRange(mem, mapping, nrPages, Number.POSITIVE_INFINITY, true);
    yield* removePages(mem, mapping, nrPages, last);
  }
  mapping.sizeBytes = sizeBytes;
}

/** Zeros in pages [from, to), within the size. Private copies stay. Mirrors: fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE). */
export function* punchHole(mem: Memory, mapping: Mapping, from: number, to: number): Job<void> {
  const last = Math.min(to, mapping.nrPages);
  if (from >= last) return;
  yield* unmapRange(mem, mapping, from, last, false);
  yield* removePages(mem, mapping, from, last);
}

/**
 * Room for pages [from, to), the size raised to it: shared memory gets its pages now, a file needs none. Throws EINVAL,
 * EFBIG, ENOSPC. Mirrors: fallocate(2), shmem_fallocate.
 */
export function* fallocate(mem: Memory, mapping: Mapping, from: number, to: number): Job<void> {
  if (to <= from) throw new KernelError(EINVAL, 'the length must be more than zero');
  checkSize(to * 4096);
  const before = mapping.sizeBytes;
  if (to > mapping.nrPages) mapping.sizeBytes = to * 4096;
  if (!mapping.isShmem) return;
  for (let index = from; index < to; index++) {
    if ((index - from) % PIECE_PAGES === PIECE_PAGES - 1) yield;
    const entry = mapping.pages.get(index);
    if (entry !== 0 && entry < ENTRY_SWAPPED) {
      mem.setDirty(entry);
      continue;
    }
    const found = getCachePage(mem, mapping, index);
    if (found === 0) {
      mapping.sizeBytes = Math.max(before, index * 4096);
      throw new KernelError(ENOSPC, 'no memory for the pages');
    }
    const pfn = found & ENTRY_NUMBER;
    mem.setDirty(pfn);
    if (entry === 0) mem.frames.flags[pfn]! |= PG_UNFILLED;
  }
}

function checkSize(sizeBytes: number): void {
  if (!(sizeBytes >= 0)) throw new KernelError(EINVAL, 'a size is not negative');
  if (sizeBytes > MOST_FILE_BYTES) throw new KernelError(EFBIG, 'files end at 1 TiB');
}

/** Takes pages [from, to) of an object out of all mappings. Mirrors: unmap_mapping_range (`copies`: even_cows). */
function* unmapRange(mem: Memory, mapping: Mapping, from: number, to: number, copies: boolean): Job<void> {
  let seen = 0;
  for (const vma of mapping.vmas) {
    if (++seen % PIECE_PAGES === 0) yield;
    const start = vma.start + Math.max(0, from - vma.pgoff);
    const end = Math.min(vma.end, vma.start + (to - vma.pgoff));
    if (start >= end) continue;
    if (copies) yield* zapRangeInPieces(mem, vma, start, end);
    else yield* zapFilePages(mem, vma, start, end);
  }
}

/** Private copies, present or swapped, are no pages of the file. */
function zapFilePages(mem: Memory, vma: Parameters<typeof zapRange>[1], start: number, end: number): Job<void> {
  const { tables, frames } = mem;
  return forEachEntryInPieces(mem, vma, start, end, (at, vpn) => {
    const entry = tables.pte[at]!;
    if (entry >>> 30 !== KIND_PRESENT || frames.flags[tables.numberOf(at, entry)]! & PG_ANON) return;
    zapRange(mem, vma, vpn, vpn + 1);
  });
}

/** Cached and swapped pages go, unwritten; what is on disk becomes zeros. Mirrors: truncate_inode_pages_range, shmem_undo_range. */
function* removePages(mem: Memory, mapping: Mapping, from: number, to: number): Job<void> {
  yield* mapping.pages.walk((index, entry) => {
    if (index < from || index >= to) return;
    if (entry < ENTRY_SWAPPED) {
      mem.endWritebackEarly(entry);
      mem.clearDirty(entry);
      mem.removeFromCache(entry, 0);
      mem.freeFrame(entry);
      return;
    }
    mapping.pages.set(index, 0);
    if (entry >= ENTRY_SHADOW) return;
    mapping.nrSwapped--;
    putSlot(mem, entry & ENTRY_NUMBER);
  });
  mapping.disk.clear(from, to);
  mapping.expected.clear(from, to);
  if (to >= mapping.initialPages) {
    mapping.initialPages = Math.min(mapping.initialPages, from);
    return;
  }
  for (let index = from; index < to && mapping.firstContent !== 0; index++) {
    if ((index - from) % PIECE_PAGES === PIECE_PAGES - 1) yield;
    mapping.setDiskContent(index, CONTENT_ZERO);
    mapping.expected.set(index, EXPECT_NOTHING);
  }
}
