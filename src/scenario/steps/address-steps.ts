/** Steps that change the shape of an address space: moving and growing mappings, the heap, locking all of it, sharing all of it. */
import { type Machine, PID_MAX } from '../../machine/machine.ts';
import type { Region, Task } from '../../machine/task.ts';
import { setBrk } from '../../mm/space/brk.ts';
import { mlockAll } from '../../mm/space/mmap.ts';
import { mremap } from '../../mm/space/mremap.ts';
import { EINVAL } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { systemCall } from '../report.ts';
import type { ProcessStep, StepResult } from '../step.ts';
import { processName } from './machine-steps.ts';
import { placeFor, takePlace } from './mmap-step.ts';
import { mmOf, regionOf } from './region.ts';

/** The mapping as the scenario names it after the call: what lies behind the old range moves with it or is left. */
function resizeRegion(task: Task, region: Region, offset: number, nrPages: number, newPages: number): void {
  const reachesEnd = offset + nrPages >= region.nrPages;
  const size = reachesEnd ? offset + newPages : Math.max(region.nrPages, offset + newPages);
  task.regions.set(region.name, { ...region, nrPages: size });
}

function wholePages(bytes: number, what: string): number {
  if (bytes % 4096 !== 0) throw new KernelError(EINVAL, `${what} ${bytes} is not at the start of a page`);
  return bytes / 4096;
}

function moveStep(): ProcessStep {
  return {
    word: 'mremap',
    usage: 'NAME mremap MAPPING OFF LEN NEWLEN [to=NEWMAPPING [dontunmap]]',
    about: 'as the system call: in place, or to a place of its own under a new name (MREMAP_FIXED)',
    partial: true,
    parse(args) {
      const name = args.next('mapping').text;
      const offset = args.size('offset');
      const length = args.size('length');
      const newLength = args.size('new length');
      const to = args.key('to')?.value;
      const dontUnmap = args.flag('dontunmap');
      if (dontUnmap && to === undefined) throw args.fail('dontunmap needs to=', undefined, 'to=NEWMAPPING dontunmap');
      return ({ machine }, task) => moving(machine, task, { name, offset, length, newLength, to, dontUnmap });
    },
  };
}

/** What mremap is asked for. Sizes in bytes. */
interface Move {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly newLength: number;
  /** Name of the mapping at a place of its own. */
  readonly to: string | undefined;
  readonly dontUnmap: boolean;
}

function* moving(machine: Machine, task: Task, move: Move): Job<StepResult> {
  const mm = mmOf(task);
  const region = regionOf(task, move.name);
  if (move.to !== undefined && task.regions.has(move.to))
    throw new KernelError(EINVAL, `${task.name} has a mapping named ${move.to} already`);
  const newPages = Math.ceil(move.newLength / 4096);
  const place = move.to === undefined ? undefined : placeFor(machine, mm, newPages);
  const result = yield* systemCall(machine, task, () => moveRegion(machine, task, region, move, place));
  if (place !== undefined && result?.['ret'] === 0) result['addr'] = `0x${(place * 4096).toString(16)}`;
  return result;
}

function* moveRegion(
  machine: Machine,
  task: Task,
  region: Region,
  { offset, length, newLength, to, dontUnmap }: Move,
  place: number | undefined,
): Job<void> {
  const mm = mmOf(task);
  const nrPages = Math.ceil(length / 4096);
  const newPages = Math.ceil(newLength / 4096);
  const from = wholePages(offset, 'offset');
  const start = region.start + from;
  if (place === undefined) {
    yield* mremap(machine.mem, mm, { start, nrPages, newPages });
    resizeRegion(task, region, from, nrPages, newPages);
    return;
  }
  yield* mremap(machine.mem, mm, { start, nrPages, newPages, to: place, dontUnmap });
  task.regions.set(to!, { name: to!, start: place, nrPages: newPages, mapping: region.mapping });
  takePlace(machine, place, newPages);
}

function brkStep(): ProcessStep {
  return {
    word: 'brk',
    usage: 'NAME brk MAPPING SIZE',
    about: 'sets the size of the heap, which is made where there is none, as brk(2)',
    partial: true,
    parse(args) {
      const name = args.next('mapping').text;
      const size = args.size('size');
      return ({ machine }, task) => {
        const mm = mmOf(task);
        const region = task.regions.get(name);
        const nrPages = Math.ceil(size / 4096);
        if (region === undefined) {
          const place = placeFor(machine, mm, nrPages);
          if (mm.startBrk === 0) mm.startBrk = mm.brk = place * 4096;
        } else if (region.start * 4096 !== mm.startBrk)
          throw new KernelError(EINVAL, `${name} is not the heap of ${task.name}`);
        return systemCall(machine, task, () => settingBrk(machine, task, name, size));
      };
    },
  };
}

function* settingBrk(machine: Machine, task: Task, name: string, size: number): Job<void> {
  const mm = mmOf(task);
  const isNew = !task.regions.has(name);
  yield* setBrk(machine.mem, mm, mm.startBrk + size);
  const start = Math.floor(mm.startBrk / 4096);
  const nrPages = Math.ceil(size / 4096);
  task.regions.set(name, { name, start, nrPages, mapping: null });
  if (isNew) takePlace(machine, start, nrPages);
}

export const addressSteps: readonly ProcessStep[] = [
  moveStep(),
  brkStep(),
  {
    word: 'mlockall',
    usage: 'NAME mlockall [current] [future] [onfault]',
    about: 'as the system call with MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT',
    partial: true,
    parse(args) {
      const flags = { current: args.flag('current'), future: args.flag('future'), onFault: args.flag('onfault') };
      return ({ machine }, task) => {
        const mm = mmOf(task);
        return systemCall(machine, task, () => {
          if (!flags.current && !flags.future) throw new KernelError(EINVAL, 'mlockall needs current or future');
          return mlockAll(machine.mem, mm, flags);
        });
      };
    },
  },
  {
    word: 'munlockall',
    usage: 'NAME munlockall',
    about: 'as the system call',
    parse:
      () =>
      ({ machine }, task) => {
        const mm = mmOf(task);
        return systemCall(machine, task, () =>
          mlockAll(machine.mem, mm, { current: false, future: false, onFault: false }),
        );
      },
  },
  {
    word: 'clone',
    usage: 'NAME clone CHILD [pid=N]',
    names: 'process',
    about: 'a process that shares the address space (CLONE_VM, as vfork and posix_spawn make it)',
    partial: true,
    parse(args) {
      const child = processName(args, 'child');
      const pid = args.integerKey('pid', 1, PID_MAX - 1);
      return ({ machine }, task) => {
        machine.fork(task, child, pid, true);
        return {};
      };
    },
  },
];
