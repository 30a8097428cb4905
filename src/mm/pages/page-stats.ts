/** What smaps and pagemap show: numbers gathered from page tables. Mirrors: fs/proc/task_mmu.c. */
import type { Job } from '../../util/job.ts';
import { ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED } from '../cache/mapping.ts';
import type { Memory } from '../memory.ts';
import type { Mm } from '../space/mm.ts';
import { VM_HUGETLB, VM_LOCKED, VM_PFNMAP, VM_SHARED, VM_WRITE } from '../space/vm-flags.ts';
import type { Vma } from '../space/vma.ts';
import { HUGE_KB } from './hugetlb.ts';
import { PG_ANON, PG_DIRTY, PG_REFERENCED, PG_SWAPBACKED } from './page-flags.ts';
import { KIND_NONE, KIND_PRESENT, KIND_SWAP, PTE_DIRTY, PTE_SOFTDIRTY, PTE_YOUNG } from './pte.ts';

/** Bits of fraction in the proportional sums: a page shared by n counts (4096 << 12) / n, truncated. */
const PSS_SHIFT = 4096;

/** Sums over pages: sizes in bytes; pss* and swapPss in bytes × 4096. */
export class PageSums {
  rss = 0;
  pss = 0;
  pssAnon = 0;
  pssFile = 0;
  pssShmem = 0;
  pssDirty = 0;
  pssLocked = 0;
  sharedClean = 0;
  sharedDirty = 0;
  privateClean = 0;
  privateDirty = 0;
  referenced = 0;
  anonymous = 0;
  lazyFree = 0;
  swap = 0;
  swapPss = 0;
  sharedHugetlb = 0;
  privateHugetlb = 0;

  clear(): void {
    this.rss = this.pss = this.pssAnon = this.pssFile = this.pssShmem = this.pssDirty = this.pssLocked = 0;
    this.sharedClean = this.sharedDirty = this.privateClean = this.privateDirty = 0;
    this.referenced = this.anonymous = this.lazyFree = this.swap = this.swapPss = 0;
    this.sharedHugetlb = this.privateHugetlb = 0;
  }
}

/** A proportional sum in whole kB, as smaps prints it. */
export function pssKb(sum: number): number {
  return Math.floor(sum / (PSS_SHIFT * 1024));
}

/** Pages looked at in one piece of work: a millisecond, or less. */
const PIECE_PAGES = 1 << 15;

/** Adds the pages of a whole VMA, in pieces. */
export function* addVmaSumsInPieces(mem: Memory, vma: Vma, sums: PageSums): Job<void> {
  if (vma.nrPages <= PIECE_PAGES || vma.flags & VM_HUGETLB) {
    addVmaSums(mem, vma, sums);
    return;
  }
  for (let from = vma.start; from < vma.end; ) {
    const to = Math.min(vma.end, from + PIECE_PAGES);
    addVmaSums(mem, vma, sums, from, to);
    from = to + mem.tables.hole(vma.mm.pageDirectory, to, vma.end);
    yield;
  }
}

/** Adds the pages of a VMA to `sums`. `rollup`: as smaps_rollup gathers them. Mirrors: smap_gather_stats, smaps_account. */
export function addVmaSums(mem: Memory, vma: Vma, sums: PageSums, from = vma.start, to = vma.end): void {
  if (vma.flags & VM_HUGETLB) {
    for (const { mapcount } of vma.hugePages?.values() ?? []) {
      if (mapcount > 1) sums.sharedHugetlb += HUGE_KB * 1024;
      else sums.privateHugetlb += HUGE_KB * 1024;
    }
    return;
  }
  if (vma.flags & VM_PFNMAP) return;
  const { tables, frames } = mem;
  const { pte: ptes } = tables;
  const { flags: frameFlags, mapcount: mapcounts } = frames;
  const directory = vma.mm.pageDirectory;
  const locked = (vma.flags & VM_LOCKED) !== 0;
  for (let vpn = from; vpn < to; ) {
    const count = tables.run(directory, vpn, to);
    const first = tables.find(directory, vpn);
    vpn += count;
    if (first === 0) continue;
    for (let at = first; at < first + count; at++) {
      const pte = ptes[at]!;
      const kind = pte >>> 30;
      if (kind === KIND_PRESENT) {
        const pfn = tables.numberOf(at, pte);
        const flags = frameFlags[pfn]!;
        const mapcount = mapcounts[pfn]!;
        const dirty = (pte & PTE_DIRTY) !== 0 || (flags & PG_DIRTY) !== 0;
        sums.rss += 4096;
        if (pte & PTE_YOUNG || flags & PG_REFERENCED) sums.referenced += 4096;
        let pss = 4096 * PSS_SHIFT;
        if (mapcount > 1) {
          pss = Math.floor(pss / mapcount);
          if (dirty) sums.sharedDirty += 4096;
          else sums.sharedClean += 4096;
        } else if (dirty) sums.privateDirty += 4096;
        else sums.privateClean += 4096;
        sums.pss += pss;
        if (dirty) sums.pssDirty += pss;
        if (locked) sums.pssLocked += pss;
        if (flags & PG_ANON) {
          sums.anonymous += 4096;
          sums.pssAnon += pss;
          if ((flags & PG_SWAPBACKED) === 0 && !dirty) sums.lazyFree += 4096;
        } else if (flags & PG_SWAPBACKED) sums.pssShmem += pss;
        else sums.pssFile += pss;
      } else if (kind === KIND_SWAP) {
        sums.swap += 4096;
        sums.swapPss += Math.floor((4096 * PSS_SHIFT) / Math.max(1, mem.swap!.users[tables.numberOf(at, pte)]!));
      }
    }
  }
  if (from === vma.start && mem.rules.shmemInSmapsSwap && vma.mapping?.isShmem) addShmemSwap(mem, vma, sums);
}

