/** PID/maps, PID/smaps, PID/smaps_rollup. Mirrors: fs/proc/task_mmu.c. */
import { addVmaSums, PageSums, pssKb } from '../mm/page-stats.ts';
import { permsText, VM_HUGETLB, vmFlagsText } from '../mm/vm-flags.ts';
import type { Vma } from '../mm/vma.ts';
import { PAGE_BYTES, PAGE_KB } from './constants.ts';
import type { TaskContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

/** The column where the name of a mapping stands: 25 + 6 × sizeof(void *). */
const NAME_COLUMN = 73;
/** Pretend: the device of the simulated disk (254:0), and of shared memory (0:1). */
const DISK_MAJOR = 0xfe;

export function showMaps(out: TextBuffer, { task: { mm } }: TaskContext): void {
  if (mm === null) return;
  for (const vma of mm.vmas) mapsLine(out, vma);
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
  return vma.mapping === null ? vma.name : escapePath(vma.mapping.path);
}

/** Mirrors: seq_path(…, "\n"). */
export function escapePath(path: string): string {
  return path.includes('\n') ? path.replaceAll('\n', '\\012') : path;
}

/** The lines of smaps behind the header: label and the number of kB it shows. Mirrors: __show_smap, show_smap. */
type Field = readonly [label: string, kb: (sums: PageSums, vma: Vma) => number];
const zero = (): number => 0;
const kbOf = (bytes: number): number => bytes / 1024;
const BEFORE_ROLLUP: readonly Field[] = [
  ['Size:           ', (_s, vma) => (vma.end - vma.start) * PAGE_KB],
  ['KernelPageSize: ', (_s, vma) => pageSizeKb(vma)],
  ['MMUPageSize:    ', (_s, vma) => pageSizeKb(vma)],
];
const RSS: readonly Field[] = [
  ['Rss:            ', (s) => kbOf(s.rss)],
  ['Pss:            ', (s) => pssKb(s.pss)],
  ['Pss_Dirty:      ', (s) => pssKb(s.pssDirty)],
];
const PSS_PARTS: readonly Field[] = [
  ['Pss_Anon:       ', (s) => pssKb(s.pssAnon)],
  ['Pss_File:       ', (s) => pssKb(s.pssFile)],
  ['Pss_Shmem:      ', (s) => pssKb(s.pssShmem)],
];
const PARTS: readonly Field[] = [
  ['Shared_Clean:   ', (s) => kbOf(s.sharedClean)],
  ['Shared_Dirty:   ', (s) => kbOf(s.sharedDirty)],
  ['Private_Clean:  ', (s) => kbOf(s.privateClean)],
  ['Private_Dirty:  ', (s) => kbOf(s.privateDirty)],
  ['Referenced:     ', (s) => kbOf(s.referenced)],
  ['Anonymous:      ', (s) => kbOf(s.anonymous)],
  ['KSM:            ', zero],
  ['LazyFree:       ', (s) => kbOf(s.lazyFree)],
  ['AnonHugePages:  ', zero],
  ['ShmemPmdMapped: ', zero],
  ['FilePmdMapped:  ', zero],
  ['Shared_Hugetlb: ', (s) => kbOf(s.sharedHugetlb)],
  ['Private_Hugetlb:', (s) => kbOf(s.privateHugetlb)],
  ['Swap:           ', (s) => kbOf(s.swap)],
  ['SwapPss:        ', (s) => pssKb(s.swapPss)],
  ['Locked:         ', (s) => pssKb(s.pssLocked)],
];
const SMAPS_FIELDS: readonly Field[] = [...BEFORE_ROLLUP, ...RSS, ...PARTS];
const ROLLUP_FIELDS: readonly Field[] = [...RSS, ...PSS_PARTS, ...PARTS];
/** Columns of a number; one that is wider moves the rest of its line. */
const WIDTH = 8;
const WIDEST = 99_999_999;

/** The fields with blank numbers, and where each number ends: a VMA is one copy and a few patches. */
interface Template {
  readonly fields: readonly Field[];
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
}

function templateOf(fields: readonly Field[]): Template {
  let text = '';
  const ends: number[] = [];
  for (const [label] of fields) {
    text += `${label}${'0'.padStart(WIDTH)}`;
    ends.push(text.length);
    text += ' kB\n';
  }
  return { fields, bytes: Buffer.from(text, 'latin1'), ends };
}

const SMAPS = templateOf(SMAPS_FIELDS);
const ROLLUP = templateOf(ROLLUP_FIELDS);

function pageSizeKb(vma: Vma): number {
  return vma.flags & VM_HUGETLB ? 2048 : PAGE_KB;
}

function showFields(out: TextBuffer, template: Template, sums: PageSums, vma: Vma): void {
  const { fields, ends, bytes } = template;
  const start = out.length;
  out.raw(bytes);
  for (let i = 0; i < fields.length; i++) {
    const kb = fields[i]![1](sums, vma);
    if (kb === 0) continue;
    if (kb > WIDEST) {
      showWideFields(out.truncate(start), fields, sums, vma);
      return;
    }
    out.patchDec(start + ends[i]!, kb);
  }
}

function showWideFields(out: TextBuffer, fields: readonly Field[], sums: PageSums, vma: Vma): void {
  for (const [label, kb] of fields) out.text(label).dec(kb(sums, vma), WIDTH).text(' kB').newline();
}

const sums = new PageSums();

export function showSmaps(out: TextBuffer, { machine, task: { mm } }: TaskContext): void {
  if (mm === null) return;
  for (const vma of mm.vmas) {
    sums.clear();
    addVmaSums(machine.mem, vma, sums);
    mapsLine(out, vma);
    showFields(out, SMAPS, sums, vma);
    out.text('THPeligible:           0\n').text('VmFlags: ').text(vmFlagsText(vma.flags)).newline();
  }
}

/** Mirrors: show_smaps_rollup. */
export function showSmapsRollup(out: TextBuffer, { machine, task: { mm } }: TaskContext): void {
  if (mm === null) return;
  sums.clear();
  for (const vma of mm.vmas) addVmaSums(machine.mem, vma, sums);
  const first = mm.vmas[0];
  out
    .hex(first?.start ?? 0, 5)
    .text('000-')
    .hex(mm.vmas.at(-1)?.end ?? 0, 5)
    .text('000 ---p 00000000 00:00 0 ');
  out.padTo(NAME_COLUMN).text('[rollup]').newline();
  // Without a VMA every sum is zero, and no field of the rollup looks at one.
  if (first === undefined) out.raw(ROLLUP.bytes);
  else showFields(out, ROLLUP, sums, first);
}
