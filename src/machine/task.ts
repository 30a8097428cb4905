import type { Mapping } from '../mm/cache/mapping.ts';
import type { Mm } from '../mm/space/mm.ts';

/** Bytes of a comm, without the NUL of TASK_COMM_LEN. */
export const COMM_BYTES = 15;

/** Process or thread number. */
export type Pid = number;

/** The letters of /proc/PID/stat: running, sleeping, disk sleep, stopped, stopped by a tracer, parked, dead, idle kernel thread, zombie. */
export type TaskState = 'R' | 'S' | 'D' | 'T' | 't' | 'P' | 'X' | 'I' | 'Z';
/** Those that a scenario may give; zombies come about by exiting. */
export const GIVEN_STATES: readonly TaskState[] = ['R', 'S', 'D', 'T', 't', 'I', 'P', 'X'];

/** Whether a thread cannot use any CPU: stopped, gone, or in a frozen control group. */
export function isStill({ state, frozen }: Pick<Thread, 'state' | 'frozen'>): boolean {
  return frozen || state === 'T' || state === 't' || state === 'Z' || state === 'X' || state === 'P';
}

/** User and group numbers of a task. */
export interface Ids {
  uid: number;
  euid: number;
  suid: number;
  gid: number;
  egid: number;
  sgid: number;
  groups: number[];
}

/** A named piece of an address space, so that scenarios can speak of `heap` instead of an address. */
export interface Region {
  readonly name: string;
  /** First page and number of pages, as mapped; the mapping may since have been split, changed or unmapped. */
  readonly start: number;
  readonly nrPages: number;
  readonly mapping: Mapping | null;
  /** Address distance in pages between the pieces of a `count=` mapping, and the size of one. */
  readonly pieces?: { readonly count: number; readonly each: number; readonly stride: number };
}

/** One thread. Times are virtual microseconds. */
export interface Thread {
  readonly tid: Pid;
  comm: string;
  state: TaskState;
  /** By its control group (cgroup.freeze): it sleeps, whatever its state was. */
  frozen: boolean;
  /** The process that traces it; 0: none. */
  tracerPid: Pid;
  readonly startUs: number;
  utimeUs: number;
  stimeUs: number;
  /** CPU it uses from now on, in CPUs (0.25 = a quarter of one), spent in user and kernel mode. */
  userRate: number;
  systemRate: number;
  /** Context switches: given up, taken away; and how many per second come from its workload. */
  voluntary: number;
  involuntary: number;
  switchRate: number;
  /** Virtual time up to which utimeUs, stimeUs and voluntary have been brought. */
  settledUs: number;
}

/** Bytes and calls as /proc/PID/io counts them. */
export interface IoCounters {
  rchar: number;
  wchar: number;
  syscr: number;
  syscw: number;
  readBytes: number;
  writeBytes: number;
  cancelledWriteBytes: number;
}

/** A process: a thread group and its address space. */
export class Task {
  /** Counts all processes ever made; tells two holders of one pid apart. */
  readonly serial: number;
  readonly pid: Pid;
  /** Takes another pid, and goes without its name, when somebody asks for them: a process that came with a policy. */
  yields = false;
  /** What scenarios call it. */
  readonly name: string;
  ppid: Pid;
  pgrp: Pid;
  session: Pid;
  readonly ids: Ids;
  comm: string;
  cmdline: string[] = [];
  environ: string[] = [];
  exe = '';
  cwd = '/';
  root = '/';
  nice = 0;
  umask = 0o022;
  /** Resource limits that are not the usual ones: see limits.ts. */
  limits: readonly { readonly resource: number; readonly soft: number; readonly hard: number }[] = [];
  /** Pretend: all its threads may run on these CPUs; none here: on all. */
  cpusAllowed: readonly number[] = [];
  oomScoreAdj = 0;
  /** False after a change of user id until exec: /proc/PID belongs to root then. */
  dumpable = true;
  readonly kernelThread: boolean;
  /** Signals of failed accesses that it has a handler for, by number: it goes on behind the access. */
  catches: readonly number[] = [];
  /** None: kernel thread, or zombie. */
  mm: Mm | null;
  /** The leader first; its state is the process's. */
  readonly threads: Thread[];
  exitCode = 0;
  minflt = 0;
  majflt = 0;
  childMinflt = 0;
  childMajflt = 0;
  childUtimeUs = 0;
  childStimeUs = 0;
  readonly io: IoCounters = {
    rchar: 0,
    wchar: 0,
    syscr: 0,
    syscw: 0,
    readBytes: 0,
    writeBytes: 0,
    cancelledWriteBytes: 0,
  };
  /** Its numbers in the pid namespaces below the initial one, the outermost first: a process of a container. */
  nsPids: readonly Pid[] = [];
  cgroup = '/';
  /** CPU time that it had used, in microseconds, when it came into that group. */
  readonly cpuBefore = { userUs: 0, systemUs: 0 };
  coredumpFilter = 0x33;
  timerslackNs = 50_000;
  readonly regions = new Map<string, Region>();

  constructor(serial: number, pid: Pid, name: string, ids: Ids, mm: Mm | null, startUs: number, kernelThread = false) {
    this.serial = serial;
    this.pid = pid;
    this.name = name;
    this.ppid = 0;
    // Kernel threads are in no session.
    this.pgrp = kernelThread ? 0 : pid;
    this.session = this.pgrp;
    this.ids = ids;
    this.comm = name.slice(0, COMM_BYTES);
    this.kernelThread = kernelThread;
    this.mm = mm;
    this.threads = [newThread(pid, this.comm, kernelThread ? 'I' : 'S', startUs)];
  }

  /** Gets another number. To be called by the machine, which knows where else it stands. */
  renumber(pid: Pid): void {
    Object.assign(this, { pid, pgrp: pid, session: pid });
    Object.assign(this.leader, { tid: pid });
  }

  get leader(): Thread {
    return this.threads[0]!;
  }

  get isZombie(): boolean {
    return this.leader.state === 'Z';
  }

  /** Owner of the files under /proc/PID: the effective ids, or root where the task must not be looked into. Mirrors: task_dump_owner. */
  get fileUid(): number {
    return this.dumpable && this.mm !== null ? this.ids.euid : 0;
  }

  get fileGid(): number {
    return this.dumpable && this.mm !== null ? this.ids.egid : 0;
  }
}

export function newThread(tid: Pid, comm: string, state: TaskState, startUs: number): Thread {
  return {
    tid,
    comm,
    state,
    frozen: false,
    tracerPid: 0,
    startUs,
    utimeUs: 0,
    stimeUs: 0,
    userRate: 0,
    systemRate: 0,
    voluntary: 0,
    involuntary: 0,
    switchRate: 0,
    settledUs: startUs,
  };
}

/** All ids of an ordinary user. */
export function idsOf(uid: number, gid = uid): Ids {
  return { uid, euid: uid, suid: uid, gid, egid: gid, sgid: gid, groups: uid === 0 ? [] : [gid] };
}
