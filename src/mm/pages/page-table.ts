/**
 * Page tables of all processes in two growing arrays:
 *
 *   Mm.pageDirectory: Map<pmd = vpn / 512, table>
 *   table  = 8 chunk numbers in `chunks`        (2 MiB of address space: what the kernel calls a page table page)
 *   chunk  = 64 entries in `pte` and `expected` (256 KiB of address space)
 *
 * A process that touches a few pages here and there, as most do, pays 512 bytes a place instead of 4 KiB. `expected`
 * holds, beside each entry, the content that the process last wrote to the page (0: never wrote), so that a later
 * `verify` compares what is there with what ought to be there.
 *
 * `upper`, one byte an entry, holds the bits of frame and slot numbers above the 25 of the entry. It is there from the first
 * number on that has any: with more than 127 GiB of memory, or of swap, in use at once.
 *
 * Table 0 and chunk 0 do not exist; an entry index below 64 means "no entry".
 */

import { KIND_PRESENT, PTE_LOW, PTE_LOW_BITS } from './pte.ts';

const CHUNK = 64;
const CHUNK_SHIFT = 6;
const CHUNKS_PER_TABLE = 8;
/** Pages whose entries lie side by side. */
export const CHUNK_PAGES = CHUNK;
/** Pages under one table. */
export const PTRS_PER_TABLE = 512;

/** The directory of one address space: pmd number → table number. */
export type PageDirectory = Map<number, number>;

export class PageTables {
  pte = new Uint32Array(CHUNK * 64);
  expected = new Uint32Array(CHUNK * 64);
  private upper = new Uint8Array(0);
  /** Whether `upper` is there. */
  private wide = false;
  private chunks = new Uint32Array(CHUNKS_PER_TABLE * 64);
  private nextChunk = 1;
  private nextTable = 1;
  private spareChunks: number[] = [];
  private spareTables: number[] = [];
  /** Tables in use over all processes, for meminfo's PageTables. */
  nrTables = 0;
  /** Entries that there will be some day, if all memory is used once: room is made for so many at once. */
  private readonly expectedEntries: number;
  // Where the last lookup ended; sequential faults hit it.
  private lastDirectory: PageDirectory | undefined;
  private lastPmd = -1;
  private lastTable = 0;

  /** `nrFrames`: of the machine. What is not touched of the arrays costs nothing, what is copied when they grow does. */
  constructor(nrFrames = 0) {
    this.expectedEntries = nrFrames;
  }

  /** Entries up to here may be in use; those behind are zeros. */
  get usedEntries(): number {
    return this.nextChunk * CHUNK;
  }

  /** Index into `pte` for a page, or 0 where no table covers it. */
  find(directory: PageDirectory, vpn: number): number {
    const table = this.#table(directory, Math.floor(vpn / PTRS_PER_TABLE));
    if (table === 0) return 0;
    const chunk = this.chunks[table * CHUNKS_PER_TABLE + ((vpn >> CHUNK_SHIFT) & (CHUNKS_PER_TABLE - 1))]!;
    return chunk === 0 ? 0 : chunk * CHUNK + (vpn & (CHUNK - 1));
  }

  /** The frame or slot that an entry names. */
  number(at: number): number {
    return this.numberOf(at, this.pte[at]!);
  }

  /** The same for who has read the entry already. */
  numberOf(at: number, entry: number): number {
    const low = entry & PTE_LOW;
    return this.wide ? low | (this.upper[at]! << PTE_LOW_BITS) : low;
  }

  /** Whether entry `at` (0: there is none) maps the frame. */
  names(at: number, pfn: number): boolean {
    const entry = this.pte[at]!;
    return entry >>> 30 === KIND_PRESENT && this.numberOf(at, entry) === pfn;
  }

  /** Writes an entry of a kind that names a frame or slot. `bits`: kind and flags. */
  set(at: number, bits: number, number: number): void {
    if (this.wide || number > PTE_LOW) this.#setWide(at, bits, number);
    else this.pte[at] = bits | number;
  }

  /** Writes `entry` at `to`: that of `from`, perhaps with other flags. */
  copy(to: number, from: number, entry: number): void {
    this.pte[to] = entry;
    if (this.wide) this.upper[to] = this.upper[from]!;
  }

