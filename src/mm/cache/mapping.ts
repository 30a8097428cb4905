/**
 * A file or a shared memory object and its page cache (struct address_space and its inode in one).
 *
 *   entry of the cache: 0 nothing · frame number · swap slot | SWAPPED (shmem) · shadow | SHADOW (evicted, workingset)
 *
 * `disk` holds what is on the simulated disk, block by block, as content ids; a block that was never written has the
 * file's own initial content `firstContent + index`. A shmem object has no disk: what is not cached and not swapped is zeros.
 */
import type { Job } from '../../util/job.ts';
import { CONTENT_ZERO } from '../pages/content.ts';
import type { HugePage } from '../pages/hugetlb.ts';
import type { Vma } from '../space/vma.ts';

/** Pages of a chunk. */
export const CHUNK = 512;
export const CHUNK_SHIFT = 9;
const WALK_PIECE_CHUNKS = 8;

export const ENTRY_SWAPPED = 0x40000000;
export const ENTRY_SHADOW = 0x80000000;
export const ENTRY_NUMBER = 0x3fffffff;

/** A sparse array of 32-bit numbers indexed by page (below 2^28); absent entries read 0. */
export class PageArray {
  private readonly chunks: (Uint32Array | undefined)[] = [];

  get(index: number): number {
    const chunk = this.chunks[index >>> CHUNK_SHIFT];
    return chunk === undefined ? 0 : chunk[index & (CHUNK - 1)]!;
  }

  set(index: number, value: number): void {
    const key = index >>> CHUNK_SHIFT;
    let chunk = this.chunks[key];
    if (chunk === undefined) {
      if (value === 0) return;
      chunk = new Uint32Array(CHUNK);
      this.chunks[key] = chunk;
    }
    chunk[index & (CHUNK - 1)] = value;
  }

  /** The entries of 512 × `key` and on, or undefined: they are all 0. For loops over many; not to be written to. */
  chunk(key: number): Uint32Array | undefined {
    return this.chunks[key];
  }

  /** Empties the entries of [from, to). */
  clear(from: number, to: number): void {
    const first = from >>> CHUNK_SHIFT;
    const last = Math.min(this.chunks.length - 1, Math.floor((to - 1) / CHUNK));
    for (let key = first; key <= last; key++) {
      const start = key * CHUNK;
      this.chunks[key]?.fill(0, Math.max(0, from - start), Math.min(CHUNK, to - start));
    }
  }

  /** Calls `visit` for each entry that is not zero, by ascending index. */
  forEach(visit: (index: number, value: number) => void): void {
    // forEach of an array passes over what was never set, however large the gaps.
    this.chunks.forEach((_chunk, key) => {
      this.forEachIn(key, visit);
    });
  }

  /** The same in pieces, of some chunks each. */
  *walk(visit: (index: number, value: number) => void): Job<void> {
    let seen = 0;
    for (const key of Object.keys(this.chunks)) {
      this.forEachIn(Number(key), visit);
      if (++seen % WALK_PIECE_CHUNKS === 0) yield;
    }
  }

  /** The same for the pages of one chunk: 512 × `key` and on. */
  forEachIn(key: number, visit: (index: number, value: number) => void): void {
    const chunk = this.chunks[key];
    if (chunk === undefined) return;
    for (let i = 0; i < CHUNK; i++) {
      const value = chunk[i]!;
      if (value !== 0) visit(key * CHUNK + i, value);
    }
  }
}

export type MappingKind = 'file' | 'shmem';

/** Who owns a file and what its mode allows. */
export interface Ownership {
  uid: number;
  gid: number;
  /** Permission bits. */
  mode: number;
}

export class Mapping {
  readonly id: number;
  readonly kind: MappingKind;
  readonly isShmem: boolean;
  /** Path in the simulated file system, or the kernel's name for an object without one (`/memfd:x (deleted)`). */
  path: string;
  readonly inode: number;
  sizeBytes: number;
  readonly owner: Ownership;
  readonly pages = new PageArray();
  /** Blocks written since the file was made. */
  readonly disk = new PageArray();
  /** What was last written to each page through any shared mapping or by the file system: for verify. */
  readonly expected = new PageArray();
  readonly firstContent: number;
  /** Blocks that have content of their own from the start, unless written or taken away since. */
  initialPages: number;
  readonly vmas = new Set<Vma>();
  /** Pages in the cache, dirty pages among them, pages of a shmem object in swap. */
  nrCached = 0;
  nrDirty = 0;
  nrSwapped = 0;
  /** Dirty pages of each chunk of the cache, so that writing a few pages does not look at all. */
  private readonly dirtyIn = new PageArray();
  /** Of an object in huge pages: those it has, by index in units of 2 MiB, and how many from the start have been set aside for it. */
  readonly hugePages = new Map<number, HugePage>();
  hugeSetAside = 0;
  /** References that are not mappings: names (a path, an open descriptor). At zero and unmapped, a shmem object goes away. */
  links = 1;

  constructor(id: number, kind: MappingKind, path: string, sizeBytes: number, owner: Ownership, firstContent: number) {
    this.id = id;
    this.kind = kind;
    this.isShmem = kind === 'shmem';
    this.path = path;
    this.inode = 1000 + id;
    this.sizeBytes = sizeBytes;
    this.owner = owner;
    this.firstContent = firstContent;
    this.initialPages = Math.ceil(sizeBytes / 4096);
  }

  /** Pages up to the end of the object, the last one perhaps partly used. */
  get nrPages(): number {
    return Math.ceil(this.sizeBytes / 4096);
  }

  /** A page has become dirty (1) or clean (-1). */
  countDirty(index: number, change: 1 | -1): void {
    this.nrDirty += change;
    const key = index >>> CHUNK_SHIFT;
    this.dirtyIn.set(key, this.dirtyIn.get(key) + change);
  }

  /** The chunks of the cache (of 512 pages) that have dirty pages, ascending. */
  dirtyChunks(): number[] {
    const keys: number[] = [];
    if (this.nrDirty > 0) this.dirtyIn.forEach((key) => void keys.push(key));
    return keys;
  }

  /** Content id of a block on the simulated disk. A stored 0 means "as it was made"; a block of zeros is stored as DISK_ZERO. */
  diskContent(index: number): number {
    const stored = this.disk.get(index);
    if (stored === DISK_ZERO) return CONTENT_ZERO;
    if (stored !== 0) return stored;
    return this.initialContent(index);
  }

  /** What the file was made with; zeros beyond that. */
  initialContent(index: number): number {
    return this.firstContent === 0 || index >= this.initialPages ? CONTENT_ZERO : this.firstContent + index;
  }

  setDiskContent(index: number, content: number): void {
    this.disk.set(index, content === CONTENT_ZERO ? DISK_ZERO : content);
  }
}

/** In `expected`: what was there has been taken away, and nobody has written since. */
export const EXPECT_NOTHING = 0xfffffffe;
/** Stands for zeros in a PageArray of content ids, where 0 means that nothing was stored. */
export const DISK_ZERO = 0xffffffff;
