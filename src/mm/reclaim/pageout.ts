/**
 * What becomes of a page that reclaim has chosen. Mirrors: mm/vmscan.c:shrink_folio_list with references ignored,
 * mm/rmap.c:try_to_unmap_one, mm/page_io.c:swap_writeout.
 *
 *   locked ───────────────► stays
 *   under writeback ──────► stays, freed when the write ends
 *   anonymous ─ slot? ─no─► activated, stays
 *      │ yes: swap cache
 *   unmap from this VMA ──► others still map it: stays for them
 *   dirty file page ──────► stays in the page cache until it has been written
 *   dirty swap-backed ────► written to swap: freed at once (zram) or when the write ends (disk)
 *   clean ────────────────► freed
 */

import { ENTRY_SHADOW, ENTRY_SWAPPED } from '../cache/mapping.ts';
import { discardEntry } from '../cache/volatile.ts';
import type { Memory } from '../memory.ts';
import { CONTENT_ZERO } from '../pages/content.ts';
import {
  PG_ACTIVE,
  PG_ANON,
  PG_DIRTY,
  PG_LRU,
  PG_MLOCKED,
  PG_RECLAIM,
  PG_REFERENCED,
  PG_SWAPBACKED,
  PG_SWAPCACHE,
  PG_UNEVICTABLE,
  PG_VMSCAN,
  PG_WRITEBACK,
} from '../pages/page-flags.ts';
import { PTE_DIRTY, PTE_EXCLUSIVE, PTE_SOFTDIRTY, PTE_SWAP } from '../pages/pte.ts';
import { mlockFrame } from '../space/mlock.ts';
import { forEachMapping, isMappedLocked } from '../space/rmap.ts';
import { VM_LOCKED, VM_VOLATILE } from '../space/vm-flags.ts';
import type { Vma } from '../space/vma.ts';
import { allocSlotFor } from '../swap/swap-alloc.ts';
import { addToSwapCache, noteZeros, removeFromSwapCache, storeSlot, tryToFreeSwap } from '../swap/swap-cache.ts';
import { isSwapFull } from './memcg.ts';

/** The page was freed. */
export const PAGE_FREED = 0;
/** A write was started; it will be freed when that ends. */
export const PAGE_WRITTEN = 1;
/** It stays. */
export const PAGE_KEPT = 2;
/** It was written at once (zram, or noted as zeros) and freed. */
export const PAGE_STORED = 3;

/** Reclaims the page `pfn` behind a present entry. The entry is replaced unless the page cannot be unmapped. Returns PAGE_*. */
export function pageoutMapped(mem: Memory, vma: Vma, at: number, pfn: number): number {
  const { frames } = mem;
  if (vma.flags & VM_VOLATILE && vma.mapping === null) return discardEntry(mem, vma, at) ? PAGE_FREED : PAGE_KEPT;
  // Swapped in and not looked at since, a page is not yet on the list that its locked mapping calls for.
  if (vma.flags & VM_LOCKED || (frames.mapcount[pfn]! > 1 && isMappedLocked(mem, pfn))) mlockFrame(mem, pfn);
  if (prepare(mem, pfn)) return PAGE_KEPT;
  if (!unmapEntry(mem, vma, at, pfn)) return activate(mem, pfn);
  if (frames.mapcount[pfn] !== 0) {
    if (mem.rules.sharedPages !== 'all-mappings' || !unmapAll(mem, pfn)) {
      putBackInactive(mem, pfn);
      return PAGE_KEPT;
    }
  }
  return finish(mem, pfn);
}

/** Reclaims a page that is on a list from all its mappings. Returns PAGE_*. */
export function pageoutFrame(mem: Memory, pfn: number): number {
  if (prepare(mem, pfn)) return PAGE_KEPT;
  if (mem.frames.mapcount[pfn] !== 0 && !unmapAll(mem, pfn)) return activate(mem, pfn);
  return finish(mem, pfn);
}

/**
 * Reclaims a page that was taken off its list, from all its mappings; `vma` and `at` name the only one if there is one.
 * A page that stays says by its flags where it is to be put back. Returns PAGE_*.
 */
