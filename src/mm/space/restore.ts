/**
 * Putting pages into a state that has been recorded elsewhere, without the accesses that led there: no faults are
 * counted, nothing is read or written. For captured machines.
 */

import { ENTRY_NUMBER, ENTRY_SWAPPED, type Mapping } from '../cache/mapping.ts';
import type { Memory } from '../memory.ts';
import { LRU_INACTIVE_ANON } from '../pages/frames.ts';
import { PG_ANON, PG_DIRTY, PG_SWAPBACKED } from '../pages/page-flags.ts';
import { CHUNK_PAGES } from '../pages/page-table.ts';
import {
  KIND_PRESENT,
  KIND_SWAP,
  PTE_DIRTY,
  PTE_EXCLUSIVE,
  PTE_PRESENT,
  PTE_SOFTDIRTY,
  PTE_SWAP,
  PTE_WRITE,
  PTE_YOUNG,
  PTE_ZERO,
} from '../pages/pte.ts';
import { allocSlot } from '../swap/swap-alloc.ts';
import { storeSlot } from '../swap/swap-cache.ts';
import { getCachePage, newCachePage } from './fault.ts';
import { lruAddFresh, mlockFrame } from './mlock.ts';
import { VM_LOCKED, VM_SHARED, VM_WRITE } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/** What a page is to be; `-` stands for nothing in the texts that are made of these. */
export type RestoredPage = 'anon' | 'swap' | 'zero' | 'file' | 'dirty';

/**
 * Makes page `vpn` of a VMA what `state` says: an anonymous page with content of its own, such a page in swap, the zero
 * page, a page of the file (read in if need be), or a page of the file that has been written to through the mapping.
 * A page beyond the end of the file stays absent. Returns false when memory or swap has run out.
 * Precondition: there is no entry for the page yet.
 */
export function restorePage(mem: Memory, vma: Vma, vpn: number, state: RestoredPage, young: boolean): boolean {
  return restoreEntry(mem, vma, vpn, mem.tables.ensure(vma.mm.pageDirectory, vpn), state, young);
}

function restoreEntry(mem: Memory, vma: Vma, vpn: number, at: number, state: RestoredPage, young: boolean): boolean {
  const accessed = young ? PTE_YOUNG : 0;
  switch (state) {
    case 'zero':
      mem.tables.pte[at] = PTE_ZERO | accessed;
      return true;
    case 'swap':
      return restoreSwapped(mem, vma, at);
    case 'anon':
      return restoreAnonymous(mem, vma, vpn, at, accessed);
    default:
      return vma.mapping === null || restoreCached(mem, vma, vma.mapping, vpn, at, state === 'dirty', accessed);
  }
}

/**
 * The same for `count` pages from `vpn` on, all of one VMA. Returns how many there are now: fewer where a page has an entry
 * already, or memory or swap has run out.
 */
export function restorePages(
  mem: Memory,
  vma: Vma,
  vpn: number,
  count: number,
  state: RestoredPage,
  young: boolean,
): number {
  const { tables } = mem;
  for (let done = 0; done < count; ) {
    const at = tables.ensure(vma.mm.pageDirectory, vpn + done);
    const together = Math.min(CHUNK_PAGES - ((vpn + done) % CHUNK_PAGES), count - done);
    if (state === 'anon' && restoreFresh(mem, vma, vpn + done, at, together, young)) {
      done += together;
      continue;
    }
    for (let i = 0; i < together; i++, done++) {
      if (tables.pte[at + i] !== 0 || !restoreEntry(mem, vma, vpn + done, at + i, state, young)) return done;
    }
  }
  return count;
}

/**
 * Anonymous pages whose entries lie side by side from `at` on, in frames that nobody has used: what restoreAnonymous does, for
 * all of them at once. False, and nothing done, where one has to be looked at on its own.
 */
function restoreFresh(mem: Memory, vma: Vma, vpn: number, at: number, count: number, young: boolean): boolean {
  const { frames, tables } = mem;
  if (mem.memcg !== null || vma.flags & VM_LOCKED || mem.nrFree - count <= mem.lowFreePages) return false;
  if (!frames.hasRun(count)) return false;
  for (let i = at; i < at + count; i++) if (tables.pte[i] !== 0) return false;
  const content = mem.content.writeRun(count);
  if (content === 0) return false;
  const first = frames.allocRun(count, PG_ANON | PG_SWAPBACKED, mem.anonRootOf(vma).id);
  const write = vma.flags & VM_WRITE ? PTE_WRITE : 0;
  const bits = PTE_PRESENT | PTE_DIRTY | PTE_SOFTDIRTY | PTE_EXCLUSIVE | write | (young ? PTE_YOUNG : 0);
  const index = vma.indexOf(vpn);
  for (let i = 0; i < count; i++) {
    frames.index[first + i] = index + i;
    frames.content[first + i] = content + i;
    tables.expected[at + i] = content + i;
    tables.set(at + i, bits, first + i);
    mem.lruBatch.add(LRU_INACTIVE_ANON);
  }
  mem.events.pgalloc_normal += count;
  mem.nrAnonMapped += count;
  vma.mm.rssAnon += count;
  return true;
}

