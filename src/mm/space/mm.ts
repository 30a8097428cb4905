import { OpenFile } from '../cache/readahead.ts';
import type { PageDirectory } from '../pages/page-table.ts';
import { VM_EXEC, VM_GROWSDOWN, VM_LOCKED, VM_SHARED, VM_WRITE } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/** Sizes of an address space in pages, as status and statm show them. */
export interface VmSizes {
  total: number;
  locked: number;
  data: number;
  exec: number;
  stack: number;
}

/**
 * One address space (struct mm_struct): sorted VMAs, page directory and counters.
 *
 * Invariants: rssFile + rssAnon + rssShmem = present entries by kind; swapents = swap entries.
 */
export class Mm {
  readonly id: number;
  readonly vmas: Vma[] = [];
  readonly pageDirectory: PageDirectory = new Map();
  rssFile = 0;
  rssAnon = 0;
  rssShmem = 0;
  swapents = 0;
  /** Peaks, in pages. The resident peak is brought up to date before the resident size falls. */
  hiwaterRss = 0;
  hiwaterVm = 0;
  /** Control group that its pages are charged to. */
  memcg = 0;
  /** Its process has been killed in the middle of an operation: no further access, no further memory. */
  dying = false;
  /** It has been given a CPU since its page tables were walked last. */
  hasRun = false;
  /** Tasks (processes or threads) that use it. */
  users = 1;
  /** Addresses of the classical areas, in bytes. */
  startCode = 0;
  endCode = 0;
  startData = 0;
  endData = 0;
  startBrk = 0;
  brk = 0;
  startStack = 0;
  argStart = 0;
  argEnd = 0;
  envStart = 0;
  envEnd = 0;
  /** VM_* that every new mapping has: VM_LOCKED after mlockall(MCL_FUTURE). Not inherited. */
  defFlags = 0;
  /** Faults taken while a system call brought pages in, since `takeCallFaults`. */
  callMinor = 0;
  callMajor = 0;
  /** Largest stack, in pages (RLIMIT_STACK). */
  stackLimit = 2048;
  /** Files that it has opened, by number of their mapping: each once. */
  readonly files = new Map<number, OpenFile>();
  /** Pages of all VMAs. */
  totalPages = 0;
  private knownSizes: VmSizes | undefined;

  constructor(id: number) {
    this.id = id;
  }

  /** The file of a mapping as this process has opened it; opened now if need be, with windows of `raPages`. */
  fileOf(mapping: number, raPages: number): OpenFile {
    let file = this.files.get(mapping);
    if (file === undefined) {
      file = new OpenFile(raPages);
      this.files.set(mapping, file);
    }
    return file;
  }

  /** Resident pages. */
  get rss(): number {
    return this.rssFile + this.rssAnon + this.rssShmem;
  }

  /** Peak of the resident pages, including now. */
  get peakRss(): number {
    return Math.max(this.hiwaterRss, this.rss);
  }

  /** To be called before the resident size falls. Mirrors: update_hiwater_rss. */
  updateHiwaterRss(): void {
    const rss = this.rss;
    if (rss > this.hiwaterRss) this.hiwaterRss = rss;
  }

  /** Index of the first VMA that ends above `vpn` (the VMA that holds it, or the next one); `vmas.length` if none. */
  indexAfter(vpn: number): number {
    let low = 0;
    let high = this.vmas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.vmas[middle]!.end > vpn) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The VMA that holds `vpn`. */
  find(vpn: number): Vma | undefined {
    const vma = this.vmas[this.indexAfter(vpn)];
    return vma !== undefined && vma.start <= vpn ? vma : undefined;
  }

  /** To be called after any change of the VMAs. */
  vmasChanged(): void {
    this.knownSizes = undefined;
    this.totalPages = this.sizes.total;
    if (this.totalPages > this.hiwaterVm) this.hiwaterVm = this.totalPages;
  }

  /** The same where it is known by how many pages the VMAs have grown (less than zero: shrunk): looks at none of them. */
  vmasGrew(pages: number): void {
    this.knownSizes = undefined;
    this.totalPages += pages;
    if (this.totalPages > this.hiwaterVm) this.hiwaterVm = this.totalPages;
  }

  /** Mirrors: mm/mmap.c:vm_stat_account (exec: executable, not writable, not stack; data: private writable, not stack). */
  get sizes(): VmSizes {
    if (this.knownSizes === undefined) {
      const sizes: VmSizes = { total: 0, locked: 0, data: 0, exec: 0, stack: 0 };
      for (const vma of this.vmas) {
        const pages = vma.end - vma.start;
        sizes.total += pages;
        if (vma.flags & VM_LOCKED) sizes.locked += pages;
        if (vma.flags & VM_GROWSDOWN) sizes.stack += pages;
        else if ((vma.flags & (VM_EXEC | VM_WRITE)) === VM_EXEC) sizes.exec += pages;
        else if ((vma.flags & (VM_WRITE | VM_SHARED)) === VM_WRITE) sizes.data += pages;
      }
      this.knownSizes = sizes;
    }
    return this.knownSizes;
  }
}
