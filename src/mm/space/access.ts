/** Accesses of many pages by a process: touching, writing content, reading it back. */

import { DISK_ZERO, EXPECT_NOTHING } from '../cache/mapping.ts';
import type { Memory } from '../memory.ts';
import { CONTENT_ZERO, DISK_PAGE_KB, PAGE_SIZE } from '../pages/content.ts';
import { KIND_ZERO } from '../pages/pte.ts';
import {
  accessPage,
  FAULT_MAJOR,
  FAULT_MINOR,
  FAULT_NONE,
  FAULT_OOM,
  FAULT_SIGBUS,
  FAULT_SIGSEGV,
  presentFrame,
} from './fault.ts';
import type { Mm } from './mm.ts';
import { expandStack } from './mmap.ts';
import { VM_HUGETLB, VM_SHARED } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/** What a write leaves in a page: a whole page of fresh content, a fresh first word, or zeros. */
export type Fill = 'full' | 'word' | 'zero';

/** What accesses did. */
export interface TouchResult {
  /** Accesses tried. */
  pages: number;
  minor: number;
  major: number;
  /** Accesses that ended in SIGSEGV or SIGBUS. */
  signals: number;
  /** True when memory ran out; the accesses after it were not tried. */
  oom: boolean;
  /** Numbers of the signals that the process catches, and goes on with the next access; default: none. */
  catches?: readonly number[];
  /** The last signal, by number, and whether it has ended the accesses: the process dies of it. */
  signal?: number;
  fatal?: boolean;
  /** What the faults waited for: pages read from swap and from files, those of them that had been in use when they were taken away, and time in direct reclaim. */
  swapIns?: number;
  fileReads?: number;
  /** Of the reads of files, those waited for one after the other; absent: all. */
  readTurns?: number;
  thrashed?: number;
  stalledUs?: number;
}

/** The VMA of a page, grown down to it if it is a stack. */
export function vmaFor(mem: Memory, mm: Mm, vpn: number): Vma | undefined {
  return mm.find(vpn) ?? expandStack(mem, mm, vpn);
}

/** Touches `count` pages from `vpn` on, `step` pages apart. Adds to `result`, which it returns. */
export function touchPages(
  mem: Memory,
  mm: Mm,
  vpn: number,
  count: number,
  step: number,
  write: boolean,
  fill: Fill,
  result: TouchResult,
): TouchResult {
  const { events } = mem;
  const pswpin = events.pswpin;
  const pgpgin = events.pgpgin;
  const readTurns = mem.readTurns;
  const restored = events.workingset_restore_anon + events.workingset_restore_file;
  const stalledUs = mem.stalledUs;
  mem.onTouch?.(mm, vpn, count, step);
  // Mirrors: lru_gen_use_mm in context_switch.
  if (mem.running !== mm) {
    mem.running = mm;
    mm.hasRun = true;
  }
  touchEach(mem, mm, vpn, count, step, write, fill, result);
  result.swapIns = (result.swapIns ?? 0) + events.pswpin - pswpin;
  result.fileReads = (result.fileReads ?? 0) + (events.pgpgin - pgpgin) / DISK_PAGE_KB;
  result.readTurns = (result.readTurns ?? 0) + mem.readTurns - readTurns;
  result.thrashed = (result.thrashed ?? 0) + events.workingset_restore_anon + events.workingset_restore_file - restored;
  result.stalledUs = (result.stalledUs ?? 0) + mem.stalledUs - stalledUs;
  return result;
}

function touchEach(
  mem: Memory,
  mm: Mm,
  vpn: number,
  count: number,
  step: number,
  write: boolean,
  fill: Fill,
  result: TouchResult,
): void {
  let vma: Vma | undefined;
  for (let i = 0; i < count; i++, vpn += step) {
    if (vma === undefined || vpn >= vma.end || vpn < vma.start) vma = vmaFor(mem, mm, vpn);
    result.pages++;
    const outcome = vma === undefined ? FAULT_SIGSEGV : accessPage(mem, vma, vpn, write);
    if (outcome === FAULT_MINOR) result.minor++;
    else if (outcome === FAULT_MAJOR) result.major++;
    else if (outcome === FAULT_OOM) {
      result.oom = true;
      return;
    } else if (outcome !== FAULT_NONE) {
      if (takesSignal(outcome, result)) return;
      continue;
    }
    if (write && (vma!.flags & VM_HUGETLB) === 0) {
      writeContent(mem, vma!, vpn, fill);
      if (mem.nrFileDirty > mem.dirtyLimitPages) mem.hooks.onDirtyLimit?.(mem);
    }
    // Killed meanwhile: it gets no further than the access under way.
    if (mm.dying) return;
  }
}

const SIGBUS = 7;
const SIGSEGV = 11;

/** Notes the signal of an access that failed; true: the process does not catch it. */
function takesSignal(outcome: number, result: Pick<TouchResult, 'signals' | 'catches' | 'signal' | 'fatal'>): boolean {
  result.signals++;
  result.signal = outcome === FAULT_SIGBUS ? SIGBUS : SIGSEGV;
  result.fatal = result.catches?.includes(result.signal) !== true;
  return result.fatal;
}

/** Puts content into a page that has just been accessed for writing, and notes what a reader should find. */
function writeContent(mem: Memory, vma: Vma, vpn: number, fill: Fill): void {
  const at = mem.tables.find(vma.mm.pageDirectory, vpn);
  const pfn = mem.tables.number(at);
  const { content } = mem.frames;
  if (fill === 'word' && mem.content.isSweepDue) mem.sweepContent();
  const id =
    fill === 'full' ? mem.content.write() : fill === 'word' ? mem.content.writeWord(content[pfn]!) : CONTENT_ZERO;
  content[pfn] = id;
  noteExpected(mem, vma, vpn, at, id);
}

