/**
 * Volatile memory: pages that their owner can do without, for a while. Under pressure they are thrown away, oldest mark
 * first, before anything is swapped; they are never swapped themselves.
 *
 *   kind       on                       a page that was thrown away, when touched
 *   vrange     private anonymous        SIGBUS (vrange(2) as proposed in 2014)
 *   mvolatile  private anonymous        SIGBUS (mvolatile(2) as proposed in 2012)
 *   ashmem     shared memory objects    zeros (Android's ASHMEM_UNPIN)
 *
 * Taking the mark off says whether anything was lost; from then on lost pages are zeros. Marks of anonymous kinds belong
 * to the address space and are told by an entry of their own (PTE_PURGED); marks of ashmem belong to the object.
 */
import { EINVAL, ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import { finish } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import { PG_MLOCKED, PG_USED } from '../pages/page-flags.ts';
import { KIND_PRESENT, KIND_SWAP, PTE_PURGED } from '../pages/pte.ts';
import type { Mm } from '../space/mm.ts';
import { forEachMapping, unmapFrame } from '../space/rmap.ts';
import { VM_HUGETLB, VM_LOCKED, VM_PFNMAP, VM_VOLATILE } from '../space/vm-flags.ts';
import type { Vma } from '../space/vma.ts';
import { changeRange } from '../space/vma-ops.ts';
import { forEachEntry } from '../space/zap.ts';
import { putSlot } from '../swap/swap-cache.ts';
import { ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED, type Mapping } from './mapping.ts';

export type VolatileKind = 'vrange' | 'mvolatile' | 'ashmem';
export const VOLATILE_KINDS: readonly VolatileKind[] = ['vrange', 'mvolatile', 'ashmem'];

/** One marked range: pages of an address space, or of a shared memory object. */
export interface VolatileRange {
  readonly kind: VolatileKind;
  readonly owner: Mm | Mapping;
  start: number;
  end: number;
  purged: boolean;
}

/** The marks of one machine, oldest first. */
export class VolatileRanges {
  ranges: VolatileRange[] = [];
}

/**
 * Marks [start, end) volatile; it becomes the youngest mark, joined with those it overlaps. Nothing has changed when it
 * throws. Throws EINVAL (the mapping is of another kind, locked, or not of ordinary pages), ENOMEM (a hole).
 */
export function markVolatile(mem: Memory, mm: Mm, start: number, end: number, kind: VolatileKind): void {
  check(mm, start, end, kind);
  finish(changeRange(mem, mm, start, end, (vma) => vma.flags | VM_VOLATILE));
  if (kind !== 'ashmem') add(mem, kind, mm, start, end);
  else eachPart(mm, start, end, (vma, from, to) => add(mem, kind, vma.mapping!, vma.indexOf(from), vma.indexOf(to)));
}

/** Calls `visit` for the part of each VMA that lies in [start, end). */
function eachPart(mm: Mm, start: number, end: number, visit: (vma: Vma, from: number, to: number) => void): void {
  for (let i = mm.indexAfter(start); i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
    const vma = mm.vmas[i]!;
    visit(vma, Math.max(start, vma.start), Math.min(end, vma.end));
  }
}

/**
 * Takes the marks off [start, end); returns whether any page of it was thrown away. Throws as markVolatile does.
 * Mirrors: ashmem_pin, vrange(VRANGE_NONVOLATILE).
 */
export function unmarkVolatile(mem: Memory, mm: Mm, start: number, end: number, kind: VolatileKind): boolean {
  check(mm, start, end, kind);
  let purged = false;
  eachPart(mm, start, end, (vma, from, to) => {
    if (kind === 'ashmem') {
      purged = remove(mem, vma.mapping!, vma.indexOf(from), vma.indexOf(to)) || purged;
      return;
    }
    forEachEntry(mem, vma, from, to, (at) => {
      if (mem.tables.pte[at] !== PTE_PURGED) return;
      mem.tables.pte[at] = 0;
      purged = true;
    });
  });
  if (kind !== 'ashmem') remove(mem, mm, start, end);
  finish(changeRange(mem, mm, start, end, (vma) => vma.flags & ~VM_VOLATILE));
  return purged;
}

function check(mm: Mm, start: number, end: number, kind: VolatileKind): void {
  if (start >= end) throw new KernelError(EINVAL, 'the range is empty');
  let at = start;
  for (let i = mm.indexAfter(start); i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
    const vma = mm.vmas[i]!;
    if (vma.start > at) break;
    at = vma.end;
    if (vma.flags & (VM_LOCKED | VM_HUGETLB | VM_PFNMAP))
      throw new KernelError(EINVAL, 'the mapping is locked or not made of ordinary pages');
    const fits = kind === 'ashmem' ? vma.mapping?.isShmem === true : vma.mapping === null;
    if (!fits) throw new KernelError(EINVAL, `${kind} is not for this kind of mapping`);
  }
  if (at < end) throw new KernelError(ENOMEM, 'part of the range is not mapped');
}

function add(mem: Memory, kind: VolatileKind, owner: Mm | Mapping, start: number, end: number): void {
  const joined: VolatileRange = { kind, owner, start, end, purged: false };
  mem.volatile.ranges = mem.volatile.ranges.filter((range) => {
    if (range.owner !== owner || range.end <= joined.start || range.start >= joined.end) return true;
    // What was thrown away of a range stays so; only its rest can still be lost.
    if (range.purged && range.kind !== 'ashmem') return true;
    joined.start = Math.min(joined.start, range.start);
    joined.end = Math.max(joined.end, range.end);
    joined.purged ||= range.purged;
    return false;
  });
  mem.volatile.ranges.push(joined);
}

/** Takes [start, end) out of the marks of an owner; whether any of it had been thrown away. */
function remove(mem: Memory, owner: Mm | Mapping, start: number, end: number): boolean {
  let purged = false;
  mem.volatile.ranges = mem.volatile.ranges.flatMap((range) => {
    if (range.owner !== owner || range.end <= start || range.start >= end) return [range];
    purged ||= range.purged;
    return [
      { ...range, end: start },
      { ...range, start: end },
    ].filter((rest) => rest.start < rest.end);
  });
  return purged;
}

/** Throws volatile memory away, oldest mark first, whole ranges at a time, until `wanted` pages are free. Returns pages freed. */
export function purgeVolatile(mem: Memory, wanted: number): number {
  const { ranges } = mem.volatile;
  if (ranges.length === 0) return 0;
  let freed = 0;
  let gone = false;
  for (const range of ranges) {
    if (freed >= wanted) break;
    if (range.purged) continue;
    const before = mem.events.pgvolatile_discarded;
    const { owner } = range;
    freed += 'pages' in owner ? purgeObject(mem, owner, range) : purgeAnonymous(mem, owner, range);
    range.purged = true;
    gone ||= !('pages' in owner);
    const pages = mem.events.pgvolatile_discarded - before;
    if (pages > 0) mem.hooks.onPurged?.(range, pages);
  }
  // Anonymous pages remember for themselves that they are gone.
  if (gone) mem.volatile.ranges = mem.volatile.ranges.filter((range) => 'pages' in range.owner || !range.purged);
  return freed;
}

function purgeAnonymous(mem: Memory, mm: Mm, { start, end }: VolatileRange): number {
  let freed = 0;
  eachPart(mm, start, end, (vma, from, to) => {
    if ((vma.flags & VM_VOLATILE) === 0) return;
    forEachEntry(mem, vma, from, to, (at) => {
      if (discardEntry(mem, vma, at)) freed++;
    });
  });
  return freed;
}

/**
 * Throws away what one entry of a volatile anonymous VMA names; returns whether a frame became free. A page that is
 * shared since a fork stays.
 */
export function discardEntry(mem: Memory, vma: Vma, at: number): boolean {
  const { tables, frames } = mem;
  const pte = tables.pte[at]!;
  const number = tables.numberOf(at, pte);
  const kind = pte >>> 30;
  if (kind === KIND_PRESENT) {
    if (frames.mapcount[number] !== 1) return false;
    vma.mm.updateHiwaterRss();
    unmapFrame(mem, vma, number);
  } else if (kind === KIND_SWAP) {
    vma.mm.swapents--;
    putSlot(mem, number);
  } else return false;
  tables.pte[at] = PTE_PURGED;
  tables.expected[at] = 0;
  mem.events.pgvolatile_discarded++;
  // One that another process has in swap still is what its slot is a copy of.
  return kind === KIND_PRESENT && (frames.flags[number]! & PG_USED) === 0;
}

function purgeObject(mem: Memory, mapping: Mapping, { start, end }: VolatileRange): number {
  if (!mem.mappings.has(mapping.id)) return 0;
  let freed = 0;
  mapping.pages.forEach((index, entry) => {
    if (index < start || index >= end || entry >= ENTRY_SHADOW) return;
    if (entry >= ENTRY_SWAPPED) {
      mapping.pages.set(index, 0);
      mapping.nrSwapped--;
      putSlot(mem, entry & ENTRY_NUMBER);
    } else {
      if (mem.frames.flags[entry]! & PG_MLOCKED) return;
      forEachMapping(mem, entry, (vma, _vpn, at) => {
        mem.tables.pte[at] = 0;
        vma.mm.updateHiwaterRss();
        unmapFrame(mem, vma, entry);
        return true;
      });
      mem.removeFromCache(entry, 0);
      mem.freeFrame(entry);
      freed++;
    }
    mapping.expected.set(index, 0);
    mem.events.pgvolatile_discarded++;
  });
  return freed;
}
