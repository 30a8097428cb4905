/** Taking pages out of an address space. Mirrors: mm/memory.c:zap_pte_range, unmap_page_range. */
import type { Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import { PG_ANON } from '../pages/page-flags.ts';
import { KIND_NONE, KIND_PRESENT, KIND_SWAP, PTE_DIRTY, PTE_YOUNG } from '../pages/pte.ts';
import { putSlot } from '../swap/swap-cache.ts';
import type { Mm } from './mm.ts';
import { hasRecency, unmapFrame } from './rmap.ts';
import type { Vma } from './vma.ts';

/** Calls `visit` with the entry index of each page of [start, end) that has an entry other than nothing, ascending. */
export function forEachEntry(
  mem: Memory,
  vma: Vma,
  start: number,
  end: number,
  visit: (at: number, vpn: number) => void,
): void {
  const directory = vma.mm.pageDirectory;
  const { tables } = mem;
  for (let vpn = start; vpn < end; ) {
    const count = tables.run(directory, vpn, end);
    const first = tables.find(directory, vpn);
    if (first !== 0) {
      for (let i = 0; i < count; i++) if (tables.pte[first + i] !== 0) visit(first + i, vpn + i);
    }
    vpn += count;
  }
}

/** Entries that are changed in one piece of work: a millisecond, or some. */
const PIECE_ENTRIES = 1024;
/** Pages looked at in one piece of a walk that changes nothing: the same. */
const WALK_PIECE_PAGES = 1 << 14;

/** The same in pieces, for visitors that do some work on each entry. */
export function* forEachEntryInPieces(
  mem: Memory,
  vma: Vma,
  start: number,
  end: number,
  visit: (at: number, vpn: number) => void,
): Job<void> {
  const directory = vma.mm.pageDirectory;
  const { tables } = mem;
  let seen = 0;
  for (let vpn = start; vpn < end; ) {
    const count = tables.run(directory, vpn, end);
    const first = tables.find(directory, vpn);
    if (first !== 0) {
      for (let i = 0; i < count; i++) if (tables.pte[first + i] !== 0) visit(first + i, vpn + i);
    }
    vpn += count;
    seen += first === 0 ? 1 : count;
    if (seen < PIECE_ENTRIES) continue;
    seen = 0;
    yield;
  }
}

/** The same over a whole VMA, in pieces. */
export function* walkEntries(mem: Memory, vma: Vma, visit: (at: number, vpn: number) => void): Job<void> {
  for (let from = vma.start; from < vma.end; ) {
    const to = Math.min(vma.end, from + WALK_PIECE_PAGES);
    forEachEntry(mem, vma, from, to, visit);
    from = to + mem.tables.hole(vma.mm.pageDirectory, to, vma.end);
    yield;
  }
}

/**
 * Empties the entries of [start, end) in a VMA: frames and swap slots lose one user, and those without users go.
 * Dirty bits of file pages move to the page. What had been written counts as forgotten.
 */
export function zapRange(mem: Memory, vma: Vma, start: number, end: number): void {
  vma.mm.updateHiwaterRss();
  forEachEntry(mem, vma, start, end, zapEntry(mem, vma));
}

/** The same in pieces. */
export function* zapRangeInPieces(mem: Memory, vma: Vma, start: number, end: number): Job<void> {
  vma.mm.updateHiwaterRss();
  yield* forEachEntryInPieces(mem, vma, start, end, zapEntry(mem, vma));
}

/**
 * Empties entries of a whole address space from page `from` on, until about so many have been looked at: where it has
 * stopped; Infinity: nothing is left. For the memory of somebody who has been killed. Mirrors: __oom_reap_task_mm.
 */
export function zapSome(mem: Memory, mm: Mm, from: number, nrPages: number): number {
  let left = nrPages;
  for (const vma of mm.vmas) {
    for (let at = Math.max(from, vma.start); at < vma.end; ) {
      if (left <= 0) return at;
      const to = Math.min(vma.end, at + left);
      zapRange(mem, vma, at, to);
      left -= to - at;
      at = to + mem.tables.hole(mm.pageDirectory, to, vma.end);
    }
  }
  return Number.POSITIVE_INFINITY;
}

function zapEntry(mem: Memory, vma: Vma): (at: number) => void {
  const { tables } = mem;
  const mm = vma.mm;
  return (at) => {
    const pte = tables.pte[at]!;
    tables.pte[at] = KIND_NONE;
    tables.expected[at] = 0;
    if (pte >>> 30 === KIND_SWAP) {
      mm.swapents--;
      putSlot(mem, tables.numberOf(at, pte));
    } else if (pte >>> 30 === KIND_PRESENT) zapPresent(mem, vma, tables.numberOf(at, pte), pte);
  };
}

function zapPresent(mem: Memory, vma: Vma, pfn: number, pte: number): void {
  if ((mem.frames.flags[pfn]! & PG_ANON) === 0) {
    if (pte & PTE_DIRTY) mem.setDirty(pfn);
    if (pte & PTE_YOUNG && hasRecency(mem, vma)) mem.policy.markAccessed(mem, pfn);
  }
  unmapFrame(mem, vma, pfn);
}
