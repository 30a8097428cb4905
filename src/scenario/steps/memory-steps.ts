/** Steps of a process's memory: mapping, touching, locking, advice, reclaim. */

import { clearRefs } from '../../machine/clear-refs.ts';
import type { Machine } from '../../machine/machine.ts';
import { reclaimByScenario, writeReclaim } from '../../machine/reclaim.ts';
import { signalName } from '../../machine/signal.ts';
import { chargeFaults, dieOfSignal } from '../../machine/stall.ts';
import type { Region, Task } from '../../machine/task.ts';
import { syncMapping } from '../../mm/cache/writeback.ts';
import { kindNumber, PAGE_KINDS, type PageKind } from '../../mm/pages/page-kinds.ts';
import { type Credentials, coldVma, isKind, type ReclaimKind } from '../../mm/reclaim/process-reclaim.ts';
import {
  type Fill,
  poke,
  type TouchResult,
  touchPages,
  type VerifyResult,
  verifyPages,
} from '../../mm/space/access.ts';
import { ADVICE, type Advice, madvise } from '../../mm/space/madvise.ts';
import type { Mm } from '../../mm/space/mm.ts';
import { mlock, mprotect, munlock, munmap } from '../../mm/space/mmap.ts';
import { VM_HUGETLB, VM_LOCKED, VM_PFNMAP } from '../../mm/space/vm-flags.ts';
import type { Vma } from '../../mm/space/vma.ts';
import { EINVAL, ENOMEM, errnoName } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { reportAtEnd, systemCall, withEventsInPieces } from '../report.ts';
import type { ProcessStep } from '../step.ts';
import type { Args } from '../words.ts';
import { MAX_ID } from './machine-steps.ts';
import { mmapStep, protOf } from './mmap-step.ts';
import { mmOf, regionOf } from './region.ts';

/** An offset and length within a mapping, as written; absent: all of it. */
interface Part {
  readonly name: string;
  readonly offset: number;
  readonly length: number | undefined;
}

function readPart(args: Args, optional = false): Part {
  const name = args.name('mapping').text;
  const first = optional ? args.optional() : args.next('offset');
  if (first === undefined) return { name, offset: 0, length: undefined };
  return { name, offset: args.size('offset', first), length: args.size('length') };
}

/** The pages of a part: [start, end). A length is rounded up to pages. Throws EINVAL for an offset within a page. */
function pagesOf(task: Task, part: Part): { region: Region; start: number; end: number } {
  const region = regionOf(task, part.name);
  if (part.offset % 4096 !== 0) throw new KernelError(EINVAL, 'the address is not at the start of a page');
  const start = region.start + part.offset / 4096;
  return {
    region,
    start,
    end: part.length === undefined ? region.start + region.nrPages : start + Math.ceil(part.length / 4096),
  };
}

/** A system call on a part of a mapping. */
function partCall(
  word: string,
  usage: string,
  about: string,
  call: (machine: Machine, mm: Mm, start: number, end: number) => Job<void>,
): ProcessStep {
  return {
    word,
    usage: `NAME ${usage}`,
    about,
    partial: true,
    parse(args) {
      const part = readPart(args);
      return ({ machine }, task) => {
        const mm = mmOf(task);
        regionOf(task, part.name);
        return systemCall(machine, task, () => {
          const { start, end } = pagesOf(task, part);
          return call(machine, mm, start, end);
        });
      };
    },
  };
}

/** Pages in one piece of work: a millisecond, or some under pressure. */
const PIECE_PAGES = 512;

const KINDS = ['anon', 'file', 'all'] as const;

/** `anon|file|all` or `range NAME OFF LEN`. */
function readTarget(args: Args, extra: readonly 'shmem'[] = []): { kind: ReclaimKind; part?: Part } {
  const kind = args.choice('what', [...KINDS, ...extra, 'range']);
  return kind === 'range' ? { kind: 'all', part: readPart(args) } : { kind };
}

/** Whether a VMA lies within a mapping that the scenario made, for this process or for one that shares its memory. */
function isOwn(machine: Machine, task: Task, vma: Vma): boolean {
  for (const { regions } of [task, ...machine.sharersOf(task)]) {
    for (const { start, nrPages } of regions.values()) if (vma.start < start + nrPages && vma.end > start) return true;
  }
  return false;
}

