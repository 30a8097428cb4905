/**
 * Page faults: how an access to a virtual page finds or makes its frame. Mirrors: mm/memory.c:handle_mm_fault and below,
 * under the memory manager's rules of current kernels; where a profile differs, `mem.rules` says so.
 */

import { CHUNK, CHUNK_SHIFT, ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED, type Mapping } from '../cache/mapping.ts';
import { cachedPage, noteFaultHit, type OpenFile, readAroundFault, readInto } from '../cache/readahead.ts';
import type { Memory } from '../memory.ts';
import { CONTENT_ZERO } from '../pages/content.ts';
import {
  PG_ANON,
  PG_MLOCKED,
  PG_RECLAIM,
  PG_SWAPBACKED,
  PG_SWAPCACHE,
  PG_UNFILLED,
  PG_WORKINGSET,
} from '../pages/page-flags.ts';
import { CHUNK_PAGES, PTRS_PER_TABLE } from '../pages/page-table.ts';
import {
  KIND_NONE,
  KIND_PRESENT,
  KIND_SWAP,
  PTE_DIRTY,
  PTE_EXCLUSIVE,
  PTE_PRESENT,
  PTE_PURGED,
  PTE_SOFTDIRTY,
  PTE_WRITE,
  PTE_YOUNG,
  PTE_ZERO,
} from '../pages/pte.ts';
import { freeSlot, removeFromSwapCache, tryToFreeSwap } from '../swap/swap-cache.ts';
import { noteSwapCacheHit, swapInCluster, swapInNear } from '../swap/swap-readahead.ts';
import { FAULT_MAJOR, FAULT_MINOR, FAULT_NONE, FAULT_OOM, FAULT_SIGBUS, FAULT_SIGSEGV } from './fault-outcomes.ts';
import { hugeFault } from './hugetlb-vma.ts';
import { lruAddFresh, mlockFrame } from './mlock.ts';
import type { Mm } from './mm.ts';
import { unmapFrame } from './rmap.ts';
import { VM_EXEC, VM_HUGETLB, VM_LOCKED, VM_RAND_READ, VM_READ, VM_SEQ_READ, VM_SHARED, VM_WRITE } from './vm-flags.ts';
import type { Vma } from './vma.ts';

export * from './fault-outcomes.ts';

/** Whether the VMA's protection allows the access. */
export function mayAccess(vma: Vma, write: boolean): boolean {
  return (vma.flags & (write ? VM_WRITE : VM_READ | VM_WRITE | VM_EXEC)) !== 0;
}

/**
 * Makes page `vpn` present for one access and marks the entry as the hardware would (young, and dirty for a write).
 * Precondition: the VMA holds `vpn`. Counts pgfault and pgmajfault. Returns FAULT_*.
 */
export function accessPage(mem: Memory, vma: Vma, vpn: number, write: boolean): number {
  if (!mayAccess(vma, write)) return FAULT_SIGSEGV;
  const at = mem.tables.find(vma.mm.pageDirectory, vpn);
  const pte = at === 0 ? 0 : mem.tables.pte[at]!;
  if (pte >>> 30 === KIND_PRESENT) {
    if (!write) {
      mem.tables.pte[at] = pte | PTE_YOUNG;
      return FAULT_NONE;
    }
    if (pte & PTE_WRITE) {
      mem.tables.pte[at] = pte | PTE_YOUNG | PTE_DIRTY | PTE_SOFTDIRTY;
      return FAULT_NONE;
    }
  } else if (pte >>> 30 !== KIND_NONE && pte >>> 30 !== KIND_SWAP && !write) {
    mem.tables.pte[at] = pte | PTE_YOUNG;
    return FAULT_NONE;
  }
  mem.faultingMm = vma.mm;
  mem.faultingFlags = vma.flags;
  const outcome = handleFault(mem, vma, vpn, write, at);
  mem.faultingMm = null;
  if (outcome > FAULT_NONE) {
    const { counts } = mem.memcgs[vma.mm.memcg] ?? mem.rootMemcg;
    mem.events.pgfault++;
    counts.pgfault++;
    if (outcome === FAULT_MAJOR) {
      mem.events.pgmajfault++;
      counts.pgmajfault++;
    }
  }
  return outcome;
}

