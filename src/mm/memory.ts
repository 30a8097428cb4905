/**
 * The memory of one machine: frames, page tables, swap, files and the counters over them. The other modules of this
 * folder are functions over a Memory, one per activity (fault, fork, mmap, pageout…), as in the kernel's mm/.
 *
 * Frames are held by what refers to them: page table entries (mapcount) and at most one cache (page cache or swap
 * cache). A frame that loses its last holder is freed by the function that took it away.
 */
import { BugError } from '../util/errors.ts';
import { ENTRY_SWAPPED, Mapping, type MappingKind, type Ownership } from './cache/mapping.ts';
import { VolatileRanges } from './cache/volatile.ts';
import {
  defaultMemorySettings,
  type MemcgCharger,
  type MemoryHooks,
  type MemorySettings,
  type WritebackDevice,
} from './memory-hooks.ts';
import { CONTENT_ZERO, ContentStore, DISK_PAGE_KB, isTableContent } from './pages/content.ts';
import { Frames, NR_LISTS } from './pages/frames.ts';
import { HugePool } from './pages/hugetlb.ts';
import { LruBatch } from './pages/lru-batch.ts';
import {
  PG_ACTIVE,
  PG_ANON,
  PG_DIRTY,
  PG_LRU,
  PG_MLOCKED,
  PG_RECLAIM,
  PG_SWAPBACKED,
  PG_UNEVICTABLE,
  PG_VMSCAN,
  PG_WRITEBACK,
} from './pages/page-flags.ts';
import { PageTables } from './pages/page-table.ts';
import { Memcg } from './reclaim/memcg.ts';
import type { ReclaimPolicy } from './reclaim/policy.ts';
import { TWO_LIST_LRU } from './reclaim/two-list-lru.ts';
import { computeWatermarks, type Watermarks } from './reclaim/watermarks.ts';
import type { Rules } from './rules.ts';
import type { Mm } from './space/mm.ts';
import { AnonRoot, reusableNeighbour, type Vma } from './space/vma.ts';
import { INITIAL_HITS, type SwapArea, type SwapWindow } from './swap/swap.ts';
import { zramRead } from './swap/zram.ts';
import { VmEvents } from './vm-events.ts';

export class Memory {
  readonly frames: Frames;
  readonly lruBatch = new LruBatch();
  readonly tables: PageTables;
  readonly content = new ContentStore();
  readonly events = new VmEvents();
  readonly settings: MemorySettings;
  readonly mappings = new Map<number, Mapping>();
  readonly anonRoots = new Map<number, AnonRoot>();
  rules: Rules;
  swap: SwapArea | null = null;
  device: WritebackDevice | null = null;
  hooks: MemoryHooks = {};
  /** Told of accesses before they are made: `count` pages from `vpn` on, `step` apart. For those who watch; not part of the state. */
  onTouch: ((mm: Mm, vpn: number, count: number, step: number) => void) | undefined;
  /** Pages that the kernel itself takes besides page tables and the zram pool (slab, stacks). Pretend. */
  kernelPages = 0;
  readonly hugePool = new HugePool();
  /** At or below this many free pages `hooks.onLowMemory` is called before an allocation. */
  lowFreePages = 0;
  /** More dirty file pages than this call `hooks.onDirtyLimit`. */
  dirtyLimitPages = Number.POSITIVE_INFINITY;
  watermarks: Watermarks;
  /** vm.page-cluster: log2 of the pages read from a swap device at once. */
  pageCluster = 0;
  /** Control groups by number; the root is always there, those of removed directories are undefined. */
  readonly memcgs: (Memcg | undefined)[] = [new Memcg(0, null)];
  /** Which page goes next. */
  policy: ReclaimPolicy = TWO_LIST_LRU;
  /** The group that is being reclaimed from; null: the whole machine, or nobody. */
  reclaimTarget: Memcg | null = null;
  readonly swapWindow: SwapWindow = { hits: INITIAL_HITS, previousSlot: 0, lastPages: 0 };
  readonly volatile = new VolatileRanges();
  memcg: MemcgCharger | null = null;
  /** The allocation under way may fail: it looks for memory once, and nobody is killed for it (__GFP_NORETRY). */
  triesOnce = false;
  /** Reads of files waited for one after the other so far: pages that are read side by side count as one. */
  readTurns = 0;
  /** Some file has been advised POSIX_FADV_NOREUSE. */
  noreuseGiven = false;
  /** On whose behalf memory is being asked for: the address space of the fault under way. */
  faultingMm: Mm | null = null;
  /** Whose access memory was last, if it has not slept since: another access of it is no switch of tasks. */
  running: Mm | null = null;
  /** VM_* of the mapping of that fault. */
  faultingFlags = 0;
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
  private nextId = 1;
  /** The mapping asked for last: numbers are not reused, and a frame does not outlive its mapping. */
  private lastMapping: Mapping | undefined;

  constructor(totalFrames: number, rules: Rules, settings: MemorySettings = defaultMemorySettings()) {
    this.frames = new Frames(totalFrames);
    this.tables = new PageTables(totalFrames);
    this.watermarks = computeWatermarks(totalFrames, 0, 10);
    this.rules = rules;
    this.settings = settings;
  }

  get rootMemcg(): Memcg {
    return this.memcgs[0]!;
  }

  /** The group that a frame is charged to. */
  memcgOf(pfn: number): Memcg {
    return this.memcgs[this.frames.memcg[pfn]!] ?? this.memcgs[0]!;
  }

