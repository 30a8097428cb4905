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
 * Each control group has LRU lists of its own (struct lruvec), numbered `group × NR_LISTS + LRU_*`. With generations, the
 * lists of generations are used instead of the two active and two inactive ones, whose lengths are then what would be on
 * them; a page that has been found young belongs to the youngest generation from then on (flags and lengths say so), and
 * comes to its list when eviction finds it on the old one. List heads are extra
 * entries behind the last frame, so that linking needs no special case. Frame 0 does not exist: a
 * zero says "no frame" in page tables, page caches and swap. Fresh frames come in ascending order, freed ones are
 * reused last in, first out: the same steps give the same frame numbers.
 */
import { BugError } from '../../util/errors.ts';
import { GEN_FILE, Generations, MAX_NR_GENS, typeOf } from './generations.ts';
import { PG_ACTIVE, PG_GEN_MASK, PG_GEN_SHIFT, PG_LRU, PG_SWAPBACKED, PG_UNEVICTABLE, PG_USED } from './page-flags.ts';
import { MAX_NUMBER } from './pte.ts';

export const LRU_INACTIVE_ANON = 0;
export const LRU_ACTIVE_ANON = 1;
export const LRU_INACTIVE_FILE = 2;
export const LRU_ACTIVE_FILE = 3;
export const LRU_UNEVICTABLE = 4;
/** First of the lists of generations, if there are any: generation × 2 + type. */
export const LRU_GENERATIONS = 5;
export const NR_LISTS = LRU_GENERATIONS + MAX_NR_GENS * 2;
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
  /** The generations of all groups; null: there are active and inactive lists. */
  generations: Generations | null = null;
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
    this.generations?.reset(group);
    if (group < this.nrGroups) return;
    const before = this.nrGroups;
    this.nrGroups = 2 ** Math.ceil(Math.log2(group + 1));
    const lists = this.nrGroups * NR_LISTS;
    this.prev = grown(this.prev, this.total + 1 + lists);
    this.next = grown(this.next, this.total + 1 + lists);
    this.nrOnGroupList = grown(this.nrOnGroupList, lists);
    this.#emptyLists(before * NR_LISTS);
    this.generations?.ensure(this.nrGroups);
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
    return (
      this.generations === null && this.freeHead === 0 && this.fresh + count <= Math.min(this.total, MAX_NUMBER) + 1
    );
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
    if (flags & PG_GEN_MASK) return listOfGeneration(((flags & PG_GEN_MASK) >>> PG_GEN_SHIFT) - 1, typeOf(flags));
    const base = flags & PG_SWAPBACKED ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
    return flags & PG_ACTIVE ? base + 1 : base;
  }

  /** The list that those see a frame on who know of no generations. */
  knownListOf(pfn: number): number {
    const list = this.listOf(pfn);
    return list < LRU_GENERATIONS ? list : this.knownAs(list, this.memcg[pfn]!);
  }

  /** Puts a frame at the head (most recent end) of the list that its group and flags say. */
  lruAdd(pfn: number): void {
    if (this.generations !== null) this.#join(this.generations, pfn, false);
    const list = this.listOf(pfn);
    const own = this.memcg[pfn]! * NR_LISTS + list;
    this.#linkBehind(pfn, this.total + 1 + own);
    this.flags[pfn]! |= PG_LRU;
    this.nrOnList[list]!++;
    this.nrOnGroupList[own]!++;
    if (list >= LRU_GENERATIONS) this.#countAs(list, this.memcg[pfn]!, 1);
  }

  /** Puts a frame at the tail: the next one to be reclaimed. */
  lruAddTail(pfn: number): void {
    if (this.generations !== null) this.#join(this.generations, pfn, true);
    const list = this.listOf(pfn);
    const own = this.memcg[pfn]! * NR_LISTS + list;
    this.#linkBehind(pfn, this.prev[this.total + 1 + own]!);
    this.flags[pfn]! |= PG_LRU;
    this.nrOnList[list]!++;
    this.nrOnGroupList[own]!++;
    if (list >= LRU_GENERATIONS) this.#countAs(list, this.memcg[pfn]!, 1);
  }

  /** Takes a frame off its list. Precondition: PG_LRU, and flags and group unchanged since it was added. */
  lruDel(pfn: number): void {
    const list = this.listOf(pfn);
    this.#unlink(pfn);
    this.nrOnList[list]!--;
    this.nrOnGroupList[this.memcg[pfn]! * NR_LISTS + list]!--;
    this.flags[pfn]! &= ~PG_LRU;
    if (list >= LRU_GENERATIONS) this.#leave(pfn, list);
  }

  /** The same for one that reclaim looks at: a page of a young generation does not become an active one by it. Mirrors: lru_gen_del_folio with reclaiming. */
  lruIsolate(pfn: number): void {
    this.lruDel(pfn);
    this.flags[pfn]! &= ~PG_ACTIVE;
  }

  #linkBehind(pfn: number, before: number): void {
    const after = this.next[before]!;
    this.prev[pfn] = before;
    this.next[pfn] = after;
    this.next[before] = pfn;
    this.prev[after] = pfn;
  }

  #unlink(pfn: number): void {
    const before = this.prev[pfn]!;
    const after = this.next[pfn]!;
    this.next[before] = after;
    this.prev[after] = before;
  }

  #join(generations: Generations, pfn: number, reclaiming: boolean): void {
    const flags = this.flags[pfn]!;
    if (flags & PG_UNEVICTABLE) return;
    const generation = generations.placeOf(this.memcg[pfn]!, flags, reclaiming);
    this.flags[pfn] = (flags & ~PG_ACTIVE) | ((generation + 1) << PG_GEN_SHIFT);
  }

  #leave(pfn: number, list: number): void {
    const group = this.memcg[pfn]!;
    this.#countAs(list, group, -1);
    const active = this.generations!.isActive(group, (list - LRU_GENERATIONS) >> 1);
    this.flags[pfn] = (this.flags[pfn]! & ~PG_GEN_MASK) | (active ? PG_ACTIVE : 0);
  }

  /** Pages of a generation have come or gone: those who know two lists see them on one of these. */
  #countAs(list: number, group: number, pages: number): void {
    const known = this.knownAs(list, group);
    this.nrOnList[known]! += pages;
    this.nrOnGroupList[group * NR_LISTS + known]! += pages;
  }

  /** The one of the active and inactive lists as whose part a list of a generation is counted. */
  knownAs(list: number, group: number): number {
    const base = (list - LRU_GENERATIONS) & GEN_FILE ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
    return this.generations!.isActive(group, (list - LRU_GENERATIONS) >> 1) ? base + 1 : base;
  }

  /** The generation that a frame belongs to, or -1. Mirrors: folio_lru_gen. */
  generationOf(pfn: number): number {
    return ((this.flags[pfn]! & PG_GEN_MASK) >>> PG_GEN_SHIFT) - 1;
  }

  /** Number of the list of a generation of a group. */
  ownList(group: number, generation: number, type: number): number {
    return group * NR_LISTS + listOfGeneration(generation, type);
  }

  /** Pages that belong to a generation of a group. */
  nrInGeneration(group: number, generation: number, type: number): number {
    return this.nrOnGroupList[this.ownList(group, generation, type)]!;
  }

  /** A frame belongs to another generation from now on; it stays where it is linked. Mirrors: folio_update_gen, lru_gen_update_size. */
  setGeneration(pfn: number, generation: number): void {
    const group = this.memcg[pfn]!;
    for (const pages of [-1, 1]) {
      if (pages === 1) this.flags[pfn] = (this.flags[pfn]! & ~PG_GEN_MASK) | ((generation + 1) << PG_GEN_SHIFT);
      const list = this.listOf(pfn);
      this.nrOnList[list]! += pages;
      this.nrOnGroupList[group * NR_LISTS + list]! += pages;
      this.#countAs(list, group, pages);
    }
  }

  /** Links a frame anew at the list of its generation: at the head, or at the tail (oldest end). */
  relink(pfn: number, tail: boolean): void {
    this.#unlink(pfn);
    const head = this.total + 1 + this.memcg[pfn]! * NR_LISTS + this.listOf(pfn);
    this.#linkBehind(pfn, tail ? this.prev[head]! : head);
  }

  /** A group gets a generation that is younger than all others. Mirrors: inc_max_seq, the part that is about sizes. */
  addGeneration(group: number): void {
    const generations = this.generations!;
    const maxSeq = generations.maxSeq[group]!;
    for (let type = 0; type <= GEN_FILE; type++) {
      const older = this.nrInGeneration(group, (maxSeq - 1) % MAX_NR_GENS, type);
      const fresh = this.nrInGeneration(group, (maxSeq + 1) % MAX_NR_GENS, type);
      const inactive = type === GEN_FILE ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
      this.nrOnList[inactive]! += older - fresh;
      this.nrOnList[inactive + 1]! -= older - fresh;
      this.nrOnGroupList[group * NR_LISTS + inactive]! += older - fresh;
      this.nrOnGroupList[group * NR_LISTS + inactive + 1]! -= older - fresh;
    }
    generations.maxSeq[group] = maxSeq + 1;
  }

  /** Changes between two lists of each type and generations; every page keeps its place in the order. Mirrors: lru_gen_change_state. */
  useGenerations(on: boolean): void {
    if (on === (this.generations !== null)) return;
    const first = on ? LRU_INACTIVE_ANON : LRU_GENERATIONS;
    const last = on ? LRU_ACTIVE_FILE : NR_LISTS - 1;
    const moved: number[] = [];
    for (let group = 0; group < this.nrGroups; group++) {
      for (let list = first; list <= last; list++)
        for (let pfn = this.lruTail(group * NR_LISTS + list); pfn !== 0; pfn = this.lruPrev(pfn)) moved.push(pfn);
    }
    for (const pfn of moved) this.lruDel(pfn);
    this.generations = on ? new Generations() : null;
    this.generations?.ensure(this.nrGroups);
    for (const pfn of moved) this.lruAdd(pfn);
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

/** The list of a generation of one type of page. */
export function listOfGeneration(generation: number, type: number): number {
  return LRU_GENERATIONS + generation * 2 + type;
}

function grown(array: Uint32Array, length: number): Uint32Array {
  const larger = new Uint32Array(length);
  larger.set(array);
  return larger;
}
