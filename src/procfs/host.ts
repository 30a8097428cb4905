/**
 * What the tree needs from the session behind it. Everything that changes the machine goes through a method here, so
 * that it is journalled and can be replayed; the tree itself keeps no state of the machine.
 */
import type { EventLog, MachineEvent } from '../machine/event-log.ts';
import type { Machine } from '../machine/machine.ts';
import type { SysrqKey } from '../machine/sysrq.ts';
import type { Task, Thread } from '../machine/task.ts';
import type { Kept } from '../scenario/step.ts';
import type { Job } from '../util/job.ts';
import type { Pending } from '../vfs/types.ts';

export interface RunOptions {
  /** Whether it is given up when whoever waits for it is interrupted. */
  readonly mayCancel?: boolean;
  /** Members for the events of this change: see EventLog.origin. */
  readonly origin?: (() => Readonly<Record<string, number>>) | undefined;
}

/** Methods that return a number return what write(2) would, or 0, or a negative error number. */
export interface ProcHost {
  /** The machine as it is now. A rejected batch of steps replaces it: ask each time, never keep it. */
  readonly machine: Machine;
  /** What has happened. Positions may fall back when the machine is replaced. */
  readonly events: EventLog;
  /** Rises with every change that is not the mere passing of time, by whatever way it came. */
  readonly changes: number;
  /** Why time stands still, after something has gone wrong as it passed. */
  readonly failure: string | undefined;
  /** Brings the machine to the present. Called at the start of every operation: cheap when nothing is due. */
  advanceToNow(): void;
  /** Milliseconds of a clock that only orders and ages things: how long a rendered file may be reused. */
  wallNowMs(): number;

  /** Whether something goes on between requests, and going on with it. */
  readonly busy: boolean;
  goOn(): void;
  /**
   * Makes a change: at once, or, while other work is under way or where it takes long, between requests. Every change
   * of the machine goes through this. Throws, or has Pending throw, what `begin` threw.
   */
  run<T>(begin: () => T | Job<T>, options?: RunOptions): T | Pending<T>;
  /** Work that changes nothing, beside changes: at once, or where it takes long between requests. */
  look<T>(begin: () => Job<T>): T | Pending<T>;
  /** Carries out steps, all or none. Throws ScenarioError or KernelError, and then nothing has changed. */
  apply(text: string, source: string): Job<unknown>;
  /** The whole machine as text and as bytes, in pieces. */
  writingState(): Job<Uint8Array>;
  saving(): Job<Uint8Array>;
  /** Machines kept under names. */
  readonly snapshots: ReadonlyMap<string, Kept>;
  /** Every setting in force, a line each. */
  settings(): string;
  /** The virtual clock in words. */
  clockText(): string;
  /** `+5s`, `pause`, `run`, `speed 10`: 0, or -EINVAL. */
  setClock(text: string): Job<number>;

  /** One write to PID/reclaim: bytes taken, or -EINVAL, -ERANGE. */
  writeReclaim(task: Task, data: Uint8Array): Job<number>;
  /** 1 … 5 as written to PID/clear_refs. */
  clearRefs(task: Task, value: number): Job<number>;
  /** Reads memory as PID/mem does, which faults pages in: bytes read. */
  peek(task: Task, address: number, out: Uint8Array): number;
  /** Writes memory as PID/mem does: bytes written. */
  poke(task: Task, address: number, data: Uint8Array): number;
  setOomScoreAdj(task: Task, value: number): number;
  setComm(task: Task, thread: Thread, comm: string): number;
  setCoredumpFilter(task: Task, value: number): number;
  setTimerslackNs(task: Task, value: number): number;
  /** 1 … 4 as written to sys/vm/drop_caches. */
  dropCaches(value: number): Job<number>;
  /** A key pressed through sysrq-trigger. */
  sysrq(key: SysrqKey): Job<number>;
  /** Commands as written to /sys/kernel/debug/lru_gen. */
  lruGen(commands: string): Job<number>;
  /** The value of a sysctl as last written (`vm.swappiness`), undefined while it has its default. */
  sysctl(name: string): string | undefined;
  /** Sets one; the value has been checked against the kernel's bounds. */
  setSysctl(name: string, value: string): number;
  /** A write to a file of /sys/block/zram0. */
  writeZram(file: string, text: string): Job<number>;
  kill(task: Task, signal: number): Job<number>;
  /** A message for the kernel's log; its priority is facility × 8 + level. */
  kmsg(priority: number, text: string): number;

  /** Set by the tree: a process or thread id has gone. */
  onGone: ((task: Task, tid: number) => void) | undefined;
  /** Set by the tree: a process has changed its user. */
  onUserChanged: ((task: Task) => void) | undefined;
  /** Set by the tree: something has been added to the kernel's log. */
  onKernelLog: (() => void) | undefined;
  /** Set by the tree: something has been added to `events`. */
  onEvent: ((event: MachineEvent) => void) | undefined;
}
