/** Bringing pages in on behalf of a system call: mlock, MAP_POPULATE, MADV_POPULATE_*. Mirrors: mm/gup.c. */
import { EFAULT, EINVAL, ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { ENTRY_SHADOW, ENTRY_SWAPPED } from '../cache/mapping.ts';
import type { Memory } from '../memory.ts';
import { KIND_PRESENT, KIND_SWAP, KIND_ZERO, PTE_DIRTY, PTE_WRITE } from '../pages/pte.ts';
import { accessPage, FAULT_MAJOR, FAULT_NONE, FAULT_OOM, mayAccess, presentFrame } from './fault.ts';
import type { Mm } from './mm.ts';
import { VM_EXEC, VM_HUGETLB, VM_IO, VM_LOCKONFAULT, VM_PFNMAP, VM_READ, VM_SHARED, VM_WRITE } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/** Pages brought in in one piece of work. */
const PIECE_PAGES = 512;

/**
 * Faults in the VMAs of a range: for writing where they are private and writable. Stops with false at the first page
 * that cannot be had. Mirrors: mm/gup.c:__mm_populate, populate_vma_page_range.
 */
export function* populate(mem: Memory, mm: Mm, start: number, end: number): Job<boolean> {
  let seen = 0;
  for (let i = mm.indexAfter(start); i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
    const vma = mm.vmas[i]!;
    if (++seen % PIECE_PAGES === 0) yield;
    if (vma.flags & (VM_PFNMAP | VM_IO | VM_HUGETLB | VM_LOCKONFAULT)) continue;
    if ((vma.flags & (VM_READ | VM_WRITE | VM_EXEC)) === 0) return false;
    const write = (vma.flags & (VM_WRITE | VM_SHARED)) === VM_WRITE;
    const last = Math.min(end, vma.end);
    for (let vpn = Math.max(start, vma.start); vpn < last; vpn++) {
      if (bringIn(mem, vma, vpn, write, false) < FAULT_NONE) return false;
      if (++seen % PIECE_PAGES === 0) yield;
    }
  }
  return true;
}

/**
 * MADV_POPULATE_READ and MADV_POPULATE_WRITE on the part of one VMA. Throws EINVAL (special mapping, protection), ENOMEM,
 * EFAULT (beyond the end of the file). Mirrors: madvise_populate, faultin_page_range.
 */
export function* populateAdvised(mem: Memory, vma: Vma, from: number, to: number, write: boolean): Job<void> {
  if (vma.flags & (VM_PFNMAP | VM_IO) || !mayAccess(vma, write) || (!write && (vma.flags & VM_READ) === 0))
    throw new KernelError(EINVAL, 'the mapping does not allow the access');
  for (let vpn = from; vpn < to; vpn++) {
    const outcome = bringIn(mem, vma, vpn, write, true);
    if (outcome === FAULT_OOM) throw new KernelError(ENOMEM, 'no memory');
    if (outcome < FAULT_NONE) throw new KernelError(EFAULT, 'a page cannot be had');
    if ((vpn - from) % PIECE_PAGES === PIECE_PAGES - 1) yield;
  }
}

/** The page of shared memory that a fault would map lies in swap: the fault reads it itself. */
function isSwappedShmem(vma: Vma, vpn: number, entry: number): boolean {
  if (entry !== 0 || vma.mapping?.isShmem !== true) return false;
  const cached = vma.mapping.pages.get(vma.indexOf(vpn));
  return cached >= ENTRY_SWAPPED && cached < ENTRY_SHADOW;
}

/**
 * One page; it counts as accessed (FOLL_TOUCH). A read from a device ends the first try; the next one finds the page cached. Only where it says that it is a
 * second try (`tried`: MADV_POPULATE_*) the kernel counts it as major for the process. Mirrors: faultin_page, mm_account_fault.
 */
function bringIn(mem: Memory, vma: Vma, vpn: number, write: boolean, tried: boolean): number {
  const { mm } = vma;
  const at = mem.tables.find(mm.pageDirectory, vpn);
  const entry = at === 0 ? 0 : mem.tables.pte[at]!;
  if (entry >>> 30 === KIND_PRESENT && (!write || entry & PTE_WRITE)) {
    // Locking counts as a write to pages that could be written (follow_page_pte with FOLL_WRITE | FOLL_TOUCH).
    const pfn = mem.tables.numberOf(at, entry);
    if (write && (entry & PTE_DIRTY) === 0) mem.setDirty(pfn);
    mem.policy.markAccessed(mem, pfn);
    return FAULT_NONE;
  }
  if (entry >>> 30 === KIND_ZERO && !write) return FAULT_NONE;
  const waits = !mem.swap?.synchronous || !(entry >>> 30 === KIND_SWAP || isSwappedShmem(vma, vpn, entry));
  const outcome = accessPage(mem, vma, vpn, write);
  if (outcome === FAULT_MAJOR && (tried || !waits)) mm.callMajor++;
  else if (outcome > FAULT_NONE) mm.callMinor++;
  const pfn = presentFrame(mem, mm, vpn);
  if (pfn !== 0) mem.policy.markAccessed(mem, pfn);
  return outcome;
}
