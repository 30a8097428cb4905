/**
 * Huge pages of 2 MiB from a pool of their own (hugetlb). The pool is taken out of the machine's free memory when it is
 * made; its pages are on no LRU list, are never reclaimed and count in no resident size. Mirrors: mm/hugetlb.c.
 *
 *   nr        pages of the pool: free ones, those in use, those promised (reserved) to mappings among the free
 *   surplus   how many of them were made beyond nr_hugepages (nr_overcommit_hugepages); they go back when they are freed
 *
 * Invariants: reserved ≤ free ≤ nr; surplus ≤ nr.
 */
import { ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Memory } from '../memory.ts';

/** Small pages in a huge one. */
export const HUGE_PAGES = 512;
export const HUGE_KB = 2048;

/** One huge page in use. */
export class HugePage {
  /** VMAs that map it. */
  mapcount = 0;
}

export class HugePool {
  nr = 0;
  free = 0;
  reserved = 0;
  surplus = 0;
  /** vm.nr_overcommit_hugepages: most surplus pages. */
  overcommit = 0;
  /** Nobody has set vm.nr_hugepages: mappings of a scenario bring their pages with them, as captured ones must. */
  grows = true;

  /** Small pages that the pool takes from the machine. */
  get smallPages(): number {
    return this.nr * HUGE_PAGES;
  }

  /** Sets aside pages for a mapping. Throws ENOMEM: neither in the pool nor to be had for it. Mirrors: hugetlb_acct_memory. */
  reserve(mem: Memory, count: number): void {
    const missing = count - (this.free - this.reserved);
    if (missing > 0 && this.grow(mem, missing) < missing)
      throw new KernelError(ENOMEM, 'there are not so many huge pages (vm.nr_hugepages)');
    this.reserved += count;
  }

  unreserve(count: number): void {
    this.reserved -= count;
    this.dropSurplus();
  }

  /** A page for a fault; undefined: there is none, the access ends in SIGBUS. `reserved`: it was set aside. */
  take(mem: Memory, reserved: boolean): HugePage | undefined {
    if (reserved) this.reserved--;
    else if (this.free - this.reserved < 1 && this.grow(mem, 1) < 1) return undefined;
    this.free--;
    return new HugePage();
  }

  /** A page that nobody maps any more comes back. Mirrors: free_huge_folio. */
  put(): void {
    this.free++;
    this.dropSurplus();
  }

  /** Writes vm.nr_hugepages: `room` makes place for so many small pages. Mirrors: set_max_huge_pages. */
  setTarget(count: number, room: (smallPages: number) => boolean): void {
    this.grows = false;
    const fromSurplus = Math.min(this.surplus, Math.max(0, count - (this.nr - this.surplus)));
    this.surplus -= fromSurplus;
    while (this.nr - this.surplus < count && room(HUGE_PAGES)) {
      this.nr++;
      this.free++;
    }
    // Pages in use and promised ones stay, as surplus.
    while (this.nr - this.surplus > count && this.free > this.reserved) {
      this.nr--;
      this.free--;
    }
    this.surplus += Math.max(0, this.nr - this.surplus - count);
  }

  /** Adds pages to the pool as far as it may grow and memory is free; how many. */
  private grow(mem: Memory, count: number): number {
    const most = this.grows ? count : Math.min(count, this.overcommit - this.surplus);
    let added = 0;
    while (added < most && mem.nrFree - HUGE_PAGES > mem.watermarks.min) {
      this.nr++;
      this.free++;
      if (!this.grows) this.surplus++;
      added++;
    }
    if (added >= count) return added;
    // All or nothing.
    this.nr -= added;
    this.free -= added;
    if (!this.grows) this.surplus -= added;
    return 0;
  }

  private dropSurplus(): void {
    const gone = Math.min(this.surplus, this.free - this.reserved);
    if (gone <= 0) return;
    this.surplus -= gone;
    this.nr -= gone;
    this.free -= gone;
  }
}
