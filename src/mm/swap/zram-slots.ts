/**
 * Going through the slots of a zram device: marking what is idle, writing back, compressing again.
 * Mirrors: mark_idle, scan_slots_for_writeback, zram_writeback_slots, scan_slots_for_recompress, recompress_slot.
 */
import { EIO, ENOSPC } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import type { SwapArea } from './swap.ts';
import {
  place,
  ZRAM_IDLE,
  ZRAM_INCOMPRESSIBLE,
  ZRAM_PRIORITY_SHIFT,
  ZRAM_SAME,
  ZRAM_STORED,
  ZRAM_WB,
  type Zram,
  zramFree,
} from './zram.ts';

/** Slots looked at in one piece of work. */
const PIECE_SLOTS = 1 << 14;
/** Larger pages are dealt with first, in steps of so many bytes. Mirrors: PP_BUCKET_SIZE_RANGE. */
const BUCKET_BYTES = 64;
/** Sizes of the pool's classes lie so far apart. Mirrors: ZS_SIZE_CLASS_DELTA. */
const CLASS_BYTES = 16;

/** Marks what has not been accessed for so many seconds, all where that is undefined; the mark of the rest goes. */
export function* markIdle(area: SwapArea, zram: Zram, ageS: number | undefined): Job<void> {
  for (let slot = 1; slot < area.usedSlots; slot++) {
    if (slot % PIECE_SLOTS === 0) yield;
    const flags = zram.flags[slot]!;
    if ((flags & ZRAM_STORED) === 0 || flags & (ZRAM_WB | ZRAM_SAME)) continue;
    const idle = ageS === undefined || zram.nowS - ageS > zram.accessed[slot]!;
    zram.flags[slot] = idle ? flags | ZRAM_IDLE : flags & ~ZRAM_IDLE;
  }
}

/** Slots that hold something in the pool and have all of these marks, in [from, to). */
function* slotsWith(
  area: SwapArea,
  zram: Zram,
  from: number,
  to: number,
  accepts: (flags: number) => boolean,
): Job<number[]> {
  const found: number[] = [];
  for (let slot = Math.max(1, from); slot < Math.min(to, area.usedSlots); slot++) {
    if (slot % PIECE_SLOTS === 0) yield;
    const flags = zram.flags[slot]!;
    if ((flags & ZRAM_STORED) !== 0 && (flags & (ZRAM_WB | ZRAM_SAME)) === 0 && accepts(flags)) found.push(slot);
  }
  return found;
}

/** Larger ones first; of one bucket the last found comes first. Mirrors: place_pp_slot, select_pp_slot. */
function inOrder(zram: Zram, slots: number[]): number[] {
  const bucket = (slot: number): number => Math.floor(zram.size[slot]! / BUCKET_BYTES);
  return slots.sort((a, b) => bucket(b) - bucket(a) || b - a);
}

/** Slots to be written back: those of [from, to) with all of the marks. */
export function slotsForWriteback(area: SwapArea, zram: Zram, from: number, to: number, marks: number): Job<number[]> {
  return slotsWith(area, zram, from, to, (flags) => (flags & marks) === marks);
}

/** Writes slots to the backing device. Throws EIO (nothing more may be written), ENOSPC; what has been written stays so. */
export function* writeBackSlots(area: SwapArea, zram: Zram, slots: Iterable<number>): Job<void> {
  const { nrPages } = zram.backing!;
  let seen = 0;
  for (const slot of inOrder(zram, [...new Set(slots)])) {
    if (++seen % PIECE_SLOTS === 0) yield;
    if (zram.writebackLimited && zram.writebackLimit === 0n)
      throw new KernelError(EIO, 'the writeback limit is used up');
    // The first block is not used: its number would say that there is none.
    if (zram.backingPages >= nrPages - 1) throw new KernelError(ENOSPC, 'the backing device is full');
    const flags = zram.flags[slot]!;
    if ((flags & ZRAM_STORED) === 0 || flags & (ZRAM_WB | ZRAM_SAME)) continue;
    zramFree(area, zram, slot);
    zram.flags[slot] = ZRAM_STORED | ZRAM_WB;
    zram.pagesStored++;
    zram.backingPages++;
    zram.backingWrites++;
    if (zram.writebackLimited) zram.writebackLimit--;
  }
}

/** What is to be compressed again, and how. */
export interface Recompression {
  /** ZRAM_IDLE, ZRAM_HUGE, both or 0: all. */
  readonly marks: number;
  /** Smaller pages are left alone, and only a result below it is kept; 0: any. */
  readonly threshold: number;
  readonly maxPages: bigint;
  /** Priorities to try: [first, end). */
  readonly first: number;
  readonly end: number;
}

/** Compresses again what other algorithms may make smaller. */
export function* recompress(mem: Memory, area: SwapArea, zram: Zram, wanted: Recompression): Job<void> {
  const { marks, threshold, first, end } = wanted;
  let left = wanted.maxPages;
  const slots = yield* slotsWith(
    area,
    zram,
    1,
    area.usedSlots,
    (flags) =>
      (flags & marks) === marks && (flags & ZRAM_INCOMPRESSIBLE) === 0 && (flags >>> ZRAM_PRIORITY_SHIFT) + 1 < end,
  );
  let seen = 0;
  for (const slot of inOrder(zram, slots)) {
    if (++seen % PIECE_SLOTS === 0) yield;
    if (left === 0n) return;
    if (recompressSlot(mem, area, zram, slot, threshold, first, end)) left--;
  }
}

/** Tries one slot. False: it was not looked at. Mirrors: recompress_slot. */
function recompressSlot(
  mem: Memory,
  area: SwapArea,
  zram: Zram,
  slot: number,
  threshold: number,
  first: number,
  end: number,
): boolean {
  const bytes = zram.size[slot]!;
  if (bytes < threshold) return false;
  const flags = zram.flags[slot]! & ~ZRAM_IDLE;
  zram.flags[slot] = flags;
  const classOf = (size: number): number => Math.ceil(size / CLASS_BYTES);
  let priority = Math.max(first, (flags >>> ZRAM_PRIORITY_SHIFT) + 1);
  for (; priority < end; priority++) {
    const algorithm = zram.algorithms[priority];
    if (algorithm === undefined) continue;
    const smaller = mem.content.compressedBytes(area.content[slot]!, mem.settings.zramRatio, algorithm);
    if (classOf(smaller) >= classOf(bytes) || (threshold > 0 && smaller >= threshold)) continue;
    const { accessed } = zram;
    const atS = accessed[slot]!;
    zramFree(area, zram, slot);
    place(area, zram, slot, smaller, priority);
    accessed[slot] = atS;
    return true;
  }
  if (priority >= zram.nrAlgorithms) zram.flags[slot]! |= ZRAM_INCOMPRESSIBLE;
  return true;
}