/** `found`: the index of the entry, 0 where there is no table for it. Mirrors: mm/memory.c:handle_pte_fault. */
function handleFault(mem: Memory, vma: Vma, vpn: number, write: boolean, found: number): number {
  if (vma.flags & VM_HUGETLB) return hugeFault(mem, vma, vpn, write);
  const at = found !== 0 ? found : mem.tables.ensure(vma.mm.pageDirectory, vpn);
  const pte = mem.tables.pte[at]!;
  switch (pte >>> 30) {
    case KIND_NONE:
      if (pte === PTE_PURGED) return FAULT_SIGBUS;
      if (vma.mapping === null) return anonymousFault(mem, vma, vpn, at, write);
      return fileFault(mem, vma, vma.mapping, vpn, at, write);
    case KIND_SWAP:
      return swapFault(mem, vma, vpn, at, write);
    case KIND_PRESENT:
      return writeProtectFault(mem, vma, vpn, at);
    default:
      return makeAnonymous(mem, vma, vpn, at, CONTENT_ZERO) ? FAULT_MINOR : FAULT_OOM;
  }
}

/** First touch of private memory without a file. Mirrors: do_anonymous_page. */
function anonymousFault(mem: Memory, vma: Vma, vpn: number, at: number, write: boolean): number {
  if (!write) {
    mem.tables.pte[at] = PTE_ZERO | PTE_YOUNG;
    return FAULT_MINOR;
  }
  return makeAnonymous(mem, vma, vpn, at, CONTENT_ZERO) ? FAULT_MINOR : FAULT_OOM;
}

/** Maps a fresh anonymous page with the given content, writable and dirty. False: out of memory, nothing changed. */
function makeAnonymous(mem: Memory, vma: Vma, vpn: number, at: number, content: number): boolean {
  const pfn = mem.allocFrame();
  if (pfn === 0) return false;
  installAnonymous(mem, vma, vpn, at, pfn, content);
  return true;
}

function installAnonymous(mem: Memory, vma: Vma, vpn: number, at: number, pfn: number, content: number): void {
  const { frames } = mem;
  frames.flags[pfn]! |= PG_ANON | PG_SWAPBACKED;
  frames.owner[pfn] = mem.anonRootOf(vma).id;
  frames.index[pfn] = vma.indexOf(vpn);
  frames.content[pfn] = content;
  lruAddFresh(mem, pfn, vma);
  mem.addRmap(pfn);
  vma.mm.rssAnon++;
  mem.tables.set(at, PTE_PRESENT | PTE_YOUNG | PTE_DIRTY | PTE_SOFTDIRTY | PTE_WRITE | PTE_EXCLUSIVE, pfn);
}

/** First touch of a file or shmem page. Mirrors: do_fault and its three kinds. */
function fileFault(mem: Memory, vma: Vma, mapping: Mapping, vpn: number, at: number, write: boolean): number {
  const index = vma.indexOf(vpn);
  if (index >= mapping.nrPages) return FAULT_SIGBUS;
  const file = mapping.isShmem ? undefined : openFileOf(mem, vma.mm, mapping);
  if (!write) {
    if (mapsAround(mem, vma, mapping, vpn, at, file)) return FAULT_MINOR;
    const found = filemapFault(mem, vma, mapping, index, file, write);
    if (found === 0) return FAULT_OOM;
    // Having read, or read ahead, the fault is taken once more, and maps what is around it.
    if (file === undefined || !mapsAround(mem, vma, mapping, vpn, at, file))
      mapCachePage(mem, vma, mapping, at, found & ENTRY_NUMBER, false);
    return found & FOUND_MAJOR ? FAULT_MAJOR : FAULT_MINOR;
  }
  const found = filemapFault(mem, vma, mapping, index, file, write);
  if (found === 0) return FAULT_OOM;
  const pfn = found & ENTRY_NUMBER;
  if (vma.flags & VM_SHARED) {
    mem.setDirty(pfn);
    mapCachePage(mem, vma, mapping, at, pfn, true);
  } else if (!makeAnonymous(mem, vma, vpn, at, mem.frames.content[pfn]!)) {
    return FAULT_OOM;
  }
  return found & FOUND_MAJOR ? FAULT_MAJOR : FAULT_MINOR;
}