/** Pages of a shmem object that are in swap and that this VMA would show. Mirrors: shmem_swap_usage, smaps_pte_hole. */
function addShmemSwap(mem: Memory, vma: Vma, sums: PageSums): void {
  const mapping = vma.mapping!;
  if (mapping.nrSwapped === 0) return;
  const everything = (vma.flags & VM_SHARED) !== 0 || (vma.flags & VM_WRITE) === 0;
  if (everything && vma.pgoff === 0 && (vma.end - vma.start) * 4096 >= mapping.sizeBytes) {
    sums.swap += mapping.nrSwapped * 4096;
    return;
  }
  for (let vpn = vma.start; vpn < vma.end; vpn++) {
    const entry = mapping.pages.get(vma.indexOf(vpn));
    if (entry < ENTRY_SWAPPED || entry >= ENTRY_SHADOW) continue;
    if (!everything) {
      const at = mem.tables.find(vma.mm.pageDirectory, vpn);
      if (at !== 0 && mem.tables.pte[at] !== 0) continue;
    }
    sums.swap += 4096;
  }
}

// Bits of a pagemap entry (Documentation/admin-guide/mm/pagemap.rst).
const PM_SOFT_DIRTY = 1n << 55n;
const PM_MMAP_EXCLUSIVE = 1n << 56n;
const PM_FILE = 1n << 61n;
const PM_SWAP = 1n << 62n;
const PM_PRESENT = 1n << 63n;

/** The pagemap entry of a page. `showPfn`: the reader may see frame numbers. Mirrors: pte_to_pagemap_entry. */
export function pagemapEntry(mem: Memory, mm: Mm, vpn: number, showPfn: boolean): bigint {
  const at = mem.tables.find(mm.pageDirectory, vpn);
  const pte = at === 0 ? 0 : mem.tables.pte[at]!;
  const soft = pte & PTE_SOFTDIRTY ? PM_SOFT_DIRTY : 0n;
  switch (pte >>> 30) {
    case KIND_NONE:
      return 0n;
    case KIND_PRESENT: {
      const pfn = mem.tables.numberOf(at, pte);
      let entry = PM_PRESENT | soft | (showPfn ? BigInt(pfn) : 0n);
      if ((mem.frames.flags[pfn]! & PG_ANON) === 0) entry |= PM_FILE;
      if (mem.frames.mapcount[pfn] === 1) entry |= PM_MMAP_EXCLUSIVE;
      return entry;
    }
    case KIND_SWAP:
      // Type 0 in bits 0-4, offset from bit 5; hidden, like frame numbers, from readers without privilege.
      return PM_SWAP | soft | (showPfn ? BigInt(mem.tables.numberOf(at, pte)) << 5n : 0n);
    default:
      return PM_PRESENT | soft;
  }
}

/** What one page of a VMA is, in the words of the oracle: `-`, `swap`, `zero`, `anon/N`, `file/N`. */
export function pageState(mem: Memory, mm: Mm, vpn: number): string {
  const at = mem.tables.find(mm.pageDirectory, vpn);
  const pte = at === 0 ? 0 : mem.tables.pte[at]!;
  switch (pte >>> 30) {
    case KIND_NONE:
      return '-';
    case KIND_PRESENT: {
      const pfn = mem.tables.numberOf(at, pte);
      return `${mem.frames.flags[pfn]! & PG_ANON ? 'anon' : 'file'}/${mem.frames.mapcount[pfn]}`;
    }
    case KIND_SWAP:
      return 'swap';
    default:
      return 'zero';
  }
}

/** The swap slot of a shmem entry, or 0. */
export function shmemSlot(entry: number): number {
  return entry >= ENTRY_SWAPPED && entry < ENTRY_SHADOW ? entry & ENTRY_NUMBER : 0;
}