export function pageoutIsolated(mem: Memory, pfn: number, vma: Vma | undefined, at: number): number {
  const { mapcount } = mem.frames;
  if (mapcount[pfn] === 1 && vma !== undefined) {
    if (vma.flags & VM_VOLATILE && vma.mapping === null) return discardEntry(mem, vma, at) ? PAGE_FREED : PAGE_KEPT;
    if (vma.flags & VM_LOCKED) mlockFrame(mem, pfn);
    if (vma.flags & VM_LOCKED || !addToSwap(mem, pfn) || !unmapEntry(mem, vma, at, pfn)) return activate(mem, pfn);
  } else if (!addToSwap(mem, pfn) || (mapcount[pfn] !== 0 && !unmapAll(mem, pfn))) return activate(mem, pfn);
  return finish(mem, pfn, true);
}

/** Checks and, for anonymous memory, the swap slot. True: the page stays and has been put back. */
function prepare(mem: Memory, pfn: number): boolean {
  const { frames } = mem;
  const flags = frames.flags[pfn]!;
  if ((flags & PG_LRU) === 0) return true;
  if (flags & (PG_MLOCKED | PG_UNEVICTABLE)) {
    if (flags & PG_SWAPCACHE) tryToFreeSwap(mem, pfn);
    return true;
  }
  if (flags & PG_WRITEBACK) {
    frames.flags[pfn]! |= PG_RECLAIM;
    return true;
  }
  frames.flags[pfn]! &= ~PG_REFERENCED;
  if (addToSwap(mem, pfn)) return false;
  activate(mem, pfn);
  return true;
}

/** Gives an anonymous page a slot if it needs one and has none. False: there is none to be had. */
function addToSwap(mem: Memory, pfn: number): boolean {
  const { flags } = mem.frames;
  if ((flags[pfn]! & (PG_ANON | PG_SWAPBACKED | PG_SWAPCACHE)) !== (PG_ANON | PG_SWAPBACKED)) return true;
  const slot = allocSlotFor(mem, pfn);
  if (slot === 0) return false;
  addToSwapCache(mem, pfn, slot);
  flags[pfn]! |= PG_DIRTY;
  return true;
}

/** Makes a page active, so that reclaim does not come again soon; a locked one stays as it is. Mirrors: activate_locked in shrink_folio_list. */
export function activate(mem: Memory, pfn: number): number {
  const { frames } = mem;
  const flags = frames.flags[pfn]!;
  if ((flags & (PG_SWAPCACHE | PG_WRITEBACK)) === PG_SWAPCACHE) {
    if (flags & PG_MLOCKED || isSwapFull(mem, mem.memcgOf(pfn))) tryToFreeSwap(mem, pfn);
  }
  if (flags & PG_MLOCKED) return PAGE_KEPT;
  frames.changeFlags(pfn, 0, PG_ACTIVE);
  mem.events.pgactivate++;
  mem.memcgOf(pfn).counts.pgactivate++;
  return PAGE_KEPT;
}

function putBackInactive(mem: Memory, pfn: number): void {
  mem.frames.changeFlags(pfn, PG_ACTIVE, 0);
}

/** Replaces one entry by a swap entry (anonymous) or nothing (file, shmem, lazily freed). False: a lazily freeable page was written to again. */
function unmapEntry(mem: Memory, vma: Vma, at: number, pfn: number): boolean {
  const { frames, tables } = mem;
  const { mm } = vma;
  const pte = tables.pte[at]!;
  const flags = frames.flags[pfn]!;
  mm.updateHiwaterRss();
  if (flags & PG_ANON) {
    if ((flags & PG_SWAPBACKED) === 0) {
      if (pte & PTE_DIRTY || flags & PG_DIRTY) {
        frames.changeFlags(pfn, 0, PG_SWAPBACKED | PG_DIRTY);
        mem.nrLazyFree--;
        return false;
      }
      tables.pte[at] = 0;
      tables.expected[at] = 0;
    } else {
      const slot = frames.slot[pfn]!;
      if (pte & PTE_DIRTY) frames.flags[pfn]! |= PG_DIRTY;
      mem.swap!.users[slot]!++;
      mm.swapents++;
      tables.set(at, PTE_SWAP | (pte & (PTE_EXCLUSIVE | PTE_SOFTDIRTY)), slot);
    }
    mm.rssAnon--;
  } else {
    if (pte & PTE_DIRTY) mem.setDirty(pfn);
    tables.pte[at] = 0;
    if (flags & PG_SWAPBACKED) mm.rssShmem--;
    else mm.rssFile--;
  }
  mem.removeRmap(pfn);
  return true;
}