/** The file by which readahead goes; undefined while nothing is read ahead. */
function openFileOf(mem: Memory, mm: Mm, mapping: Mapping): OpenFile | undefined {
  const { readaheadPages } = mem.settings;
  return readaheadPages > 0 ? mm.fileOf(mapping.id, readaheadPages) : undefined;
}

/** Fault-around has mapped the page itself. */
function mapsAround(mem: Memory, vma: Vma, mapping: Mapping, vpn: number, at: number, file?: OpenFile): boolean {
  if (mem.settings.faultAroundPages <= 1) return false;
  faultAround(mem, vma, mapping, vpn, at, file);
  return mem.tables.pte[at] !== 0;
}

/** The same as getCachePage, with what is read ahead of a fault. Mirrors: mm/filemap.c:filemap_fault. */
function filemapFault(
  mem: Memory,
  vma: Vma,
  mapping: Mapping,
  index: number,
  file: OpenFile | undefined,
  write: boolean,
): number {
  if (file === undefined) return getCachePage(mem, mapping, index);
  const random = (vma.flags & VM_RAND_READ) !== 0;
  const cached = cachedPage(mapping, index);
  if (cached !== 0) {
    if (random) return cached;
    const marked = (mem.frames.flags[cached]! & PG_RECLAIM) !== 0;
    noteFaultHit(mem, mapping, file, index, cached);
    // A second time after the mark: only reading maps the page by fault-around.
    if (marked && write && file.mmapMiss > 0) file.mmapMiss--;
    return cachedPage(mapping, index) || getCachePage(mem, mapping, index);
  }
  readAroundFault(mem, mapping, file, index, {
    sequential: (vma.flags & VM_SEQ_READ) !== 0,
    random,
    code: vma.flags & VM_EXEC ? { first: vma.pgoff, end: vma.pgoff + vma.nrPages } : null,
  });
  const pfn = cachedPage(mapping, index) || getCachePage(mem, mapping, index);
  return pfn === 0 ? 0 : pfn | FOUND_MAJOR;
}

/** In the answer of getCachePage: the page had to be read from a device. */
export const FOUND_MAJOR = 1 << 30;

/**
 * The frame of a file or shmem page, brought into the page cache if need be: `pfn`, with FOUND_MAJOR when it was read
 * from disk or swap; 0: out of memory. Mirrors: mm/filemap.c:filemap_fault, mm/shmem.c:shmem_get_folio_gfp.
 */
export function getCachePage(mem: Memory, mapping: Mapping, index: number): number {
  const entry = mapping.pages.get(index);
  if (entry !== 0 && entry < ENTRY_SWAPPED) {
    if (mapping.isShmem) mem.frames.flags[entry]! &= ~PG_UNFILLED;
    return entry;
  }
  if (mapping.isShmem) {
    if (entry >= ENTRY_SWAPPED && entry < ENTRY_SHADOW) return shmemSwapIn(mem, mapping, index, entry & ENTRY_NUMBER);
    return newCachePage(mem, mapping, index, CONTENT_ZERO);
  }
  const pfn = mem.allocFrame();
  if (pfn === 0) return 0;
  readInto(mem, mapping, index, pfn);
  return pfn | FOUND_MAJOR;
}

/** A fresh page-cache page with the given content; 0: out of memory. */
export function newCachePage(mem: Memory, mapping: Mapping, index: number, content: number): number {
  const pfn = mem.allocFrame();
  if (pfn === 0) return 0;
  mem.frames.content[pfn] = content;
  mem.addToCache(mapping, index, pfn);
  return pfn;
}

