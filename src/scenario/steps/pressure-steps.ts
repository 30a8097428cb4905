/** Steps of memory pressure: the low-memory killer, volatile ranges, control groups. */

import { writeCgroupFile } from '../../machine/cgroup-access.ts';
import type { LmkConfig } from '../../machine/lmk.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Task } from '../../machine/task.ts';
import { markTaskVolatile, unmarkTaskVolatile, usualKind } from '../../machine/volatile.ts';
import { VOLATILE_KINDS, type VolatileKind } from '../../mm/cache/volatile.ts';
import { EAGAIN, EINVAL } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { withEventsInPieces } from '../report.ts';
import type { MachineStep, ProcessStep } from '../step.ts';
import type { Args } from '../words.ts';
import { regionOf } from './region.ts';

const INT_MAX = 2147483647;
/** Entries of the tables of the low-memory killer. */
const MAX_LMK_LEVELS = 6;

interface Part {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly kind: VolatileKind | undefined;
}

function readPart(args: Args): Part {
  const kind = args.choiceKey('kind', VOLATILE_KINDS);
  return { name: args.name('mapping').text, offset: args.size('offset'), length: args.size('length'), kind };
}

/** Pages of a part. Lengths are rounded down to pages, as vrange(2) does. Throws EINVAL. */
function pagesOf(task: Task, part: Part): { start: number; end: number; kind: VolatileKind } {
  const region = regionOf(task, part.name);
  if (part.offset % 4096 !== 0) throw new KernelError(EINVAL, 'the address is not at the start of a page');
  const start = region.start + part.offset / 4096;
  return {
    start,
    end: start + Math.floor(part.length / 4096),
    kind: part.kind ?? usualKind(region.mapping === null),
  };
}

export const pressureProcessSteps: readonly ProcessStep[] = [
  {
    word: 'volatile',
    usage: 'NAME volatile MAPPING OFF LEN [kind=vrange|mvolatile|ashmem]',
    about: 'the pages may be thrown away under pressure; default kind: vrange, of shared memory ashmem',
    partial: true,
    parse(args) {
      const part = readPart(args);
      return ({ machine }, task) => {
        const { start, end, kind } = pagesOf(task, part);
        markTaskVolatile(machine, task, start, end, kind);
        return { ret: 0 };
      };
    },
  },
  {
    word: 'nonvolatile',
    usage: 'NAME nonvolatile MAPPING OFF LEN [kind=vrange|mvolatile|ashmem]',
    about: 'takes that back; purged: 1 when pages have been thrown away meanwhile',
    partial: true,
    parse(args) {
      const part = readPart(args);
      return ({ machine }, task) => {
        const { start, end, kind } = pagesOf(task, part);
        return { ret: 0, purged: unmarkTaskVolatile(machine, task, start, end, kind) ? 1 : 0 };
      };
    },
  },
];

export const pressureSteps: readonly MachineStep[] = [
  {
    word: 'lmk',
    usage:
      'lmk off | lmk [on] [adj=0,1,6,12] [minfree=1536,2048,4096,16384] [cost=N] [debug=N] [accounting=early|later]',
    about: 'the low-memory killer of Android: off, or on with these tables (adj of the old scale is converted)',
    parse(args) {
      const off = args.flag('off');
      if (!off) args.flag('on');
      const adj = args.integersKey('adj', -1000, 1000, MAX_LMK_LEVELS);
      const minfree = args.integersKey('minfree', 0, INT_MAX, MAX_LMK_LEVELS);
      const cost = args.integerKey('cost', 0, INT_MAX);
      const debugLevel = args.integerKey('debug', 0, INT_MAX);
      const accounting = args.choiceKey('accounting', ['early', 'later']);
      const config: LmkConfig = {
        ...(adj === undefined ? {} : { adj }),
        ...(minfree === undefined ? {} : { minfree }),
        ...(cost === undefined ? {} : { cost }),
        ...(debugLevel === undefined ? {} : { debugLevel }),
        ...(accounting === undefined ? {} : { accounting }),
      };
      return ({ machine }) => {
        if (off) machine.lmk.disable();
        else machine.lmk.configure(config);
        return {};
      };
    },
  },
  {
    word: 'cgroup',
    usage: 'cgroup mkdir PATH | cgroup rmdir PATH | cgroup write PATH/FILE "TEXT" | cgroup swappiness PATH N',
    about:
      'control groups, as in a mounted cgroup2 file system: /apps/mail/memory.high; swappiness: as memory.swappiness of version 1, in place of vm.swappiness',
    partial: true,
    parse(args) {
      const what = args.choice('operation', GROUP_CALLS);
      const path = args.next('path').text;
      const text = what === 'write' ? args.next('text').text : '';
      const swappiness = what === 'swappiness' ? args.integer('swappiness', undefined, 0, 200) : 0;
      return ({ machine }) =>
        withEventsInPieces(machine, groupCall(machine, what, path, what === 'write' ? text : swappiness));
    },
  },
];

const GROUP_CALLS = ['mkdir', 'rmdir', 'write', 'swappiness'] as const;

function* groupCall(
  machine: Machine,
  what: (typeof GROUP_CALLS)[number],
  path: string,
  value: string | number,
): Job<Record<string, unknown>> {
  if (what === 'mkdir') machine.cgroups.mkdir(path);
  else if (what === 'rmdir') machine.cgroups.rmdir(path);
  else if (what === 'swappiness') machine.cgroups.setSwappiness(path, Number(value));
  else {
    const slash = path.lastIndexOf('/');
    const group = machine.cgroups.at(path.slice(0, Math.max(0, slash)) || '/');
    // memory.reclaim may fall short, having done what it could: that is a result, as of a system call.
    try {
      yield* writeCgroupFile(machine, group, path.slice(slash + 1), String(value));
    } catch (error) {
      if (!(error instanceof KernelError) || error.errno !== EAGAIN) throw error;
      return { ret: -1, errno: error.code };
    }
  }
  return { ret: 0 };
}
