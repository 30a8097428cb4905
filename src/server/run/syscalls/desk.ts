/** The machine's side of the system calls that the notifier asks about: who may do what to whom, and doing it. */
import { OSVERSION, releaseOf } from '../../../machine/kernels.ts';
import { limitOf, RESOURCE_NAMES } from '../../../machine/limits.ts';
import type { Task } from '../../../machine/task.ts';
import { Access, CAP_SYS_NICE, type Credentials } from '../../../procfs/access.ts';
import { ScenarioError } from '../../../scenario/scenario-error.ts';
import { fromBuffer, toBuffer } from '../../../util/bytes.ts';
import { EACCES, EBADF, EINVAL, EPERM, ESRCH, errnoNumber } from '../../../util/errno.ts';
import { KernelError } from '../../../util/errors.ts';
import type { Job } from '../../../util/job.ts';
import { type Caller, type FileSystem, type Ino, type OpenFile, type Pending, S_IFREG } from '../../../vfs/types.ts';
import type { SessionHost } from '../../session-host.ts';
import type { RunClock } from '../virtual/run-clock.ts';
import { adviceStep, cachestatOf, inCoreOf } from './desk-files.ts';
import type { DeskAnswers, DeskRequest, TaskAnswer } from './desk-protocol.ts';

const PAGE_BYTES = 4096;
const CAP_KILL = 5;
const CAP_SYS_RESOURCE = 24;
const CAP_SYSLOG = 34;
/** What fs.nr_open is at first. */
const NR_OPEN = 1048576;
/** Above every inode number of the tree; that of `.host` is the one above. */
const DESK_INO: Ino = Number.MAX_SAFE_INTEGER - 2;
const MAX_SIGNAL = 64;
const INIT = 1;
const NICE_MIN = -20;
const NICE_MAX = 19;
/** Advice that another process may give. Mirrors: process_madvise_remote_valid. */
const ADVICE: Readonly<Record<number, string>> = { 3: 'willneed', 20: 'cold', 21: 'pageout' };

/** A thread of a real process: its ids, and what it may do beyond them. */
export interface RealCaller extends Credentials {
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
}

export type FindCaller = (tid: number) => RealCaller | undefined;

export class Desk {
  readonly #host: SessionHost;
  readonly #find: FindCaller;
  readonly #access: Access;
  readonly #clock: RunClock | undefined;

  /** `clock`: where time passes only as the notifier says. */
  constructor(host: SessionHost, find: FindCaller, clock?: RunClock) {
    this.#clock = clock;
    this.#host = host;
    this.#find = find;
    this.#access = new Access({ hidepid: 0, uid: 0 }, find);
  }

