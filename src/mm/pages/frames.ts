/**
 * The frames of one machine: parallel typed arrays indexed by frame number (pfn), 32 bytes a frame.
 *
 *   flags     PG_* (page-flags.ts)
 *   mapcount  page table entries that name the frame
 *   owner     anon root id (PG_ANON) or mapping id
 *   index     page index within the owner, modulo 2^32; for anonymous pages the linear page index (vpn where the VMA was
 *             made). Vma.indexOf and Vma.vpnOf are the only ways between index and address
 *   slot      swap slot while PG_SWAPCACHE
 *   content   what is in it (content.ts)
 *   memcg     control group that is charged for it; 0: the root
 *   prev next links of the list it is on: an LRU list, or (next only) the free list
 *
 * List heads are extra entries behind the last frame, so that linking needs no special case. Frame 0 does not exist: a
 * zero says "no frame" in page tables, page caches and swap. Fresh frames come in ascending order, freed ones are
 * reused last in, first out: the same steps give the same frame numbers.
 */
import { BugError } from '../../util/errors.ts';
import { PG_ACTIVE, PG_LRU, PG_SWAPBACKED, PG_UNEVICTABLE, PG_USED } from './page-flags.ts';

export const LRU_INACTIVE_ANON = 0;
export const LRU_ACTIVE_ANON = 1;
export const LRU_INACTIVE_FILE = 2;
export const LRU_ACTIVE_FILE = 3;
export const LRU_UNEVICTABLE = 4;
const NR_LISTS = 5;

export class Frames {
  /** Number of frames; valid numbers are 1 … total. */
  readonly total: number;
  readonly flags: Uint32Array;
  readonly mapcount: Uint32Array;
  readonly owner: Uint32Array;
  readonly index: Uint32Array;
  readonly slot: Uint32Array;
  readonly content: Uint32Array;
  readonly memcg: Uint16Array;
  readonly prev: Uint32Array;
  readonly next: Uint32Array;
  /** Pages on each LRU list. */
  readonly nrOnList = new Float64Array(NR_LISTS);
  nrUsed = 0;
  /** Frames below this number have been handed out at least once. */
  fresh = 1;
  private freeHead = 0;

  constructor(total: number) {
    this.total = total;
    this.flags = new Uint32Array(total + 1);
    this.mapcount = new Uint32Array(total + 1);
    this.owner = new Uint32Array(total + 1);
    this.index = new Uint32Array(total + 1);
    this.slot = new Uint32Array(total + 1);
    this.content = new Uint32Array(total + 1);
    this.memcg = new Uint16Array(total + 1);
    this.prev = new Uint32Array(total + 1 + NR_LISTS);
    this.next = new Uint32Array(total + 1 + NR_LISTS);
    for (let list = 0; list < NR_LISTS; list++) {
      const head = total + 1 + list;
      this.prev[head] = head;
      this.next[head] = head;
    }
  }

  /** A frame with all fields zero but PG_USED, or 0 when there is none. */
  alloc(): number {
    let pfn = this.freeHead;
    if (pfn !== 0) this.freeHead = this.next[pfn]!;
    else if (this.fresh <= this.total) pfn = this.fresh++;
    else return 0;
    this.flags[pfn] = PG_USED;
    this.nrUsed++;
    return pfn;
  }

  /** Preconditions: not on a list, not mapped, in no cache. */
  free(pfn: number): void {
    if ((this.flags[pfn]! & (PG_USED | PG_LRU)) !== PG_USED || this.mapcount[pfn] !== 0) {
      throw new BugError(`frame ${pfn} freed while in use`);
    }
    this.flags[pfn] = 0;
    this.owner[pfn] = 0;
    this.index[pfn] = 0;
    this.slot[pfn] = 0;
    this.content[pfn] = 0;
    this.next[pfn] = this.freeHead;
    this.freeHead = pfn;
    this.nrUsed--;
  }

  /** The list that the flags of a frame put it on. Mirrors: include/linux/mm_inline.h:folio_lru_list. */
  listOf(pfn: number): number {
    const flags = this.flags[pfn]!;
    if (flags & PG_UNEVICTABLE) return LRU_UNEVICTABLE;
    const base = flags & PG_SWAPBACKED ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
    return flags & PG_ACTIVE ? base + 1 : base;
  }

  /** Puts a frame at the head (most recent end) of the list its flags say. */
  lruAdd(pfn: number): void {
    const list = this.listOf(pfn);
    const head = this.total + 1 + list;
    const first = this.next[head]!;
    this.next[pfn] = first;
    this.prev[pfn] = head;
    this.prev[first] = pfn;
    this.next[head] = pfn;
    this.flags[pfn]! |= PG_LRU;
    this.nrOnList[list]!++;
  }

  /** Puts a frame at the tail: the next one to be reclaimed. */
  lruAddTail(pfn: number): void {
    const list = this.listOf(pfn);
    const head = this.total + 1 + list;
    const last = this.prev[head]!;
    this.prev[pfn] = last;
    this.next[pfn] = head;
    this.next[last] = pfn;
    this.prev[head] = pfn;
    this.flags[pfn]! |= PG_LRU;
    this.nrOnList[list]!++;
  }

  /** Takes a frame off its list. Precondition: PG_LRU, and flags unchanged since it was added. */
  lruDel(pfn: number): void {
    const before = this.prev[pfn]!;
    const after = this.next[pfn]!;
    this.next[before] = after;
    this.prev[after] = before;
    this.nrOnList[this.listOf(pfn)]!--;
    this.flags[pfn]! &= ~PG_LRU;
  }

  /** The frame at the tail (oldest end) of a list, or 0 when it is empty. */
  lruTail(list: number): number {
    const last = this.prev[this.total + 1 + list]!;
    return last > this.total ? 0 : last;
  }

  /** The frame before `pfn` (towards the most recent end), or 0 at the head. */
  lruPrev(pfn: number): number {
    const before = this.prev[pfn]!;
    return before > this.total ? 0 : before;
  }

  /** Length of the free list plus frames never used; walks the list, for checks only. Throws BugError on a loop. */
  countFree(): number {
    let n = this.total - this.fresh + 1;
    for (let pfn = this.freeHead, guard = 0; pfn !== 0; pfn = this.next[pfn]!) {
      if (++guard > this.total) throw new BugError('loop in the free list');
      n++;
    }
    return n;
  }
}
