/**
 * The memory of one machine: frames, page tables, swap, files and the counters over them. The other modules of this
 * folder are functions over a Memory, one per activity (fault, fork, mmap, pageout…), as in the kernel's mm/.
 *
 * Frames are held by what refers to them: page table entries (mapcount) and at most one cache (page cache or swap
 * cache). A frame that loses its last holder is freed by the function that took it away.
 */
import { BugError } from '../util/errors.ts';
import { ContentStore, DISK_PAGE_KB, isTableContent } from './content.ts';
import { Frames } from './frames.ts';
import { Lruvec } from './lruvec.ts';
import { ENTRY_SWAPPED, Mapping, type MappingKind, type Ownership } from './mapping.ts';
import type { Mm } from './mm.ts';
import {
  PG_ACTIVE,
  PG_ANON,
  PG_DIRTY,
  PG_LRU,
  PG_MLOCKED,
  PG_RECLAIM,
  PG_SWAPBACKED,
  PG_SWAPCACHE,
  PG_UNEVICTABLE,
  PG_VMSCAN,
  PG_WRITEBACK,
} from './page-flags.ts';
import { PageTables } from './page-table.ts';
import type { Rules } from './rules.ts';
import type { ScanControl } from './scan-control.ts';
import type { SwapArea } from './swap.ts';
import { VmEvents } from './vm-events.ts';
import { VM_LOCKED } from './vm-flags.ts';
import { AnonRoot, reusableNeighbour, type Vma } from './vma.ts';
import { VolatileRanges } from './volatile.ts';
import { computeWatermarks, type Watermarks } from './watermarks.ts';

/** Tunables of the model that are not part of a profile. */
export interface MemorySettings {
  /** Pages mapped around a read fault on cached file pages, a power of two; 1 = off. */
  faultAroundPages: number;
  /** Further pages read when a file page is not cached; 0 = just that one. */
  readaheadPages: number;
  /** Pretend: how well zram compresses a page that is neither zero nor one word. */
  zramRatio: number;
  /** 0 heuristic, 1 always, 2 never beyond the limit. */
  overcommitMemory: number;
  overcommitRatio: number;
  maxMapCount: number;
}

export function defaultMemorySettings(): MemorySettings {
  return {
    faultAroundPages: 16,
    readaheadPages: 0,
    zramRatio: 3,
    overcommitMemory: 0,
    overcommitRatio: 50,
    maxMapCount: 65530,
  };
}

/** Where writes go that take time. The machine behind it calls `endWriteback` when one is done. */
export interface WritebackDevice {
  /** A frame has been put under writeback; its content has already been copied to the backing. */
  submit(pfn: number): void;
  /** The write of this frame no longer matters. */
  cancel(pfn: number): void;
  /** A dirty page of a shared file that reclaim has unmapped: to be written as soon as possible. */
  requestFlush(pfn: number): void;
}

/** Told of what global memory management needs to know; absent members are not called. */
export interface MemoryHooks {
  /** Free memory is at or below `lowFreePages`; returns when something has been tried. False: the allocation is to fail. */
  onLowMemory?(mem: Memory): boolean;
  /** A page leaves the page cache (or goes to swap) by eviction; the answer is kept as its shadow (0: none). */
  onEvict?(mem: Memory, pfn: number): number;
  /** A page comes back whose shadow was kept. */
  onRefault?(mem: Memory, pfn: number, shadow: number): void;
  /** A page has been dirtied by an access that is complete, and more than `dirtyLimitPages` are dirty. */
  onDirtyLimit?(mem: Memory): void;
  /** Throws away volatile memory, oldest first, up to about `wanted` pages; returns pages freed. */
  purgeVolatile?(mem: Memory, wanted: number): number;
  /** A pass over the lists is done: caches that are no pages may shrink, processes may die. */
  shrinkers?(mem: Memory, sc: ScanControl): void;
  /** What a pass looked at and freed. */
  onScanned?(mem: Memory, sc: ScanControl, scanned: number, reclaimed: number): void;
  /** A direct reclaimer has found pages that wait for a device; returns when some of them are done. */
  onCongested?(mem: Memory): void;
  /** Reclaim goes on at this priority. */
  onPriority?(mem: Memory, priority: number): void;
}

