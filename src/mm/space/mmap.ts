/** Making and removing mappings; protection and locking. Mirrors: mm/mmap.c, mm/mprotect.c, mm/mlock.c. */
import { EACCES, EINVAL, ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import { finish, type Job } from '../../util/job.ts';
import type { Mapping } from '../cache/mapping.ts';
import type { Memory } from '../memory.ts';
import { HUGE_PAGES } from '../pages/hugetlb.ts';
import { PG_ANON } from '../pages/page-flags.ts';
import { KIND_PRESENT, PTE_DIRTY, PTE_EXCLUSIVE, PTE_WRITE } from '../pages/pte.ts';
import { putSlot } from '../swap/swap-cache.ts';
import { promise } from './accounting.ts';
import { checkHugeAligned, releaseHuge, reserveHuge } from './hugetlb-vma.ts';
import { mlockFrame, munlockFrame } from './mlock.ts';
import type { Mm } from './mm.ts';
import { populate } from './populate.ts';
import { isMappedLocked } from './rmap.ts';
import {
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from './vm-flags.ts';
import { Vma } from './vma.ts';
import { changeRange, insertVma, mergeAround, splitAt } from './vma-ops.ts';
import { forEachEntryInPieces, zapRangeInPieces } from './zap.ts';

/** The highest page of user space, exclusive. */
export const TASK_SIZE_PAGES = 0x7ffffffff;
/** Mappings that are looked at in one piece of work. */
const PIECE_VMAS = 512;
/** Pages kept free below a stack. */
const STACK_GUARD_PAGES = 256;

export interface MmapRequest {
  /** First page and number of pages. */
  readonly start: number;
  readonly nrPages: number;
  /** PROT_*. */
  readonly prot: number;
  readonly shared: boolean;
  /** File or shmem object; null for private anonymous memory. */
  readonly mapping: Mapping | null;
  /** The file was opened for reading only: a shared mapping of it can never be written. */
  readonly readOnlyFile?: boolean;
  /** Page offset into the mapping. */
  readonly pgoff?: number;
  /** Bring all of it in (MAP_POPULATE). */
  readonly populate?: boolean;
  /** Further VM_* flags: VM_LOCKED, VM_NORESERVE, VM_GROWSDOWN, VM_HUGETLB, VM_PFNMAP, VM_IO… */
  readonly flags?: number;
  readonly name?: string;
}

/** The VM_ bits of a protection. */
function protFlags(prot: number): number {
  return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) | (prot & PROT_EXEC ? VM_EXEC : 0);
}

/**
 * Maps a region that must be free; a locked one is faulted in. Returns the VMA that holds it now (it may have been merged).
 * Throws KernelError: EINVAL (size, address), ENOMEM (overlap, commit limit, too many mappings), EACCES (a shared mapping
 * that may write a file opened for reading). Mirrors: do_mmap, mmap_region.
 */
export function mmap(mem: Memory, mm: Mm, request: MmapRequest): Vma {
  return finish(mmapInPieces(mem, mm, request));
}

/** The same in pieces. */
export function* mmapInPieces(mem: Memory, mm: Mm, request: MmapRequest): Job<Vma> {
  const { start, prot, shared, mapping } = request;
  const huge = ((request.flags ?? 0) & VM_HUGETLB) !== 0;
  const nrPages = huge ? Math.ceil(request.nrPages / HUGE_PAGES) * HUGE_PAGES : request.nrPages;
  if (!(nrPages > 0)) throw new KernelError(EINVAL, 'length of a mapping must be more than zero');
  if (start < 1 || start + nrPages > TASK_SIZE_PAGES) throw new KernelError(EINVAL, 'address out of user space');
  const before = mm.vmas[mm.indexAfter(start)];
  if (before !== undefined && before.start < start + nrPages)
    throw new KernelError(ENOMEM, 'the range is already mapped');
  if (huge) checkHugeAligned(start);
  // A new mapping may be one more than the limit; a split may not (splitAt). Mirrors: do_mmap, split_vma.
  if (mm.vmas.length > mem.settings.maxMapCount) throw new KernelError(ENOMEM, 'too many mappings (vm.max_map_count)');
  let flags = protFlags(prot) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | mm.defFlags | (request.flags ?? 0);
  if (shared) flags |= VM_SHARED | VM_MAYSHARE;
  if (shared && request.readOnlyFile) {
    if (prot & PROT_WRITE) throw new KernelError(EACCES, 'the file was opened for reading only');
    flags &= ~(VM_SHARED | VM_MAYWRITE);
  }
  const outside = (flags & (VM_HUGETLB | VM_PFNMAP)) !== 0;
  if (mem.settings.overcommitMemory === 1) flags &= ~VM_ACCOUNT;
  if ((flags & (VM_WRITE | VM_SHARED | VM_NORESERVE)) === VM_WRITE && !outside) {
    promise(mem, nrPages);
    flags |= VM_ACCOUNT;
  }
  const vma = new Vma(
    mm,
    start,
    start + nrPages,
    flags,
    mapping === null ? start : (request.pgoff ?? 0),
    mapping,
    request.name ?? '',
  );
  if (huge) reserveHuge(mem, vma);
  insertVma(mm, vma);
  mapping?.vmas.add(vma);
  const merged = mergeAround(mem, mm, vma);
  mm.vmasGrew(nrPages);
  if (flags & VM_LOCKED || request.populate) yield* populate(mem, mm, start, start + nrPages);
  return merged;
}

/** Unmaps [start, end), splitting VMAs at its ends. Holes are fine. Throws ENOMEM when a split would exceed max_map_count. */
export function* munmap(mem: Memory, mm: Mm, start: number, end: number): Job<void> {
  splitAt(mem, mm, start);
  splitAt(mem, mm, end);
  const first = mm.indexAfter(start);
  let last = first;
  while (last < mm.vmas.length && mm.vmas[last]!.start < end) last++;
  if (last === first) return;
  let pages = 0;
  const leaving = mm.vmas.slice(first, last);
  for (let i = 0; i < leaving.length; i++) {
    pages += leaving[i]!.nrPages;
    yield* zapRangeInPieces(mem, leaving[i]!, leaving[i]!.start, leaving[i]!.end);
    if ((i + 1) % PIECE_VMAS === 0) yield;
  }
  // Objects and tables go together with the mappings, for those who look meanwhile.
  for (const vma of leaving) yield* releaseVma(mem, vma);
  mm.vmas.splice(first, last - first);
  const floor = mm.vmas[first - 1]?.end ?? 0;
  const ceiling = mm.vmas[first]?.start ?? TASK_SIZE_PAGES;
  mem.tables.freeTables(mm.pageDirectory, floor, ceiling);
  mm.vmasGrew(-pages);
}

/** Takes an emptied VMA out of the object lists. */
function* releaseVma(mem: Memory, vma: Vma): Job<void> {
  if (vma.flags & VM_HUGETLB) releaseHuge(mem, vma);
  if (vma.flags & VM_ACCOUNT) mem.committed -= vma.end - vma.start;
  const { mapping, anonRoot } = vma;
  if (anonRoot !== null) {
    anonRoot.vmas.delete(vma);
    if (anonRoot.vmas.size === 0) mem.anonRoots.delete(anonRoot.id);
  }
  if (mapping !== null) {
    mapping.vmas.delete(vma);
    yield* dropMappingIfUnused(mem, mapping);
  }
}

/** A shmem object without name and mappings loses its pages and slots. Mirrors: shmem_evict_inode. */
export function* dropMappingIfUnused(mem: Memory, mapping: Mapping): Job<void> {
  if (!mapping.isShmem || mapping.links > 0 || mapping.vmas.size > 0) return;
  yield* mapping.pages.walk((index, entry) => {
    if (entry < 0x40000000) {
      mem.removeFromCache(entry, 0);
      mem.freeFrame(entry);
    } else if (entry < 0x80000000) {
      mapping.pages.set(index, 0);
      mapping.nrSwapped--;
      putSlot(mem, entry & 0x3fffffff);
    }
  });
  mem.hugePool.unreserve(Math.max(0, mapping.hugeSetAside - mapping.hugePages.size));
  for (let i = mapping.hugePages.size; i > 0; i--) mem.hugePool.put();
  mem.mappings.delete(mapping.id);
}

/** Removes the whole address space. Mirrors: exit_mmap. */
export function* exitMmap(mem: Memory, mm: Mm): Job<void> {
  let seen = 0;
  for (const vma of mm.vmas) {
    yield* zapRangeInPieces(mem, vma, vma.start, vma.end);
    if (++seen % PIECE_VMAS === 0) yield;
  }
  for (const vma of mm.vmas) yield* releaseVma(mem, vma);
  mm.vmas.length = 0;
  mem.tables.freeTables(mm.pageDirectory, 0, TASK_SIZE_PAGES + 512);
  mm.vmasChanged();
}

/** Changes the protection. Throws ENOMEM for holes, EACCES for what the mapping may never have. Mirrors: mprotect_fixup, change_pte_range. */
export function mprotect(mem: Memory, mm: Mm, start: number, end: number, prot: number): Job<void> {
  return changeRange(
    mem,
    mm,
    start,
    end,
    (vma) => protectedFlags(vma, prot),
    (vma) => changeEntries(mem, vma, (vma.flags & VM_WRITE) !== 0),
    function* (from, to, before, flags) {
      // A locked private mapping that becomes writable is copied at once, so that no access to it faults.
      const copies = (before & (VM_WRITE | VM_SHARED | VM_LOCKED)) === VM_LOCKED && flags & VM_WRITE;
      if (copies) yield* populate(mem, mm, from, to);
    },
  );
}

/** What a mapping may be given lies four bits above what it has: VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC. */
const MAY_SHIFT = 4;

/** The flags of a VMA under another protection: memory is promised while it may be written, or once it has been. */
function protectedFlags(vma: Vma, prot: number): number {
  const flags = (vma.flags & ~(VM_READ | VM_WRITE | VM_EXEC)) | protFlags(prot);
  if (flags & ~(flags >> MAY_SHIFT) & (VM_READ | VM_WRITE | VM_EXEC))
    throw new KernelError(EACCES, 'the file of the mapping was not opened for that');
  if (flags & VM_WRITE) {
    const exempt = VM_SHARED | VM_NORESERVE | VM_ACCOUNT | VM_HUGETLB | VM_PFNMAP;
    return flags & exempt ? flags : flags | VM_ACCOUNT;
  }
  return vma.isAnonymous && vma.anonRoot === null ? flags & ~VM_ACCOUNT : flags;
}

function changeEntries(mem: Memory, vma: Vma, writable: boolean): Job<void> {
  const { tables } = mem;
  const { pte } = tables;
  return forEachEntryInPieces(mem, vma, vma.start, vma.end, (at) => {
    const entry = pte[at]!;
    if (entry >>> 30 !== KIND_PRESENT) return;
    if (!writable) pte[at] = entry & ~PTE_WRITE;
    else if (vma.flags & VM_SHARED) {
      if (entry & PTE_DIRTY || vma.mapping?.isShmem) pte[at] = entry | PTE_WRITE;
    } else if (entry & PTE_EXCLUSIVE && mem.frames.flags[tables.numberOf(at, entry)]! & PG_ANON)
      pte[at] = entry | PTE_WRITE;
  });
}

/** Both bits that say how a VMA is locked. */
const VM_LOCKED_MASK = VM_LOCKED | VM_LOCKONFAULT;

/**
 * Locks [start, end) into memory; what is not there is faulted in, or, `onFault`, locked when it is touched.
 * Throws ENOMEM for holes. Mirrors: do_mlock, mlock_fixup.
 */
export function* mlock(mem: Memory, mm: Mm, start: number, end: number, onFault = false): Job<void> {
  const locked = VM_LOCKED | (onFault ? VM_LOCKONFAULT : 0);
  yield* changeRange(
    mem,
    mm,
    start,
    end,
    (vma) => lockedFlags(vma, locked),
    (vma) => mlockEntries(mem, vma),
  );
  if (!(yield* populate(mem, mm, start, end))) throw new KernelError(ENOMEM, 'part of the range cannot be faulted in');
}

function lockedFlags(vma: Vma, locked: number): number {
  if (vma.flags & (VM_HUGETLB | VM_PFNMAP | VM_IO)) return vma.flags;
  return (vma.flags & ~VM_LOCKED_MASK) | locked;
}

/** Locks the pages that are there. Mirrors: mlock_vma_pages_range. */
function mlockEntries(mem: Memory, vma: Vma): Job<void> {
  return forEachEntryInPieces(mem, vma, vma.start, vma.end, (at) => {
    const entry = mem.tables.pte[at]!;
    if (entry >>> 30 === KIND_PRESENT) mlockFrame(mem, mem.tables.numberOf(at, entry));
  });
}

/** What mlockall(2) is asked for. */
export interface MlockAll {
  readonly current: boolean;
  readonly future: boolean;
  readonly onFault: boolean;
}

/**
 * Locks all mappings there are, those to come, or, with neither, none any more (munlockall). What cannot be faulted in is
 * passed over. Mirrors: apply_mlockall_flags.
 */
export function* mlockAll(mem: Memory, mm: Mm, { current, future, onFault }: MlockAll): Job<void> {
  const locked = VM_LOCKED | (onFault ? VM_LOCKONFAULT : 0);
  mm.defFlags = (mm.defFlags & ~VM_LOCKED_MASK) | (future ? locked : 0);
  if (future && !current) return;
  for (const { start, end } of mm.vmas.map((vma) => ({ start: vma.start, end: vma.end }))) {
    yield* changeRange(
      mem,
      mm,
      start,
      end,
      (vma) => lockedFlags(vma, current ? locked : 0),
      (vma) => (current ? mlockEntries(mem, vma) : munlockEntries(mem, vma)),
    );
  }
  if (!current) return;
  for (const { start, end } of mm.vmas.map((vma) => ({ start: vma.start, end: vma.end })))
    yield* populate(mem, mm, start, end);
}

/** Mirrors: munlock. Throws ENOMEM for holes. */
export function munlock(mem: Memory, mm: Mm, start: number, end: number): Job<void> {
  return changeRange(
    mem,
    mm,
    start,
    end,
    (vma) => vma.flags & ~VM_LOCKED_MASK,
    (vma) => munlockEntries(mem, vma),
  );
}

function munlockEntries(mem: Memory, vma: Vma): Job<void> {
  return forEachEntryInPieces(mem, vma, vma.start, vma.end, (at) => {
    const entry = mem.tables.pte[at]!;
    if (entry >>> 30 !== KIND_PRESENT) return;
    const pfn = mem.tables.numberOf(at, entry);
    munlockFrame(mem, pfn, mem.frames.mapcount[pfn]! > 1 && isMappedLocked(mem, pfn));
  });
}

/** Grows a stack down to `vpn`; the VMA, or undefined if it may not. Mirrors: expand_downwards, acct_stack_growth. */
export function expandStack(mem: Memory, mm: Mm, vpn: number): Vma | undefined {
  const i = mm.indexAfter(vpn);
  const vma = mm.vmas[i];
  if (vma === undefined || (vma.flags & VM_GROWSDOWN) === 0) return undefined;
  const below = mm.vmas[i - 1];
  if (below !== undefined && !(below.flags & VM_GROWSDOWN) && vpn - below.end < STACK_GUARD_PAGES) return undefined;
  if (vma.end - vpn > mm.stackLimit) return undefined;
  const grow = vma.start - vpn;
  if (vma.flags & VM_ACCOUNT) mem.committed += grow;
  vma.start = vpn;
  vma.pgoff -= grow;
  // Growing prepares for anonymous pages, so that a fork copies the mapping even if only the zero page was read.
  mem.anonRootOf(vma);
  mm.vmasGrew(grow);
  return vma;
}
