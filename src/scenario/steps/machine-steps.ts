/** Steps of the machine itself: what it is made of, its objects, its page cache, its swap, its time. */

import { KERN_INFO, LOG_USER } from '../../machine/kernel-log.ts';
import { writeLruGen } from '../../machine/lru-gen.ts';
import { type Machine, PID_MAX } from '../../machine/machine.ts';
import { renamePath, unlinkPath } from '../../machine/paths.ts';
import { MAX_LEVELS } from '../../machine/pid-namespaces.ts';
import { ACCESS_SIGNALS, signalNumber } from '../../machine/signal.ts';
import { setSysctl } from '../../machine/sysctl.ts';
import { pressSysrq, SYSRQ_KEYS, type SysrqKey } from '../../machine/sysrq.ts';
import { COMM_BYTES, GIVEN_STATES, type Ids, idsOf, type TaskState } from '../../machine/task.ts';
import { MAX_ADVANCE_DAYS, MAX_ADVANCE_US } from '../../machine/time-limits.ts';
import { writeZram, ZRAM_FILES } from '../../machine/zram-attributes.ts';
import { fadvise } from '../../mm/cache/fadvise.ts';
import type { Mapping, Ownership } from '../../mm/cache/mapping.ts';
import { cacheDirtyWrite, cacheDrop, cacheLoad, cacheSync } from '../../mm/cache/page-cache.ts';
import { OpenFile } from '../../mm/cache/readahead.ts';
import { fallocate, punchHole, truncate } from '../../mm/cache/truncate.ts';
import type { Memory } from '../../mm/memory.ts';
import { squeezeSwapCache, swapOff, swapOn } from '../../mm/swap/swapfile.ts';
import { EINVAL } from '../../util/errno.ts';
import { KernelError, UnknownNameError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { reportAtEnd, withEvents, withEventsInPieces } from '../report.ts';
import { snapping } from '../snap.ts';
import type { MachineStep, StepContext, StepResult } from '../step.ts';
import { type Args, MAX_TIME_US } from '../words.ts';

/** The object of this name. Throws KernelError EINVAL. */
export function objectOf(machine: Machine, name: string): Mapping {
  const mapping = machine.objects.get(name);
  if (mapping === undefined)
    throw new UnknownNameError(`there is no object named ${name}`, name, machine.objects.keys());
  return mapping;
}

const CACHE_CALLS = ['load', 'drop', 'sync', 'loadpart', 'dirtywrite', 'willneed', 'dontneed'] as const;
const OF_PARTS: readonly string[] = ['loadpart', 'dirtywrite', 'willneed', 'dontneed'];

function cacheCall(
  mem: Memory,
  file: Mapping,
  what: Exclude<(typeof CACHE_CALLS)[number], 'willneed' | 'dontneed'>,
  from: number,
  to: number,
): Job<unknown> {
  switch (what) {
    case 'load':
      return cacheLoad(mem, file, 0, file.nrPages);
    case 'loadpart':
      return cacheLoad(mem, file, from, to);
    case 'dirtywrite':
      return cacheDirtyWrite(mem, file, from, to);
    case 'sync':
      return cacheSync(mem, file);
    case 'drop':
      return cacheDrop(mem, file);
  }
}

/** A system call on an object, by nobody in particular. */
function objectCall(machine: Machine, name: string, call: (mapping: Mapping) => Job<unknown>): Job<StepResult> {
  const mapping = objectOf(machine, name);
  return withEventsInPieces(machine, calling(call(mapping)));
}

function* calling(call: Job<unknown>): Job<Record<string, unknown>> {
  try {
    yield* call;
    return { ret: 0 };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return { ret: -1, errno: error.code };
  }
}

/** A call on whole pages of an object: a hole covers the pages that lie wholly in it, room all that it touches. */
function objectRange(
  word: 'punch' | 'fallocate',
  about: string,
  call: (mem: Memory, mapping: Mapping, from: number, to: number) => Job<void>,
): MachineStep {
  return {
    word,
    usage: `${word} OBJECT OFF LEN`,
    about,
    parse(args) {
      const name = args.next('object').text;
      const offset = args.size('offset');
      const length = args.size('length');
      const end = offset + length;
      const [from, to] =
        word === 'punch'
          ? [Math.ceil(offset / 4096), Math.floor(end / 4096)]
          : [Math.floor(offset / 4096), Math.ceil(end / 4096)];
      return ({ machine }) =>
        objectCall(machine, name, (mapping) =>
          length === 0 ? refuseNoLength() : call(machine.mem, mapping, from, to),
        );
    },
  };
}

/** Mirrors: vfs_fallocate. */
// biome-ignore lint/correctness/useYield: it takes the place of a call that yields
function* refuseNoLength(): Job<void> {
  throw new KernelError(EINVAL, 'the length must be more than zero');
}

/** Text that has no effect on the machine: kept by `play`. */
function remark(word: string, about: string): MachineStep {
  return {
    word,
    usage: `${word} TEXT`,
    about,
    parse(args) {
      args.text('text');
      return () => undefined;
    },
  };
}

/** The name of a new process: lines may begin with it. */
export function processName(args: Args, what: string): string {
  const word = args.next(what);
  if (!/^[A-Za-z_.@\x80-\xff][^\0- \x7f]*$/.test(word.text))
    throw args.fail(`"${word.text}" is no name`, word, 'begin with a letter');
  return word.text;
}

/** The largest user or group id; the one above stands for none. */
export const MAX_ID = 4294967294;
/** Mirrors: NGROUPS_MAX. */
const MAX_GROUPS = 65_536;
const MAX_FILE_BYTES = 2 ** 40;

/** Mirrors: SWAP_FLAG_PRIO_MASK. */
const MAX_SWAP_PRIORITY = 32767;

/** What a kernel thread's name may have: that of its workqueue is appended to comm. Mirrors: wq_worker_comm. */
const KTHREAD_COMM_BYTES = 63;
/** PATH_MAX without its NUL. */
const MAX_PATH_BYTES = 4095;

function octal(args: Args, key: string, otherwise: number): number {
  const word = args.key(key);
  if (word === undefined) return otherwise;
  const mode = /^[0-7]{1,7}$/.test(word.value) ? Number.parseInt(word.value, 8) : undefined;
  return args.checked(key, word, mode, 0, 0o7777, 'octal mode');
}

function idKeys(args: Args): Ids {
  const max = MAX_ID;
  const uid = args.integerKey('uid', 0, max) ?? 0;
  const gid = args.integerKey('gid', 0, max) ?? uid;
  const ids = idsOf(uid, gid);
  ids.euid = args.integerKey('euid', 0, max) ?? uid;
  ids.suid = args.integerKey('suid', 0, max) ?? ids.euid;
  ids.egid = args.integerKey('egid', 0, max) ?? gid;
  ids.sgid = args.integerKey('sgid', 0, max) ?? ids.egid;
  const groups = args.integersKey('groups', 0, max, MAX_GROUPS);
  if (groups !== undefined) ids.groups = groups;
  return ids;
}

/** A path of at most 4095 bytes without NUL. */
export function pathKey(args: Args, key: string): string | undefined {
  const word = args.key(key);
  if (word !== undefined && (word.value.includes('\0') || word.value.length > MAX_PATH_BYTES))
    throw args.fail(`${key}= is no path`, word, `at most ${MAX_PATH_BYTES} bytes, none of them NUL`);
  return word?.value;
}

/** The path of a control group, as behind `0::` in PID/cgroup. */
function cgroupKey(args: Args): string | undefined {
  const path = pathKey(args, 'cgroup');
  if (path !== undefined && (!path.startsWith('/') || path.includes('\n')))
    throw args.fail(`cgroup "${path}" is no path`, args.key('cgroup'), 'as behind 0:: in PID/cgroup: /apps/mail');
  return path;
}

/** What the kernel keeps of a name: up to a NUL, and no more bytes than there is room for. Mirrors: fs/exec.c:__set_task_comm. */
export function commOf(text: string, kernelThread = false): string {
  const nul = text.indexOf('\0');
  return (nul < 0 ? text : text.slice(0, nul)).slice(0, kernelThread ? KTHREAD_COMM_BYTES : COMM_BYTES);
}

/** `state=S`: one of the letters that a scenario may give. */
export function stateKey(args: Args): TaskState | undefined {
  return args.choiceKey('state', GIVEN_STATES);
}

/** NUL-separated strings, as /proc shows argument lists. */
function strings(value: string): string[] {
  if (value === '') return [];
  const list = value.split('\0');
  if (list.length === 1) return value.split(' ').filter((s) => s !== '');
  if (list.at(-1) === '') list.pop();
  return list;
}

/** Lets time pass. Throws EINVAL beyond the last moment that a machine knows. */
function* advance(machine: Machine, toUs: number): Job<StepResult> {
  if (toUs > MAX_TIME_US) throw new KernelError(EINVAL, 'a machine gets 100 years old at most');
  yield* machine.advancing(toUs);
  return {};
}

/** `what`: 1 the page cache, 2 slabs, of which there are none. Mirrors: fs/drop_caches.c. */
function* dropCaches({ mem }: Machine, what: number): Job<StepResult> {
  if (what & 1) {
    for (const mapping of mem.mappings.values()) yield* cacheDrop(mem, mapping, false);
    mem.events.drop_pagecache++;
  }
  if (what & 2) mem.events.drop_slab++;
  return {};
}

function* squeezing({ storage, mem }: Machine): Job<Record<string, unknown>> {
  storage.drain();
  yield* squeezeSwapCache(mem);
  return { ret: 0 };
}

const CATCHABLE = ['SIGSEGV', 'SIGBUS'] as const;

/** `catches=SIGSEGV,SIGBUS` or `catches=none`: the signals of failed accesses that a process survives. */
function catchesKey(args: Args): number[] | undefined {
  const word = args.key('catches');
  if (word === undefined) return undefined;
  const names = word.value === 'none' ? [] : word.value.split(',');
  for (const name of names) {
    if (!CATCHABLE.some((known) => known === name))
      throw args.fail(`catches "${name}" is not known`, word, `${CATCHABLE.join(',')}, or none`);
  }
  return names.map((name) => signalNumber(name));
}

/** Mirrors: syslog_clear. */
function clearLog({ machine }: StepContext): StepResult {
  machine.kernelLog.clearSeq = machine.kernelLog.nextSeq;
  return {};
}

export const machineSteps: readonly MachineStep[] = [
  remark('title', 'what the scenario is about'),
  remark('note', 'a remark'),
  {
    word: 'validity',
    usage: 'validity TEXT',
    about:
      'for which kernels the figures of a recording hold; as those of the recorder do, its processes catch SIGSEGV and SIGBUS',
    parse(args) {
      args.text('text');
      return ({ machine }) => {
        machine.usualCatches = ACCESS_SIGNALS;
        return undefined;
      };
    },
  },
  remark('bothsnaps', 'labels of the snaps that hold for both kinds of kernel'),
  remark('expect2013', 'figures of the interface of 2013'),
  {
    word: 'swap',
    usage: 'swap SIZE',
    about: 'usable swap space; 0 = none',
    parse(args) {
      const bytes = args.size('size');
      return ({ machine }) => {
        if (!machine.imposed.has('machine.swap')) machine.setSwap(bytes);
        return undefined;
      };
    },
  },
  {
    word: 'object',
    usage: 'object NAME file|memfd SIZE [path=PATH] [mode=0644] [uid=N] [gid=N]',
    about: 'a file on the simulated disk, or a shared memory object',
    parse(args) {
      const name = args.next('name').text;
      const kind = args.choice('kind', ['file', 'memfd']);
      const size = args.size('size', undefined, 0, MAX_FILE_BYTES);
      const path = args.key('path')?.value;
      const owner: Ownership = {
        mode: octal(args, 'mode', kind === 'file' ? 0o644 : 0o777),
        uid: args.integerKey('uid', 0, MAX_ID) ?? 0,
        gid: args.integerKey('gid', 0, MAX_ID) ?? 0,
      };
      return ({ machine }) => {
        if (kind === 'file') machine.createFile(name, path ?? `/files/${name}`, size, owner);
        else machine.createShmem(name, path ?? `/memfd:${name} (deleted)`, size, owner);
        return undefined;
      };
    },
  },
  {
    word: 'unlink',
    usage: 'unlink OBJECT|PATH',
    about: 'takes the name of a file away: who still maps or runs it sees it as (deleted); unmapped shared memory goes',
    parse(args) {
      const name = args.next('object').text;
      return ({ machine }) => {
        const isObject = machine.objects.has(name) || !name.startsWith('/');
        return reportAtEnd(isObject ? machine.unlinkObject(name) : unlinkPath(machine, name), { ret: 0 });
      };
    },
  },
  {
    word: 'rename',
    usage: 'rename OBJECT|PATH NEWPATH',
    about: 'moves a file or a directory: who maps, runs or is in it sees the new name; a file of that name is replaced',
    parse(args) {
      const name = args.next('object').text;
      const to = args.next('new path').text;
      return ({ machine }) => reportAtEnd(renamePath(machine, machine.objects.get(name)?.path ?? name, to), { ret: 0 });
    },
  },
  {
    word: 'proc',
    usage:
      'proc NAME [pid=N] [ppid=N] [pgrp=N] [session=N] [uid=N] [gid=N] [euid=N] [egid=N] [suid=N] [sgid=N] [groups=3001,3002] [comm=TEXT] [cmdline="a b"] [environ="A=1 B=2"] [exe=PATH] [cwd=PATH] [root=PATH] [cgroup=PATH] [adj=N] [nice=N] [umask=0022] [state=S|R|D|T|t|I|P|X] [start=TIME] [tracer=PID] [nspid=35,1] [catches=SIGSEGV,SIGBUS] [kthread]',
    names: 'process',
    about: 'a process with an empty address space, or a kernel thread',
    parse(args) {
      const name = processName(args, 'name');
      const pid = args.integerKey('pid', 1, PID_MAX - 1);
      const ppid = args.integerKey('ppid', 0, PID_MAX - 1);
      const pgrp = args.integerKey('pgrp', 0, PID_MAX - 1);
      const session = args.integerKey('session', 0, PID_MAX - 1);
      const ids = idKeys(args);
      const comm = args.key('comm')?.value;
      const cmdline = args.key('cmdline')?.value;
      const environ = args.key('environ')?.value;
      const exe = pathKey(args, 'exe');
      const cwd = pathKey(args, 'cwd');
      const root = pathKey(args, 'root');
      const cgroup = cgroupKey(args);
      const adj = args.integerKey('adj', -1000, 1000) ?? 0;
      const nice = args.integerKey('nice', -20, 19) ?? 0;
      const umask = octal(args, 'umask', 0o022);
      const state = stateKey(args);
      const tracer = args.integerKey('tracer', 0, PID_MAX - 1) ?? 0;
      const catches = catchesKey(args);
      const start = args.key('start');
      const startUs = start === undefined ? undefined : args.time('start', start);
      const nsPids = args.integersKey('nspid', 1, PID_MAX - 1, MAX_LEVELS);
      const kernelThread = args.flag('kthread');
      return ({ machine }) => {
        if (kernelThread && nsPids !== undefined) throw new KernelError(EINVAL, 'kernel threads are in no container');
        const task = machine.createProcess({
          name,
          ids,
          kernelThread,
          ...(pid === undefined ? {} : { pid }),
          ...(ppid === undefined ? {} : { ppid }),
          ...(startUs === undefined ? {} : { startUs }),
        });
        if (pgrp !== undefined) task.pgrp = pgrp;
        if (session !== undefined) task.session = session;
        if (comm !== undefined) task.comm = task.leader.comm = commOf(comm, kernelThread);
        task.cmdline = kernelThread ? [] : strings(cmdline ?? task.comm);
        if (environ !== undefined) task.environ = strings(environ);
        task.exe = exe ?? (kernelThread ? '' : `/usr/bin/${task.comm}`);
        task.cwd = cwd ?? '/';
        task.root = root ?? '/';
        task.cgroup = cgroup ?? '/';
        task.oomScoreAdj = adj;
        task.nice = nice;
        task.umask = umask;
        if (state !== undefined) task.leader.state = state;
        task.leader.tracerPid = tracer;
        if (nsPids !== undefined) task.nsPids = nsPids;
        task.catches = catches ?? machine.usualCatches;
        machine.cgroups.adopt(task);
        return {};
      };
    },
  },
  {
    word: 'cache',
    usage: 'cache FILE load|drop|sync | cache FILE loadpart|dirtywrite|willneed|dontneed OFF LEN',
    about:
      'page cache operations from outside any process; willneed, dontneed: as posix_fadvise(2), length 0: to the end',
    parse(args) {
      const name = args.name('object').text;
      const what = args.choice('operation', CACHE_CALLS);
      const part = OF_PARTS.includes(what);
      const offset = part ? args.size('offset') : 0;
      const from = Math.floor(offset / 4096);
      const length = part ? args.size('length') : 0;
      const to = from + Math.ceil(length / 4096);
      return ({ machine }) => {
        const { mem } = machine;
        const file = objectOf(machine, name);
        if (what === 'willneed' || what === 'dontneed')
          return withEvents(machine, () => {
            fadvise(mem, file, new OpenFile(mem.settings.readaheadPages), offset, length, what);
            return { ret: 0 };
          });
        return withEventsInPieces(
          machine,
          reportAtEnd(cacheCall(mem, file, what, from, Math.min(to, file.nrPages)), { ret: 0 }),
        );
      };
    },
  },
  {
    word: 'truncate',
    usage: 'truncate OBJECT SIZE',
    about: 'another size of a file or shared memory object, as ftruncate(2)',
    parse(args) {
      const name = args.next('object').text;
      const size = args.size('size');
      return ({ machine }) => objectCall(machine, name, (mapping) => truncate(machine.mem, mapping, size));
    },
  },
  objectRange('punch', 'makes a hole, as fallocate(2) with FALLOC_FL_PUNCH_HOLE', punchHole),
  objectRange('fallocate', 'room in advance, as fallocate(2): shared memory gets its pages', fallocate),
  {
    word: 'squeeze',
    usage: 'squeeze',
    about: 'pressure until the swap cache is empty',
    parse: () => (ctx) => withEventsInPieces(ctx.machine, squeezing(ctx.machine)),
  },
  {
    word: 'swapoff',
    usage: 'swapoff',
    about: 'brings everything back from swap and stops using it',
    partial: true,
    parse: () => (ctx) =>
      withEventsInPieces(ctx.machine, reportAtEnd(swapOff(ctx.machine.mem, ctx.machine.mms), { ret: 0 })),
  },
  {
    word: 'swapon',
    usage: 'swapon [priority=N]',
    about: 'uses the swap area again',
    parse(args) {
      const priority = args.integerKey('priority', 0, MAX_SWAP_PRIORITY);
      return ({ machine }) =>
        withEvents(machine, () => {
          const { swap } = machine.mem;
          if (swap?.zram?.isReady === false) throw new KernelError(EINVAL, 'zram has no size yet (zram disksize SIZE)');
          if (swap !== null && priority !== undefined) swap.priority = priority;
          swapOn(machine.mem);
          machine.generation++;
          return { ret: 0 };
        });
    },
  },
  {
    word: 'zram',
    usage: `zram ${ZRAM_FILES.join('|')} VALUE`,
    about: 'as a write to a file of /sys/block/zram0: zram idle all, zram writeback type=huge',
    partial: true,
    parse(args) {
      const name = args.choice('file', ZRAM_FILES);
      const value = args.others('value');
      return ({ machine }) => calling(writeZram(machine, name, value));
    },
  },
  {
    word: 'snap',
    usage: 'snap LABEL',
    about: 'records the state of everything',
    parse(args) {
      const label = args.text('label');
      return ({ machine }) => snapping(machine, label) as unknown as Job<StepResult>;
    },
  },
  {
    word: 'tick',
    usage: 'tick TIME',
    about: 'lets virtual time pass',
    stopsAnywhere: true,
    parse(args) {
      const us = args.time('time');
      if (us > MAX_ADVANCE_US) throw args.fail(`${MAX_ADVANCE_DAYS} days at most may pass at once`);
      return ({ machine }) => advance(machine, machine.nowUs + us);
    },
  },
  {
    word: 'at',
    usage: 'at TIME',
    about: 'lets virtual time pass until this moment since boot (steps of a recorded state)',
    stopsAnywhere: true,
    parse(args) {
      const us = args.time('time');
      return ({ machine }) => advance(machine, us);
    },
  },
  {
    word: 'kmsg',
    usage: 'kmsg TEXT [priority=N]',
    about: 'a message in the kernel’s log, as a write to /dev/kmsg',
    parse(args) {
      const priority = args.integerKey('priority', 0, 2 ** 32 - 1) ?? LOG_USER + KERN_INFO;
      const { text } = args.next('text');
      return ({ machine }) => {
        machine.printk(priority, text);
        machine.generation++;
        return {};
      };
    },
  },
  {
    word: 'kmsgclear',
    usage: 'kmsgclear',
    about: 'hides what the kernel’s log has so far from those who read it from the start, as dmesg --clear',
    parse: () => clearLog,
  },
  {
    word: 'sysctl',
    usage: 'sysctl NAME VALUE',
    about: 'as a write to /proc/sys: vm.swappiness 60',
    parse(args) {
      const name = args.next('name').text;
      const value = args.text('value');
      return ({ machine }) => {
        const dotted = name.replace(/\//g, '.');
        if (!machine.imposed.has(dotted)) setSysctl(machine, dotted, value);
        return {};
      };
    },
  },
  {
    word: 'dropcaches',
    usage: 'dropcaches 1|2|3',
    about: 'as a write to /proc/sys/vm/drop_caches',
    parse(args) {
      const what = args.integer('what', undefined, 1, 7);
      return ({ machine }) => dropCaches(machine, what);
    },
  },
  {
    word: 'lrugen',
    usage: 'lrugen COMMANDS',
    about:
      'as a write to /sys/kernel/debug/lru_gen: "+ 1 0 4" ages group 1, "- 1 0 2" evicts from it; with lists nothing happens',
    parse(args) {
      const commands = args.text('commands');
      return ({ machine }) => lruGenStep(machine, commands);
    },
  },
  {
    word: 'sysrq',
    usage: 'sysrq c|e|f|i',
    about:
      'as a write to /proc/sysrq-trigger: crash, SIGTERM to all but init, one process to the OOM killer, SIGKILL to all but init',
    parse(args) {
      const key = args.choice('key', SYSRQ_KEYS);
      return ({ machine }) => sysrqStep(machine, key);
    },
  },
];

function* lruGenStep(machine: Machine, commands: string): Job<Record<string, unknown>> {
  yield* writeLruGen(machine, commands);
  return {};
}

function* sysrqStep(machine: Machine, key: SysrqKey): Job<Record<string, unknown>> {
  yield* pressSysrq(machine, key);
  return {};
}