  #setWide(at: number, bits: number, number: number): void {
    if (!this.wide) this.upper = new Uint8Array(this.pte.length);
    this.wide = true;
    this.pte[at] = bits | (number & PTE_LOW);
    this.upper[at] = number >>> PTE_LOW_BITS;
  }

  /** Index into `pte` for a page; makes the table and chunk where missing. May replace the arrays. */
  ensure(directory: PageDirectory, vpn: number): number {
    const pmd = Math.floor(vpn / PTRS_PER_TABLE);
    let table = this.#table(directory, pmd);
    if (table === 0) {
      table = this.#allocTable();
      directory.set(pmd, table);
      forgetOrder(directory);
      this.lastDirectory = directory;
      this.lastPmd = pmd;
      this.lastTable = table;
    }
    const at = table * CHUNKS_PER_TABLE + ((vpn >> CHUNK_SHIFT) & (CHUNKS_PER_TABLE - 1));
    let chunk = this.chunks[at]!;
    if (chunk === 0) {
      chunk = this.#allocChunk();
      this.chunks[at] = chunk;
    }
    return chunk * CHUNK + (vpn & (CHUNK - 1));
  }

  /**
   * Number of pages from `vpn` (exclusive bound `end`) whose entries lie side by side from `find(vpn)` on; where there is
   * no entry, the number of pages that can be skipped.
   */
  run(directory: PageDirectory, vpn: number, end: number): number {
    const table = this.#table(directory, Math.floor(vpn / PTRS_PER_TABLE));
    if (table !== 0) return Math.min(CHUNK - (vpn & (CHUNK - 1)), end - vpn);
    const nrTables = (end - vpn) / PTRS_PER_TABLE;
    // A hole much larger than what is there is left in one step: the next table, if any, bounds it.
    if (nrTables > 64 && nrTables > 8 * directory.size) return nextTableAfter(directory, vpn, end) - vpn;
    return Math.min(PTRS_PER_TABLE - (vpn & (PTRS_PER_TABLE - 1)), end - vpn);
  }

  /** Number of pages from `vpn` (exclusive bound `end`) that have no entry; 0 where there is one. */
  hole(directory: PageDirectory, vpn: number, end: number): number {
    return vpn >= end || this.find(directory, vpn) !== 0 ? 0 : this.run(directory, vpn, end);
  }

  /** Frees the tables that lie wholly inside [start, end). Precondition: their entries are all empty. Mirrors: mm/memory.c:free_pgtables. */
  freeTables(directory: PageDirectory, start: number, end: number): void {
    const first = Math.ceil(start / PTRS_PER_TABLE);
    const last = Math.floor(end / PTRS_PER_TABLE);
    if (last - first > directory.size) {
      for (const pmd of [...directory.keys()]) if (pmd >= first && pmd < last) this.#freeTable(directory, pmd);
      return;
    }
    for (let pmd = first; pmd < last; pmd++) this.#freeTable(directory, pmd);
  }

  #table(directory: PageDirectory, pmd: number): number {
    if (pmd === this.lastPmd && directory === this.lastDirectory) return this.lastTable;
    const table = directory.get(pmd) ?? 0;
    if (table !== 0) {
      this.lastDirectory = directory;
      this.lastPmd = pmd;
      this.lastTable = table;
    }
    return table;
  }

  #freeTable(directory: PageDirectory, pmd: number): void {
    const table = directory.get(pmd);
    if (table === undefined) return;
    for (let i = table * CHUNKS_PER_TABLE; i < (table + 1) * CHUNKS_PER_TABLE; i++) {
      const chunk = this.chunks[i]!;
      if (chunk === 0) continue;
      this.pte.fill(0, chunk * CHUNK, (chunk + 1) * CHUNK);
      this.expected.fill(0, chunk * CHUNK, (chunk + 1) * CHUNK);
      if (this.wide) this.upper.fill(0, chunk * CHUNK, (chunk + 1) * CHUNK);
      this.spareChunks.push(chunk);
      this.chunks[i] = 0;
    }
    directory.delete(pmd);
    forgetOrder(directory);
    this.spareTables.push(table);
    this.nrTables--;
    this.lastPmd = -1;
    this.lastDirectory = undefined;
  }

  #allocTable(): number {
    this.nrTables++;
    const reused = this.spareTables.pop();
    if (reused !== undefined) return reused;
    const table = this.nextTable++;
    if ((table + 1) * CHUNKS_PER_TABLE > this.chunks.length)
      this.chunks = grown(this.chunks, Math.ceil(this.chunks.length * 1.5));
    return table;
  }

  #allocChunk(): number {
    const reused = this.spareChunks.pop();
    if (reused !== undefined) return reused;
    const chunk = this.nextChunk++;
    if ((chunk + 1) * CHUNK > this.pte.length) {
      const length = Math.max(Math.ceil(this.pte.length * 1.5), this.expectedEntries);
      this.pte = grown(this.pte, length);
      this.expected = grown(this.expected, length);
      if (this.wide) this.upper = grown(this.upper, length);
    }
    return chunk;
  }
}

/** The tables of the address space that was last walked, in order; no part of any machine. */
let ordered: { readonly directory: PageDirectory; readonly pmds: Float64Array } | undefined;

/** To be called whenever a directory changes. */
function forgetOrder(directory: PageDirectory): void {
  if (ordered?.directory === directory) ordered = undefined;
}

/** The first page above `vpn` that has a table, or `end`. */
function nextTableAfter(directory: PageDirectory, vpn: number, end: number): number {
  if (ordered?.directory !== directory) ordered = { directory, pmds: Float64Array.from(directory.keys()).sort() };
  const { pmds } = ordered;
  const pmd = Math.floor(vpn / PTRS_PER_TABLE);
  let low = 0;
  for (let high = pmds.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (pmds[middle]! > pmd) high = middle;
    else low = middle + 1;
  }
  return low === pmds.length ? end : Math.min(pmds[low]! * PTRS_PER_TABLE, end);
}

/** A longer copy; fresh entries are zero. */
function grown<T extends Uint8Array | Uint32Array>(old: T, length: number): T {
  const next = new (old.constructor as new (length: number) => T)(length);
  next.set(old);
  return next;
}
