/** Advice about memory, given by its owner. Mirrors: mm/madvise.c. */
import { EINVAL, ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import { ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED } from '../cache/mapping.ts';
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
import { KIND_NONE, KIND_PRESENT, KIND_SWAP, PTE_DIRTY, PTE_NUMBER, PTE_YOUNG } from '../pages/pte.ts';
import { type Credentials, coldVma, reclaimVma } from '../reclaim/process-reclaim.ts';
import { putSlot, tryToFreeSwap } from '../swap/swap-cache.ts';
import { readSwapCache } from '../swap/swap-readahead.ts';
import { getCachePage } from './fault.ts';
import type { Mm } from './mm.ts';
import { VM_HUGETLB, VM_LOCKED, VM_PFNMAP } from './vm-flags.ts';
import type { Vma } from './vma.ts';
import { forEachEntry, zapRange } from './zap.ts';

export type Advice = 'willneed' | 'dontneed' | 'cold' | 'pageout' | 'free';

/**
 * Carries advice out on [start, end). Holes are skipped and reported at the end, as the kernel does.
 * Throws KernelError: ENOMEM (a hole), EINVAL (a VMA for which the advice makes no sense).
 */
export function madvise(mem: Memory, mm: Mm, start: number, end: number, advice: Advice, who: Credentials): void {
  let hole = false;
  let at = start;
  for (let i = mm.indexAfter(start); i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
    const vma = mm.vmas[i]!;
    if (vma.start > at) hole = true;
    const from = Math.max(start, vma.start);
    const to = Math.min(end, vma.end);
    at = to;
    adviseVma(mem, vma, from, to, advice, who);
  }
  if (hole || at < end) throw new KernelError(ENOMEM, 'part of the range is not mapped');
}

function adviseVma(mem: Memory, vma: Vma, from: number, to: number, advice: Advice, who: Credentials): void {
  if (advice !== 'willneed' && vma.flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB)) {
    throw new KernelError(EINVAL, 'the mapping is locked or not made of ordinary pages');
  }
  switch (advice) {
    case 'dontneed':
      zapRange(mem, vma, from, to);
      return;
    case 'cold':
      coldVma(mem, vma, from, to);
      return;
    case 'pageout':
      reclaimVma(mem, vma, from, to, who);
      return;
    case 'free':
      if (vma.mapping !== null) throw new KernelError(EINVAL, 'only private anonymous memory can be freed lazily');
      freeLazily(mem, vma, from, to);
      return;
    case 'willneed':
      willNeed(mem, vma, from, to);
  }
}

/** Mirrors: madvise_free_pte_range, folio_mark_lazyfree. */
function freeLazily(mem: Memory, vma: Vma, from: number, to: number): void {
  const { tables, frames } = mem;
  vma.mm.updateHiwaterRss();
  forEachEntry(mem, vma, from, to, (at) => {
    const pte = tables.pte[at]!;
    if (pte >>> 30 === KIND_SWAP) {
      tables.pte[at] = KIND_NONE;
      tables.expected[at] = 0;
      vma.mm.swapents--;
      putSlot(mem, pte & PTE_NUMBER);
      return;
    }
    if (pte >>> 30 !== KIND_PRESENT) return;
    const pfn = pte & PTE_NUMBER;
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
  });
}

/** Mirrors: madvise_willneed: swapped pages come into the swap cache, file pages into the page cache; nothing is mapped. */
function willNeed(mem: Memory, vma: Vma, from: number, to: number): void {
  const { mapping } = vma;
  if (mapping !== null) {
    for (let vpn = from; vpn < to; vpn++) {
      const index = vma.indexOf(vpn);
      if (index >= mapping.nrPages) break;
      const entry = mapping.pages.get(index);
      if (mapping.isShmem) {
        if (entry >= ENTRY_SWAPPED && entry < ENTRY_SHADOW)
          readSwapCache(mem, entry & ENTRY_NUMBER, mapping.id, index, 0);
      } else if (getCachePage(mem, mapping, index) === 0) return;
    }
    return;
  }
  forEachEntry(mem, vma, from, to, (at, vpn) => {
    const pte = mem.tables.pte[at]!;
    if (pte >>> 30 !== KIND_SWAP) return;
    readSwapCache(mem, pte & PTE_NUMBER, mem.anonRootOf(vma).id, vma.indexOf(vpn), PG_ANON);
  });
}
