/** Mappings of huge pages: what they promise, fault in, copy and give back. Mirrors: mm/hugetlb.c. */
import { EINVAL } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Memory } from '../memory.ts';
import { HUGE_PAGES, type HugePage } from '../pages/hugetlb.ts';
import { FAULT_MINOR, FAULT_NONE, FAULT_SIGBUS } from './fault-outcomes.ts';
import { VM_NORESERVE, VM_SHARED } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/** Whether a range may be a boundary of a hugetlb mapping. Throws EINVAL. */
export function checkHugeAligned(vpn: number): void {
  if (vpn % HUGE_PAGES !== 0) throw new KernelError(EINVAL, 'a mapping of huge pages is divided at 2 MiB only');
}

/** A new mapping gets the promise of its pages, unless it asked for none. Throws ENOMEM. Mirrors: hugetlb_reserve_pages. */
export function reserveHuge(mem: Memory, vma: Vma): void {
  if (vma.flags & VM_NORESERVE) return;
  const { mapping } = vma;
  if (mapping === null) {
    mem.hugePool.reserve(mem, vma.nrPages / HUGE_PAGES);
    vma.hugeReserved = true;
    return;
  }
  const last = Math.ceil(vma.indexOf(vma.end) / HUGE_PAGES);
  if (last <= mapping.hugeSetAside) return;
  mem.hugePool.reserve(mem, last - mapping.hugeSetAside);
  mapping.hugeSetAside = last;
}

/** An access to page `vpn` of a hugetlb mapping that its protection allows. Returns FAULT_*. Mirrors: hugetlb_fault. */
export function hugeFault(mem: Memory, vma: Vma, vpn: number, write: boolean): number {
  const index = Math.floor(vma.indexOf(vpn) / HUGE_PAGES);
  const mapped = vma.hugePages?.get(index);
  const copies = write && (vma.flags & VM_SHARED) === 0 && mapped !== undefined && mapped.mapcount > 1;
  if (mapped !== undefined && !copies) return FAULT_NONE;
  const page = vma.mapping === null ? mem.hugePool.take(mem, vma.hugeReserved && !copies) : objectPage(mem, vma, index);
  if (page === undefined) return FAULT_SIGBUS;
  if (mapped !== undefined) mapped.mapcount--;
  page.mapcount++;
  vma.setHugePage(index, page);
  return FAULT_MINOR;
}

/** The object's page; shared memory has it once, however many map it. */
function objectPage(mem: Memory, vma: Vma, index: number): HugePage | undefined {
  const mapping = vma.mapping!;
  const known = mapping.hugePages.get(index);
  if (known !== undefined) return known;
  const page = mem.hugePool.take(mem, index < mapping.hugeSetAside);
  if (page !== undefined) mapping.hugePages.set(index, page);
  return page;
}

/** The child maps what the parent has; a private mapping takes no promise along. Mirrors: copy_hugetlb_page_range. */
export function copyHuge(from: Vma, to: Vma): void {
  for (const [index, page] of from.hugePages ?? []) {
    page.mapcount++;
    to.setHugePage(index, page);
  }
}

/** The upper part of a mapping that is divided takes what lies in it. */
export function splitHuge(lower: Vma, upper: Vma): void {
  upper.hugeReserved = lower.hugeReserved;
  const first = upper.pgoff / HUGE_PAGES;
  for (const [index, page] of lower.hugePages ?? []) {
    if (index < first) continue;
    upper.setHugePage(index, page);
    lower.hugePages!.delete(index);
  }
}

/** A mapping goes: its pages lose a user, a private one's go back to the pool, and so does its promise. */
export function releaseHuge(mem: Memory, vma: Vma): void {
  if (vma.hugeReserved) mem.hugePool.unreserve(vma.nrPages / HUGE_PAGES - (vma.hugePages?.size ?? 0));
  for (const page of vma.hugePages?.values() ?? [])
    if (--page.mapcount === 0 && vma.mapping === null) mem.hugePool.put();
  vma.hugePages = null;
  vma.hugeReserved = false;
}
