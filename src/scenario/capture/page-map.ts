/** Which pages of a mapping are there, from PID/pagemap, or worked out from smaps where that cannot be read. */
import { closeSync, openSync, readSync } from 'node:fs';
import { isSpecial, kBOf, type RealVma } from './vmas.ts';

/** Kinds of pages. */
export const PAGE_FILE = 1;
export const PAGE_ANON = 2;
export const PAGE_SWAP = 3;
export const PAGE_ZERO = 4;

/** The pages of a mapping that are not absent, by ascending index: three arrays side by side. */
export interface RealPages {
  readonly index: number[];
  readonly kind: number[];
  /** What tells two pages apart: frame number, or swap slot + SLOT_BASE; 0 where it is not shown. */
  readonly identity: number[];
  /** Mapped (or swapped) by others too; only meaningful for kinds other than zero. */
  readonly shared: boolean[];
}

export const SLOT_BASE = 2 ** 52;
const CHUNK_ENTRIES = 65_536;

// Bits of the upper half of an entry (Documentation/admin-guide/mm/pagemap.rst).
const PRESENT = 0x80000000;
const SWAPPED = 0x40000000;
const FILE = 0x20000000;
const EXCLUSIVE = 0x01000000;
const PFN_HIGH = 0x007fffff;

const NONE: RealPages = { index: [], kind: [], identity: [], shared: [] };

/** The pages of each of these mappings, in the same order. `directory`: /proc/PID; undefined: there are no pagemaps. */
export function readPages(directory: string | undefined, vmas: readonly RealVma[]): RealPages[] {
  if (directory === undefined) return vmas.map(guessPages);
  let fd: number;
  try {
    fd = openSync(`${directory}/pagemap`, 'r');
  } catch {
    return vmas.map(guessPages);
  }
  try {
    return vmas.map((vma) => (isEmpty(vma) ? NONE : (readVma(fd, vma) ?? guessPages(vma))));
  } finally {
    closeSync(fd);
  }
}

/** Nothing that smaps counts: the zero page is not worth a walk. */
function isEmpty(vma: RealVma): boolean {
  return isSpecial(vma) || (kBOf(vma, 'Rss') === 0 && kBOf(vma, 'Swap') === 0);
}

function readVma(fd: number, vma: RealVma): RealPages | undefined {
  const pages: RealPages = { index: [], kind: [], identity: [], shared: [] };
  const chunk = Buffer.alloc(Math.min(CHUNK_ENTRIES, vma.end - vma.start) * 8);
  for (let vpn = vma.start; vpn < vma.end; vpn += CHUNK_ENTRIES) {
    const wanted = Math.min(CHUNK_ENTRIES, vma.end - vpn) * 8;
    let read: number;
    try {
      read = readSync(fd, chunk, 0, wanted, vpn * 8);
    } catch {
      return undefined;
    }
    const words = new Uint32Array(chunk.buffer, chunk.byteOffset, Math.floor(read / 4));
    for (let i = 0; i * 2 + 1 < words.length; i++) {
      const high = words[i * 2 + 1]!;
      if ((high & (PRESENT | SWAPPED)) !== 0) addPage(pages, vpn - vma.start + i, words[i * 2]!, high);
    }
    if (read < wanted) break;
  }
  markZeroPages(pages, vma);
  return pages;
}

function addPage(pages: RealPages, index: number, low: number, high: number): void {
  const present = (high & PRESENT) !== 0;
  const number = low + (high & PFN_HIGH) * 2 ** 32;
  pages.index.push(index);
  pages.kind.push(present ? ((high & FILE) !== 0 ? PAGE_FILE : PAGE_ANON) : PAGE_SWAP);
  pages.identity.push(number === 0 ? 0 : present ? number : number + SLOT_BASE);
  pages.shared.push(present && (high & EXCLUSIVE) === 0);
}

/**
 * The zero page looks like an anonymous page that many share, but smaps does not count it: what is there beyond Rss is
 * the zero page. Its frame is the one that occurs most among them.
 */
function markZeroPages(pages: RealPages, vma: RealVma): void {
  const nrPresent = pages.kind.reduce((n, kind) => n + (kind === PAGE_SWAP ? 0 : 1), 0);
  let excess = nrPresent - kBOf(vma, 'Rss') / 4;
  if (excess <= 0) return;
  const uses = new Map<number, number>();
  const candidate = (i: number): boolean => pages.kind[i] === PAGE_ANON && pages.shared[i] === true;
  for (let i = 0; i < pages.kind.length; i++)
    if (candidate(i)) uses.set(pages.identity[i]!, (uses.get(pages.identity[i]!) ?? 0) + 1);
  const zero = [...uses].sort((a, b) => b[1] - a[1])[0]?.[0];
  for (let i = 0; i < pages.kind.length && excess > 0; i++) {
    if (!candidate(i) || pages.identity[i] !== zero) continue;
    pages.kind[i] = PAGE_ZERO;
    excess--;
  }
}

/** From the sums of smaps: pages of the file first, then anonymous ones, then those in swap. */
function guessPages(vma: RealVma): RealPages {
  const pages: RealPages = { index: [], kind: [], identity: [], shared: [] };
  if (isEmpty(vma)) return pages;
  const anon = kBOf(vma, 'Anonymous') / 4;
  const file = kBOf(vma, 'Rss') / 4 - anon;
  const sharedFile = (kBOf(vma, 'Shared_Clean') + kBOf(vma, 'Shared_Dirty')) / 4;
  const swap = vma.flags.has('sh') ? 0 : kBOf(vma, 'Swap') / 4;
  for (let i = 0; i < Math.min(file + anon + swap, vma.end - vma.start); i++) {
    pages.index.push(i);
    pages.kind.push(i < file ? PAGE_FILE : i < file + anon ? PAGE_ANON : PAGE_SWAP);
    pages.identity.push(0);
    pages.shared.push(i < sharedFile);
  }
  return pages;
}
