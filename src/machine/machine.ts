/**
 * One simulated machine: memory, files, processes and a virtual clock. Every change of it is made by a method of this
 * class or by a function of this folder that takes it; scenario steps and files of /proc call the same ones.
 *
 * Nothing ticks: `advance` brings storage, workloads and CPU times to a moment; what nobody looks at costs nothing.
 */

import type { Mapping, Ownership } from '../mm/cache/mapping.ts';
import { checkMemoryInPieces } from '../mm/invariants.ts';
import { Memory } from '../mm/memory.ts';
import { LRU_GEN_MM_WALK, LRU_GEN_NONLEAF_YOUNG } from '../mm/memory-hooks.ts';
import { kindNumber, type PageKind } from '../mm/pages/page-kinds.ts';
import { MAX_PAGES } from '../mm/pages/pte.ts';
import { chooseLru, type LruKind } from '../mm/reclaim/choose-policy.ts';
import { dupMm } from '../mm/space/fork.ts';
import { Mm } from '../mm/space/mm.ts';
import { dropMappingIfUnused, exitMmap } from '../mm/space/mmap.ts';
import { SwapArea, type SwapKind } from '../mm/swap/swap.ts';
import { EEXIST, EINVAL, ENOMEM } from '../util/errno.ts';
import { KernelError, UnknownNameError } from '../util/errors.ts';
import { finish, type Job } from '../util/job.ts';
import { leaveCpu } from './cgroup-cpu.ts';
import { chargePids } from './cgroup-pids.ts';
import { Cgroups } from './cgroups.ts';
import { checkCoherence } from './coherence.ts';
import { EventLog } from './event-log.ts';
import type { EventType } from './event-types.ts';
import { KERN_INFO, KERN_NOTICE, KernelLog } from './kernel-log.ts';
import { type KernelName, OSVERSION, releaseOf } from './kernels.ts';
import { LowMemoryKiller } from './lmk.ts';
import { LoadAverage } from './loadavg.ts';
import { addFile, checkPath, removeFile } from './paths.ts';
import { nextNsPids } from './pid-namespaces.ts';
import { Pressure } from './pressure.ts';
import { PROFILES, type Profile, type ProfileName } from './profiles.ts';
import type { Psi } from './psi.ts';
import { type DeviceOptions, defaultStorageSettings, Storage, type StorageSettings } from './storage.ts';
import { defaultVmSettings, type VmSettings } from './sysctl.ts';
import { COMM_BYTES, type Ids, idsOf, isStill, newThread, type Pid, Task, type Thread } from './task.ts';
import type { PressureEvents } from './vmpressure.ts';
import type { Activities } from './workload/activity.ts';
import type { Apps } from './workload/app.ts';

/** What a machine is made with. */
export interface MachineOptions {
  readonly ramBytes?: number;
  readonly swapBytes?: number;
  readonly swapKind?: SwapKind;
  readonly profile?: ProfileName;
  /** The kernel whose files it shows. */
  readonly kernel?: KernelName;
  /** Pressure stall information: off as by psi=0 on the kernel's command line, none as without CONFIG_PSI. */
  readonly psi?: PsiMode;
  /** Which version of control groups: one tree, v1 with all controllers mounted together. */
  readonly cgroup?: CgroupVersion;
  /** How reclaim knows which pages are old: two lists, or generations (MGLRU). */
  readonly lru?: LruKind;
  readonly seed?: number;
  readonly cpus?: number;
  readonly hostname?: string;
  /** How old the statistics of a control group may be that reclaim decides by, microseconds; 0: no older than a step. */
  readonly statFlushUs?: number;
  /** Most that is read ahead of a file, bytes, whole pages; 0: nothing. */
  readonly readaheadBytes?: number;
  /** Times of the devices for one page, and how many requests a disk works on at once; what is absent is as defaultStorageSettings says. */
  readonly devices?: DeviceOptions;
  /** The path by which swap was switched on, as /proc/swaps shows it: `/dev/block/zram0`; empty: the usual one. */
  readonly swapName?: string;
  /** A disk that nothing uses so far, bytes; 0: none. zram may write pages back to it. */
  readonly spareBytes?: number;
  /** What pages hold that are written without saying what: how well they compress. */
  readonly content?: PageKind;
  /** Virtual time at the start, seconds since boot. */
  readonly uptimeSeconds?: number;
  /** Wall time of boot, milliseconds since the epoch. Pretend: a fixed day, unless a mount says otherwise. */
  readonly bootTimeMs?: number;
}

