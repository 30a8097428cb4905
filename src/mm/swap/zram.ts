/**
 * The zram device that a swap area lies on: what each slot takes, and the counters over them. Mirrors: drivers/block/zram/zram_drv.c
 * (6.18). Pretend: the pool holds what is stored without loss (no size classes, no fragmentation), and the header of the swap
 * area takes nothing.
 *
 *   size      bytes in the pool; 0: nothing, one word fills the page, or it lies on the backing device
 *   flags     ZRAM_*, and in the upper bits which algorithm has compressed it (0 the first)
 *   accessed  seconds since boot of the last read or write
 */
import type { Memory } from '../memory.ts';
import { ZRAM_ALGORITHMS, type ZramAlgorithm } from '../pages/page-kinds.ts';
import type { SwapArea } from './swap.ts';

/** The slot holds something. */
export const ZRAM_STORED = 1 << 0;
/** One word fills the page. */
export const ZRAM_SAME = 1 << 1;
/** On the backing device. */
export const ZRAM_WB = 1 << 2;
/** Stored as it is. */
export const ZRAM_HUGE = 1 << 3;
/** Marked, and not accessed since. */
export const ZRAM_IDLE = 1 << 4;
/** No algorithm could make it smaller. */
export const ZRAM_INCOMPRESSIBLE = 1 << 5;
/** Where the number of the algorithm begins. */
export const ZRAM_PRIORITY_SHIFT = 6;

/** The first algorithm and three to compress with again. Mirrors: ZRAM_MAX_COMPS. */
export const ZRAM_MAX_COMPS = 4;
const PAGE = 4096;

/** Where pages go that are written back: a disk that nothing else uses. */
export interface BackingDevice {
  readonly path: string;
  readonly nrPages: number;
}

export class Zram {
  /** By priority; the first always is there. */
  algorithms: (ZramAlgorithm | undefined)[] = [ZRAM_ALGORITHMS[0]];
  /** False after a reset, until it is given a size. */
  isReady = true;
  readonly size: Uint16Array;
  readonly flags: Uint8Array;
  readonly accessed: Uint32Array;
  /** Seconds since boot, as far as it has been told. */
  nowS = 0;
  /** Pages of the pool; 0: no limit. */
  limitPages = 0;
  maxUsedPages = 0;
  backing: BackingDevice | null = null;
  writebackLimited = false;
  /** Pages that may still be written back, where that is limited. */
  writebackLimit = 0n;
  pagesStored = 0;
  samePages = 0;
  hugePages = 0;
  hugePagesSince = 0;
  failedWrites = 0;
  notifyFree = 0;
  /** Pages on the backing device, and reads and writes of it so far. */
  backingPages = 0;
  backingReads = 0;
  backingWrites = 0;

  constructor(slots: number) {
    this.size = new Uint16Array(slots + 1);
    this.flags = new Uint8Array(slots + 1);
    this.accessed = new Uint32Array(slots + 1);
  }

  get nrAlgorithms(): number {
    return this.algorithms.filter((name) => name !== undefined).length;
  }
}

/** Pages of the pool. Mirrors: zs_get_total_pages. */
export function poolPages(area: SwapArea): number {
  return Math.ceil(area.compressedBytes / PAGE);
}

/** Stores a page. False: the limit forbids it, and what the slot held stays. Mirrors: zram_write_page, zram_bvec_rw. */
export function zramWrite(mem: Memory, area: SwapArea, zram: Zram, slot: number, content: number): boolean {
  const bytes = mem.content.compressedBytes(content, mem.settings.zramRatio, zram.algorithms[0]!);
  if (bytes > 0) {
    const pages = Math.ceil((area.compressedBytes + bytes) / PAGE);
    if (pages > zram.maxUsedPages) zram.maxUsedPages = pages;
    if (zram.limitPages !== 0 && pages > zram.limitPages) {
      zram.failedWrites++;
      return false;
    }
  }
  if (zram.flags[slot] !== 0) zramFree(area, zram, slot);
  place(area, zram, slot, bytes, 0);
  return true;
}

/** Puts what a slot holds into the pool, compressed by the algorithm of this priority. */
export function place(area: SwapArea, zram: Zram, slot: number, bytes: number, priority: number): void {
  let flags = ZRAM_STORED | (priority << ZRAM_PRIORITY_SHIFT);
  if (bytes === 0) {
    flags |= ZRAM_SAME;
    zram.samePages++;
  } else if (bytes === PAGE) {
    flags |= ZRAM_HUGE;
    zram.hugePages++;
    zram.hugePagesSince++;
  }
  zram.flags[slot] = flags;
  zram.size[slot] = bytes;
  zram.accessed[slot] = zram.nowS;
  area.compressedBytes += bytes;
  zram.pagesStored++;
}

/** Gives up what a slot holds. Mirrors: zram_free_page. */
export function zramFree(area: SwapArea, zram: Zram, slot: number): void {
  const flags = zram.flags[slot]!;
  if (flags === 0) return;
  if (flags & ZRAM_HUGE) zram.hugePages--;
  if (flags & ZRAM_WB) zram.backingPages--;
  else if (flags & ZRAM_SAME) zram.samePages--;
  area.compressedBytes -= zram.size[slot]!;
  zram.flags[slot] = 0;
  zram.size[slot] = 0;
  zram.pagesStored--;
}

/** A slot is read: it is not idle any more. Whether the backing device had to be read. Mirrors: zram_accessed, read_from_bdev. */
export function zramRead(zram: Zram, slot: number): boolean {
  const flags = zram.flags[slot]!;
  if (flags === 0) return false;
  zram.flags[slot] = flags & ~ZRAM_IDLE;
  zram.accessed[slot] = zram.nowS;
  if ((flags & ZRAM_WB) === 0) return false;
  zram.backingReads++;
  return true;
}
