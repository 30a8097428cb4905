/** Advice about memory, given by its owner. Mirrors: mm/madvise.c. */
import { EACCES, EINVAL, ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { fadvise } from '../cache/fadvise.ts';
import { ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED } from '../cache/mapping.ts';
import { punchHole } from '../cache/truncate.ts';
import type { Memory } from '../memory.ts';
import {
  PG_ACTIVE,
  PG_ANON,
  PG_DIRTY,
  PG_REFERENCED,
  PG_SWAPBACKED,
  PG_SWAPCACHE,
  PG_UNEVICTABLE,
} from '../pages/page-flags.ts';
import { KIND_NONE, KIND_PRESENT, KIND_SWAP, PTE_DIRTY, PTE_YOUNG } from '../pages/pte.ts';
import { type Credentials, coldVma, reclaimVma } from '../reclaim/process-reclaim.ts';
import { putSlot, tryToFreeSwap } from '../swap/swap-cache.ts';
import { readSwapCache } from '../swap/swap-readahead.ts';
import type { Mm } from './mm.ts';
import { populateAdvised } from './populate.ts';
import {
  VM_DONTCOPY,
  VM_DONTEXPAND,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_MAYWRITE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_WIPEONFORK,
} from './vm-flags.ts';
import type { Vma } from './vma.ts';
import { changeRange } from './vma-ops.ts';
import { forEachEntryInPieces, zapRangeInPieces } from './zap.ts';

export const ADVICE = [
  'normal',
  'random',
  'sequential',
  'willneed',
  'dontneed',
  'dontneed_locked',
  'cold',
  'pageout',
  'free',
  'remove',
  'populate_read',
  'populate_write',
  'dontfork',
  'dofork',
  'wipeonfork',
  'keeponfork',
] as const;
export type Advice = (typeof ADVICE)[number];

/**
 * Carries advice out on [start, end). Holes are skipped and reported at the end, as the kernel does.
 * Throws KernelError: ENOMEM (a hole), EINVAL (a VMA for which the advice makes no sense), EACCES (remove without the right
 * to write), EFAULT (populate beyond the end of a file).
 */
export function* madvise(mem: Memory, mm: Mm, start: number, end: number, advice: Advice, who: Credentials): Job<void> {
  let hole = false;
  let at = start;
  let seen = 0;
  // By address: advice about fork splits and merges the mappings it walks.
  while (at < end) {
    const vma = mm.vmas[mm.indexAfter(at)];
    if (vma === undefined || vma.start >= end) break;
    if (vma.start > at) {
      hole = true;
      if (POPULATES.has(advice)) break;
    }
    const from = Math.max(at, vma.start);
    at = Math.min(end, vma.end);
    yield* adviseVma(mem, vma, from, at, advice, who);
    if (++seen % PIECE_VMAS === 0) yield;
  }
  if (hole || at < end) throw new KernelError(ENOMEM, 'part of the range is not mapped');
}

/** Mappings that are looked at in one piece of work, and pages that are brought in. */
const PIECE_VMAS = 512;
const PIECE_PAGES = 512;
/** Bringing pages in ends at a hole; all other advice passes over it. */
const POPULATES: ReadonlySet<Advice> = new Set(['populate_read', 'populate_write']);
/** These look at no page: locked mappings take them. */
const FLAG_ADVICE: Partial<Record<Advice, readonly [set: number, clear: number]>> = {
  normal: [0, VM_RAND_READ | VM_SEQ_READ],
  random: [VM_RAND_READ, VM_SEQ_READ],
  sequential: [VM_SEQ_READ, VM_RAND_READ],
  dontfork: [VM_DONTCOPY, 0],
  dofork: [0, VM_DONTCOPY],
  wipeonfork: [VM_WIPEONFORK, 0],
  keeponfork: [0, VM_WIPEONFORK],
};

function* adviseVma(mem: Memory, vma: Vma, from: number, to: number, advice: Advice, who: Credentials): Job<void> {
  const flags = FLAG_ADVICE[advice];
  if (flags !== undefined) {
    yield* adviseFlags(mem, vma, from, to, advice, flags);
    return;
  }
  if (POPULATES.has(advice)) {
    yield* populateAdvised(mem, vma, from, to, advice === 'populate_write');
    return;
  }
  if (advice === 'remove') {
    yield* removePages(mem, vma, from, to);
    return;
  }
  const refused = VM_PFNMAP | VM_HUGETLB | (advice === 'dontneed_locked' ? 0 : VM_LOCKED);
  if (advice !== 'willneed' && vma.flags & refused) {
    throw new KernelError(EINVAL, 'the mapping is locked or not made of ordinary pages');
  }
  switch (advice) {
    case 'dontneed':
    case 'dontneed_locked':
      yield* zapRangeInPieces(mem, vma, from, to);
      return;
    case 'cold':
      yield* coldVma(mem, vma, from, to);
      return;
    case 'pageout':
      yield* reclaimVma(mem, vma, from, to, who);
      return;
    case 'free':
      if (vma.mapping !== null) throw new KernelError(EINVAL, 'only private anonymous memory can be freed lazily');
      yield* freeLazily(mem, vma, from, to);
      return;
    case 'willneed':
      yield* willNeed(mem, vma, from, to);
  }
}

/** Mirrors: madvise_vma_behavior, the cases that only change flags. */
function adviseFlags(
  mem: Memory,
  vma: Vma,
  from: number,
  to: number,
  advice: Advice,
  [set, clear]: readonly [number, number],
): Job<void> {
  if (advice === 'dofork' && vma.flags & (VM_IO | VM_PFNMAP | VM_DONTEXPAND))
    throw new KernelError(EINVAL, 'a mapping of a device is not copied');
  if (advice === 'wipeonfork' && (vma.mapping !== null || vma.flags & VM_SHARED))
    throw new KernelError(EINVAL, 'only private anonymous memory can be wiped');
  return changeRange(mem, vma.mm, from, to, (each) => (each.flags | set) & ~clear);
}

/** Mirrors: madvise_remove: a hole in the object, for all who map it. */
function removePages(mem: Memory, vma: Vma, from: number, to: number): Job<void> {
  if (vma.flags & VM_LOCKED) throw new KernelError(EINVAL, 'the mapping is locked');
  const { mapping } = vma;
  if (mapping === null) throw new KernelError(EINVAL, 'there is nothing behind private memory to take away');
  if ((vma.flags & (VM_SHARED | VM_MAYWRITE)) !== (VM_SHARED | VM_MAYWRITE))
    throw new KernelError(EACCES, 'the mapping is not a shared one that may be written');
  return punchHole(mem, mapping, vma.indexOf(from), vma.indexOf(to));
}

/** Mirrors: madvise_free_pte_range, folio_mark_lazyfree. */
function freeLazily(mem: Memory, vma: Vma, from: number, to: number): Job<void> {
  const { tables, frames } = mem;
  vma.mm.updateHiwaterRss();
  return forEachEntryInPieces(mem, vma, from, to, (at) => {
    const pte = tables.pte[at]!;
    if (pte >>> 30 === KIND_SWAP) {
      tables.pte[at] = KIND_NONE;
      tables.expected[at] = 0;
      vma.mm.swapents--;
      putSlot(mem, tables.numberOf(at, pte));
      return;
    }
    if (pte >>> 30 !== KIND_PRESENT) return;
    const pfn = tables.numberOf(at, pte);
    if ((frames.flags[pfn]! & PG_ANON) === 0) return;
    if (frames.flags[pfn]! & (PG_SWAPCACHE | PG_DIRTY) && frames.mapcount[pfn] !== 1) return;
    if (frames.flags[pfn]! & PG_SWAPCACHE && !tryToFreeSwap(mem, pfn)) return;
    frames.flags[pfn]! &= ~PG_DIRTY;
    tables.pte[at] = pte & ~(PTE_YOUNG | PTE_DIRTY);
    tables.expected[at] = 0;
    if ((frames.flags[pfn]! & PG_SWAPBACKED) === 0 || frames.flags[pfn]! & PG_UNEVICTABLE) return;
    frames.lruDel(pfn);
    frames.flags[pfn]! &= ~(PG_ACTIVE | PG_REFERENCED | PG_SWAPBACKED);
    frames.lruAdd(pfn);
    mem.nrLazyFree++;
    mem.events.pglazyfree++;
    mem.memcgOf(pfn).counts.pglazyfree++;
  });
}

/** Mirrors: madvise_willneed: swapped pages come into the swap cache, file pages into the page cache; nothing is mapped. */
function* willNeed(mem: Memory, vma: Vma, from: number, to: number): Job<void> {
  const { mapping } = vma;
  if (mapping !== null && !mapping.isShmem) {
    const file = vma.mm.fileOf(mapping.id, mem.settings.readaheadPages);
    fadvise(mem, mapping, file, vma.indexOf(from) * 4096, (to - from) * 4096, 'willneed');
    return;
  }
  if (mapping !== null) {
    for (let vpn = from; vpn < to; vpn++) {
      const index = vma.indexOf(vpn);
      if (index >= mapping.nrPages) break;
      const entry = mapping.pages.get(index);
      if (entry >= ENTRY_SWAPPED && entry < ENTRY_SHADOW) readSwapCache(mem, entry & ENTRY_NUMBER);
      if ((vpn - from) % PIECE_PAGES === PIECE_PAGES - 1) yield;
    }
    return;
  }
  yield* forEachEntryInPieces(mem, vma, from, to, (at) => {
    const pte = mem.tables.pte[at]!;
    if (pte >>> 30 !== KIND_SWAP) return;
    readSwapCache(mem, mem.tables.numberOf(at, pte));
  });
}