export interface ProcessOptions {
  readonly name: string;
  readonly pid?: Pid;
  readonly ppid?: Pid;
  readonly ids?: Ids;
  readonly kernelThread?: boolean;
  /** Virtual time at which it was started; absent: now. */
  readonly startUs?: number;
  /** Gets the highest free pid, and gives it and its name up to whoever asks for them. */
  readonly yields?: boolean;
}

/** Whether there is pressure stall information. */
/** Versions of control groups that a machine may have. */
export const CGROUP_VERSIONS = ['v2', 'v1'] as const;
/** One of them. */
export type CgroupVersion = (typeof CGROUP_VERSIONS)[number];
/** What controllers version 1 has, in the order of /proc/PID/cgroup. */
export const CGROUP1_CONTROLLERS = ['cpu', 'cpuacct', 'memory', 'freezer', 'pids'] as const;
export const PSI_MODES = ['on', 'off', 'none'] as const;
export type PsiMode = (typeof PSI_MODES)[number];

export const DEFAULT_RAM = 2 * 1024 ** 3;
export const DEFAULT_SWAP = 64 * 1024 ** 2;
/** None, as in most recordings of a kernel; its own default is 128 KiB (VM_READAHEAD_PAGES). */
export const DEFAULT_READAHEAD = 0;
export const PID_MAX = 4_194_304;
/** Pretend: pages that the kernel of an empty machine takes (text, slab). */
const KERNEL_BASE_PAGES = 8192;
/** Pages of one kernel stack. */
const KERNEL_STACK_PAGES = 4;
/** The first pid given to a process that does not ask for one. */
const FIRST_FREE_PID = 1000;

/** Pretend: what the boot loader gave the kernel. */
export const COMMAND_LINE = 'root=/dev/vda rw console=ttyS0';

/** Something that happens as time passes. */
export interface Ticker {
  /** When it wants to run next; Infinity: never by itself. */
  nextUs(): number;
  run(nowUs: number): void;
  /** Called before time passes, at the moment up to which it has passed. */
  beforeAdvance?(): void;
}

function storageSettings({ queueDepth: _, ...times }: DeviceOptions): StorageSettings {
  return { ...defaultStorageSettings(), ...times };
}

