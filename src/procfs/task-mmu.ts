/** PID/maps, PID/smaps, PID/smaps_rollup. Mirrors: fs/proc/task_mmu.c. */
import { dPath } from '../machine/paths.ts';
import type { Memory } from '../mm/memory.ts';
import { addVmaSums, addVmaSumsInPieces, PageSums, pssKb } from '../mm/pages/page-stats.ts';
import type { Mm } from '../mm/space/mm.ts';
import { permsText, VM_HUGETLB, vmFlagsText } from '../mm/space/vm-flags.ts';
import type { Vma } from '../mm/space/vma.ts';
import type { Job } from '../util/job.ts';
import { PAGE_BYTES, PAGE_KB } from './constants.ts';
import type { TaskContext } from './entry.ts';
import { mangle, type TextBuffer } from './text.ts';

/** The column where the name of a mapping stands: 25 + 6 × sizeof(void *). */
const NAME_COLUMN = 73;
/** Pretend: the device of the simulated disk (254:0), and of shared memory (0:1). */
const DISK_MAJOR = 0xfe;

/** Mappings, and as many pages as make as much work, in one piece of it: a millisecond, or some. */
const PIECE_VMAS = 256;
const PAGES_PER_VMA = 128;
/** Work from here on is not done while somebody else waits. */
const LONG_VMAS = 2048;

/** Whether looking at all mappings, `pages`: and at all pages, takes longer than others should wait. */
export function isLong({ task: { mm } }: TaskContext, pages: boolean): boolean {
  if (mm === null) return false;
  return mm.vmas.length + (pages ? (mm.rss + mm.swapents) / PAGES_PER_VMA : 0) > LONG_VMAS;
}

/** Calls `visit` for each mapping, by ascending address, in pieces between which they may change. */
export function* eachVma(mm: Mm, visit: (vma: Vma) => Job<void> | void): Job<void> {
  let seen = 0;
  for (let i = 0; i < mm.vmas.length; ) {
    const vma = mm.vmas[i]!;
    const { end } = vma;
    const begun = visit(vma);
    if (begun !== undefined) yield* begun;
    if (++seen % PIECE_VMAS === 0) yield;
    // What lies behind it now: usually the next one.
    i = mm.vmas[i] === vma ? i + 1 : mm.indexAfter(end - 1);
    while (i < mm.vmas.length && mm.vmas[i]!.start < end) i++;
  }
}

export function* showMaps(out: TextBuffer, { task: { mm } }: TaskContext): Job<void> {
  if (mm !== null) yield* eachVma(mm, (vma) => mapsLine(out, vma));
}

/** One line of maps. Mirrors: show_map_vma. */
function mapsLine(out: TextBuffer, vma: Vma): void {
  const { mapping } = vma;
  out.hex(vma.start, 5).text('000-').hex(vma.end, 5).text('000 ').text(permsText(vma.flags)).byte(0x20);
  if (mapping === null) out.text('00000000 00:00 0 ');
  else {
    out
      .hex(vma.pgoff * PAGE_BYTES, 8)
      .byte(0x20)
      .hex(mapping.isShmem ? 0 : DISK_MAJOR, 2)
      .byte(0x3a);
    out
      .hex(mapping.isShmem ? 1 : 0, 2)
      .byte(0x20)
      .dec(mapping.inode)
      .byte(0x20);
  }
  const name = vmaName(vma);
  if (name !== '') out.padTo(NAME_COLUMN).text(name);
  out.newline();
}

/** What stands for the mapping: path, or the kernel's word for it. Mirrors: get_vma_name. */
export function vmaName(vma: Vma): string {
  return vma.mapping === null ? vma.name : mangle(dPath(vma.mapping), /\n/g);
}

/** Labels of the lines of smaps behind the header; the numbers are in smapsKb and rollupKb, in the same order. Mirrors: __show_smap. */
const SIZE_LABELS = ['Size:', 'KernelPageSize:', 'MMUPageSize:'] as const;
const RSS_LABELS = ['Rss:', 'Pss:', 'Pss_Dirty:'] as const;
const PSS_LABELS = ['Pss_Anon:', 'Pss_File:', 'Pss_Shmem:'] as const;
const PART_LABELS = [
  ...['Shared_Clean:', 'Shared_Dirty:', 'Private_Clean:', 'Private_Dirty:', 'Referenced:', 'Anonymous:', 'KSM:'],
  ...['LazyFree:', 'AnonHugePages:', 'ShmemPmdMapped:', 'FilePmdMapped:', 'Shared_Hugetlb:', 'Private_Hugetlb:'],
  ...['Swap:', 'SwapPss:', 'Locked:'],
] as const;
const LABEL_COLUMNS = 16;
/** Columns of a number; one that is wider moves the rest of its line. */
const WIDTH = 8;
const WIDEST = 99_999_999;

/** The lines with zeros for numbers, and where each number ends: a VMA is one copy and a few patches. */
interface Template {
  readonly labels: readonly string[];
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
  /** The numbers of the present VMA, in kB. */
  readonly kb: Float64Array;
}

