import type { Mapping } from '../cache/mapping.ts';
import { HUGE_KB, type HugePage } from '../pages/hugetlb.ts';
import { INITIAL_HITS } from '../swap/swap.ts';
import type { Mm } from './mm.ts';
import { VM_EXEC, VM_LOCKED, VM_READ, VM_SHARED, VM_WRITE } from './vm-flags.ts';

/** All VMAs that may hold pages of one origin: an anonymous VMA and its copies by fork and split (root anon_vma). */
export class AnonRoot {
  readonly id: number;
  readonly vmas = new Set<Vma>();

  constructor(id: number) {
    this.id = id;
  }
}

/**
 * One mapping of an address space: pages [start, end), in vpns.
 *
 * Invariants: start < end; VMAs of an mm ascend and do not overlap; `anonRoot` is set before the first anonymous page.
 */
export class Vma {
  readonly mm: Mm;
  start: number;
  end: number;
  /** VM_* (vm-flags.ts). */
  flags: number;
  /** Page index of `start` in the file; for anonymous memory the vpn where it was made, so that indexes survive fork. */
  pgoff: number;
  readonly mapping: Mapping | null;
  anonRoot: AnonRoot | null = null;
  /** Which of the mappings under the root this one goes back to (its anon_vma): only those of one origin merge. Negative: made by fork. */
  anonOrigin = 0;
  /** Readahead from swap: page of the last fault, size of the last window, hits since. Mirrors: swap_readahead_info. */
  swapRaVpn = 0;
  swapRaPages = 0;
  swapRaHits = INITIAL_HITS;
  /** What maps shows as its name when there is no file: `[heap]`, `[stack]`, `[anon:x]`, or nothing. */
  readonly name: string;
  /** Of a hugetlb mapping: the huge pages that it maps, by index in units of 2 MiB; null: none yet. */
  hugePages: Map<number, HugePage> | null = null;
  /** A private hugetlb mapping has pages of the pool set aside for what it does not map yet. */
  hugeReserved = false;

  constructor(mm: Mm, start: number, end: number, flags: number, pgoff: number, mapping: Mapping | null, name: string) {
    this.mm = mm;
    this.start = start;
    this.end = end;
    this.flags = flags;
    this.pgoff = pgoff;
    this.mapping = mapping;
    this.name = name;
  }

  /** Huge pages mapped, in kB. */
  get hugetlbKb(): number {
    return (this.hugePages?.size ?? 0) * HUGE_KB;
  }

  /** Maps a huge page in the place of what was there. */
  setHugePage(index: number, page: HugePage): void {
    this.hugePages ??= new Map();
    this.hugePages.set(index, page);
  }

  /** Goes on where another one is, as a copy or a part of it does. */
  takeSwapReadahead(from: Vma): void {
    this.swapRaVpn = from.swapRaVpn;
    this.swapRaPages = from.swapRaPages;
    this.swapRaHits = from.swapRaHits;
  }

  get nrPages(): number {
    return this.end - this.start;
  }

  /** Its pages came by fork. */
  get isForkCopy(): boolean {
    return this.anonOrigin < 0;
  }

  /** No file behind it: private anonymous memory, heap, stack. Mirrors: vma_is_anonymous (vm_ops == NULL). */
  get isAnonymous(): boolean {
    return this.mapping === null;
  }

  get isShared(): boolean {
    return (this.flags & VM_SHARED) !== 0;
  }

  get isLocked(): boolean {
    return (this.flags & VM_LOCKED) !== 0;
  }

  get isWritable(): boolean {
    return (this.flags & VM_WRITE) !== 0;
  }

  /** Page index of `vpn` in the file or anon root. Mirrors: linear_page_index. */
  indexOf(vpn: number): number {
    return this.pgoff + (vpn - this.start);
  }

  /**
   * The vpn of a page index as frames keep it (modulo 2^32), or -1 when the page lies outside. A VMA is smaller than
   * 2^32 pages, so the distance from its start comes out right wherever in the 47 bits it lies. The only place where
   * an index becomes an address. Mirrors: mm/internal.h:vma_address.
   */
  vpnOf(index: number): number {
    const distance = (index - this.pgoff) >>> 0;
    return distance < this.end - this.start ? this.start + distance : -1;
  }
}

const ACCESS_FLAGS = VM_READ | VM_WRITE | VM_EXEC;

/**
 * The neighbour whose origin a VMA takes for its first anonymous page, because only access rights keep the two apart.
 * Mirrors: mm/vma.c:find_mergeable_anon_vma, anon_vma_compatible.
 */
export function reusableNeighbour(vma: Vma): Vma | undefined {
  const { vmas } = vma.mm;
  const at = vma.mm.indexAfter(vma.start);
  const next = vmas[at + 1];
  if (next !== undefined && isReusable(next) && continues(vma, next)) return next;
  const previous = vmas[at - 1];
  return previous !== undefined && isReusable(previous) && continues(previous, vma) ? previous : undefined;
}

function isReusable(vma: Vma): boolean {
  return vma.anonRoot !== null && !vma.isForkCopy;
}

function continues(lower: Vma, upper: Vma): boolean {
  return (
    lower.end === upper.start &&
    lower.mapping === upper.mapping &&
    ((lower.flags ^ upper.flags) & ~ACCESS_FLAGS) === 0 &&
    lower.indexOf(lower.end) === upper.pgoff
  );
}