export class Machine {
  readonly mem: Memory;
  readonly storage: Storage;
  readonly events = new EventLog();
  readonly kernelLog = new KernelLog();
  readonly vm: VmSettings = defaultVmSettings();
  readonly options: Required<MachineOptions>;
  readonly lmk = new LowMemoryKiller(this);
  readonly cgroups: Cgroups;
  readonly pressure: Pressure;
  /** What processes made from now on catch, unless they say something else: see Task.catches. */
  usualCatches: readonly number[] = [];
  /** Stopped by panic_on_oom: nobody gets memory any more. */
  panicked = false;
  profile: Profile;
  /** Processes by pid, zombies included. */
  readonly tasks = new Map<Pid, Task>();
  /** Processes by the name that scenarios use; the newest of that name. */
  readonly named = new Map<string, Task>();
  /** Which process a thread id belongs to (leaders included). */
  readonly byTid = new Map<Pid, Task>();
  /** Files and shared memory objects by the name that scenarios use. */
  readonly objects = new Map<string, Mapping>();
  readonly files = new Map<string, Mapping>();
  /** How many of them lie in or below each directory. */
  readonly directories = new Map<string, number>();
  /** Virtual time since boot, microseconds. */
  nowUs: number;
  /** Rises with every change that some file of /proc may show. */
  generation = 0;
  /** Rises when processes come, go or move to another control group, or their threads use more or less CPU. */
  loadChanges = 0;
  forks = 0;
  /** Page where the next mapping without an address goes: one place for the whole machine, as in the oracle. */
  nextMapping = 0x100000000000 / 4096;
  private nextSerial = 1;
  private lastGiven = FIRST_FREE_PID - 1;
  private newestPid = 0;
  readonly loadAverage: LoadAverage;
  /** CPU time and context switches of threads that have gone and that no parent has inherited. */
  readonly gone = { utimeUs: 0, stimeUs: 0, switches: 0 };
  /** Values that count over what a scenario says later, by key: see the step `impose`. */
  readonly imposed = new Map<string, string>();
  /** Settings of /proc/sys without a model behind them, as last written. */
  readonly plainSysctls = new Map<string, string>();
  /** Called as time passes, up to the given moment; workloads hang in here. */
  readonly tickers: Ticker[] = [];
  /** What goes on by itself, and apps: made when first asked for (activitiesOf, appsOf). */
  activities: Activities | undefined;
  apps: Apps | undefined;
  /** What the task managers of all policies have done: writes to reclaim files, pages that left memory by them, CPU time. */
  readonly daemons = { writes: 0, pages: 0, cpuUs: 0 };
  /** Called when a process has gone. */
  onExit: ((task: Task) => void) | undefined;
  /** Called when time has passed, and what was due by then is done. */
  onTime: (() => void) | undefined;
  /** Called when a process has changed its user. */
  onUserChanged: ((task: Task) => void) | undefined;

  constructor(options: MachineOptions = {}) {
    this.options = {
      ramBytes: options.ramBytes ?? DEFAULT_RAM,
      swapBytes: options.swapBytes ?? DEFAULT_SWAP,
      swapKind: options.swapKind ?? 'zram',
      profile: options.profile ?? '2013',
      kernel: options.kernel ?? '6.18',
      psi: options.psi ?? 'on',
      cgroup: options.cgroup ?? 'v2',
      lru: options.lru ?? 'lists',
      seed: options.seed ?? 1,
      cpus: options.cpus ?? 2,
      hostname: options.hostname ?? 'reclaimfs',
      statFlushUs: options.statFlushUs ?? 2_000_000,
      readaheadBytes: options.readaheadBytes ?? DEFAULT_READAHEAD,
      devices: options.devices ?? {},
      swapName: options.swapName ?? '',
      spareBytes: options.spareBytes ?? 0,
      content: options.content ?? 'plain',
      uptimeSeconds: options.uptimeSeconds ?? 0,
      bootTimeMs: options.bootTimeMs ?? Date.UTC(2013, 4, 9),
    };
    const frames = Math.floor(this.options.ramBytes / 4096);
    if (!(frames >= 256 && frames <= MAX_PAGES)) throw new KernelError(EINVAL, 'ram must be between 1M and 4T');
    this.profile = PROFILES[this.options.profile];
    this.mem = new Memory(frames, this.profile.rules);
    this.mem.settings.statFlushUs = this.options.statFlushUs;
    this.mem.settings.deviceQueueDepth = this.options.devices.queueDepth ?? 1;
    this.mem.settings.readaheadPages = Math.floor(this.options.readaheadBytes / 4096);
    this.mem.content.kind = kindNumber(this.options.content);
    chooseLru(this.mem, this.options.lru);
    if (this.options.lru === 'generations') this.mem.settings.lruGenCaps = LRU_GEN_MM_WALK | LRU_GEN_NONLEAF_YOUNG;
    this.cgroups = new Cgroups(this);
    this.mem.kernelPages = Math.min(KERNEL_BASE_PAGES, Math.floor(frames / 16));
    this.nowUs = Math.round(this.options.uptimeSeconds * 1e6);
    this.storage = new Storage(this.mem, storageSettings(this.options.devices), this.nowUs);
    this.mem.device = this.storage;
    this.loadAverage = new LoadAverage(this);
    this.tickers.push(this.loadAverage);
    this.setSwap(this.options.swapBytes, this.options.swapKind);
    this.pressure = new Pressure(this);
    this.tickers.push(this.pressure);
    this.#boot();
  }

