/** The step that makes mappings: one, a stack, or a row of equal ones. */
import type { Machine } from '../../machine/machine.ts';
import type { Task } from '../../machine/task.ts';
import type { Mapping } from '../../mm/cache/mapping.ts';
import { HUGE_KB, HUGE_PAGES } from '../../mm/pages/hugetlb.ts';
import { accessPage } from '../../mm/space/fault.ts';
import type { Mm } from '../../mm/space/mm.ts';
import { mmapInPieces, munmap, TASK_SIZE_PAGES } from '../../mm/space/mmap.ts';
import {
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  VM_GROWSDOWN,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_NORESERVE,
  VM_PFNMAP,
} from '../../mm/space/vm-flags.ts';
import type { Vma } from '../../mm/space/vma.ts';
import { EINVAL, ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { suggestion } from '../../util/suggest.ts';
import { calling } from '../report.ts';
import type { ProcessStep, StepResult } from '../step.ts';
import type { Args, Word } from '../words.ts';
import { objectOf } from './machine-steps.ts';
import { mmOf } from './region.ts';

const GIB_PAGES = 262144;
/** Mappings made in one piece of work. */
const PIECE_VMAS = 256;
const FIRST_MAPPING = 0x100000000000 / 4096;

const PROTS: Readonly<Record<string, number>> = {
  none: 0,
  r: PROT_READ,
  w: PROT_WRITE,
  rw: PROT_READ | PROT_WRITE,
  x: PROT_EXEC,
  rx: PROT_READ | PROT_EXEC,
  wx: PROT_WRITE | PROT_EXEC,
  rwx: PROT_READ | PROT_WRITE | PROT_EXEC,
};

/** The PROT_* bits of `rw`, `none`… */
export function protOf(args: Args, word: Word): number {
  const prot = PROTS[word.value];
  if (prot === undefined)
    throw args.fail(`"${word.value}" is no protection`, word, suggestion(word.value, Object.keys(PROTS)));
  return prot;
}

function parseMmap(args: Args): ReturnType<ProcessStep['parse']> {
  const name = args.next('name of the mapping').text;
  const count = args.integerKey('count', 1, 1_000_000);
  const each = args.sizeKey('each');
  const gap = args.sizeKey('gap') ?? 0;
  const size = args.sizeKey('size');
  const object = args.objectKey('obj');
  const offset = args.sizeKey('off') ?? 0;
  const at = args.sizeKey('at');
  const init = args.sizeKey('init');
  const hugetlbKb = args.integerKey('hugetlb', 0, 2 ** 37);
  const label = args.key('name')?.value ?? '';
  const protWord = args.key('prot');
  const prot = protWord === undefined ? PROT_READ | PROT_WRITE : protOf(args, protWord);
  const open = args.choiceKey('open', ['r', 'rw']);
  let flags = 0;
  for (const [word, flag] of FLAG_WORDS) if (args.flag(word)) flags |= flag;
  const populate = args.flag('populate');
  if (hugetlbKb !== undefined) flags |= VM_HUGETLB;
  const anon = args.flag('anon');
  const shared = args.flag('shared');
  const isPrivate = args.flag('private');
  const excluding = (a: string, b: string) => args.fail(`${a} and ${b} exclude each other`, args.given.at(-1));
  if (anon && object !== undefined) throw excluding('anon', 'obj=');
  if (shared && isPrivate) throw excluding('private', 'shared');
  if ((count === undefined) !== (each === undefined)) throw args.fail('count= and each= belong together');
  if (size !== undefined && count !== undefined) throw excluding('size=', 'count=');
  if (size === undefined && count === undefined && object === undefined)
    throw args.fail('size= (or obj=, or count= and each=) is missing');
  for (const bytes of [offset, gap, each ?? 0, at ?? 0]) {
    if (bytes % 4096 !== 0) throw args.fail(`${bytes} is not a whole number of pages`);
  }
  const pieces = count ?? 1;

  const readOnly = (open ?? openedFor(prot)) === 'r';
  const wish: Wish = {
    name,
    label,
    pieces,
    count,
    each,
    gap,
    size,
    object,
    offset,
    at,
    init,
    hugetlbKb,
    prot,
    readOnly,
    flags,
    populate,
    shared,
  };
  return ({ machine }, task) => carryOut(machine, task, wish);
}

/** What the words of the step come to. */
interface Wish {
  readonly name: string;
  /** What maps shows. */
  readonly label: string;
  readonly pieces: number;
  readonly count: number | undefined;
  /** Bytes, as all sizes and offsets here. */
  readonly each: number | undefined;
  readonly gap: number;
  readonly size: number | undefined;
  readonly object: ReturnType<Args['objectKey']>;
  readonly offset: number;
  readonly at: number | undefined;
  readonly init: number | undefined;
  readonly hugetlbKb: number | undefined;
  readonly prot: number;
  readonly readOnly: boolean;
  readonly flags: number;
  readonly populate: boolean;
  readonly shared: boolean;
}

/** Where the mappings go, and how many have been made. */
interface Row {
  readonly start: number;
  readonly eachPages: number;
  readonly stridePages: number;
  readonly areaPages: number;
  readonly found: Mapping | undefined;
  made: number;
}

// Generators of the module, and no closures: each closure that is a generator has a prototype of its own, and whatever
// it makes is of a shape that nobody has seen, which is slow where there are hundreds of thousands of steps.
function* carryOut(machine: Machine, task: Task, wish: Wish): Job<StepResult> {
  const { name, count, each, gap, size, object, offset, at, pieces } = wish;
  const mm = mmOf(task);
  const found = object === undefined ? undefined : objectOf(machine, object);
  const objectBytes = Math.max(0, (found?.nrPages ?? 0) * 4096 - offset);
  const eachPages = Math.ceil((each ?? size ?? objectBytes) / 4096);
  const stridePages = eachPages + gap / 4096;
  const areaPages = count === undefined ? eachPages : pieces * stridePages;
  if (task.regions.has(name)) throw new KernelError(EINVAL, `${task.name} has a mapping named ${name} already`, name);
  const start = at === undefined ? placeFor(machine, mm, areaPages) : at / 4096;
  const row: Row = { start, eachPages, stridePages, areaPages, found, made: 0 };
  const result = yield* calling(task, () => makeRow(machine, task, wish, row));
  if (result['ret'] === -1) return result;
  result['addr'] = `0x${(start * 4096).toString(16)}`;
  // A row of mappings ends where vm.max_map_count ends it, as a program's loop does.
  if (row.made < pieces) result['mapped'] = row.made;
  return result;
}

function* makeRow(machine: Machine, task: Task, wish: Wish, row: Row): Job<void> {
  const { name, label, pieces, offset, at, init, hugetlbKb, prot, readOnly, flags, populate, shared } = wish;
  const { start, eachPages, stridePages, areaPages, found } = row;
  const mm = mmOf(task);
  const mapping = found ?? (shared ? machine.anonymousShmem(areaPages * 4096) : null);
  const initPages = flags & VM_GROWSDOWN ? Math.min(areaPages, Math.ceil((init ?? 4096 * 32) / 4096)) : eachPages;
  for (; row.made < pieces; row.made++) {
    if (row.made > 0 && mm.vmas.length > machine.mem.settings.maxMapCount) break;
    const first = flags & VM_GROWSDOWN ? start + areaPages - initPages : start + row.made * stridePages;
    const vma = yield* mmapInPieces(machine.mem, mm, {
      start: first,
      nrPages: initPages,
      prot,
      shared,
      mapping,
      readOnlyFile: mapping?.kind === 'file' && readOnly,
      pgoff: offset / 4096,
      flags,
      populate,
      name: label,
    });
    if (row.made % PIECE_VMAS === PIECE_VMAS - 1) yield;
    if (hugetlbKb !== undefined) yield* touchHuge(machine, mm, vma, Math.ceil(hugetlbKb / HUGE_KB));
  }
  task.regions.set(name, { name, start, nrPages: areaPages, mapping });
  if (at === undefined) takePlace(machine, start, areaPages);
}

/** How a program opens a file that it maps with this protection: to read only, where it only reads. */
function openedFor(prot: number): 'r' | 'rw' {
  return (prot & (PROT_READ | PROT_WRITE)) === PROT_READ ? 'r' : 'rw';
}

/** The huge pages that a mapping has from the start: its first ones. Throws ENOMEM. */
function* touchHuge(machine: Machine, mm: Mm, vma: Vma, count: number): Job<void> {
  const { start, end } = vma;
  for (let i = 0; i < Math.min(count, vma.nrPages / HUGE_PAGES); i++) {
    if (accessPage(machine.mem, vma, start + i * HUGE_PAGES, vma.isWritable) >= 0) continue;
    yield* munmap(machine.mem, mm, start, end);
    throw new KernelError(ENOMEM, 'there are not so many huge pages (vm.nr_hugepages)');
  }
}

/** Where a mapping without an address goes: the machine's next place, or, when those are used up, above what the process has. */
export function placeFor(machine: Machine, mm: Mm, nrPages: number): number {
  if (machine.nextMapping + nrPages <= TASK_SIZE_PAGES) return machine.nextMapping;
  const last = mm.vmas.findLast((vma) => vma.end + 2 * GIB_PAGES + nrPages <= TASK_SIZE_PAGES);
  return last === undefined
    ? FIRST_MAPPING
    : Math.max(FIRST_MAPPING, (Math.ceil(last.end / GIB_PAGES) + 1) * GIB_PAGES);
}

/** The next mapping without an address goes a GiB behind this one. */
export function takePlace(machine: Machine, start: number, nrPages: number): void {
  if (start === machine.nextMapping) machine.nextMapping = (Math.ceil((start + nrPages) / GIB_PAGES) + 1) * GIB_PAGES;
}

const FLAG_WORDS: readonly (readonly [string, number])[] = [
  ['locked', VM_LOCKED],
  ['noreserve', VM_NORESERVE],
  ['growsdown', VM_GROWSDOWN],
  ['pfnmap', VM_PFNMAP],
  ['io', VM_IO],
];

export const mmapStep: ProcessStep = {
  word: 'mmap',
  usage:
    'NAME mmap MAPPING size=SIZE [anon] [private|shared] [prot=rw] [at=ADDR] [locked] [populate] [noreserve] [pfnmap] [io] [hugetlb=KB] [name=TEXT] | NAME mmap MAPPING obj=OBJECT [size=SIZE] [off=SIZE] [private|shared] [prot=rw] [open=r|rw] [at=ADDR] [locked] [populate] [noreserve] [pfnmap] [io] [hugetlb=KB] [name=TEXT] | NAME mmap MAPPING size=SIZE growsdown [init=SIZE] [anon] [private] [prot=rw] [at=ADDR] [locked] [noreserve] [name=TEXT] | NAME mmap MAPPING count=N each=SIZE [gap=SIZE] [anon|obj=OBJECT] [off=SIZE] [private|shared] [prot=rw] [open=r|rw] [at=ADDR] [locked] [populate] [noreserve] [name=TEXT]',
  about: 'a new mapping, or a row of equal ones',
  partial: true,
  parse: parseMmap,
};