/** Counts frames and slots by control group; absent while there are no groups. */
export interface MemcgCharger {
  /** The group to be charged for a new frame, or -1 when its limit forbids it. */
  charge(mem: Memory): number;
  uncharge(group: number): void;
  chargeSwap(group: number): boolean;
  unchargeSwap(group: number): void;
}

export class Memory {
  readonly frames: Frames;
  readonly tables = new PageTables();
  readonly content = new ContentStore();
  readonly events = new VmEvents();
  readonly settings: MemorySettings;
  readonly mappings = new Map<number, Mapping>();
  readonly anonRoots = new Map<number, AnonRoot>();
  rules: Rules;
  swap: SwapArea | null = null;
  device: WritebackDevice | null = null;
  hooks: MemoryHooks = {};
  /** Pages that the kernel itself takes besides page tables and the zram pool (slab, stacks). Pretend. */
  kernelPages = 0;
  /** At or below this many free pages `hooks.onLowMemory` is called before an allocation. */
  lowFreePages = 0;
  /** More dirty file pages than this call `hooks.onDirtyLimit`. */
  dirtyLimitPages = Number.POSITIVE_INFINITY;
  watermarks: Watermarks;
  /** vm.page-cluster: log2 of the pages read from a swap device at once. */
  pageCluster = 0;
  readonly lruvec = new Lruvec();
  readonly volatile = new VolatileRanges();
  memcg: MemcgCharger | null = null;
  /** On whose behalf memory is being asked for: the address space of the fault under way. */
  faultingMm: Mm | null = null;
  /** Time that allocations have spent in direct reclaim and throttling so far, microseconds. */
  stalledUs = 0;
  /** Pages of address space that have been promised (Committed_AS). */
  committed = 0;
  // Node counters, in pages.
  nrAnonMapped = 0;
  nrFileMapped = 0;
  nrFilePages = 0;
  nrShmem = 0;
  nrSwapCache = 0;
  nrFileDirty = 0;
  nrWriteback = 0;
  nrMlocked = 0;
  /** Lazily freeable anonymous pages (on the file lists). */
  nrLazyFree = 0;
  #nextId = 1;
  /** The mapping asked for last: numbers are not reused, and a frame does not outlive its mapping. */
  #lastMapping: Mapping | undefined;

  constructor(totalFrames: number, rules: Rules, settings: MemorySettings = defaultMemorySettings()) {
    this.frames = new Frames(totalFrames);
    this.watermarks = computeWatermarks(totalFrames, 0, 10);
    this.rules = rules;
    this.settings = settings;
  }

  /** A fresh number for an mm, a mapping or an anon root. */
  newId(): number {
    return this.#nextId++;
  }

  newMapping(kind: MappingKind, path: string, sizeBytes: number, owner: Ownership): Mapping {
    const blocks = Math.ceil(sizeBytes / 4096);
    const first = kind === 'file' && blocks > 0 ? this.content.reserve(blocks) : 0;
    const mapping = new Mapping(this.newId(), kind, path, sizeBytes, owner, first);
    this.mappings.set(mapping.id, mapping);
    return mapping;
  }

  /** The root of a VMA, made when it has none. Mirrors: mm/rmap.c:anon_vma_prepare. */
  anonRootOf(vma: Vma): AnonRoot {
    if (vma.anonRoot === null) {
      const neighbour = reusableNeighbour(vma);
      vma.anonOrigin = neighbour?.anonOrigin ?? this.newId();
      vma.anonRoot = neighbour?.anonRoot ?? new AnonRoot(this.newId());
      this.anonRoots.set(vma.anonRoot.id, vma.anonRoot);
      vma.anonRoot.vmas.add(vma);
    }
    return vma.anonRoot;
  }

  /** Pages of the kernel: fixed, page tables, and what zram holds compressed. */
  get nrKernelPages(): number {
    const pool = this.swap?.synchronous ? Math.ceil(this.swap.compressedBytes / 4096) : 0;
    return this.kernelPages + this.tables.nrTables + pool;
  }

  get nrFree(): number {
    return this.frames.total - this.frames.nrUsed - this.nrKernelPages;
  }

  /** A frame for anonymous, file or shmem use, or 0 when memory has run out. It is on no list yet. */
  allocFrame(): number {
    if (this.nrFree <= this.lowFreePages && this.hooks.onLowMemory?.(this) === false) return 0;
    if (this.nrFree <= 0) return 0;
    if (this.memcg !== null) return this.#allocCharged(this.memcg);
    this.events.pgalloc_normal++;
    return this.frames.alloc();
  }