  /** What a kernel says first. */
  #boot(): void {
    const { kernel, ramBytes } = this.options;
    const kb = Math.floor(ramBytes / 1024);
    for (const [level, text] of [
      [KERN_NOTICE, `Linux version ${releaseOf(kernel)} (reclaimfs@simulated) (node) ${OSVERSION}`],
      [KERN_INFO, `Command line: ${COMMAND_LINE}`],
      [KERN_INFO, `Memory: ${kb - this.mem.kernelPages * 4}K/${kb}K available`],
    ] as const)
      this.kernelLog.add(0, level, text);
  }

  /** The kernel says something. */
  printk(level: number, text: string): void {
    this.kernelLog.add(this.nowUs, level, text);
  }

  /** Notifications of memory pressure. */
  get vmpressure(): PressureEvents {
    return this.pressure.vmpressure;
  }

  /** Pressure stall information. */
  get psi(): Psi {
    return this.pressure.psi;
  }

  /** Replaces the swap area, which must be empty. Zero bytes: none; `keep`: the device without room. */
  setSwap(bytes: number, kind: SwapKind = this.options.swapKind, keep = false): void {
    if (this.mem.swap !== null && this.mem.swap.nrUsed > 0) throw new KernelError(EINVAL, 'the swap area is in use');
    const slots = Math.floor(bytes / 4096);
    if (slots > MAX_PAGES) throw new KernelError(EINVAL, 'swap must be at most 4T');
    this.mem.swap = slots > 0 || keep ? new SwapArea(kind, slots) : null;
    this.generation++;
  }

  /** Another dialect of the reclaim interface from now on. */
  setProfile(name: ProfileName): void {
    this.profile = PROFILES[name];
    this.mem.rules = this.profile.rules;
    this.generation++;
  }

  get swapKind(): SwapKind {
    return this.mem.swap?.kind ?? this.options.swapKind;
  }

  /** Brings the machine to a later moment of virtual time; an earlier one changes nothing. */
  advance(toUs: number): void {
    finish(this.advancing(toUs));
  }

  /** The same in pieces. Between two of them the machine is whole, at a moment on the way there: it may as well end then. */
  *advancing(toUs: number): Job<void> {
    if (toUs <= this.nowUs) return;
    for (;;) {
      // Before each stretch of time, and not once a call: what comes out must not depend on how often anybody looks.
      for (const ticker of this.tickers) ticker.beforeAdvance?.();
      if (this.pressure.deathPending) yield* this.pressure.settling();
      let due = toUs;
      for (const ticker of this.tickers) due = Math.min(due, ticker.nextUs());
      this.nowUs = Math.max(this.nowUs, due);
      const zram = this.mem.swap?.zram;
      if (zram) zram.nowS = Math.floor(this.nowUs / 1e6);
      this.mem.running = null;
      if (this.storage.nextEventUs <= this.nowUs || this.storage.pending > 0) this.generation++;
      this.storage.advance(this.nowUs);
      for (const ticker of this.tickers) if (ticker.nextUs() <= this.nowUs) ticker.run(this.nowUs);
      this.onTime?.();
      if (this.pressure.deathPending) yield* this.pressure.settling();
      if (due >= toUs) break;
      yield;
    }
  }

  /** CPU times (microseconds) and voluntary context switches of a thread up to now, as they follow from its load. */
  cpuTimes(thread: Thread): { utimeUs: number; stimeUs: number; voluntary: number } {
    const elapsed = isStill(thread) ? 0 : this.nowUs - thread.settledUs;
    return {
      utimeUs: thread.utimeUs + Math.floor(elapsed * thread.userRate),
      stimeUs: thread.stimeUs + Math.floor(elapsed * thread.systemRate),
      voluntary: thread.voluntary + Math.floor((elapsed * thread.switchRate) / 1e6),
    };
  }

  log(type: EventType, members: Record<string, string | number | boolean | null> = {}): void {
    this.events.add({ type, time: this.nowUs / 1e6, ...members });
  }

  /** Makes a process with an empty address space. Throws EEXIST (pid or name taken), EINVAL, ENOMEM. */
  createProcess(options: ProcessOptions): Task {
    this.#claimName(options.name);
    const pid = options.pid ?? (options.yields === true ? this.#highestPid() : this.#allocPid());
    if (!(pid > 0 && pid < PID_MAX)) throw new KernelError(EINVAL, `pid ${pid} is not below ${PID_MAX}`);
    this.#claim(pid);
    this.#makeRoomForStack();
    const kernelThread = options.kernelThread ?? false;
    const mm = kernelThread ? null : new Mm(this.mem.newId());
    const ids = options.ids ?? idsOf(0);
    const startUs = options.startUs ?? this.nowUs;
    const task = new Task(this.nextSerial++, pid, options.name, ids, mm, startUs, kernelThread);
    task.yields = options.yields ?? false;
    task.ppid = options.ppid ?? (pid === 1 || pid === 2 ? 0 : kernelThread ? 2 : 1);
    this.#add(task);
    return task;
  }

  /** A copy of a process; `shareMm`: one that uses the same address space (CLONE_VM). Throws EEXIST, EINVAL, ENOMEM. Mirrors: kernel_clone. */
  fork(parent: Task, name: string, pid?: Pid, shareMm = false): Task {
    return finish(this.forking(parent, name, pid, shareMm));
  }

  /** The same in pieces. */
  *forking(parent: Task, name: string, pid?: Pid, shareMm = false): Job<Task> {
    if (parent.mm === null) throw new KernelError(EINVAL, `${parent.name} has no memory to copy`);
    this.#claimName(name);
    const childPid = pid ?? this.#allocPid();
    this.#claim(childPid);
    chargePids(this, parent);
    if (!this.pressure.reserve((shareMm ? 0 : parent.mm.pageDirectory.size) + KERNEL_STACK_PAGES))
      throw new KernelError(ENOMEM, 'no memory for page tables');
    const ids = { ...parent.ids, groups: [...parent.ids.groups] };
    const mm = shareMm ? parent.mm : yield* dupMm(this.mem, parent.mm);
    if (shareMm) mm.users++;
    const child = new Task(this.nextSerial++, childPid, name, ids, mm, this.nowUs);
    child.ppid = parent.pid;
    child.pgrp = parent.pgrp;
    child.session = parent.session;
    child.nsPids = nextNsPids(this, parent);
    for (const field of INHERITED) copyField(child, parent, field);
    for (const [key, region] of parent.regions) child.regions.set(key, region);
    // What others have mapped into the address space is copied with it.
    if (!shareMm) for (const other of this.sharersOf(parent)) inheritRegions(child, other);
    child.leader.comm = child.comm;
    this.#add(child);
    return child;
  }

  /** Throws ENOMEM. Where there is room nothing is reclaimed: the kernel's stacks are small. */
  #makeRoomForStack(): void {
    if (this.mem.nrFree < KERNEL_STACK_PAGES && !this.pressure.reserve(KERNEL_STACK_PAGES))
      throw new KernelError(ENOMEM, 'no memory for a kernel stack');
  }

  #add(task: Task): void {
    this.tasks.set(task.pid, task);
    this.byTid.set(task.pid, task);
    if (!task.yields) this.newestPid = task.pid;
    this.named.set(task.name, task);
    this.cgroups.adopt(task);
    this.mem.kernelPages += KERNEL_STACK_PAGES;
    this.forks++;
    this.loadChanges++;
    this.generation++;
  }

  addThread(task: Task, comm: string = task.comm, tid: Pid = this.#allocPid()): Thread {
    chargePids(this, task);
    this.#claim(tid);
    this.#makeRoomForStack();
    const thread = newThread(tid, comm.slice(0, COMM_BYTES), 'S', this.nowUs);
    task.threads.push(thread);
    this.byTid.set(tid, task);
    thread.frozen = task.leader.frozen;
    this.newestPid = tid;
    this.mem.kernelPages += KERNEL_STACK_PAGES;
    this.forks++;
    this.loadChanges++;
    this.generation++;
    return thread;
  }

  /** Ends a process: its memory goes at once; as a zombie it stays visible until reaped. */
  exit(task: Task, exitCode = 0, zombie = false): void {
    finish(this.exiting(task, exitCode, zombie));
  }

  /** The same in pieces: its memory first. */
  *exiting(task: Task, exitCode = 0, zombie = false): Job<void> {
    if (task.mm !== null) yield* this.#dropMm(task);
    for (const thread of task.threads) this.#settleCpu(thread);
    for (const thread of task.threads.splice(1)) {
      task.leader.utimeUs += thread.utimeUs;
      task.leader.stimeUs += thread.stimeUs;
      this.gone.switches += thread.voluntary + thread.involuntary;
      this.byTid.delete(thread.tid);
      this.mem.kernelPages -= KERNEL_STACK_PAGES;
    }
    task.leader.state = 'Z';
    task.leader.frozen = false;
    task.leader.userRate = task.leader.systemRate = task.leader.switchRate = 0;
    task.exitCode = exitCode;
    const heir = this.tasks.has(1) && task.pid !== 1 ? 1 : 0;
    for (const other of this.tasks.values()) {
      if (other.ppid === task.pid) other.ppid = heir;
      this.#detach(other, task.pid);
    }
    this.loadChanges++;
    this.generation++;
    if (zombie) return;
    this.reap(task);
  }

  /** Nobody traces it any more who has gone: it runs again. Mirrors: exit_ptrace, __ptrace_unlink. */
  #detach(task: Task, tracerPid: Pid): void {
    for (const thread of task.threads) {
      if (thread.tracerPid !== tracerPid) continue;
      thread.tracerPid = 0;
      if (thread.state === 't') this.setStill(thread, { state: thread.userRate + thread.systemRate > 0.5 ? 'R' : 'S' });
    }
  }

  /** Takes a zombie away. */
  reap(task: Task): void {
    if (!task.isZombie) throw new KernelError(EINVAL, `${task.name} has not exited`);
    const { leader } = task;
    leaveCpu(this, task);
    const parent = this.tasks.get(task.ppid);
    this.gone.switches += leader.voluntary + leader.involuntary;
    if (parent === undefined) {
      this.gone.utimeUs += leader.utimeUs + task.childUtimeUs;
      this.gone.stimeUs += leader.stimeUs + task.childStimeUs;
    } else {
      parent.childMinflt += task.minflt + task.childMinflt;
      parent.childMajflt += task.majflt + task.childMajflt;
      parent.childUtimeUs += task.leader.utimeUs + task.childUtimeUs;
      parent.childStimeUs += task.leader.stimeUs + task.childStimeUs;
    }
    this.tasks.delete(task.pid);
    this.byTid.delete(task.pid);
    if (this.named.get(task.name) === task) this.named.delete(task.name);
    this.mem.kernelPages -= KERNEL_STACK_PAGES;
    this.generation++;
    this.log('exit', { pid: task.pid, comm: task.comm, code: task.exitCode });
    this.onExit?.(task);
  }

  /** Replaces the program: a fresh address space, dumpable again. */
  *exec(task: Task): Job<void> {
    if (task.kernelThread) throw new KernelError(EINVAL, `${task.name} is a kernel thread`);
    if (task.mm !== null) yield* this.#dropMm(task);
    task.mm = new Mm(this.mem.newId());
    this.cgroups.attachMm(task);
    task.catches = [];
    task.dumpable = true;
    this.generation++;
  }

  /** While its memory goes the process still has it, for those who look. */
  *#dropMm(task: Task): Job<void> {
    const mm = task.mm!;
    if (mm.users === 1) yield* exitMmap(this.mem, mm);
    // What it has mapped stays with those who share its memory.
    for (const other of this.sharersOf(task)) inheritRegions(other, task);
    mm.users--;
    task.mm = null;
    task.regions.clear();
  }

  /** The other processes that use the address space of this one (CLONE_VM). */
  sharersOf(task: Task): Task[] {
    if (task.mm === null || task.mm.users === 1) return [];
    return [...this.tasks.values()].filter((other) => other !== task && other.mm === task.mm);
  }

  /** Makes a file on the simulated disk. Throws EEXIST, EINVAL. */
  createFile(name: string, path: string, sizeBytes: number, owner: Ownership): Mapping {
    if (this.files.has(path)) throw new KernelError(EEXIST, `there is a file ${path}`, path);
    checkPath(this, path);
    const file = this.#createObject(name, 'file', path, sizeBytes, owner);
    addFile(this, file);
    return file;
  }

  /** Makes a shared memory object, all holes. */
  createShmem(name: string, path: string, sizeBytes: number, owner: Ownership): Mapping {
    return this.#createObject(name, 'shmem', path, sizeBytes, owner);
  }

  /** The object behind a shared anonymous mapping: it has no name and goes with its last mapping. */
  anonymousShmem(sizeBytes: number): Mapping {
    const mapping = this.mem.newMapping('shmem', '/dev/zero (deleted)', sizeBytes, { uid: 0, gid: 0, mode: 0o777 });
    mapping.links = 0;
    return mapping;
  }

  /** Sets how much CPU a thread uses from now on (in CPUs) and how often it is switched. */
  setLoad(thread: Thread, userRate: number, systemRate: number, switchRate: number): void {
    this.#settleCpu(thread);
    thread.userRate = userRate;
    thread.systemRate = systemRate;
    thread.switchRate = switchRate;
    if (thread.state === 'R' || thread.state === 'S' || thread.state === 'D')
      thread.state = userRate + systemRate > 0.5 ? 'R' : 'S';
    this.loadChanges++;
    this.generation++;
  }

  /** Stops a thread or lets it go on: the time in between is nobody's CPU time. */
  setStill(thread: Thread, change: Partial<Pick<Thread, 'state' | 'frozen'>>): void {
    this.#settleCpu(thread);
    Object.assign(thread, change);
    this.loadChanges++;
    this.generation++;
  }

  #settleCpu(thread: Thread): void {
    const times = this.cpuTimes(thread);
    thread.voluntary = times.voluntary;
    thread.utimeUs = times.utimeUs;
    thread.stimeUs = times.stimeUs;
    thread.settledUs = this.nowUs;
  }

  #createObject(name: string, kind: 'file' | 'shmem', path: string, sizeBytes: number, owner: Ownership): Mapping {
    if (!(sizeBytes >= 0 && sizeBytes <= 2 ** 40)) throw new KernelError(EINVAL, 'size must be at most 1T');
    if (this.objects.has(name)) throw new KernelError(EEXIST, `there is an object named ${name}`, name);
    const mapping = this.mem.newMapping(kind, path, sizeBytes, owner);
    this.objects.set(name, mapping);
    this.generation++;
    return mapping;
  }

  /** Takes the name of an object away: an unmapped shared memory object goes away. Throws UnknownNameError. */
  *unlinkObject(name: string): Job<void> {
    const mapping = this.objects.get(name);
    if (mapping === undefined)
      throw new UnknownNameError(`there is no object named ${name}`, name, this.objects.keys());
    this.objects.delete(name);
    removeFile(this, mapping);
    mapping.links--;
    yield* dropMappingIfUnused(this.mem, mapping);
    this.generation++;
  }

  /** Address spaces in use, each once. */
  get mms(): Mm[] {
    return [...new Set([...this.tasks.values()].map((task) => task.mm).filter((mm) => mm !== null))];
  }

  /** Every broken invariant and every contradiction between figures, in words. */
  check(): string[] {
    return finish(this.checking());
  }

  /** The same in pieces. */
  *checking(): Job<string[]> {
    return [...(yield* checkMemoryInPieces(this.mem, this.mms)), ...(yield* checkCoherence(this))];
  }

  #allocPid(): Pid {
    for (let tries = 0; tries < PID_MAX; tries++) {
      this.lastGiven = this.lastGiven + 1 >= PID_MAX ? FIRST_FREE_PID : this.lastGiven + 1;
      if (!this.byTid.has(this.lastGiven)) return this.lastGiven;
    }
    throw new KernelError(ENOMEM, 'no pid is free');
  }

  #highestPid(): Pid {
    for (let pid = PID_MAX - 1; pid > 0; pid--) if (!this.byTid.has(pid)) return pid;
    throw new KernelError(ENOMEM, 'no pid is free');
  }

  /** Makes sure that a name is free: before a pid is given out. Throws EEXIST. */
  #claimName(name: string): void {
    let namesake = this.named.get(name);
    if (namesake !== undefined && this.pressure.reaper.has(namesake)) {
      this.pressure.reaper.finish(namesake);
      namesake = this.named.get(name);
    }
    if (namesake !== undefined && !namesake.yields)
      throw new KernelError(EEXIST, `there is a process named ${name}`, name);
  }

  /** Makes sure that a pid is free. Throws EEXIST. */
  #claim(pid: Pid): void {
    let holder = this.byTid.get(pid);
    if (holder !== undefined && this.pressure.reaper.has(holder)) {
      this.pressure.reaper.finish(holder);
      holder = this.byTid.get(pid);
    }
    if (holder !== undefined && !holder.yields) throw new KernelError(EEXIST, `pid ${pid} is taken`, String(pid));
    if (holder === undefined) return;
    this.tasks.delete(pid);
    holder.renumber(this.#highestPid());
    this.byTid.delete(pid);
    this.byTid.set(holder.pid, holder);
    this.tasks.set(holder.pid, holder);
  }

  /** The newest pid given out, for loadavg. */
  get lastPid(): Pid {
    return this.newestPid;
  }
}

const INHERITED = [
  'comm',
  'cmdline',
  'environ',
  'exe',
  'cwd',
  'root',
  'nice',
  'umask',
  'limits',
  'cpusAllowed',
  'oomScoreAdj',
  'dumpable',
  'cgroup',
  'catches',
  'coredumpFilter',
  'timerslackNs',
] as const;

/** Gives a process the mappings that another one has named, under its own names where they are free. */
function inheritRegions(to: Task, from: Task): void {
  for (const [key, region] of from.regions) {
    const name = to.regions.has(key) ? `${from.name}.${key}` : key;
    if (![...to.regions.values()].some(({ start }) => start === region.start))
      to.regions.set(name, { ...region, name });
  }
}

function copyField<K extends (typeof INHERITED)[number]>(to: Task, from: Task, field: K): void {
  const value = from[field];
  to[field] = (Array.isArray(value) ? [...value] : value) as Task[K];
}
