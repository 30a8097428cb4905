/** PID/pagemap, served by offset. Mirrors: fs/proc/task_mmu.c:pagemap_read, pte_to_pagemap_entry. */
import type { Memory } from '../mm/memory.ts';
import { PG_ANON } from '../mm/pages/page-flags.ts';
import { KIND_NONE, KIND_PRESENT, KIND_SWAP, PTE_SOFTDIRTY } from '../mm/pages/pte.ts';
import type { Mm } from '../mm/space/mm.ts';
import { TASK_SIZE_PAGES } from '../mm/space/mmap.ts';
import { EINVAL, ESRCH } from '../util/errno.ts';
import type { Caller, OpenFile } from '../vfs/types.ts';
import type { TaskContext } from './entry.ts';

const ENTRY_BYTES = 8;
// Bits of the upper 32 of an entry (Documentation/admin-guide/mm/pagemap.rst).
const SOFT_DIRTY = 1 << 23;
const MMAP_EXCLUSIVE = 1 << 24;
const FILE = 1 << 29;
const SWAP = 1 << 30;
const PRESENT = 1 << 31;
/** A swap entry has its type in bits 0-4 and its offset above. */
const SWAP_OFFSET = 2 ** 5;
const EMPTY = new Uint8Array(0);

/** `current` gives the process as it is now, undefined when it has gone. */
export function openPagemap(ctx: TaskContext, current: () => TaskContext | undefined): OpenFile | number {
  const opened = ctx.task.mm;
  if (opened === null) return -ESRCH;
  return {
    read(offset, size, caller): Uint8Array | number {
      if (offset % ENTRY_BYTES !== 0 || size % ENTRY_BYTES !== 0) return -EINVAL;
      const now = current();
      if (now?.task.mm?.id !== opened.id) return EMPTY;
      const first = offset / ENTRY_BYTES;
      const count = Math.min(size / ENTRY_BYTES, TASK_SIZE_PAGES - first);
      return count > 0 ? pagemapBytes(now.machine.mem, now.task.mm, first, count, showsFrames(caller)) : EMPTY;
    },
    write: () => -EINVAL,
  };
}

/** Frame numbers and swap offsets are for CAP_SYS_ADMIN; a caller who is not known has passed the mode bits. */
function showsFrames(caller: Caller | undefined): boolean {
  return caller === undefined || caller.uid === 0;
}

/** Entries of `count` pages from `first` on. */
export function pagemapBytes(mem: Memory, mm: Mm, first: number, count: number, frames: boolean): Uint8Array {
  const bytes = new Uint8Array(count * ENTRY_BYTES);
  const words = new Uint32Array(bytes.buffer);
  for (let vpn = first; vpn < first + count; ) {
    const run = mem.tables.run(mm.pageDirectory, vpn, first + count);
    const at = mem.tables.find(mm.pageDirectory, vpn);
    if (at !== 0) for (let i = 0; i < run; i++) encode(mem, at + i, frames, words, (vpn - first + i) * 2);
    vpn += run;
  }
  return bytes;
}

/** Writes what entry `entry` of the page tables says at word `at`. */
function encode(mem: Memory, entry: number, frames: boolean, words: Uint32Array, at: number): void {
  const pte = mem.tables.pte[entry]!;
  const kind = pte >>> 30;
  if (kind === KIND_NONE) return;
  const number = mem.tables.numberOf(entry, pte);
  let high = pte & PTE_SOFTDIRTY ? SOFT_DIRTY : 0;
  if (kind === KIND_PRESENT) {
    high |= PRESENT;
    if ((mem.frames.flags[number]! & PG_ANON) === 0) high |= FILE;
    if (mem.frames.mapcount[number] === 1) high |= MMAP_EXCLUSIVE;
    if (frames) words[at] = number;
  } else if (kind === KIND_SWAP) {
    high |= SWAP;
    if (frames) words[at] = number * SWAP_OFFSET;
  } else high |= PRESENT;
  words[at + 1] = high;
}
