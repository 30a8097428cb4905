/**
 * What is in a page, without storing 4,096 bytes for each:
 *
 *   0                the page is all zeros
 *   1 … 2^30 - 1     a version: which write, counted over the whole machine; its bytes can be generated
 *   bit 30 set       the same for a write of one word: eight bytes, then zeros
 *   bit 31 set       an entry of a table: real bytes, or a page with its first word replaced
 *
 * A content id is copied along by COW, swap-out and writeback, so equal ids mean equal bytes; two versions are never
 * equal, but that after 2^30 − 1 writes the count begins again. Table entries are found unused by a sweep (`sweep`), not counted.
 */
import { BugError } from '../../util/errors.ts';
import { storedBytes, type ZramAlgorithm } from './page-kinds.ts';

export const PAGE_SIZE = 4096;
export const CONTENT_ZERO = 0;
/** kB that a page adds to pgpgin and pgpgout. */
export const DISK_PAGE_KB = 4;
const WORD = 0x40000000;
const TABLE = 0x80000000;
const VERSIONS = 0x3fffffff;
const LAST_ENTRY = 0x7ffffff0;
const LEAST_SWEEP = 1 << 14;

/** So many changes of kind are kept; then the older half is forgotten. */
const MOST_KIND_RUNS = 1 << 16;

interface Composite {
  readonly base: number;
  readonly word: number;
}

export class ContentStore {
  /** The last version given out. */
  version = 0;
  private table = new Map<number, Uint8Array | Composite>();
  private nextEntry = 0;
  /** Number of entries at which unused ones are looked for. */
  private sweepAt = LEAST_SWEEP;
  /** Of which kind what is written from now on is (page-kinds.ts). */
  kind = 0;
  /** Where in the count of writes another kind begins, and which. */
  private kindStarts: number[] = [];
  private kinds: number[] = [];

  /** The content of a fresh write of a whole page. */
  write(): number {
    if (this.version >= VERSIONS) this.#beginAgain();
    if (this.kind !== (this.kinds.at(-1) ?? 0)) this.#noteKind();
    return ++this.version;
  }

  /** The first of `count` contents of fresh writes that follow one another; 0: the count of writes begins again among them. */
  writeRun(count: number): number {
    if (this.version + count > VERSIONS) return 0;
    this.#noteKind();
    this.version += count;
    return this.version - count + 1;
  }

  /** The content of a page after its first eight bytes have been written over `base`. */
  writeWord(base: number): number {
    const word = this.write();
    if (base === CONTENT_ZERO || ((base & TABLE) === 0 && (base & WORD) !== 0)) return word | WORD;
    const under = this.table.get(base);
    return this.#store({ base: under !== undefined && !(under instanceof Uint8Array) ? under.base : base, word });
  }

  /** Reserves `count` consecutive versions, the initial content of a file's blocks; returns the first. */
  reserve(count: number): number {
    if (count > VERSIONS) throw new BugError('a file has more pages than there are versions');
    if (this.version + count > VERSIONS) this.#beginAgain();
    this.#noteKind();
    const first = this.version + 1;
    this.version += count;
    return first;
  }

  /** The content id of a page with these 4,096 bytes, which are copied; all zeros give CONTENT_ZERO. */
  fromBytes(bytes: Uint8Array): number {
    if (bytes.length !== PAGE_SIZE) throw new BugError('not a page');
    let any = false;
    for (let i = 0; i < PAGE_SIZE && !any; i++) any = bytes[i] !== 0;
    return any ? this.#store(bytes.slice()) : CONTENT_ZERO;
  }

  /** Number of table entries (real bytes and composites). */
  get tableSize(): number {
    return this.table.size;
  }

  /** The 4,096 bytes of a content id, written into `out`. */
  bytes(id: number, out: Uint8Array): void {
    if (id === CONTENT_ZERO) {
      out.fill(0);
      return;
    }
    if (id & TABLE) {
      const entry = this.table.get(id >>> 0);
      if (entry === undefined) throw new BugError(`content ${id >>> 0} was swept`);
      if (entry instanceof Uint8Array) {
        out.set(entry);
        return;
      }
      this.bytes(entry.base, out);
      generate(entry.word, out, 8);
      return;
    }
    if (id & WORD) {
      out.fill(0);
      generate(id & VERSIONS, out, 8);
      return;
    }
    generate(id, out, PAGE_SIZE);
  }

