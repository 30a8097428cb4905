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
 * Each control group has LRU lists of its own (struct lruvec), numbered `group × NR_LISTS + LRU_*`. List heads are extra
 * entries behind the last frame, so that linking needs no special case. Frame 0 does not exist: a
 * zero says "no frame" in page tables, page caches and swap. Fresh frames come in ascending order, freed ones are
 * reused last in, first out: the same steps give the same frame numbers.
 */
import { BugError } from '../../util/errors.ts';
import { PG_ACTIVE, PG_LRU, PG_SWAPBACKED, PG_UNEVICTABLE, PG_USED } from './page-flags.ts';
import { MAX_NUMBER } from './pte.ts';

export const LRU_INACTIVE_ANON = 0;
export const LRU_ACTIVE_ANON = 1;
export const LRU_INACTIVE_FILE = 2;
export const LRU_ACTIVE_FILE = 3;
export const LRU_UNEVICTABLE = 4;
export const NR_LISTS = 5;
/** Groups that there is room for to begin with. */
const FIRST_GROUPS = 64;

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
  prev: Uint32Array;
  next: Uint32Array;
  /** Pages on the LRU lists of all groups together, by LRU_*. */
  readonly nrOnList = new Float64Array(NR_LISTS);
  /** Pages on each list of each group. */
  nrOnGroupList: Uint32Array;
  /** Groups that have lists. */
  nrGroups = 0;
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
    const lists = FIRST_GROUPS * NR_LISTS;
    this.prev = new Uint32Array(total + 1 + lists);
    this.next = new Uint32Array(total + 1 + lists);
    this.nrOnGroupList = new Uint32Array(lists);
    this.nrGroups = FIRST_GROUPS;
    this.#emptyLists(0);
  }

  /** Makes room for the lists of a group. */
  ensureGroup(group: number): void {
    if (group < this.nrGroups) return;
    const before = this.nrGroups;
    this.nrGroups = 2 ** Math.ceil(Math.log2(group + 1));
    const lists = this.nrGroups * NR_LISTS;
    this.prev = grown(this.prev, this.total + 1 + lists);
    this.next = grown(this.next, this.total + 1 + lists);
    this.nrOnGroupList = grown(this.nrOnGroupList, lists);
    this.#emptyLists(before * NR_LISTS);
  }

  #emptyLists(from: number): void {
    for (let head = this.total + 1 + from; head < this.prev.length; head++) {
      this.prev[head] = head;
      this.next[head] = head;
    }
  }

  /** A frame with all fields zero but PG_USED, or 0 when there is none. */
  alloc(): number {
    let pfn = this.freeHead;
    if (pfn !== 0) this.freeHead = this.next[pfn]!;
    else if (this.fresh <= Math.min(this.total, MAX_NUMBER)) pfn = this.fresh++;
    else return 0;
    this.flags[pfn] = PG_USED;
    this.nrUsed++;
    return pfn;
  }

  /** Whether the next `count` frames to be given out are ones that have never been used. */
  hasRun(count: number): boolean {
    return this.freeHead === 0 && this.fresh + count <= Math.min(this.total, MAX_NUMBER) + 1;
  }

  /**
   * The first of `count` frames that have never been used, with these flags, one entry each that names them, and on the list
   * that the flags say, in ascending order: as `count` times alloc and lruAdd would leave them. Precondition: hasRun.
   */
  allocRun(count: number, flags: number, owner: number): number {
    const first = this.fresh;
    const end = first + count;
    this.fresh = end;
    this.nrUsed += count;
    this.flags.fill(PG_USED | PG_LRU | flags, first, end);
    this.mapcount.fill(1, first, end);
    this.owner.fill(owner, first, end);
    const list = this.listOf(first);
    const head = this.total + 1 + list;
    const { prev, next } = this;
    let newest = next[head]!;
    for (let pfn = first; pfn < end; pfn++) {
      next[pfn] = newest;
      prev[newest] = pfn;
      newest = pfn;
    }
    prev[newest] = head;
    next[head] = newest;
    this.nrOnList[list]! += count;
    this.nrOnGroupList[list]! += count;
    return first;
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

  /** Puts a frame at the head (most recent end) of the list that its group and flags say. */
  lruAdd(pfn: number): void {
    const list = this.listOf(pfn);
    const own = this.memcg[pfn]! * NR_LISTS + list;
    const head = this.total + 1 + own;
    const first = this.next[head]!;
    this.next[pfn] = first;
    this.prev[pfn] = head;
    this.prev[first] = pfn;
    this.next[head] = pfn;
    this.flags[pfn]! |= PG_LRU;
    this.nrOnList[list]!++;
    this.nrOnGroupList[own]!++;
  }

  /** Puts a frame at the tail: the next one to be reclaimed. */
  lruAddTail(pfn: number): void {
    const list = this.listOf(pfn);
    const own = this.memcg[pfn]! * NR_LISTS + list;
    const head = this.total + 1 + own;
    const last = this.prev[head]!;
    this.prev[pfn] = last;
    this.next[pfn] = head;
    this.next[last] = pfn;
    this.prev[head] = pfn;
    this.flags[pfn]! |= PG_LRU;
    this.nrOnList[list]!++;
    this.nrOnGroupList[own]!++;
  }

  /** Takes a frame off its list. Precondition: PG_LRU, and flags and group unchanged since it was added. */
  lruDel(pfn: number): void {
    const before = this.prev[pfn]!;
    const after = this.next[pfn]!;
    this.next[before] = after;
    this.prev[after] = before;
    const list = this.listOf(pfn);
    this.nrOnList[list]!--;
    this.nrOnGroupList[this.memcg[pfn]! * NR_LISTS + list]!--;
    this.flags[pfn]! &= ~PG_LRU;
  }

  /** Changes flags that decide on the list; a frame on a list moves to the head of the one that is right then. */
  changeFlags(pfn: number, clear: number, set: number): void {
    const listed = (this.flags[pfn]! & PG_LRU) !== 0;
    if (listed) this.lruDel(pfn);
    this.flags[pfn] = (this.flags[pfn]! & ~clear) | set;
    if (listed) this.lruAdd(pfn);
  }

  /**
   * Takes up to `count` frames off the tail of a list, oldest first, into `into`; returns how many.
   * Mirrors: mm/vmscan.c:isolate_lru_folios.
   */
  isolate(own: number, count: number, into: Uint32Array): number {
    const { prev, flags } = this;
    const head = this.total + 1 + own;
    let taken = 0;
    let pfn = prev[head]!;
    for (; taken < count && pfn !== head; pfn = prev[pfn]!) {
      into[taken++] = pfn;
      flags[pfn]! &= ~PG_LRU;
    }
    prev[head] = pfn;
    this.next[pfn] = head;
    this.nrOnList[own % NR_LISTS]! -= taken;
    this.nrOnGroupList[own]! -= taken;
    return taken;
  }

  /** Hands all pages on the lists of one group to another: they become its oldest. */
  moveLists(from: number, to: number): void {
    for (let list = 0; list < NR_LISTS; list++) {
      for (let pfn = this.lruHead(from * NR_LISTS + list); pfn !== 0; pfn = this.lruHead(from * NR_LISTS + list)) {
        this.lruDel(pfn);
        this.memcg[pfn] = to;
        this.lruAddTail(pfn);
      }
    }
  }

  /** The frame at the tail (oldest end) of a list of a group, or 0 when it is empty. */
  lruTail(own: number): number {
    const last = this.prev[this.total + 1 + own]!;
    return last > this.total ? 0 : last;
  }

  /** The frame at the head (most recent end), or 0 when it is empty. */
  lruHead(own: number): number {
    const first = this.next[this.total + 1 + own]!;
    return first > this.total ? 0 : first;
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

function grown(array: Uint32Array, length: number): Uint32Array {
  const larger = new Uint32Array(length);
  larger.set(array);
  return larger;
}