/** Unmaps a page everywhere. False: a locked VMA maps it (then it is locked now) or it was written to again. */
function unmapAll(mem: Memory, pfn: number): boolean {
  let possible = true;
  forEachMapping(mem, pfn, (vma, _vpn, at) => {
    if (vma.flags & VM_LOCKED) {
      mlockFrame(mem, pfn);
      possible = false;
    } else if (vma.flags & VM_VOLATILE && vma.mapping === null) possible = false;
    else possible = unmapEntry(mem, vma, at, pfn);
    return possible;
  });
  return possible && mem.frames.mapcount[pfn] === 0;
}

/** The rest of the way for a page that nobody maps any more. `scanning`: reclaim found it on its lists. */
function finish(mem: Memory, pfn: number, scanning = false): number {
  const { frames, events, rules } = mem;
  const flags = frames.flags[pfn]!;
  if ((flags & PG_SWAPBACKED) === 0 && flags & PG_ANON) {
    events.pglazyfreed++;
    mem.memcgOf(pfn).counts.pglazyfreed++;
    mem.freeFrame(pfn);
    return PAGE_FREED;
  }
  if (flags & PG_DIRTY) {
    if ((flags & PG_SWAPBACKED) === 0) {
      events.nr_vmscan_immediate_reclaim++;
      frames.flags[pfn]! |= scanning ? PG_RECLAIM | PG_VMSCAN : PG_RECLAIM;
      if (rules.asMadvise || scanning) return activate(mem, pfn);
      putBackInactive(mem, pfn);
      if (rules.startsFlusher) mem.device?.requestFlush(pfn);
      return PAGE_KEPT;
    }
    if ((flags & PG_SWAPCACHE) === 0) {
      const slot = allocSlotFor(mem, pfn);
      if (slot === 0) return activate(mem, pfn);
      mem.removeFromCache(pfn, ENTRY_SWAPPED | slot);
      mem.swap!.users[slot] = 1;
      addToSwapCache(mem, pfn, slot);
    }
    return writeToSwap(mem, pfn);
  }
  if (flags & PG_SWAPCACHE) evictFromSwapCache(mem, pfn);
  else evictFromCache(mem, pfn);
  mem.freeFrame(pfn);
  return PAGE_FREED;
}

/** Takes a page with a copy in swap out of the swap cache; its slot keeps the shadow. */
export function evictFromSwapCache(mem: Memory, pfn: number): void {
  mem.swap!.shadow[mem.frames.slot[pfn]!] = mem.policy.evict(mem, pfn, mem.reclaimTarget ?? mem.rootMemcg);
  removeFromSwapCache(mem, pfn);
}

/** Takes a clean page out of the page cache, leaving a shadow where somebody keeps track. Mirrors: __remove_mapping. */
export function evictFromCache(mem: Memory, pfn: number): void {
  const shadow =
    mem.frames.flags[pfn]! & PG_SWAPBACKED ? 0 : mem.policy.evict(mem, pfn, mem.reclaimTarget ?? mem.rootMemcg);
  mem.removeFromCache(pfn, shadow === 0 ? 0 : (ENTRY_SHADOW | shadow) >>> 0);
}

function writeToSwap(mem: Memory, pfn: number): number {
  const { frames, events } = mem;
  const content = frames.content[pfn]!;
  const slot = frames.slot[pfn]!;
  const noted = content === CONTENT_ZERO && mem.rules.zeroPagesWithoutIo;
  if (noted) noteZeros(mem, slot);
  const failed = !noted && !storeSlot(mem, slot, content);
  frames.flags[pfn]! &= ~PG_DIRTY;
  if (!noted) {
    events.pswpout++;
    mem.memcgOf(pfn).counts.pswpout++;
    events.nr_vmscan_write++;
  } else {
    events.swpout_zero++;
    mem.memcgOf(pfn).counts.swpout_zero++;
  }
  if (failed) {
    // The device could not take it: the page is dirty again and waits in the swap cache. Mirrors: end_swap_bio_write.
    frames.flags[pfn]! = (frames.flags[pfn]! | PG_DIRTY) & ~PG_RECLAIM;
    mem.hooks.onSwapWriteError?.(mem, slot);
    return PAGE_KEPT;
  }
  if (noted || mem.swap!.synchronous) {
    if (!noted) events.nr_written++;
    evictFromSwapCache(mem, pfn);
    mem.freeFrame(pfn);
    return PAGE_STORED;
  }
  putBackInactive(mem, pfn);
  frames.flags[pfn]! |= PG_RECLAIM;
  mem.startWriteback(pfn);
  return PAGE_WRITTEN;
}