/** What a step reports of signals: how many, which one, and that the process has died of it. */
function signalsOf({
  signals,
  signal,
  fatal,
}: Pick<TouchResult, 'signals' | 'signal' | 'fatal'>): Record<string, unknown> {
  if (signal === undefined || signals === 0) return {};
  return { signals, signal: signalName(signal), ...(fatal ? { died: true } : {}) };
}

export const memorySteps: readonly ProcessStep[] = [
  mmapStep,
  {
    word: 'touch',
    usage: `NAME touch MAPPING OFF LEN read|write [stride=SIZE] [fill=full|word|zero] [content=${PAGE_KINDS.join('|')}]`,
    about: 'one access per page (or per stride)',
    partial: true,
    parse(args) {
      const part = readPart(args);
      const write = args.choice('access', ['read', 'write']) === 'write';
      const stride = args.sizeKey('stride', 1) ?? 4096;
      const fill: Fill = args.choiceKey('fill', ['full', 'word', 'zero']) ?? 'full';
      const content = args.choiceKey('content', PAGE_KINDS);
      return ({ machine }, task) => {
        const mm = mmOf(task);
        const region = regionOf(task, part.name);
        return withEventsInPieces(machine, touching(machine, task, mm, region, { part, stride, write, fill, content }));
      };
    },
  },
  partCall('munmap', 'munmap MAPPING OFF LEN', 'as the system call', (machine, mm, start, end) =>
    munmap(machine.mem, mm, start, end),
  ),
  {
    word: 'mlock',
    usage: 'NAME mlock MAPPING OFF LEN [onfault]',
    about: 'as the system call; onfault: mlock2 with MLOCK_ONFAULT',
    partial: true,
    parse(args) {
      const part = readPart(args);
      const onFault = args.flag('onfault');
      return ({ machine }, task) => {
        const mm = mmOf(task);
        regionOf(task, part.name);
        return systemCall(machine, task, () => {
          const { start, end } = pagesOf(task, part);
          return mlock(machine.mem, mm, start, end, onFault);
        });
      };
    },
  },
  partCall('munlock', 'munlock MAPPING OFF LEN', 'as the system call', (machine, mm, start, end) =>
    munlock(machine.mem, mm, start, end),
  ),
  partCall('msync', 'msync MAPPING OFF LEN', 'as the system call with MS_SYNC', (machine, mm, start, end) =>
    msync(machine, mm, start, end),
  ),
  {
    word: 'mprotect',
    usage: 'NAME mprotect MAPPING OFF LEN rw|r|none',
    about: 'as the system call',
    partial: true,
    parse(args) {
      const part = readPart(args);
      const prot = protOf(args, args.next('protection'));
      return ({ machine }, task) => {
        const mm = mmOf(task);
        regionOf(task, part.name);
        return systemCall(machine, task, () => {
          const { start, end } = pagesOf(task, part);
          return mprotect(machine.mem, mm, start, end, prot);
        });
      };
    },
  },
  {
    word: 'madvise',
    usage: `NAME madvise MAPPING OFF LEN ${ADVICE.join('|')}`,
    about: 'as the system call, by the process itself',
    partial: true,
    parse(args) {
      const part = readPart(args);
      const advice: Advice = args.choice('advice', ADVICE);
      return ({ machine }, task) => {
        const mm = mmOf(task);
        regionOf(task, part.name);
        return systemCall(machine, task, () => {
          const { start, end } = pagesOf(task, part);
          return madvise(machine.mem, mm, start, end, advice, ownCredentials(task));
        });
      };
    },
  },
  {
    word: 'process_madvise',
    usage: 'NAME process_madvise ADDR LEN cold|pageout|willneed [uid=N] [gid=N]',
    about: 'advice of another process about one range, as the system call: of root, or of another user',
    partial: true,
    parse(args) {
      const address = args.size('address');
      const length = args.size('length');
      const advice = args.choice('advice', ['cold', 'pageout', 'willneed'] as const);
      const uid = args.integerKey('uid', 0, MAX_ID) ?? 0;
      const gid = args.integerKey('gid', 0, MAX_ID) ?? uid;
      return ({ machine }, task) => {
        const mm = mmOf(task);
        return systemCall(machine, task, () => {
          if (address % 4096 !== 0) throw new KernelError(EINVAL, `address ${address} is not at the start of a page`);
          const start = address / 4096;
          const end = start + Math.ceil(length / 4096);
          return madvise(machine.mem, mm, start, end, advice, { uid, gid, privileged: uid === 0 });
        });
      };
    },
  },
  {
    word: 'pageout',
    usage: 'NAME pageout anon|file|all|shmem | NAME pageout range MAPPING OFF LEN [nodrain]',
    about: "a write to /proc/PID/reclaim by root; walks the scenario's own mappings",
    parse(args) {
      const target = readTarget(args, ['shmem']);
      args.flag('nodrain');
      return ({ machine }, task) => withEventsInPieces(machine, pageout(machine, task, target, undefined));
    },
  },
  {
    word: 'selfpageout',
    usage: 'NAME selfpageout anon|file|all',
    about: "the same with the process's own credentials",
    parse(args) {
      const target = readTarget(args);
      return ({ machine }, task) => withEventsInPieces(machine, pageout(machine, task, target, ownCredentials(task)));
    },
  },
  {
    word: 'cold',
    usage: 'NAME cold anon|file|all | NAME cold range MAPPING OFF LEN',
    about: 'MADV_COLD: deactivates pages',
    parse(args) {
      const target = readTarget(args);
      return ({ machine }, task) => withEventsInPieces(machine, cooling(machine, task, target));
    },
  },
  {
    word: 'reclaim',
    usage: 'NAME reclaim TEXT',
    about: 'TEXT is written to /proc/PID/reclaim, as echo -n does',
    parse(args) {
      const text = args.text('text');
      return ({ machine }, task) => withEventsInPieces(machine, reclaiming(machine, task, text));
    },
  },
  {
    word: 'clearrefs',
    usage: 'NAME clearrefs 1|2|3|4|5',
    about: 'as a write to /proc/PID/clear_refs',
    parse(args) {
      const value = args.integer('value', undefined, 1, 5);
      return ({ machine }, task) => reportAtEnd(clearRefs(machine, task, value), {});
    },
  },
  {
    word: 'verify',
    usage: 'NAME verify MAPPING [OFF LEN]',
    about: 'compares every written page with what was written (faults pages in)',
    parse(args) {
      const part = readPart(args, true);
      return ({ machine }, task) => {
        const mm = mmOf(task);
        return withEventsInPieces(machine, verifying(machine, task, mm, part));
      };
    },
  },
  {
    word: 'poke',
    usage: 'NAME poke ADDR "BYTES"',
    about: 'writes bytes into its memory, as a write to /proc/PID/mem does',
    partial: true,
    parse(args) {
      const address = args.size('address');
      const bytes = Buffer.from(args.next('bytes').text, 'latin1');
      return ({ machine }, task) => {
        const taken = poke(machine.mem, mmOf(task), address, bytes);
        if (taken < bytes.length) throw new KernelError(EINVAL, 'part of the range cannot be written');
        return { ret: taken };
      };
    },
  },
];