/** Brings a swapped shmem page back into the page cache; its slot is given up at once. Mirrors: shmem_swapin_folio. */
function shmemSwapIn(mem: Memory, mapping: Mapping, index: number, slot: number): number {
  const swap = mem.swap!;
  let pfn = swap.frame[slot]!;
  let major = 0;
  if (pfn !== 0) noteSwapCacheHit(mem, pfn);
  else if (!swap.synchronous) {
    pfn = swapInCluster(mem, slot);
    if (isGone(mapping, index, slot)) return getCachePage(mem, mapping, index);
    if (pfn === 0) return 0;
    major = FOUND_MAJOR;
  }
  if (pfn !== 0) {
    mem.endWritebackEarly(pfn);
    mem.frames.flags[pfn]! &= ~PG_RECLAIM;
    swap.users[slot]!--;
    removeFromSwapCache(mem, pfn);
  } else {
    pfn = mem.allocFrame();
    if (isGone(mapping, index, slot)) {
      if (pfn !== 0) mem.freeFrame(pfn);
      return getCachePage(mem, mapping, index);
    }
    if (pfn === 0) return 0;
    mem.frames.content[pfn] = swap.content[slot]!;
    mem.frames.flags[pfn]! |= PG_SWAPBACKED;
    if (swap.shadow[slot] !== 0) mem.policy.refault(mem, pfn, swap.shadow[slot]!);
    mem.countSwapIn(pfn, slot);
    swap.users[slot]!--;
    freeSlot(mem, slot);
    major = FOUND_MAJOR;
  }
  mapping.nrSwapped--;
  mem.addToCache(mapping, index, pfn);
  mem.setDirty(pfn);
  return pfn | major;
}

/** Whether looking for memory has thrown the swapped page of a volatile object away. */
function isGone(mapping: Mapping, index: number, slot: number): boolean {
  return mapping.pages.get(index) !== ENTRY_SWAPPED + slot;
}

/** Maps a page-cache page into a VMA (shared, or private for reading). */
function mapCachePage(mem: Memory, vma: Vma, mapping: Mapping, at: number, pfn: number, write: boolean): void {
  mem.addRmap(pfn);
  if (mapping.isShmem) vma.mm.rssShmem++;
  else vma.mm.rssFile++;
  let bits = PTE_PRESENT | PTE_YOUNG;
  if (write) bits |= PTE_WRITE | PTE_DIRTY | PTE_SOFTDIRTY;
  // Shmem needs no note of the first write, so that a shared writable mapping maps it writable from the start.
  else if (mapping.isShmem && (vma.flags & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE)) bits |= PTE_WRITE;
  mem.tables.set(at, bits, pfn);
  if (vma.flags & VM_LOCKED) mlockFrame(mem, pfn);
}

/** Maps the cached neighbours of a read fault, an aligned window. Mirrors: do_fault_around, filemap_map_pages. */
function faultAround(mem: Memory, vma: Vma, mapping: Mapping, vpn: number, at: number, file?: OpenFile): void {
  if (mapping.nrCached === 0) return;
  const pages = mem.settings.faultAroundPages;
  const pteOff = vpn & (PTRS_PER_TABLE - 1);
  const vmaOff = vpn - vma.start;
  const from = Math.max(pteOff - (pteOff & (pages - 1)), pteOff - Math.min(pteOff, vmaOff));
  const to = Math.min(from + pages, PTRS_PER_TABLE, pteOff + (vma.end - vma.start) - vmaOff);
  const { tables, frames } = mem;
  const first = vpn - (pteOff - from);
  const last = Math.min(first + (to - from), first + mapping.nrPages - vma.indexOf(first));
  // The entries of the window lie side by side with that of the fault unless it straddles two chunks.
  const besides = Math.floor(first / CHUNK_PAGES) === Math.floor((last - 1) / CHUNK_PAGES);
  const base = at - (vpn - first);
  const firstIndex = vma.indexOf(first);
  // So do those of the page cache.
  const chunk = mapping.pages.chunk(firstIndex >>> CHUNK_SHIFT);
  const inChunk = firstIndex & (CHUNK - 1);
  const together = inChunk + (last - first) <= CHUNK;
  if (together && chunk === undefined) return;
  let hits = 0;
  for (let i = 0; i < last - first; i++) {
    const pfn = together ? chunk![inChunk + i]! : mapping.pages.get(firstIndex + i);
    if (pfn === 0 || pfn >= ENTRY_SWAPPED) continue;
    if (file === undefined && besides && tables.pte[base + i] !== 0) continue;
    // A page marked for reclaim looks like the mark of readahead, which shares its bit: it is not mapped on the way.
    if (frames.flags[pfn]! & (PG_RECLAIM | PG_UNFILLED)) continue;
    if ((frames.flags[pfn]! & PG_WORKINGSET) === 0) hits++;
    const entry = besides ? base + i : tables.ensure(vma.mm.pageDirectory, first + i);
    if (tables.pte[entry] !== 0) continue;
    mapCachePage(mem, vma, mapping, entry, pfn, false);
  }
  // What was there is a hit, unless it had been thrown away before: then reading ahead would be for nothing.
  if (file !== undefined) file.mmapMiss = Math.max(0, file.mmapMiss - hits);
}