  /** What is asked, as an answer or as work that gives one. */
  answer(request: DeskRequest): DeskAnswers[DeskRequest['ask']] | Job<number> {
    switch (request.ask) {
      case 'sysinfo':
        return this.#sysinfo();
      case 'machine': {
        const { cpus, hostname, kernel, cgroup } = this.#host.machine.options;
        return { cpus, hostname, cgroup, release: releaseOf(kernel), version: OSVERSION };
      }
      case 'syslog':
        if (!this.#capable(request.tid, CAP_SYSLOG)) return -EPERM;
        return request.clear ? this.#carryOut('kmsgclear') : 0;
      case 'task':
        return this.#task(request.pid);
      case 'signal':
        return this.#signal(request.tid, request.pid, request.signal);
      case 'signal-group':
        return this.#signalGroup(request.tid, request.pgrp, request.signal);
      case 'nice':
        return this.#setNice(request.tid, request.pid, request.nice);
      case 'affinity':
        return this.#setAffinity(request.tid, request.pid, request.cpus);
      case 'rlimit':
        return this.#limit(request);
      case 'may':
        return this.#may(request.tid, request.pid, request.what);
      case 'madvise':
        return this.#madvise(request);
      case 'time':
        return this.#clock?.now() ?? -EINVAL;
      case 'advance':
        return this.#clock?.advance(request) ?? -EINVAL;
      case 'mrelease':
        return this.#mrelease(request.tid, request.pid);
      case 'cachestat':
        return cachestatOf(this.#host.machine, request);
      case 'incore':
        return inCoreOf(this.#host.machine, request);
      case 'fadvise': {
        const step = adviceStep(this.#host.machine, request);
        return typeof step === 'number' ? step : this.#carryOut(step);
      }
    }
  }

  /** Mirrors: kernel/sys.c:do_sysinfo. */
  #sysinfo(): DeskAnswers['sysinfo'] {
    const { mem, nowUs, loadAverage, byTid } = this.#host.machine;
    return {
      uptime: Math.floor(nowUs / 1e6),
      loads: [...loadAverage.hundredths],
      totalRam: mem.frames.total * PAGE_BYTES,
      freeRam: Math.max(0, mem.nrFree) * PAGE_BYTES,
      sharedRam: mem.nrShmem * PAGE_BYTES,
      totalSwap: (mem.swap?.active ? mem.swap.total : 0) * PAGE_BYTES,
      freeSwap: (mem.swap?.nrFree ?? 0) * PAGE_BYTES,
      threads: byTid.size,
    };
  }

  #task(pid: number): TaskAnswer | null {
    const task = this.#host.machine.byTid.get(pid);
    if (task === undefined) return null;
    const { serial, isZombie, nice, cpusAllowed, pgrp, session } = task;
    return { pid: task.pid, serial, zombie: isZombie, nice, cpus: cpusAllowed, pgrp, session };
  }

  /** Mirrors: kernel/signal.c:check_kill_permission, sig_task_ignored (init). */
  #signal(tid: number, pid: number, signal: number): number | Job<number> {
    const task = this.#host.machine.byTid.get(pid);
    if (task === undefined) return -ESRCH;
    if (signal < 0 || signal > MAX_SIGNAL) return -EINVAL;
    if (!this.#mayKill(this.#find(tid), task)) return -EPERM;
    return signal === 0 || task.pid === INIT ? 0 : this.#carryOut(`${task.pid} kill ${signal}`);
  }

  /** Mirrors: __kill_pgrp_info: a success if one of them could be reached. */
  #signalGroup(tid: number, pgrp: number, signal: number): number | Job<number> {
    const members = [...this.#host.machine.tasks.values()].filter((task) => task.pgrp === pgrp);
    if (members.length === 0) return -ESRCH;
    if (signal < 0 || signal > MAX_SIGNAL) return -EINVAL;
    const caller = this.#find(tid);
    const reached = members.filter((task) => this.#mayKill(caller, task));
    if (reached.length === 0) return -EPERM;
    const steps = reached.filter(({ pid }) => pid !== INIT).map(({ pid }) => `${pid} kill ${signal}`);
    return signal === 0 || steps.length === 0 ? 0 : this.#carryOut(steps.join('\n'));
  }

  /** Mirrors: kill_ok_by_cred. */
  #mayKill(caller: RealCaller | undefined, { ids }: Task): boolean {
    if (caller === undefined) return false;
    const { uid, euid } = caller;
    if ([uid, euid].some((id) => id === ids.suid || id === ids.uid)) return true;
    return (caller.capabilities & (1n << BigInt(CAP_KILL))) !== 0n;
  }

  /** Mirrors: set_one_prio, set_one_prio_perm, can_nice (RLIMIT_NICE is 0). */
  #setNice(tid: number, pid: number, wanted: number): number | Job<number> {
    const task = this.#host.machine.byTid.get(pid);
    if (task === undefined) return -ESRCH;
    if (this.#may(tid, pid, 'set') < 0) return -EPERM;
    const nice = Math.min(NICE_MAX, Math.max(NICE_MIN, wanted));
    if (nice < task.nice && !this.#capable(tid, CAP_SYS_NICE)) return -EACCES;
    return this.#carryOut(`${task.pid} nice ${nice}`);
  }

  #setAffinity(tid: number, pid: number, cpus: readonly number[]): number | Job<number> {
    const allowed = this.#may(tid, pid, 'set');
    return allowed < 0 ? allowed : this.#carryOut(`${pid} affinity ${cpus.join(',')}`);
  }

  /** Mirrors: kernel/sys.c:check_prlimit_permission, do_prlimit. */
  #limit({ tid, pid, resource, soft, hard }: DeskRequest & { readonly ask: 'rlimit' }): number | Job<number> {
    const task = this.#host.machine.byTid.get(pid);
    const name = RESOURCE_NAMES[resource];
    if (task === undefined) return -ESRCH;
    if (name === undefined) return -EINVAL;
    const caller = this.#find(tid);
    const { ids } = task;
    const same =
      caller !== undefined &&
      [ids.uid, ids.euid, ids.suid].every((id) => id === caller.uid) &&
      [ids.gid, ids.egid, ids.sgid].every((id) => id === caller.gid);
    const privileged = this.#capable(tid, CAP_SYS_RESOURCE);
    if (!same && !privileged) return -EPERM;
    if (soft === undefined || hard === undefined) return 0;
    const [wanted, most] = [limitNumber(soft), limitNumber(hard)];
    if (wanted > most) return -EINVAL;
    if (name === 'nofile' && most > NR_OPEN) return -EPERM;
    if (most > limitOf(task, resource).hard && !privileged) return -EPERM;
    return this.#carryOut(`${task.pid} rlimit ${name} ${soft} ${hard}`);
  }

  /**
   * Whether one thread may do something to a process: 0 or -errno.
   * `set`: scheduling; `attach`: its memory, as a tracer; `read`: look into it.
   */
  #may(tid: number, pid: number, what: 'set' | 'attach' | 'read'): number {
    const task = this.#host.machine.byTid.get(pid);
    if (task === undefined) return -ESRCH;
    const caller = this.#find(tid);
    if (caller === undefined) return -EPERM;
    if (what === 'set') {
      const same = caller.euid === task.ids.uid || caller.euid === task.ids.euid;
      return same || this.#capable(tid, CAP_SYS_NICE) ? 0 : -EPERM;
    }
    if (task.mm === null) return -ESRCH;
    // An attach is by the real ids. Mirrors: PTRACE_MODE_REALCREDS.
    const by: Caller =
      what === 'attach'
        ? { uid: caller.uid, gid: caller.gid, pid: tid }
        : { uid: caller.euid, gid: caller.egid, pid: tid };
    return this.#access.mayTrace(by, task) ? 0 : what === 'attach' ? -EPERM : -EACCES;
  }