function ownCredentials({ ids: { euid, egid } }: Task): Credentials {
  return { uid: euid, gid: egid, privileged: euid === 0 };
}

function* pageout(
  machine: Machine,
  task: Task,
  { kind, part }: ReturnType<typeof readTarget>,
  who: Credentials | undefined,
): Job<Record<string, unknown>> {
  const range = part === undefined ? undefined : pagesOf(task, part);
  return yield* reclaimByScenario(machine, task, mmOf(task), kind, range, who, (vma) => isOwn(machine, task, vma));
}

function* cooling(
  machine: Machine,
  task: Task,
  { kind, part }: ReturnType<typeof readTarget>,
): Job<Record<string, unknown>> {
  const mm = mmOf(task);
  const range = part === undefined ? undefined : pagesOf(task, part);
  const result = { vmas_walked: 0, bytes_advised: 0, vmas_refused: 0 };
  for (const vma of mm.vmas) {
    const from = Math.max(vma.start, range?.start ?? 0);
    const to = Math.min(vma.end, range?.end ?? Number.POSITIVE_INFINITY);
    if (from >= to || !isKind(vma, kind) || !isOwn(machine, task, vma)) continue;
    result.vmas_walked++;
    if (vma.flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB)) {
      result.vmas_refused++;
      continue;
    }
    result.bytes_advised += (to - from) * 4096;
    yield* coldVma(machine.mem, vma, from, to);
  }
  return result.vmas_refused > 0 ? { ...result, errno: 'EINVAL' } : result;
}