/** Reads a page past the swap cache, as from a device that is as fast as memory; 0: out of memory, or the entry has changed meanwhile. */
function swapInAlone(mem: Memory, vma: Vma, vpn: number, slot: number, at: number): number {
  const { frames } = mem;
  const swap = mem.swap!;
  const entry = mem.tables.pte[at]!;
  const pfn = mem.allocFrame();
  if (pfn === 0) return 0;
  if (mem.tables.pte[at] !== entry) {
    mem.freeFrame(pfn);
    return 0;
  }
  frames.flags[pfn]! |= PG_ANON | PG_SWAPBACKED;
  frames.owner[pfn] = mem.anonRootOf(vma).id;
  frames.index[pfn] = vma.indexOf(vpn);
  frames.content[pfn] = swap.content[slot]!;
  if (swap.shadow[slot] !== 0) mem.policy.refault(mem, pfn, swap.shadow[slot]!);
  mem.countSwapIn(pfn, slot);
  mem.lruAddNew(pfn);
  return pfn;
}

/** A page of the swap cache that nobody has mapped so far becomes an anonymous page of this mapping. Mirrors: folio_add_anon_rmap_ptes. */
export function claimForMapping(mem: Memory, vma: Vma, vpn: number, pfn: number): void {
  const { frames } = mem;
  if (frames.flags[pfn]! & PG_ANON) return;
  frames.flags[pfn]! |= PG_ANON;
  frames.owner[pfn] = mem.anonRootOf(vma).id;
  frames.index[pfn] = vma.indexOf(vpn);
}