  #capable(tid: number, capability: number): boolean {
    return ((this.#find(tid)?.capabilities ?? 0n) & (1n << BigInt(capability))) !== 0n;
  }

  /** Range by range; what has been done counts, whatever comes after it. Mirrors: mm/madvise.c:process_madvise, vector_madvise. */
  #madvise({ tid, pid, advice, ranges }: DeskRequest & { readonly ask: 'madvise' }): number | Job<number> {
    const word = ADVICE[advice];
    if (word === undefined) return -EINVAL;
    const allowed = this.#may(tid, pid, 'read');
    if (allowed < 0) return allowed;
    if (!this.#capable(tid, CAP_SYS_NICE)) return -EPERM;
    const { euid = 0, egid = 0 } = this.#find(tid) ?? {};
    const carryOut = (step: string): Job<number> => this.#carryOut(step);
    return (function* (): Job<number> {
      let done = 0;
      for (const [address, length] of ranges) {
        const status = yield* carryOut(`${pid} process_madvise ${address} ${length} ${word} uid=${euid} gid=${egid}`);
        if (status < 0) return done > 0 ? done : status;
        done += Number(length);
      }
      return done;
    })();
  }

  /** Who has been killed here is gone at once, or dies where it stands. Mirrors: mm/oom_kill.c:process_mrelease. */
  #mrelease(tid: number, pid: number): number {
    const { machine } = this.#host;
    const task = machine.byTid.get(pid);
    if (task === undefined || task.mm === null || this.#find(tid) === undefined) return -ESRCH;
    return machine.pressure.isDying(task) ? 0 : -EINVAL;
  }

  /** A step, or several: 0, or what the system call behind it would answer. */
  *#carryOut(steps: string): Job<number> {
    try {
      yield* this.#host.apply(steps, 'syscall');
      return 0;
    } catch (error) {
      if (error instanceof KernelError) return -error.errno;
      const name = error instanceof ScenarioError ? /fails with (E[A-Z0-9]+)$/.exec(error.reason)?.[1] : undefined;
      if (name === undefined) throw error;
      // It has been taken back; a call that fails keeps what it has done before.
      yield* this.#host.apply(`${steps} expect=${name}`, 'syscall');
      return -errnoNumber(name);
    }
  }
}

function limitNumber(text: string): number {
  return text === 'unlimited' ? Infinity : Number(text);
}

/** The hidden file through which the notifier asks; nobody else knows its name. */
export function addDesk(fs: FileSystem, host: SessionHost, desk: Desk, name: string): FileSystem {
  const lookup = fs.lookup.bind(fs);
  const getattr = fs.getattr.bind(fs);
  const open = fs.open.bind(fs);
  fs.lookup = (parent, asked, caller) =>
    asked === name && parent === fs.root ? DESK_INO : lookup(parent, asked, caller);
  fs.getattr = (ino, out) => {
    const status = getattr(ino === DESK_INO ? fs.root : ino, out);
    if (ino === DESK_INO) Object.assign(out, { ino, mode: S_IFREG | 0o600, nlink: 1, size: 0 });
    return status;
  };
  fs.open = (ino, flags, caller) => (ino === DESK_INO ? new DeskFile(host, desk) : open(ino, flags, caller));
  return fs;
}

class DeskFile implements OpenFile {
  readonly #host: SessionHost;
  readonly #desk: Desk;
  #answer: Uint8Array | undefined;

  constructor(host: SessionHost, desk: Desk) {
    this.#host = host;
    this.#desk = desk;
  }

  read(_offset: number, size: number): Uint8Array | number {
    return this.#answer === undefined ? -EBADF : this.#answer.subarray(0, size);
  }

  write(data: Uint8Array): number | Pending<number> {
    this.#host.advanceToNow();
    const request = JSON.parse(fromBuffer(data)) as DeskRequest;
    const { length } = data;
    const answer = this.#desk.answer(request);
    if (typeof answer !== 'object' || answer === null || !('next' in answer)) {
      this.#say(answer);
      return length;
    }
    const say = (result: number): void => this.#say(result);
    return this.#host.run(function* (): Job<number> {
      say(yield* answer);
      return length;
    });
  }

  #say(answer: unknown): void {
    this.#answer = toBuffer(JSON.stringify(answer));
  }
}