  /** A fresh number for an mm, a mapping or an anon root. */
  newId(): number {
    return this.nextId++;
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

  /** Pages of the kernel: fixed, page tables, the pool of huge pages, and what zram holds compressed. */
  get nrKernelPages(): number {
    const pool = this.swap?.synchronous ? Math.ceil(this.swap.compressedBytes / 4096) : 0;
    return this.kernelPages + this.tables.nrTables + this.hugePool.smallPages + pool;
  }

  get nrFree(): number {
    return this.frames.total - this.frames.nrUsed - this.nrKernelPages;
  }

  /** A frame for anonymous, file or shmem use, or 0 when memory has run out. It is on no list yet. */
  allocFrame(): number {
    let free = this.nrFree;
    if (free <= this.lowFreePages) {
      if (this.hooks.onLowMemory?.(this) === false) return 0;
      free = this.nrFree;
    }
    if (free <= 0) return 0;
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
    const flags = frames.flags[pfn]!;
    if (flags & PG_LRU) frames.lruDel(pfn);
    if (this.memcg !== null) {
      this.memcg.uncharge(frames.memcg[pfn]!);
      frames.memcg[pfn] = 0;
    }
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
    if (this.lastMapping?.id === id) return this.lastMapping;
    const mapping = this.mappings.get(id);
    if (mapping === undefined) throw new BugError(`frame ${pfn} belongs to no mapping`);
    this.lastMapping = mapping;
    return mapping;
  }

  /** Marks a page as different from its backing, no longer one to be reclaimed after its write. Mirrors: folio_mark_dirty. */
  setDirty(pfn: number): void {
    this.frames.flags[pfn]! &= ~PG_RECLAIM;
    this.setDirtyByWrite(pfn);
  }

  /** The same as write(2) does it, which leaves the mark for reclaim as it is; counts file pages. Mirrors: mark_buffer_dirty. */
  setDirtyByWrite(pfn: number): void {
    const { flags } = this.frames;
    if (flags[pfn]! & PG_DIRTY) return;
    flags[pfn]! |= PG_DIRTY;
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
    if ((frames.flags[pfn]! & PG_LRU) === 0) this.lruAddNew(pfn);
  }

  /** Puts a page that is new on its list. Mirrors: folio_add_lru. */
  lruAddNew(pfn: number): void {
    const { frames } = this;
    this.policy.addNew?.(this, pfn);
    frames.lruAdd(pfn);
    this.lruBatch.add(frames.memcg[pfn]! * NR_LISTS + frames.listOf(pfn));
  }

  /** Length of a list of a group (0: the root) as reclaim sees it. Mirrors: lruvec_lru_size. */
  listedPages(group: number, list: number): number {
    const own = group * NR_LISTS + list;
    return Math.max(0, this.frames.nrOnGroupList[own]! - this.lruBatch.notYetOn(own));
  }

  /** The same of all groups together. Mirrors: node_page_state of NR_LRU_BASE + list. */
  listedPagesOfAll(list: number): number {
    return Math.max(0, this.frames.nrOnList[list]! - this.lruBatch.byKind[list]!);
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

  /** Moves a listed frame to the inactive list's head. Mirrors: folio_deactivate. */
  deactivate(pfn: number): void {
    const { frames } = this;
    const flags = frames.flags[pfn]!;
    if ((flags & PG_LRU) === 0 || flags & PG_UNEVICTABLE) return;
    frames.changeFlags(pfn, PG_ACTIVE, 0);
    if (flags & PG_ACTIVE || frames.generations !== null) this.events.pgdeactivate++;
  }

  /** Counts a page that is read from a slot; one of zeros was only noted there. */
  countSwapIn(pfn: number, slot: number): void {
    const { counts } = this.memcgOf(pfn);
    const { content, zram } = this.swap!;
    if (content[slot] === CONTENT_ZERO && this.rules.zeroPagesWithoutIo) {
      this.events.swpin_zero++;
      counts.swpin_zero++;
      return;
    }
    this.events.pswpin++;
    counts.pswpin++;
    // What zram has written back is waited for as a page of a file.
    if (zram !== null && zramRead(zram, slot)) this.readTurns++;
  }

  /** Counts a read of pages from the simulated disk. */
  countPageIn(pages: number): void {
    // Pretend: whoever runs while this one waits brings new pages of its own, and with them the batch is full.
    this.lruBatch.drain();
    this.running = null;
    if (this.faultingMm !== null) this.faultingMm.hasRun = true;
    this.events.pgpgin += pages * DISK_PAGE_KB;
    this.readTurns += pages;
  }

  /** The last so many pages were asked for together: as many at a time as the queue of the device holds. */
  countReadTogether(pages: number): void {
    this.readTurns += Math.ceil(pages / this.settings.deviceQueueDepth) - pages;
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
    const { frames, swap, tables } = this;
    for (let pfn = 1; pfn < frames.fresh; pfn++) mark(frames.content[pfn]!);
    if (swap !== null) for (let slot = 1; slot < swap.usedSlots; slot++) mark(swap.content[slot]!);
    for (let at = 0; at < tables.usedEntries; at++) mark(tables.expected[at]!);
    for (const mapping of this.mappings.values()) {
      mapping.disk.forEach(markEntry);
      mapping.expected.forEach(markEntry);
    }
    // Looking at everything should be worth it.
    this.content.sweep(marked, Math.floor(frames.fresh / 8));
  }
}
