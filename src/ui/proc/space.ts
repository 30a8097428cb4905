/** The address space of one process, as PID/smaps and PID/pagemap tell it. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { printable, type Source } from './source.ts';

/** What a page is drawn as; of several the first that holds. */
export const KINDS = ['swapped', 'zero', 'locked', 'dirty', 'file', 'present'] as const;
export type Kind = (typeof KINDS)[number];

/** kB by kind, as smaps says it; zero pages, which smaps does not count, from pagemap (undefined: too much to read). */
export type Sums = Readonly<Record<Exclude<Kind, 'zero'>, number>> & { readonly zero: number | undefined };

export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly perms: string;
  readonly name: string;
  readonly sums: Sums;
  /** Of each page the place in KINDS and 1, or 0 where there is nothing; undefined: not read. */
  readonly pages: Uint8Array | undefined;
}

export interface Space {
  readonly mappings: readonly Mapping[];
  readonly sums: Sums;
}

/** A part of the bar: a letter for what there is most of; small where less than half of the pages are there. */
export interface Cell {
  readonly letter: string;
  readonly kind: Kind | undefined;
  /** Addresses; holes between mappings may lie within. */
  readonly start: number;
  readonly end: number;
}

const PAGE = 4096;
const PAGE_KB = 4;
const ENTRY_BYTES = 8;
/** Entries of pagemap read at one look: 4 GiB of address space. */
const MOST_PAGES = 1 << 20;
// Bits of the upper half of an entry (Documentation/admin-guide/mm/pagemap.rst).
const EXCLUSIVE = 1 << 24;
const FILE = 1 << 29;
const SWAP = 1 << 30;
const PRESENT = 1 << 31;
/** Mappings whose present pages smaps does not count for other reasons: frames without a struct page, hugetlb. */
const UNCOUNTED = /\b(pf|io|mm|ht)\b/;
const place = (kind: Kind): number => KINDS.indexOf(kind) + 1;

interface SmapsEntry {
  readonly head: { start: number; end: number; perms: string; name: string };
  readonly kb: (key: string) => number;
  readonly flags: string;
}

/** Errors: EACCES, ESRCH. */
export async function readSpace(source: Source, pid: number): Promise<Space> {
  const entries = parseSmaps(await source.text(`${pid}/smaps`));
  const mappings: Mapping[] = [];
  let left = MOST_PAGES;
  const pagemap = await open(join(source.root, `${pid}/pagemap`), 'r').catch(() => undefined);
  try {
    for (const entry of entries) {
      const nrPages = (entry.head.end - entry.head.start) / PAGE;
      let bytes: Buffer | undefined;
      if (pagemap !== undefined && nrPages <= left) {
        left -= nrPages;
        bytes = Buffer.alloc(nrPages * ENTRY_BYTES);
        await fill(pagemap, bytes, (entry.head.start / PAGE) * ENTRY_BYTES);
      }
      mappings.push(toMapping(entry, bytes));
    }
  } finally {
    await pagemap?.close();
  }
  return toSpace(mappings);
}

async function fill(file: FileHandle, bytes: Buffer, from: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
    if (bytesRead === 0) return;
    at += bytesRead;
  }
}

export function parseSmaps(text: string): SmapsEntry[] {
  const heads = [...text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)$/gm)];
  return heads.flatMap((head, i) => {
    const [line, start, end, perms, name] = head;
    // The vsyscall page at the end of the address space has no entry in pagemap.
    if (start!.length > 13) return [];
    const body = text.slice(head.index + line.length, heads[i + 1]?.index);
    const flags = /^VmFlags: (.*)$/m.exec(body)?.[1] ?? '';
    const numbers = new Map([...body.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, key, kb]) => [key!, Number(kb)]));
    const kb = (key: string): number => numbers.get(key) ?? 0;
    return [
      {
        head: {
          start: Number.parseInt(start!, 16),
          end: Number.parseInt(end!, 16),
          perms: perms!,
          name: printable(name!),
        },
        kb,
        flags,
      },
    ];
  });
}