function noteExpected(mem: Memory, vma: Vma, vpn: number, at: number, id: number): void {
  const noted = id === CONTENT_ZERO ? DISK_ZERO : id;
  if (vma.flags & VM_SHARED && vma.mapping !== null) vma.mapping.expected.set(vma.indexOf(vpn), noted);
  else mem.tables.expected[at] = noted;
}

/** What page `vpn` ought to hold according to who wrote it, as a content id; undefined: nobody wrote it and no file says. */
export function expectedContent(mem: Memory, vma: Vma, vpn: number): number | undefined {
  const at = mem.tables.find(vma.mm.pageDirectory, vpn);
  let noted = at === 0 || vma.flags & VM_SHARED ? 0 : mem.tables.expected[at]!;
  const { mapping } = vma;
  if (noted === 0 && mapping !== null) {
    const index = vma.indexOf(vpn);
    if (index >= mapping.nrPages) return undefined;
    noted = mapping.expected.get(index);
    if (noted === 0) return mapping.initialContent(index) || undefined;
  }
  if (noted === 0 || noted === EXPECT_NOTHING) return undefined;
  return noted === DISK_ZERO ? CONTENT_ZERO : noted;
}

/** What a comparison of pages with what was written found. */
export interface VerifyResult {
  pages: number;
  bad: number;
  /** Memory ran out before all was compared. */
  oom?: boolean;
  /** As in TouchResult. */
  signals: number;
  catches?: readonly number[];
  signal?: number;
  fatal?: boolean;
}

/** Reads every page of [start, end) whose content is known (faulting it in) and compares. */
export function verifyPages(mem: Memory, mm: Mm, start: number, end: number, result: VerifyResult): VerifyResult {
  for (let i = mm.indexAfter(start); i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
    const vma = mm.vmas[i]!;
    const last = Math.min(end, vma.end);
    for (let vpn = Math.max(start, vma.start); vpn < last; vpn++) {
      const wanted = expectedContent(mem, vma, vpn);
      if (wanted === undefined) continue;
      const outcome = accessPage(mem, vma, vpn, false);
      if (outcome === FAULT_OOM) {
        result.oom = true;
        return result;
      }
      result.pages++;
      // Looking for memory may have thrown the page away, as volatile memory is: then nobody expects anything of it.
      const thrownAway = outcome !== FAULT_NONE && expectedContent(mem, vma, vpn) !== wanted;
      if (outcome < 0 && takesSignal(outcome, result)) {
        if (!thrownAway) result.bad++;
        return result;
      }
      if (thrownAway) continue;
      if (outcome < 0 || contentAt(mem, mm, vpn) !== wanted) result.bad++;
    }
  }
  return result;
}

/** Content id of a page that has just been accessed for reading. */
function contentAt(mem: Memory, mm: Mm, vpn: number): number {
  const pfn = presentFrame(mem, mm, vpn);
  return pfn === 0 ? CONTENT_ZERO : mem.frames.content[pfn]!;
}

const page = new Uint8Array(PAGE_SIZE);

/**
 * Reads bytes of an address space as /proc/PID/mem does, faulting pages in. Returns bytes copied into `out` (short at
 * the first page that cannot be had; 0 if that is the first).
 */
export function peek(mem: Memory, mm: Mm, address: number, out: Uint8Array): number {
  return eachPage(mem, mm, address, out.length, false, (vpn, from, to, done) => {
    readPage(mem, mm, vpn);
    out.set(page.subarray(from, to), done);
  });
}

/** Writes bytes into an address space as a debugger does. Returns bytes taken. */
export function poke(mem: Memory, mm: Mm, address: number, data: Uint8Array): number {
  return eachPage(mem, mm, address, data.length, true, (vpn, from, to, done, vma) => {
    readPage(mem, mm, vpn);
    page.set(data.subarray(done, done + to - from), from);
    if (mem.content.isSweepDue) mem.sweepContent();
    const id = mem.content.fromBytes(page);
    const at = mem.tables.find(mm.pageDirectory, vpn);
    mem.frames.content[mem.tables.number(at)] = id;
    noteExpected(mem, vma, vpn, at, id);
  });
}

/** Fills `page` with the bytes of an accessed page. */
function readPage(mem: Memory, mm: Mm, vpn: number): void {
  const at = mem.tables.find(mm.pageDirectory, vpn);
  const zero = at === 0 || mem.tables.pte[at]! >>> 30 === KIND_ZERO;
  mem.content.bytes(zero ? CONTENT_ZERO : contentAt(mem, mm, vpn), page);
}

function eachPage(
  mem: Memory,
  mm: Mm,
  address: number,
  length: number,
  write: boolean,
  visit: (vpn: number, from: number, to: number, done: number, vma: Vma) => void,
): number {
  let done = 0;
  while (done < length) {
    const vpn = Math.floor((address + done) / PAGE_SIZE);
    const from = (address + done) % PAGE_SIZE;
    const to = Math.min(PAGE_SIZE, from + length - done);
    const vma = mm.find(vpn);
    // What huge pages hold is not modelled.
    if (vma === undefined || vma.flags & VM_HUGETLB || accessPage(mem, vma, vpn, write) < 0) return done;
    visit(vpn, from, to, done, vma);
    done += to - from;
  }
  return done;
}