  #allocCharged(memcg: MemcgCharger): number {
    const group = memcg.charge(this);
    if (group < 0) return 0;
    this.events.pgalloc_normal++;
    const pfn = this.frames.alloc();
    this.frames.memcg[pfn] = group;
    return pfn;
  }

  /** Frees a frame that nothing holds any more. */
  freeFrame(pfn: number): void {
    const { frames } = this;
    if (this.memcg !== null) {
      this.memcg.uncharge(frames.memcg[pfn]!);
      frames.memcg[pfn] = 0;
    }
    const flags = frames.flags[pfn]!;
    if (flags & PG_LRU) frames.lruDel(pfn);
    if (flags & PG_MLOCKED) this.nrMlocked--;
    if (flags & PG_DIRTY) this.clearDirty(pfn);
    if (flags & PG_WRITEBACK) this.nrWriteback--;
    if (flags & PG_WRITEBACK || (flags & PG_SWAPBACKED) === 0) this.device?.cancel(pfn);
    if ((flags & (PG_ANON | PG_SWAPBACKED)) === PG_ANON) this.nrLazyFree--;
    this.events.pgfree++;
    frames.free(pfn);
  }

  /** One more page table entry names the frame. */
  addRmap(pfn: number): void {
    if (this.frames.mapcount[pfn]!++ === 0) {
      if (this.frames.flags[pfn]! & PG_ANON) this.nrAnonMapped++;
      else this.nrFileMapped++;
    }
  }

  /** One entry fewer; does not free the frame. */
  removeRmap(pfn: number): void {
    const count = this.frames.mapcount[pfn]!;
    if (count === 0) throw new BugError(`mapcount of frame ${pfn} below zero`);
    this.frames.mapcount[pfn] = count - 1;
    if (count === 1) {
      if (this.frames.flags[pfn]! & PG_ANON) this.nrAnonMapped--;
      else this.nrFileMapped--;
    }
  }

  /** The mapping that owns a file or shmem frame. */
  mappingOf(pfn: number): Mapping {
    const id = this.frames.owner[pfn]!;
    if (this.#lastMapping?.id === id) return this.#lastMapping;
    const mapping = this.mappings.get(id);
    if (mapping === undefined) throw new BugError(`frame ${pfn} belongs to no mapping`);
    this.#lastMapping = mapping;
    return mapping;
  }

  /** Marks a page as different from its backing; counts file pages. */
  setDirty(pfn: number): void {
    const { flags } = this.frames;
    if (flags[pfn]! & PG_DIRTY) {
      flags[pfn]! &= ~PG_RECLAIM;
      return;
    }
    flags[pfn] = (flags[pfn]! & ~PG_RECLAIM) | PG_DIRTY;
    if (flags[pfn]! & (PG_ANON | PG_SWAPBACKED)) return;
    this.mappingOf(pfn).countDirty(this.frames.index[pfn]!, 1);
    this.nrFileDirty++;
    this.events.nr_dirtied++;
  }

  clearDirty(pfn: number): void {
    const { flags } = this.frames;
    if ((flags[pfn]! & PG_DIRTY) === 0) return;
    flags[pfn]! &= ~PG_DIRTY;
    if (flags[pfn]! & (PG_ANON | PG_SWAPBACKED)) return;
    this.mappingOf(pfn).countDirty(this.frames.index[pfn]!, -1);
    this.nrFileDirty--;
  }

  /** Puts a fresh frame into the page cache and on its list. Mirrors: mm/filemap.c:filemap_add_folio. */
  addToCache(mapping: Mapping, index: number, pfn: number): void {
    const { frames } = this;
    frames.owner[pfn] = mapping.id;
    frames.index[pfn] = index;
    if (mapping.isShmem) {
      frames.flags[pfn]! |= PG_SWAPBACKED;
      this.nrShmem++;
    }
    mapping.pages.set(index, pfn);
    mapping.nrCached++;
    this.nrFilePages++;
    if ((frames.flags[pfn]! & PG_LRU) === 0) frames.lruAdd(pfn);
  }

  /** Takes a frame out of the page cache, leaving `entry` (a swap entry, a shadow or 0). It keeps owner and list. */
  removeFromCache(pfn: number, entry: number): void {
    const mapping = this.mappingOf(pfn);
    mapping.pages.set(this.frames.index[pfn]!, entry);
    mapping.nrCached--;
    this.nrFilePages--;
    if (mapping.isShmem) this.nrShmem--;
    if (entry !== 0 && entry >>> 0 < 0x80000000 && entry & ENTRY_SWAPPED) mapping.nrSwapped++;
  }

  addToSwapCache(pfn: number, slot: number): void {
    const swap = this.swap!;
    this.frames.flags[pfn]! |= PG_SWAPCACHE;
    this.frames.slot[pfn] = slot;
    swap.frame[slot] = pfn;
    this.nrSwapCache++;
  }

  /** Takes a frame out of the swap cache; frees the slot when nobody else uses it. */
  removeFromSwapCache(pfn: number): void {
    const swap = this.swap!;
    const slot = this.frames.slot[pfn]!;
    this.frames.flags[pfn]! &= ~PG_SWAPCACHE;
    this.frames.slot[pfn] = 0;
    swap.frame[slot] = 0;
    this.nrSwapCache--;
    if (swap.users[slot] === 0) this.freeSlot(slot);
  }

  /**
   * A fresh slot, or 0. When the area is full, slots that only the swap cache holds are taken back first.
   * Mirrors: get_swap_pages, swap_reclaim_full_clusters.
   */
  allocSlot(): number {
    const { swap } = this;
    if (swap === null) return 0;
    const slot = swap.alloc();
    if (slot !== 0 || !swap.active || !swap.mayHaveIdle || this.nrSwapCache === 0) return slot;
    swap.mayHaveIdle = false;
    for (let idle = 1; idle <= swap.total; idle++) {
      if (swap.users[idle] === 0 && swap.frame[idle] !== 0) this.tryToFreeSwap(swap.frame[idle]!);
    }
    return swap.alloc();
  }

  /** A fresh slot for a page of a group, or 0 (also when the group may not swap). */
  allocSlotFor(pfn: number): number {
    if (this.memcg === null) return this.allocSlot();
    const group = this.frames.memcg[pfn]!;
    if (!this.memcg.chargeSwap(group)) return 0;
    const slot = this.allocSlot();
    if (slot === 0) this.memcg.unchargeSwap(group);
    else this.swap!.memcg[slot] = group;
    return slot;
  }

  /** Stores a frame's content in its slot, as a write to the swap device does. */
  storeSlot(slot: number, content: number): void {
    const swap = this.swap!;
    if (!swap.synchronous) {
      swap.content[slot] = content;
      return;
    }
    swap.compressedBytes -= this.content.compressedBytes(swap.content[slot]!, this.settings.zramRatio);
    swap.content[slot] = content;
    swap.compressedBytes += this.content.compressedBytes(content, this.settings.zramRatio);
  }

  freeSlot(slot: number): void {
    this.storeSlot(slot, 0);
    const swap = this.swap!;
    if (this.memcg !== null) {
      this.memcg.unchargeSwap(swap.memcg[slot]!);
      swap.memcg[slot] = 0;
    }
    swap.free(slot);
  }

  /**
   * Gives a swap-cache page's slot back if no entry names it; the page then is dirty, having no copy. Returns whether it
   * is out of the swap cache. Mirrors: mm/swapfile.c:folio_free_swap.
   */
  tryToFreeSwap(pfn: number): boolean {
    const slot = this.frames.slot[pfn]!;
    if (this.swap!.users[slot] !== 0) return false;
    this.endWritebackEarly(pfn);
    this.removeFromSwapCache(pfn);
    this.setDirty(pfn);
    return true;
  }

  /** One swap entry fewer names the slot; what only waits in the swap cache goes with the last. Mirrors: free_swap_and_cache. */
  putSlot(slot: number): void {
    const swap = this.swap!;
    const users = swap.users[slot]!;
    if (users === 0) throw new BugError(`swap slot ${slot} has no users to lose`);
    swap.users[slot] = users - 1;
    swap.mayHaveIdle = true;
    if (users > 1) return;
    const pfn = swap.frame[slot]!;
    if (pfn === 0) {
      this.freeSlot(slot);
      return;
    }
    if (this.frames.mapcount[pfn] === 0) {
      this.endWritebackEarly(pfn);
      this.removeFromSwapCache(pfn);
      this.freeFrame(pfn);
    } else if (swap.isFull) this.tryToFreeSwap(pfn);
  }

  /** After the last entry that named an anonymous frame is gone: frees it unless swap entries still want its slot. */
  putAnonFrame(pfn: number): void {
    if (this.frames.mapcount[pfn] !== 0) return;
    if (this.frames.flags[pfn]! & PG_SWAPCACHE) {
      if (this.swap!.users[this.frames.slot[pfn]!] !== 0) return;
      this.endWritebackEarly(pfn);
      this.removeFromSwapCache(pfn);
    }
    this.freeFrame(pfn);
  }

  /** Puts a frame under writeback; its content must have been copied to the backing already. */
  startWriteback(pfn: number): void {
    this.frames.flags[pfn]! |= PG_WRITEBACK;
    this.nrWriteback++;
    this.device?.submit(pfn);
  }

  /** Ends a writeback whose outcome is wanted now (the page was faulted back in, or its slot is given up). */
  endWritebackEarly(pfn: number): void {
    if ((this.frames.flags[pfn]! & PG_WRITEBACK) === 0) return;
    this.device?.cancel(pfn);
    this.frames.flags[pfn]! &= ~(PG_WRITEBACK | PG_RECLAIM | PG_VMSCAN);
    this.nrWriteback--;
  }

  /** Puts a frame into a VMA-locked state as it is mapped there. Mirrors: mm/mlock.c:mlock_folio. */
  mlockFrame(pfn: number): void {
    const { frames } = this;
    if (frames.flags[pfn]! & PG_MLOCKED) return;
    const listed = (frames.flags[pfn]! & PG_LRU) !== 0;
    if (listed) frames.lruDel(pfn);
    frames.flags[pfn] = (frames.flags[pfn]! & ~PG_ACTIVE) | PG_MLOCKED | PG_UNEVICTABLE;
    if (listed) frames.lruAdd(pfn);
    this.nrMlocked++;
    this.events.unevictable_pgs_mlocked++;
  }

  /** Takes the lock off a frame unless another locked VMA maps it. */
  munlockFrame(pfn: number, stillLocked: boolean): void {
    const { frames } = this;
    if ((frames.flags[pfn]! & PG_MLOCKED) === 0 || stillLocked) return;
    const listed = (frames.flags[pfn]! & PG_LRU) !== 0;
    if (listed) frames.lruDel(pfn);
    frames.flags[pfn]! &= ~(PG_MLOCKED | PG_UNEVICTABLE);
    if (listed) frames.lruAdd(pfn);
    this.nrMlocked--;
    this.events.unevictable_pgs_munlocked++;
  }

  /** Puts a fresh frame of a VMA on its list: the unevictable one if the VMA is locked. */
  lruAddFresh(pfn: number, vma: Vma): void {
    if (vma.flags & VM_LOCKED) {
      this.frames.flags[pfn]! |= PG_MLOCKED | PG_UNEVICTABLE;
      this.nrMlocked++;
      this.events.unevictable_pgs_mlocked++;
    }
    this.frames.lruAdd(pfn);
  }

  /** Moves a listed frame to the inactive list's head. Mirrors: folio_deactivate. */
  deactivate(pfn: number): void {
    const { frames } = this;
    const flags = frames.flags[pfn]!;
    if ((flags & PG_LRU) === 0 || flags & PG_UNEVICTABLE) return;
    frames.lruDel(pfn);
    frames.flags[pfn]! &= ~PG_ACTIVE;
    frames.lruAdd(pfn);
    if (flags & PG_ACTIVE) this.events.pgdeactivate++;
  }

  /** Counts a read of pages from the simulated disk. */
  countPageIn(pages: number): void {
    this.events.pgpgin += pages * DISK_PAGE_KB;
  }

  countPageOut(pages: number): void {
    this.events.pgpgout += pages * DISK_PAGE_KB;
  }

  /** Forgets stored bytes that no frame, slot, disk block or expectation names any more. */
  sweepContent(): void {
    const marked = new Set<number>();
    const mark = (id: number) => {
      if (isTableContent(id)) marked.add(id >>> 0);
    };
    const markEntry = (_index: number, id: number) => mark(id);
    this.frames.content.forEach(mark);
    this.swap?.content.forEach(mark);
    this.tables.expected.forEach(mark);
    for (const mapping of this.mappings.values()) {
      mapping.disk.forEach(markEntry);
      mapping.expected.forEach(markEntry);
    }
    this.content.sweep(marked);
  }
}