function* reclaiming(machine: Machine, task: Task, text: string): Job<Record<string, unknown>> {
  const ret = yield* writeReclaim(machine, task, Buffer.from(text, 'latin1'));
  if (ret < 0) throw new KernelError(-ret, `"${text}" is not accepted by profile ${machine.profile.name}`);
  return { ret };
}

function* verifying(machine: Machine, task: Task, mm: Mm, part: Part): Job<Record<string, unknown>> {
  const { start, end } = pagesOf(task, part);
  const { mem } = machine;
  const { pgmajfault, pgfault } = mem.events;
  const result: VerifyResult = { pages: 0, bad: 0, signals: 0, catches: task.catches };
  for (let from = start; from < end && !result.oom && !result.fatal; from += PIECE_PAGES) {
    verifyPages(mem, mm, from, Math.min(end, from + PIECE_PAGES), result);
    yield;
  }
  const major = mem.events.pgmajfault - pgmajfault;
  task.majflt += major;
  task.minflt += mem.events.pgfault - pgfault - major;
  dieOfSignal(machine, task, result);
  return {
    pages: result.pages,
    bad: result.bad,
    ...(result.fatal ? signalsOf(result) : {}),
    ...(result.oom ? { errno: errnoName(ENOMEM) } : {}),
  };
}

interface Accesses {
  readonly part: Part;
  readonly stride: number;
  readonly write: boolean;
  readonly fill: Fill;
  readonly content: PageKind | undefined;
}

/** Touches a part of a mapping at every stride. Accesses within one page in a row count each. */
function* touching(
  machine: Machine,
  task: Task,
  mm: Mm,
  region: Region,
  { part, stride, write, fill, content }: Accesses,
): Job<Record<string, unknown>> {
  const sizeBytes = region.nrPages * 4096;
  const length = part.length ?? sizeBytes - part.offset;
  if (part.offset + length > sizeBytes)
    throw new KernelError(
      EINVAL,
      `${part.name} is ${sizeBytes} bytes long: ${part.offset} + ${length} is beyond its end`,
    );
  const result: TouchResult = { pages: 0, minor: 0, major: 0, signals: 0, oom: false, catches: task.catches };
  const first = region.start * 4096 + part.offset;
  const count = Math.ceil(length / stride);
  const whole = stride % 4096 === 0;
  for (let i = 0; i < count && !result.oom && !result.fatal && !mm.dying; ) {
    const vpn = Math.floor((first + i * stride) / 4096);
    const nr = whole ? Math.min(count - i, PIECE_PAGES) : 1;
    // Others write, too, between two pieces.
    const usual = machine.mem.content.kind;
    if (content !== undefined) machine.mem.content.kind = kindNumber(content);
    touchPages(machine.mem, mm, vpn, nr, whole ? stride / 4096 : 1, write, fill, result);
    machine.mem.content.kind = usual;
    i += nr;
    if (whole || i % PIECE_PAGES === 0) yield;
  }
  chargeFaults(machine, task, result);
  return {
    pages: result.pages,
    minflt: result.minor,
    majflt: result.major,
    ...signalsOf(result),
    ...(result.oom ? { errno: errnoName(ENOMEM) } : {}),
  };
}

/** Mirrors: mm/msync.c: shared file pages are written and waited for; holes are reported at the end. */
function* msync(machine: Machine, mm: Mm, start: number, end: number): Job<void> {
  let at = start;
  let hole = false;
  for (let i = mm.indexAfter(start); i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
    const vma = mm.vmas[i]!;
    if (vma.start > at) hole = true;
    const from = Math.max(start, vma.start);
    at = Math.min(end, vma.end);
    if (vma.mapping !== null && vma.isShared)
      yield* syncMapping(machine.mem, vma.mapping, vma.indexOf(from), vma.indexOf(at));
  }
  if (hole || at < end) throw new KernelError(ENOMEM, 'part of the range is not mapped');
}