function restoreAnonymous(mem: Memory, vma: Vma, vpn: number, at: number, accessed: number): boolean {
  const pfn = mem.allocFrame();
  if (pfn === 0) return false;
  const { frames, tables } = mem;
  frames.flags[pfn]! |= PG_ANON | PG_SWAPBACKED;
  frames.owner[pfn] = mem.anonRootOf(vma).id;
  frames.index[pfn] = vma.indexOf(vpn);
  frames.content[pfn] = tables.expected[at] = mem.content.write();
  lruAddFresh(mem, pfn, vma);
  mem.addRmap(pfn);
  vma.mm.rssAnon++;
  const write = vma.flags & VM_WRITE ? PTE_WRITE : 0;
  tables.set(at, PTE_PRESENT | PTE_DIRTY | PTE_SOFTDIRTY | PTE_EXCLUSIVE | write | accessed, pfn);
  return true;
}

function restoreSwapped(mem: Memory, vma: Vma, at: number): boolean {
  const slot = allocSlot(mem);
  if (slot === 0) return false;
  const content = mem.content.write();
  mem.anonRootOf(vma);
  storeSlot(mem, slot, content);
  mem.swap!.users[slot] = 1;
  vma.mm.swapents++;
  mem.tables.expected[at] = content;
  mem.tables.set(at, PTE_SWAP | PTE_EXCLUSIVE | PTE_SOFTDIRTY, slot);
  return true;
}

function restoreCached(
  mem: Memory,
  vma: Vma,
  mapping: Mapping,
  vpn: number,
  at: number,
  dirty: boolean,
  accessed: number,
): boolean {
  const index = vma.indexOf(vpn);
  if (index >= mapping.nrPages) return true;
  const pfn = cachedFrame(mem, mapping, index, dirty);
  if (pfn === 0) return false;
  mem.addRmap(pfn);
  if (mapping.isShmem) vma.mm.rssShmem++;
  else vma.mm.rssFile++;
  if (vma.flags & VM_LOCKED) mlockFrame(mem, pfn);
  let bits = PTE_PRESENT | accessed;
  const sharedWritable = (vma.flags & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE);
  if (sharedWritable && dirty) bits |= PTE_WRITE | PTE_DIRTY | PTE_SOFTDIRTY;
  else if (sharedWritable && mapping.isShmem) bits |= PTE_WRITE;
  mem.tables.set(at, bits, pfn);
  return true;
}

/** The frame of a file or shmem page; one that is made, or made dirty, here has content of its own where the disk has none. */
function cachedFrame(mem: Memory, mapping: Mapping, index: number, dirty: boolean): number {
  const entry = mapping.pages.get(index);
  const cached = entry !== 0 && entry < ENTRY_SWAPPED;
  const pfn = cached
    ? entry
    : entry === 0
      ? newCachePage(mem, mapping, index, mapping.isShmem ? 0 : mapping.diskContent(index))
      : getCachePage(mem, mapping, index) & ENTRY_NUMBER;
  if (pfn === 0) return 0;
  const written = (mem.frames.flags[pfn]! & PG_DIRTY) !== 0;
  if (written || (!dirty && !mapping.isShmem)) return pfn;
  const content = mem.content.write();
  mem.frames.content[pfn] = content;
  mapping.expected.set(index, content);
  mem.setDirty(pfn);
  return pfn;
}

/**
 * Makes two VMAs hold pages of one origin, as parent and child of a fork do: `to` takes the anon root of `from`.
 * Returns false when `to` has pages of another origin already.
 */
export function joinAnonRoot(mem: Memory, from: Vma, to: Vma): boolean {
  const root = mem.anonRootOf(from);
  if (to.anonRoot === root) return true;
  if (to.anonRoot !== null) return false;
  to.anonRoot = root;
  to.anonOrigin = -mem.newId();
  root.vmas.add(to);
  return true;
}

/**
 * Maps the anonymous page (or swap slot) that `from` has at `vpn` into `to` at the same place, as after a fork. Returns
 * false when there is none, or when the two cannot share. Preconditions: joined roots; no entry in `to` yet.
 */
export function sharePage(mem: Memory, from: Vma, to: Vma, vpn: number, young: boolean): boolean {
  if (from.indexOf(vpn) !== to.indexOf(vpn)) return false;
  const { tables, frames } = mem;
  const source = tables.find(from.mm.pageDirectory, vpn);
  const pte = source === 0 ? 0 : tables.pte[source]! & ~(PTE_WRITE | PTE_EXCLUSIVE);
  const number = tables.numberOf(source, pte);
  const kind = pte >>> 30;
  if (kind !== KIND_SWAP && (kind !== KIND_PRESENT || (frames.flags[number]! & PG_ANON) === 0)) return false;
  tables.pte[source] = pte;
  const at = tables.ensure(to.mm.pageDirectory, vpn);
  if (kind === KIND_SWAP) {
    mem.swap!.users[number]!++;
    to.mm.swapents++;
    tables.copy(at, source, pte);
  } else {
    mem.addRmap(number);
    to.mm.rssAnon++;
    if (to.flags & VM_LOCKED) mlockFrame(mem, number);
    tables.copy(at, source, (pte & ~PTE_YOUNG) | (young ? PTE_YOUNG : 0));
  }
  tables.expected[at] = tables.expected[source]!;
  return true;
}