/** Swap entry. Mirrors: mm/memory.c:do_swap_page. */
function swapFault(mem: Memory, vma: Vma, vpn: number, at: number, write: boolean): number {
  const { frames, tables } = mem;
  const swap = mem.swap!;
  const old = tables.pte[at]!;
  const slot = tables.numberOf(at, old);
  let pfn = swap.frame[slot]!;
  let outcome = FAULT_MINOR;
  let exclusive = (old & PTE_EXCLUSIVE) !== 0;
  // One that has just been read is not locked by its mapping: reclaim finds that it should be (folio_add_new_anon_rmap).
  const wasMapped = pfn !== 0 && (frames.flags[pfn]! & PG_ANON) !== 0;
  if (pfn === 0) {
    outcome = FAULT_MAJOR;
    if (swap.synchronous && swap.users[slot] === 1 && mem.rules.zramFreesSlot) {
      pfn = swapInAlone(mem, vma, vpn, slot, at);
      exclusive = true;
    } else pfn = swapInNear(mem, vma, vpn, slot);
    // Looking for memory has thrown the very page away, as volatile memory is: start again. Mirrors: pte_same in do_swap_page.
    if (tables.pte[at] !== old) return handleFault(mem, vma, vpn, write, at);
    if (pfn === 0) return FAULT_OOM;
  } else {
    noteSwapCacheHit(mem, pfn, vma, vpn);
    mem.endWritebackEarly(pfn);
    frames.flags[pfn]! &= ~PG_RECLAIM;
  }
  claimForMapping(mem, vma, vpn, pfn);
  if (vma.flags & VM_LOCKED && wasMapped) mlockFrame(mem, pfn);
  swap.users[slot]!--;
  swap.mayHaveIdle = true;
  vma.mm.swapents--;
  vma.mm.rssAnon++;
  if ((frames.flags[pfn]! & PG_SWAPCACHE) === 0) {
    if (swap.users[slot] === 0) freeSlot(mem, slot);
  } else if (
    swap.isFull ||
    (vma.flags & VM_LOCKED) !== 0 ||
    (frames.flags[pfn]! & PG_MLOCKED) !== 0 ||
    (write && frames.mapcount[pfn] === 0)
  ) {
    tryToFreeSwap(mem, pfn);
  }
  const alone = exclusive || (frames.mapcount[pfn] === 0 && (frames.flags[pfn]! & PG_SWAPCACHE) === 0);
  let bits = PTE_PRESENT | PTE_YOUNG | (old & PTE_SOFTDIRTY);
  if (alone) {
    bits |= PTE_EXCLUSIVE;
    if (vma.flags & VM_WRITE) bits |= PTE_WRITE | (write ? PTE_DIRTY | PTE_SOFTDIRTY : 0);
  }
  mem.addRmap(pfn);
  tables.set(at, bits, pfn);
  if (write && !alone) {
    const copied = writeProtectFault(mem, vma, vpn, at);
    if (copied < 0) return copied;
  }
  return outcome;
}

/** Write to a present read-only entry. Mirrors: do_wp_page, wp_page_copy. */
function writeProtectFault(mem: Memory, vma: Vma, vpn: number, at: number): number {
  const { frames, tables } = mem;
  const pte = tables.pte[at]!;
  const pfn = tables.numberOf(at, pte);
  const flags = frames.flags[pfn]!;
  if (vma.flags & VM_SHARED) {
    mem.setDirty(pfn);
    tables.pte[at] = pte | PTE_YOUNG | PTE_WRITE | PTE_DIRTY | PTE_SOFTDIRTY;
    return FAULT_MINOR;
  }
  if (flags & PG_ANON && (pte & PTE_EXCLUSIVE || canReuse(mem, pfn))) {
    mem.events.pgreuse++;
    tables.pte[at] = pte | PTE_YOUNG | PTE_WRITE | PTE_DIRTY | PTE_SOFTDIRTY | PTE_EXCLUSIVE;
    return FAULT_MINOR;
  }
  const fresh = mem.allocFrame();
  if (fresh === 0) return FAULT_OOM;
  if (tables.pte[at] !== pte) {
    // Looking for memory has reclaimed the very page: start again with what is there now.
    mem.freeFrame(fresh);
    return handleFault(mem, vma, vpn, true, at);
  }
  const content = frames.content[pfn]!;
  unmapFrame(mem, vma, pfn);
  installAnonymous(mem, vma, vpn, at, fresh, content);
  return FAULT_MINOR;
}

/** Nobody else can see the page: one mapping, and its swap slot can be given up. Mirrors: wp_can_reuse_anon_folio. */
function canReuse(mem: Memory, pfn: number): boolean {
  if (mem.frames.mapcount[pfn] !== 1) return false;
  return (mem.frames.flags[pfn]! & PG_SWAPCACHE) === 0 || tryToFreeSwap(mem, pfn);
}

/** The entry index and frame of a present page, for readers of content; 0 where it is not present. */
export function presentFrame(mem: Memory, mm: Mm, vpn: number): number {
  const at = mem.tables.find(mm.pageDirectory, vpn);
  const pte = at === 0 ? 0 : mem.tables.pte[at]!;
  return pte >>> 30 === KIND_PRESENT ? mem.tables.numberOf(at, pte) : 0;
}