  #beginAgain(): void {
    this.version = 0;
    this.kindStarts = [];
    this.kinds = [];
  }

  #noteKind(): void {
    if (this.kind === (this.kinds.at(-1) ?? 0)) return;
    if (this.kinds.length >= MOST_KIND_RUNS) {
      this.kindStarts.splice(0, MOST_KIND_RUNS / 2);
      this.kinds.splice(0, MOST_KIND_RUNS / 2);
    }
    this.kindStarts.push(this.version + 1);
    this.kinds.push(this.kind);
  }

  /** The kind of what the write with this number has left. */
  #kindOf(version: number): number {
    const { kindStarts } = this;
    let low = 0;
    let high = kindStarts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (kindStarts[middle]! <= version) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : this.kinds[low - 1]!;
  }

  /**
   * Bytes that zram would need for it; 0: one word fills it. Pretend: what has no kind compresses by the configured ratio, one word
   * and zeros to 64 bytes.
   */
  compressedBytes(id: number, ratio: number, algorithm: ZramAlgorithm = 'lzo-rle'): number {
    if (id === CONTENT_ZERO) return 0;
    if (id & TABLE) {
      const entry = this.table.get(id >>> 0);
      if (entry instanceof Uint8Array) return isFilledByOneWord(entry) ? 0 : Math.ceil(PAGE_SIZE / ratio);
      return entry === undefined
        ? Math.ceil(PAGE_SIZE / ratio)
        : Math.max(64, this.compressedBytes(entry.base, ratio, algorithm));
    }
    if (id & WORD) return 64;
    const kind = this.kinds.length === 0 ? 0 : this.#kindOf(id);
    return kind === 0 ? Math.ceil(PAGE_SIZE / ratio) : storedBytes(kind, algorithm, id);
  }

  /** Whether so many entries have come that a look for unused ones is due. */
  get isSweepDue(): boolean {
    return this.table.size >= this.sweepAt;
  }

  /** Forgets table entries that `marked` does not hold, directly or under one that it holds. The next is due at twice what is left, at least `least`. */
  sweep(marked: Set<number>, least = LEAST_SWEEP): void {
    for (const id of [...marked]) {
      const entry = this.table.get(id);
      if (entry !== undefined && !(entry instanceof Uint8Array)) marked.add(entry.base);
    }
    for (const id of this.table.keys()) if (!marked.has(id)) this.table.delete(id);
    this.sweepAt = Math.max(LEAST_SWEEP, least, 2 * this.table.size);
  }

  #store(entry: Uint8Array | Composite): number {
    let id: number;
    // The last numbers mean something else (mapping.ts); what is still in use is passed over when they begin again.
    do {
      id = (TABLE | this.nextEntry) >>> 0;
      this.nextEntry = this.nextEntry === LAST_ENTRY ? 0 : this.nextEntry + 1;
    } while (this.table.has(id));
    this.table.set(id, entry);
    return id;
  }
}

/** Mirrors: page_same_filled, with words of eight bytes. */
function isFilledByOneWord(bytes: Uint8Array): boolean {
  for (let i = 8; i < PAGE_SIZE; i++) if (bytes[i] !== bytes[i - 8]) return false;
  return true;
}

/** Fills the first `length` bytes with the pseudo-random bytes (xorshift32) that stand for a version. */
function generate(version: number, out: Uint8Array, length: number): void {
  let x = (Math.imul(version, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  for (let i = 0; i < length; i += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    out[i] = x;
    out[i + 1] = x >>> 8;
    out[i + 2] = x >>> 16;
    out[i + 3] = x >>> 24;
  }
}

/** True for ids that name a table entry, which a sweep has to keep. */
export function isTableContent(id: number): boolean {
  return (id & TABLE) !== 0;
}