/** `pagemap`: the entries of its pages, 8 bytes each. */
export function toMapping({ head, kb, flags }: SmapsEntry, pagemap: Uint8Array | undefined): Mapping {
  const present = kb('Rss');
  const dirty = kb('Shared_Dirty') + kb('Private_Dirty');
  const counted = !UNCOUNTED.test(flags);
  const sums = { present, dirty, file: present - kb('Anonymous'), swapped: kb('Swap'), locked: kb('Locked') };
  if (pagemap === undefined) return { ...head, sums: { ...sums, zero: counted ? undefined : 0 }, pages: undefined };
  const view = new DataView(pagemap.buffer, pagemap.byteOffset, pagemap.byteLength);
  const pages = new Uint8Array(pagemap.byteLength / ENTRY_BYTES);
  const high = (i: number): number => view.getUint32(i * ENTRY_BYTES + 4, true);
  let nrPresent = 0;
  for (let i = 0; i < pages.length; i++) if ((high(i) & PRESENT) !== 0) nrPresent++;
  const zero = counted ? Math.max(0, nrPresent * PAGE_KB - present) : 0;
  // smaps says how many pages are dirty and not which: those of a mapping are drawn as most of them are.
  const isDirty = dirty > 0 && dirty * 2 >= present;
  const isLocked = /\blo\b/.test(flags);
  for (let i = 0; i < pages.length; i++) {
    const bits = high(i);
    if ((bits & SWAP) !== 0) pages[i] = place('swapped');
    else if ((bits & PRESENT) === 0) continue;
    else if (zero > 0 && (bits & (FILE | EXCLUSIVE)) === 0) pages[i] = place('zero');
    else if (isLocked) pages[i] = place('locked');
    else if (isDirty) pages[i] = place('dirty');
    else pages[i] = place((bits & FILE) !== 0 ? 'file' : 'present');
  }
  return { ...head, sums: { ...sums, zero }, pages };
}

export function toSpace(mappings: readonly Mapping[]): Space {
  const sum = (kind: Exclude<Kind, 'zero'>): number => mappings.reduce((all, { sums }) => all + sums[kind], 0);
  const zeros = mappings.map(({ sums }) => sums.zero);
  return {
    mappings,
    sums: {
      present: sum('present'),
      dirty: sum('dirty'),
      file: sum('file'),
      swapped: sum('swapped'),
      locked: sum('locked'),
      zero: zeros.every((zero) => zero !== undefined) ? zeros.reduce((all, zero) => all + zero, 0) : undefined,
    },
  };
}

/** The mappings one after the other, holes left out, in at most `width` cells of equal size. */
export function cellsOf({ mappings }: Space, width: number): Cell[] {
  const nrPages = mappings.reduce((all, { start, end }) => all + (end - start) / PAGE, 0);
  const nrCells = Math.min(width, nrPages);
  const cells: Cell[] = [];
  let at = 0;
  let first = 0;
  for (let i = 0; i < nrCells; i++) {
    const from = Math.floor((i * nrPages) / nrCells);
    const to = Math.floor(((i + 1) * nrPages) / nrCells);
    const counts = new Float64Array(KINDS.length + 1);
    let start: number | undefined;
    let end = 0;
    while (first < to) {
      const mapping = mappings[at]!;
      const size = (mapping.end - mapping.start) / PAGE;
      const low = Math.max(0, from - first);
      const high = Math.min(size, to - first);
      count(mapping, low, high, counts);
      start ??= mapping.start + low * PAGE;
      end = mapping.start + high * PAGE;
      if (high < size) break;
      first += size;
      at++;
    }
    cells.push({ ...looks(counts, to - from), start: start ?? 0, end });
  }
  return cells;
}

/** Adds pages [low, high) of a mapping; by its sums, spread evenly, where its pages were not read. */
function count({ pages, sums, start, end }: Mapping, low: number, high: number, counts: Float64Array): void {
  if (pages !== undefined) {
    for (let i = low; i < high; i++) counts[pages[i]!]!++;
    return;
  }
  const share = (high - low) / ((end - start) / PAGE) / PAGE_KB;
  const nrSwapped = sums.swapped * share;
  const nrPresent = sums.present * share;
  const kind =
    sums.locked > 0 ? 'locked' : sums.dirty * 2 >= sums.present ? 'dirty' : sums.file > 0 ? 'file' : 'present';
  counts[place('swapped')]! += nrSwapped;
  counts[place(kind)]! += nrPresent;
  counts[0]! += high - low - nrSwapped - nrPresent;
}

function looks(counts: Float64Array, nrPages: number): { letter: string; kind: Kind | undefined } {
  const there = counts.subarray(1);
  const most = there.indexOf(Math.max(...there));
  if (there[most] === 0) return { letter: '.', kind: undefined };
  const kind = KINDS[most]!;
  const letter = kind[0]!;
  return { letter: nrPages - counts[0]! >= nrPages / 2 ? letter.toUpperCase() : letter, kind };
}