function templateOf(labels: readonly string[]): Template {
  let text = '';
  const ends = new Uint32Array(labels.length);
  labels.forEach((label, i) => {
    text += label.padEnd(LABEL_COLUMNS) + '0'.padStart(WIDTH);
    ends[i] = text.length;
    text += ' kB\n';
  });
  return { labels, bytes: Buffer.from(text, 'latin1'), ends, kb: new Float64Array(labels.length) };
}

const SMAPS = templateOf([...SIZE_LABELS, ...RSS_LABELS, ...PART_LABELS]);
const ROLLUP = templateOf([...RSS_LABELS, ...PSS_LABELS, ...PART_LABELS]);

function rssKb(kb: Float64Array, at: number, sums: PageSums): void {
  kb[at] = sums.rss / 1024;
  kb[at + 1] = pssKb(sums.pss);
  kb[at + 2] = pssKb(sums.pssDirty);
}

/** Pretend: no KSM, no huge pages in page tables. */
function partsKb(kb: Float64Array, at: number, sums: PageSums): void {
  kb[at] = sums.sharedClean / 1024;
  kb[at + 1] = sums.sharedDirty / 1024;
  kb[at + 2] = sums.privateClean / 1024;
  kb[at + 3] = sums.privateDirty / 1024;
  kb[at + 4] = sums.referenced / 1024;
  kb[at + 5] = sums.anonymous / 1024;
  kb[at + 7] = sums.lazyFree / 1024;
  kb[at + 11] = sums.sharedHugetlb / 1024;
  kb[at + 12] = sums.privateHugetlb / 1024;
  kb[at + 13] = sums.swap / 1024;
  kb[at + 14] = pssKb(sums.swapPss);
  kb[at + 15] = pssKb(sums.pssLocked);
}

function smapsKb({ kb }: Template, sums: PageSums, vma: Vma): void {
  const pageKb = vma.flags & VM_HUGETLB ? 2048 : PAGE_KB;
  kb[0] = (vma.end - vma.start) * PAGE_KB;
  kb[1] = pageKb;
  kb[2] = pageKb;
  rssKb(kb, 3, sums);
  partsKb(kb, 6, sums);
}

function rollupKb({ kb }: Template, sums: PageSums): void {
  rssKb(kb, 0, sums);
  kb[3] = pssKb(sums.pssAnon);
  kb[4] = pssKb(sums.pssFile);
  kb[5] = pssKb(sums.pssShmem);
  partsKb(kb, 6, sums);
}

function showFields(out: TextBuffer, { labels, bytes, ends, kb }: Template): void {
  const start = out.length;
  out.raw(bytes);
  for (let i = 0; i < kb.length; i++) {
    const value = kb[i]!;
    if (value === 0) continue;
    if (value > WIDEST) {
      out.truncate(start);
      labels.forEach((label, at) => {
        out.text(label.padEnd(LABEL_COLUMNS)).dec(kb[at]!, WIDTH).text(' kB').newline();
      });
      return;
    }
    out.patchDec(start + ends[i]!, value);
  }
}

export function* showSmaps(out: TextBuffer, { machine, task: { mm } }: TaskContext): Job<void> {
  if (mm === null) return;
  const sums = new PageSums();
  yield* eachVma(mm, (vma) => {
    sums.clear();
    if (vma.nrPages <= PIECE_VMAS * PAGES_PER_VMA) {
      addVmaSums(machine.mem, vma, sums);
      smapsEntry(out, vma, sums);
      return undefined;
    }
    return largeSmapsEntry(out, machine.mem, vma, sums);
  });
}

function* largeSmapsEntry(out: TextBuffer, mem: Memory, vma: Vma, sums: PageSums): Job<void> {
  yield* addVmaSumsInPieces(mem, vma, sums);
  smapsEntry(out, vma, sums);
}

function smapsEntry(out: TextBuffer, vma: Vma, sums: PageSums): void {
  mapsLine(out, vma);
  smapsKb(SMAPS, sums, vma);
  showFields(out, SMAPS);
  out.text('THPeligible:           0\n').text('VmFlags: ').text(vmFlagsText(vma.flags)).newline();
}

/** Mirrors: show_smaps_rollup. */
export function* showSmapsRollup(out: TextBuffer, { machine, task: { mm } }: TaskContext): Job<void> {
  if (mm === null) return;
  const sums = new PageSums();
  const first = mm.vmas[0]?.start ?? 0;
  const last = mm.vmas.at(-1)?.end ?? 0;
  yield* eachVma(mm, (vma) => addVmaSumsInPieces(machine.mem, vma, sums));
  out.hex(first, 5).text('000-').hex(last, 5).text('000 ---p 00000000 00:00 0 ');
  out.padTo(NAME_COLUMN).text('[rollup]').newline();
  rollupKb(ROLLUP, sums);
  showFields(out, ROLLUP);
}
