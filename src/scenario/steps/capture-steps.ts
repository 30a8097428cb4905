/** Steps that captured machines are written in: bulk forms of what touch, pageout and fork do page by page. */
import type { Machine } from '../../machine/machine.ts';
import type { Region, Task } from '../../machine/task.ts';
import { cacheLoad } from '../../mm/cache/page-cache.ts';
import type { Memory } from '../../mm/memory.ts';
import { KIND_NONE, KIND_PRESENT, KIND_SWAP } from '../../mm/pages/pte.ts';
import { peek } from '../../mm/space/access.ts';
import { mlockFrame } from '../../mm/space/mlock.ts';
import type { Mm } from '../../mm/space/mm.ts';
import { mmap } from '../../mm/space/mmap.ts';
import { joinAnonRoot, type RestoredPage, restorePage, restorePages, sharePage } from '../../mm/space/restore.ts';
import { PROT_READ, PROT_WRITE, VM_LOCKED, VM_NORESERVE } from '../../mm/space/vm-flags.ts';
import type { Vma } from '../../mm/space/vma.ts';
import { splitAt } from '../../mm/space/vma-ops.ts';
import { forEachEntry } from '../../mm/space/zap.ts';
import { EEXIST, EINVAL, ENOMEM } from '../../util/errno.ts';
import { KernelError, UnknownNameError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import type { ProcessStep, StepResult } from '../step.ts';
import type { Args } from '../words.ts';
import { placeFor, takePlace } from './mmap-step.ts';
import { mmOf, regionOf } from './region.ts';

/** Letters of a run of pages; upper case: not accessed of late. */
const STATES: Readonly<Record<string, RestoredPage | undefined>> = {
  a: 'anon',
  s: 'swap',
  z: 'zero',
  f: 'file',
  d: 'dirty',
};

/** `count` pages of one letter, from page `start` of the mapping on. */
interface Run {
  readonly start: number;
  readonly count: number;
  readonly letter: string;
}

/** Reads `12a3-f`: runs of pages, `-` being pages that are left alone. */
function readRuns(args: Args, firstPage: number, letters: string): Run[] {
  const word = args.next('runs');
  const runs: Run[] = [];
  let at = firstPage;
  let end = 0;
  for (const match of word.text.matchAll(/(\d*)([^\d])/gy)) {
    const count = match[1] === '' ? 1 : Number(match[1]);
    const letter = match[2]!;
    if (!letters.includes(letter)) throw args.fail(`"${letter}" is no kind of page`, word, `one of ${letters}`);
    if (letter !== '-') runs.push({ start: at, count, letter });
    at += count;
    end = match.index + match[0].length;
  }
  if (end !== word.text.length || at > 2 ** 36) throw args.fail(`"${word.text}" are no runs`, word);
  return runs;
}

function pageOffset(args: Args): number {
  const bytes = args.size('offset');
  if (bytes % 4096 !== 0) throw args.fail('the offset is not a whole number of pages');
  return bytes / 4096;
}

function memoryOf(task: Task, name: string): { mm: Mm; region: Region } {
  return { mm: mmOf(task), region: regionOf(task, name) };
}

/** The VMA of a page; `near`: the one found last. Throws EINVAL. */
function vmaOf(mm: Mm, vpn: number, near: Vma | undefined): Vma {
  if (near !== undefined && vpn >= near.start && vpn < near.end) return near;
  const vma = mm.find(vpn);
  if (vma === undefined) throw new KernelError(EINVAL, `nothing is mapped at 0x${(vpn * 4096).toString(16)}`);
  return vma;
}

function hasEntry(mem: Memory, mm: Mm, vpn: number): boolean {
  const at = mem.tables.find(mm.pageDirectory, vpn);
  return at !== 0 && mem.tables.pte[at] !== 0;
}

/** Threads of the kernel and tables stay, whatever meminfo says. */
const LEAST_KERNEL_PAGES = 16;

/** Pages of the process's own, in a mapping made for them, as many as there is room for. */
function addPages(machine: Machine, task: Task, name: string, count: number, state: RestoredPage): void {
  const { mm } = task;
  if (count <= 0 || mm === null) return;
  const start = placeFor(machine, mm, count);
  const { defFlags } = mm;
  // Not filled by mlockall(MCL_FUTURE): the pages are put into place.
  mm.defFlags = 0;
  try {
    mmap(machine.mem, mm, {
      start,
      nrPages: count,
      prot: PROT_READ | PROT_WRITE,
      shared: false,
      mapping: null,
      flags: VM_NORESERVE,
    });
  } finally {
    mm.defFlags = defFlags;
  }
  task.regions.set(name, { name, start, nrPages: count, mapping: null });
  takePlace(machine, start, count);
  const vma = mm.find(start)!;
  for (let vpn = start; vpn < start + count; vpn++) if (!restorePage(machine.mem, vma, vpn, state, false)) return;
}

const restStep: ProcessStep = {
  word: 'rest',
  usage: 'NAME rest free=SIZE [cached=SIZE] [anon=SIZE] [swapfree=SIZE]',
  about:
    "brings the sums of meminfo to these: anonymous and swapped memory becomes this process's, page cache that nobody maps a file's, what remains the kernel's",
  parse(args) {
    const inPages = (key: string): number | undefined => {
      const bytes = args.sizeKey(key);
      return bytes === undefined ? undefined : Math.floor(bytes / 4096);
    };
    const free = inPages('free');
    if (free === undefined) throw args.fail('free= is missing');
    const sums: Sums = { free, cached: inPages('cached'), anon: inPages('anon'), swapFree: inPages('swapfree') };
    return ({ machine }, task) => addRest(machine, task, sums);
  },
};

/** Sums of meminfo, in pages. */
interface Sums {
  readonly free: number;
  readonly cached: number | undefined;
  readonly anon: number | undefined;
  readonly swapFree: number | undefined;
}

function* addRest(machine: Machine, task: Task, { free, cached, anon, swapFree }: Sums): Job<StepResult> {
  const { mem } = machine;
  if (swapFree !== undefined && mem.swap?.active)
    addPages(machine, task, 'swapped', mem.swap.nrFree - swapFree, 'swap');
  if (anon !== undefined) addPages(machine, task, 'anon', anon - mem.nrAnonMapped, 'anon');
  // More than all memory would only push itself out again (a capture that is played with less memory than it had).
  const uncached = cached === undefined ? 0 : Math.min(cached - mem.nrFilePages, mem.frames.total);
  if (uncached > 0) {
    const file = machine.createFile('uncaptured', '/uncaptured', uncached * 4096, { uid: 0, gid: 0, mode: 0o600 });
    yield* cacheLoad(mem, file, 0, uncached);
  }
  mem.kernelPages = Math.max(LEAST_KERNEL_PAGES, mem.kernelPages + mem.nrFree - free);
  return {};
}

/** Pages put into place in one piece of work. */
const PIECE_PAGES = 1 << 13;

function* putPages(mem: Memory, { mm, region }: { mm: Mm; region: Region }, runs: readonly Run[]): Job<StepResult> {
  let vma: Vma | undefined;
  let seen = 0;
  for (const { start, count, letter } of runs) {
    const lower = letter.toLowerCase();
    const state = STATES[lower]!;
    const end = region.start + start + count;
    for (let vpn = region.start + start; vpn < end; ) {
      vma = vmaOf(mm, vpn, vma);
      const wanted = Math.min(vma.end, end, vpn + PIECE_PAGES) - vpn;
      const done = restorePages(mem, vma, vpn, wanted, state, letter === lower);
      vpn += done;
      if (done < wanted) {
        if (hasEntry(mem, mm, vpn)) throw new KernelError(EEXIST, `there is a page at offset ${vpn - region.start}p`);
        throw new KernelError(ENOMEM, state === 'swap' ? 'swap is full' : 'memory is full');
      }
      seen += done;
      if (seen < PIECE_PAGES) continue;
      seen = 0;
      yield;
    }
  }
  return {};
}

export const captureSteps: readonly ProcessStep[] = [
  restStep,
  {
    word: 'pages',
    usage: 'NAME pages MAPPING OFF RUNS',
    about:
      'puts pages into a recorded state, in runs such as 12a3-f: a anonymous, s swapped, z zero page, f of the file, d written to the file, - none; upper case: not accessed of late',
    partial: true,
    parse(args) {
      const name = args.name('mapping').text;
      const runs = readRuns(args, pageOffset(args), 'aszfdASZFD-');
      return ({ machine: { mem } }, task) => putPages(mem, memoryOf(task, name), runs);
    },
  },
  {
    word: 'share',
    usage: 'NAME share MAPPING OTHER OFF RUNS',
    about: 'maps the anonymous pages that OTHER has at the same addresses, as after a fork: 12+3-+',
    partial: true,
    parse(args) {
      const name = args.name('mapping').text;
      const otherWord = args.next('other process');
      const offset = pageOffset(args);
      const runs = readRuns(args, offset, '+-');
      return ({ machine }, task) => {
        const { mem } = machine;
        const { mm, region } = memoryOf(task, name);
        const other = machine.named.get(otherWord.text) ?? machine.byTid.get(Number(otherWord.text));
        if (other === undefined || other.mm === null)
          throw new UnknownNameError(
            `there is no process ${otherWord.text} with memory`,
            otherWord.text,
            machine.named.keys(),
          );
        const sharer = new Sharer(mem, other.mm, mm);
        sharer.at(region.start + offset);
        for (const { start, count } of runs) {
          for (let vpn = region.start + start; vpn < region.start + start + count; vpn++) {
            if (hasEntry(mem, mm, vpn))
              throw new KernelError(EEXIST, `there is a page at offset ${vpn - region.start}p`);
            if (!sharer.share(vpn))
              throw new KernelError(EINVAL, `${other.name} has no anonymous page at offset ${vpn - region.start}p`);
          }
        }
        return {};
      };
    },
  },
  {
    word: 'lock',
    usage: 'NAME lock MAPPING',
    about: 'locks what is there without reading in the rest, as mlock2(MLOCK_ONFAULT)',
    parse(args) {
      const name = args.name('mapping').text;
      return ({ machine: { mem } }, task) => {
        const { mm, region } = memoryOf(task, name);
        const end = region.start + region.nrPages;
        splitAt(mem, mm, region.start);
        splitAt(mem, mm, end);
        for (let i = mm.indexAfter(region.start); i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
          const vma = mm.vmas[i]!;
          vma.flags |= VM_LOCKED;
          forEachEntry(mem, vma, vma.start, vma.end, (at) => {
            const pte = mem.tables.pte[at]!;
            if (pte >>> 30 === KIND_PRESENT) mlockFrame(mem, mem.tables.numberOf(at, pte));
          });
        }
        mm.vmasChanged();
        return {};
      };
    },
  },
  {
    word: 'peak',
    usage: 'NAME peak [rss=SIZE] [vm=SIZE]',
    about: 'its largest resident and virtual sizes so far',
    parse(args) {
      const rss = Math.floor((args.sizeKey('rss') ?? 0) / 4096);
      const vm = Math.floor((args.sizeKey('vm') ?? 0) / 4096);
      return (_ctx, task) => {
        if (task.mm === null) throw new KernelError(EINVAL, `${task.name} has no memory`);
        task.mm.hiwaterRss = Math.max(rss, task.mm.rss);
        task.mm.hiwaterVm = Math.max(vm, task.mm.sizes.total);
        return {};
      };
    },
  },
  {
    word: 'peek',
    usage: 'NAME peek ADDR LEN',
    about: 'reads its memory, as a read of /proc/PID/mem does (faults pages in)',
    parse(args) {
      const address = args.size('address');
      const length = args.size('length', undefined, 0, 2 ** 30);
      return ({ machine }, task) => {
        if (task.mm === null) throw new KernelError(EINVAL, `${task.name} has no memory`);
        peek(machine.mem, task.mm, address, new Uint8Array(length));
        return {};
      };
    },
  },
  {
    word: 'coredumpfilter',
    usage: 'NAME coredumpfilter N',
    about: 'as a write to /proc/PID/coredump_filter',
    parse(args) {
      const value = args.integer('value', undefined, 0, 0xffffffff);
      return ({ machine }, task) => {
        task.coredumpFilter = value;
        machine.generation++;
        return {};
      };
    },
  },
  {
    word: 'timerslack',
    usage: 'NAME timerslack NS',
    about: 'as a write to /proc/PID/timerslack_ns',
    parse(args) {
      const value = args.integer('nanoseconds', undefined, 0, Number.MAX_SAFE_INTEGER);
      return ({ machine }, task) => {
        task.timerslackNs = value;
        machine.generation++;
        return {};
      };
    },
  },
];

/** Shares pages between two address spaces, mapping by mapping. */
class Sharer {
  readonly #mem: Memory;
  readonly #fromMm: Mm;
  readonly #toMm: Mm;
  #from: Vma | undefined;
  #to: Vma | undefined;
  #joined = false;

  constructor(mem: Memory, from: Mm, to: Mm) {
    this.#mem = mem;
    this.#fromMm = from;
    this.#toMm = to;
  }

  /** Joins the two mappings at a page. Throws EINVAL where one is missing. */
  at(vpn: number): { from: Vma; to: Vma } {
    const from = vmaOf(this.#fromMm, vpn, this.#from);
    const to = vmaOf(this.#toMm, vpn, this.#to);
    if (from !== this.#from || to !== this.#to) {
      this.#joined = joinAnonRoot(this.#mem, from, to);
      this.#from = from;
      this.#to = to;
    }
    return { from, to };
  }

  /** False: the other has no anonymous page there. Where the mappings have different origins already, a page of its own. */
  share(vpn: number): boolean {
    const { from, to } = this.at(vpn);
    if (this.#joined && sharePage(this.#mem, from, to, vpn, true)) return true;
    const at = this.#mem.tables.find(from.mm.pageDirectory, vpn);
    const kind = at === 0 ? KIND_NONE : this.#mem.tables.pte[at]! >>> 30;
    if (kind !== KIND_PRESENT && kind !== KIND_SWAP) return false;
    if (restorePage(this.#mem, to, vpn, kind === KIND_SWAP ? 'swap' : 'anon', true)) return true;
    throw new KernelError(ENOMEM, 'memory or swap is full');
  }
}
