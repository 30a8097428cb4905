/** PID/maps, PID/smaps, PID/smaps_rollup. Mirrors: fs/proc/task_mmu.c. */
import { isIn, type KernelName, perKernel, type Span } from '../machine/kernels.ts';
import type { Machine } from '../machine/machine.ts';
import { dPath } from '../machine/paths.ts';
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

/** A line: its label, its number in kB (`vma` null: of all mappings), and the kernels that have it. */
type Line = readonly [label: string, kb: (sums: PageSums, vma: Vma | null) => number, span?: Span];

const none = (): number => 0;
const pageKb = (_sums: PageSums, vma: Vma | null): number => (vma !== null && vma.flags & VM_HUGETLB ? 2048 : PAGE_KB);
const SIZE: Line = ['Size:', (_sums, vma) => (vma === null ? 0 : (vma.end - vma.start) * PAGE_KB)];
const pageSizes = (span: Span): readonly Line[] => [
  ['KernelPageSize:', pageKb, span],
  ['MMUPageSize:', pageKb, span],
];
const RSS: readonly Line[] = [
  ['Rss:', (sums) => sums.rss / 1024],
  ['Pss:', (sums) => pssKb(sums.pss)],
  ['Pss_Dirty:', (sums) => pssKb(sums.pssDirty), { since: '6.1' }],
];
const PSS: readonly Line[] = [
  ['Pss_Anon:', (sums) => pssKb(sums.pssAnon), { since: '5.10' }],
  ['Pss_File:', (sums) => pssKb(sums.pssFile), { since: '5.10' }],
  ['Pss_Shmem:', (sums) => pssKb(sums.pssShmem), { since: '5.10' }],
];
/** Pretend: no KSM, no huge pages in page tables. */
const PARTS: readonly Line[] = [
  ['Shared_Clean:', (sums) => sums.sharedClean / 1024],
  ['Shared_Dirty:', (sums) => sums.sharedDirty / 1024],
  ['Private_Clean:', (sums) => sums.privateClean / 1024],
  ['Private_Dirty:', (sums) => sums.privateDirty / 1024],
  ['Referenced:', (sums) => sums.referenced / 1024],
  ['Anonymous:', (sums) => sums.anonymous / 1024],
  ['KSM:', none, { since: '6.18' }],
  ['LazyFree:', (sums) => sums.lazyFree / 1024],
  ['AnonHugePages:', none],
  ['ShmemPmdMapped:', none],
  ['FilePmdMapped:', none, { since: '5.10' }],
  ['Shared_Hugetlb:', (sums) => sums.sharedHugetlb / 1024],
  ['Private_Hugetlb:', (sums) => sums.privateHugetlb / 1024],
  ['Swap:', (sums) => sums.swap / 1024],
  ['SwapPss:', (sums) => pssKb(sums.swapPss)],
];
const LOCKED: Line = ['Locked:', (sums) => pssKb(sums.pssLocked)];

/** Lines of a mapping, and of smaps_rollup, in the order of each kernel. Mirrors: show_smap, __show_smap. */
const SMAPS: readonly Line[] = [
  SIZE,
  ...pageSizes({ since: '5.10' }),
  ...RSS,
  ...PARTS,
  ...pageSizes({ until: '5.10' }),
  LOCKED,
];
const ROLLUP: readonly Line[] = [...RSS, ...PSS, ...PARTS, LOCKED];
const LABEL_COLUMNS = 16;
/** Columns of a number; one that is wider moves the rest of its line. */
const WIDTH = 8;
const WIDEST = 99_999_999;

/** The lines with zeros for numbers, and where each number ends: a VMA is one copy and a few patches. */
interface Template {
  readonly lines: readonly Line[];
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
  /** The numbers of the present VMA, in kB. */
  readonly kb: Float64Array;
}

function templateOf(lines: readonly Line[]): Template {
  let text = '';
  const ends = new Uint32Array(lines.length);
  lines.forEach(([label], i) => {
    text += label.padEnd(LABEL_COLUMNS) + '0'.padStart(WIDTH);
    ends[i] = text.length;
    text += ' kB\n';
  });
  return { lines, bytes: Buffer.from(text, 'latin1'), ends, kb: new Float64Array(lines.length) };
}

const templates = (lines: readonly Line[]): ((kernel: KernelName) => Template) =>
  perKernel((kernel) => templateOf(lines.filter(([, , span = {}]) => isIn(kernel, span))));
const smapsTemplate = templates(SMAPS);
const rollupTemplate = templates(ROLLUP);

function showFields(out: TextBuffer, { lines, bytes, ends, kb }: Template, sums: PageSums, vma: Vma | null): void {
  const start = out.length;
  for (let i = 0; i < kb.length; i++) kb[i] = lines[i]![1](sums, vma);
  out.raw(bytes);
  for (let i = 0; i < kb.length; i++) {
    const value = kb[i]!;
    if (value === 0) continue;
    if (value > WIDEST) {
      out.truncate(start);
      lines.forEach(([label], at) => {
        out.text(label.padEnd(LABEL_COLUMNS)).dec(kb[at]!, WIDTH).text(' kB').newline();
      });
      return;
    }
    out.patchDec(start + ends[i]!, value);
  }
}

export function* showSmaps(out: TextBuffer, { machine, task: { mm } }: TaskContext): Job<void> {
  if (mm === null) return;
  const { kernel } = machine.options;
  const sums = new PageSums();
  yield* eachVma(mm, (vma) => {
    sums.clear();
    if (vma.nrPages <= PIECE_VMAS * PAGES_PER_VMA) {
      addVmaSums(machine.mem, vma, sums);
      smapsEntry(out, kernel, vma, sums);
      return undefined;
    }
    return largeSmapsEntry(out, machine, vma, sums);
  });
}

function* largeSmapsEntry(out: TextBuffer, { mem, options }: Machine, vma: Vma, sums: PageSums): Job<void> {
  yield* addVmaSumsInPieces(mem, vma, sums);
  smapsEntry(out, options.kernel, vma, sums);
}

function smapsEntry(out: TextBuffer, kernel: KernelName, vma: Vma, sums: PageSums): void {
  mapsLine(out, vma);
  showFields(out, smapsTemplate(kernel), sums, vma);
  out.text(thpEligible(kernel)).text('VmFlags: ').text(vmFlagsText(vma.flags)).newline();
}

/** Pretend: no mapping is eligible. */
const thpEligible = perKernel((kernel) => {
  if (isIn(kernel, { until: '5.10' })) return '';
  return isIn(kernel, { since: '6.18' }) ? 'THPeligible:           0\n' : 'THPeligible:    0\n';
});

/** Mirrors: show_smaps_rollup. */
export function* showSmapsRollup(out: TextBuffer, { machine, task: { mm } }: TaskContext): Job<void> {
  if (mm === null) return;
  const sums = new PageSums();
  const first = mm.vmas[0]?.start ?? 0;
  const last = mm.vmas.at(-1)?.end ?? 0;
  yield* eachVma(mm, (vma) => addVmaSumsInPieces(machine.mem, vma, sums));
  out.hex(first, 5).text('000-').hex(last, 5).text('000 ---p 00000000 00:00 0 ');
  out.padTo(NAME_COLUMN).text('[rollup]').newline();
  showFields(out, rollupTemplate(machine.options.kernel), sums, null);
}
