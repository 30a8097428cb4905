import type { EventLog, MachineEvent } from '../machine/event-log.ts';
import type { Machine } from '../machine/machine.ts';
import { writeReclaim } from '../machine/reclaim.ts';
import { SYSCTLS } from '../machine/sysctl.ts';
import type { SysrqKey } from '../machine/sysrq.ts';
import type { Task, Thread } from '../machine/task.ts';
import { writeZram } from '../machine/zram-attributes.ts';
import { peek, poke } from '../mm/space/access.ts';
import type { ProcHost, RunOptions } from '../procfs/host.ts';
import { ScenarioError } from '../scenario/scenario-error.ts';
import type { Session, StepRecord } from '../scenario/session.ts';
import type { Kept } from '../scenario/step.ts';
import { quoteValue } from '../scenario/words.ts';
import { printable, trimBytes } from '../util/bytes.ts';
import { EINTR, EINVAL, errnoName } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { Cancelled, finish, isJob, type Job } from '../util/job.ts';
import { logger } from '../util/log.ts';
import type { Pending } from '../vfs/types.ts';
import type { Clock } from './clock.ts';
import { SHORT_SLICE_MS, SLICE_MS, WorkQueue } from './work-queue.ts';

const log = logger('session');
const EPOCH = 2 ** 32;
/** How long one request may catch up with time that has been missed. */
const CATCH_UP_MS = 4;
/** How long after somebody has looked time is still caught up with. */
const LOOKED_AT_MS = 2000;

/**
 * A session and a clock as the tree sees them. Every change is a step: carried out as one, or recorded as the one that
 * would have made it.
 */
export class SessionHost implements ProcHost {
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #work: WorkQueue;
  /** Work that changes nothing: it takes turns with what does. */
  readonly #looks: WorkQueue;
  #looksNext = false;
  readonly #inSlices: boolean;
  /** What has been missed of time is more than one request may catch up with. */
  #behind = false;
  /** When somebody last wanted the present, in wall milliseconds; and whether anybody has since the last slice. */
  #askedMs = 0;
  #asked = false;
  /** Counts machines: one that replaces another counts its changes anew. */
  #epoch = 0;
  #adopted: Machine | undefined;
  failure: string | undefined;
  onGone: ((task: Task, tid: number) => void) | undefined;
  onUserChanged: ((task: Task) => void) | undefined;
  onEvent: ((event: MachineEvent) => void) | undefined;
  onKernelLog: (() => void) | undefined;

  /**
   * `inSlices`: long work and time that has been missed go on between requests (`busy`, `goOn`); else everything is
   * carried out at once.
   */
  constructor(session: Session, clock: Clock, { inSlices = false } = {}) {
    this.#session = session;
    this.#clock = clock;
    this.#inSlices = inSlices;
    this.#work = new WorkQueue(inSlices, () => this.wallNowMs());
    this.#looks = new WorkQueue(inSlices, () => this.wallNowMs());
    session.onMachineReplaced = () => this.#adopt();
    session.onRestored = () => this.#clock.standAt(this.machine.nowUs);
    this.#adopt();
  }

  #adopt(): void {
    this.#epoch++;
    this.#forgetOthers();
    this.machine.onExit = (task) => this.onGone?.(task, task.pid);
    this.machine.onUserChanged = (task) => this.onUserChanged?.(task);
    this.machine.kernelLog.onRecord = () => this.onKernelLog?.();
    this.events.onEvent = (event) => this.onEvent?.(event);
  }

  /** What is kept of processes that are not the same in this machine as in the one before is given up. */
  #forgetOthers(): void {
    const { machine } = this;
    for (const task of this.#adopted?.tasks.values() ?? []) {
      const now = machine.tasks.get(task.pid);
      if (now?.serial !== task.serial) this.onGone?.(task, task.pid);
      else if (now.fileUid !== task.fileUid || now.ids.euid !== task.ids.euid) this.onUserChanged?.(now);
    }
    this.#adopted = machine;
  }

  get machine(): Machine {
    return this.#session.machine;
  }

  get events(): EventLog {
    return this.machine.events;
  }

  get changes(): number {
    return this.#epoch * EPOCH + this.machine.generation;
  }

  /**
   * Brings the machine to the present. Time stands still while a job is under way, and stays behind where catching up
   * would take long. What goes wrong on the way is nobody's answer: it is logged, told in `check` and `events`, and the
   * clock stands still where it happened, until somebody writes `run` to it.
   */
  advanceToNow(): void {
    if (this.failure !== undefined) return;
    this.#asked = true;
    if (this.#work.busy || this.#behind) {
      this.#askedMs = this.wallNowMs();
      return;
    }
    const toUs = this.#clock.nowUs;
    if (toUs > this.machine.nowUs) this.#catchUp(toUs, this.#inSlices ? CATCH_UP_MS : Number.POSITIVE_INFINITY);
  }

  #catchUp(toUs: number, ms: number): void {
    try {
      this.#behind = !this.#advanceFor(toUs, ms);
    } catch (error) {
      this.#stop(error);
    }
  }

  /** Whether it got there in the time. */
  #advanceFor(toUs: number, ms: number): boolean {
    const job = this.#session.advancing(toUs);
    if (job.next().done === true) return true;
    const untilMs = this.wallNowMs() + ms;
    while (this.wallNowMs() < untilMs) if (job.next().done === true) return true;
    this.#askedMs = this.wallNowMs();
    return false;
  }

  /** Lets time pass to a moment, at once and not in slices; ends earlier, between two pieces, when `goesOn` says so. */
  advanceWhile(toUs: number, goesOn: () => boolean): void {
    if (this.failure !== undefined) return;
    const job = this.#session.advancing(toUs);
    try {
      while (job.next().done !== true && goesOn());
    } catch (error) {
      this.#stop(error);
    }
    this.#clock.forwardTo(this.machine.nowUs);
  }

  #stop(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.failure = `time stopped at ${(this.machine.nowUs / 1e6).toFixed(6)} s: ${reason}`;
    this.#behind = false;
    this.#clock.command('pause', this.machine.nowUs);
    console.error(`reclaimfs: ${printable(this.failure)}`);
    log('%O', error);
    this.machine.generation++;
    this.machine.log('failure', { reason });
  }

  /** Whether there is something to go on with. Nobody's time is caught up with when nobody looks. */
  get busy(): boolean {
    return this.#looks.busy || this.#work.busy || (this.#behind && this.wallNowMs() - this.#askedMs < LOOKED_AT_MS);
  }

  /** Goes on with it for some milliseconds. */
  goOn(): void {
    const ms = this.#asked ? SHORT_SLICE_MS : SLICE_MS;
    this.#asked = false;
    this.#looksNext = this.#looks.busy && !(this.#looksNext && (this.#work.busy || this.#behind));
    if (this.#looksNext) this.#looks.slice(ms);
    else if (this.#work.busy) this.#work.slice(ms);
    else this.#catchUp(this.#clock.nowUs, ms);
  }

  /** Carries out a change, or (work is under way, or it is long) has it carried out between requests. */
  run<T>(change: () => T | Job<T>, { mayCancel = false, origin }: RunOptions = {}): T | Pending<T> {
    const begin = this.machine.pressure.deathPending ? () => this.#afterDeaths(change) : change;
    if (origin === undefined) return this.#work.run(begin, mayCancel);
    return this.#work.run(begin, mayCancel, (piece) => {
      this.events.origin = origin;
      try {
        piece();
      } finally {
        this.events.origin = undefined;
      }
    });
  }

  /** Time that is being caught up with may have been left in the middle of somebody's death: no change meets a half. */
  *#afterDeaths<T>(change: () => T | Job<T>): Job<T> {
    yield* this.machine.pressure.settling();
    const begun = change();
    return isJob(begun) ? yield* begun : begun;
  }

  look<T>(begin: () => Job<T>): T | Pending<T> {
    return this.#looks.run(begin, true);
  }

  wallNowMs(): number {
    return performance.now();
  }

  *apply(text: string, source: string): Job<StepRecord[]> {
    this.advanceToNow();
    const records = yield* this.#session.applying(text, source);
    this.#clock.forwardTo(this.machine.nowUs);
    if (source === 'control') this.#session.log('control', { steps: records.length });
    return records;
  }

  /** Another machine in place of this one. Throws ScenarioError, and then nothing has changed. */
  reset(text: string, file: string): void {
    const before = [...this.machine.tasks.values()];
    this.#session.setUp(text, file);
    for (const task of before) this.onGone?.(task, task.pid);
    this.failure = undefined;
    this.#clock.standAt(this.machine.nowUs);
  }

  /** Notes a change that has been made as the step that makes it. */
  record(step: string): void {
    this.#session.record(step);
  }

  get snapshots(): ReadonlyMap<string, Kept> {
    return this.#session.snapshots;
  }

  saving(): Job<Uint8Array> {
    return this.#session.saving();
  }

  writingState(): Job<Uint8Array> {
    return this.#session.writingState();
  }

  settings(): string {
    const { machine } = this;
    const { ramBytes, swapBytes, seed, cpus, hostname, kernel, psi } = machine.options;
    const lines: [string, string | number][] = [
      ['profile', machine.profile.name],
      ['kernel', kernel],
      ['psi', psi],
      ['ram', ramBytes],
      ['swap', swapBytes],
      ['swapkind', machine.swapKind],
      ['seed', seed],
      ['cpus', cpus],
      ['hostname', hostname],
      ['clock', this.clockText()],
      ...SYSCTLS.map(({ name, get }): [string, number] => [name, get(machine)]),
      ...Object.entries(machine.storage.settings).map(([name, value]): [string, number] => [`storage.${name}`, value]),
    ];
    return lines.map(([name, value]) => `${name} ${value}\n`).join('');
  }

  clockText(): string {
    return this.#clock.textAt(this.machine.nowUs, this.#behind);
  }

  *setClock(text: string): Job<number> {
    this.advanceToNow();
    const status = this.#clock.command(text, this.machine.nowUs);
    if (status < 0) return status;
    if (text === 'run') this.failure = undefined;
    this.#behind = false;
    try {
      yield* this.#session.advancing(this.#clock.nowUs);
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#stop(error);
      else {
        this.#clock.standAt(this.machine.nowUs);
        return -EINTR;
      }
    }
    this.machine.generation++;
    return status;
  }

  *writeReclaim(task: Task, data: Uint8Array): Job<number> {
    const written = Buffer.from(data);
    const taken = yield* writeReclaim(this.machine, task, data);
    if (taken >= 0 && task.mm !== null) {
      const text = written.subarray(0, taken).toString('latin1');
      this.#session.record(`${task.pid} reclaim ${quoteValue(text)}`);
      this.#session.log('reclaim', { pid: task.pid, comm: task.comm, request: trimBytes(text) });
    }
    return taken;
  }

  clearRefs(task: Task, value: number): Job<number> {
    return this.#steps(`${task.pid} clearrefs ${value}`);
  }

  peek(task: Task, address: number, out: Uint8Array): number {
    if (task.mm === null) return 0;
    const { mem } = this.machine;
    const faults = mem.events.pgfault;
    const read = peek(mem, task.mm, address, out);
    if (mem.events.pgfault === faults) return read;
    this.machine.generation++;
    this.#session.record(`${task.pid} peek 0x${address.toString(16)} ${out.length}`);
    return read;
  }

  poke(task: Task, address: number, data: Uint8Array): number {
    if (task.mm === null) return 0;
    const written = poke(this.machine.mem, task.mm, address, data);
    this.machine.generation++;
    if (written === 0) return 0;
    const bytes = Buffer.from(data.subarray(0, written)).toString('latin1');
    this.#session.record(`${task.pid} poke 0x${address.toString(16)} ${quoteValue(bytes)}`);
    return written;
  }

  setOomScoreAdj(task: Task, value: number): number {
    return this.#step(`${task.pid} adj ${value}`);
  }

  setComm(task: Task, thread: Thread, comm: string): number {
    return this.#step(`${task.pid} comm ${quoteValue(comm)} tid=${thread.tid}`);
  }

  setCoredumpFilter(task: Task, value: number): number {
    return this.#step(`${task.pid} coredumpfilter ${value}`);
  }

  setTimerslackNs(task: Task, value: number): number {
    return this.#step(`${task.pid} timerslack ${value}`);
  }

  dropCaches(value: number): Job<number> {
    return this.#steps(`dropcaches ${value}`);
  }

  sysrq(key: SysrqKey): Job<number> {
    return this.#steps(`sysrq ${key}`);
  }

  lruGen(commands: string): Job<number> {
    return this.#steps(`lrugen ${quoteValue(commands)}`);
  }

  sysctl(name: string): string | undefined {
    return this.machine.plainSysctls.get(name);
  }

  setSysctl(name: string, value: string): number {
    return this.#step(`sysctl ${name} ${quoteValue(value)}`);
  }

  kmsg(priority: number, text: string): number {
    return this.#step(`kmsg ${quoteValue(text)} priority=${priority}`);
  }

  *writeZram(file: string, text: string): Job<number> {
    let status = 0;
    try {
      yield* writeZram(this.machine, file, text);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      status = -error.errno;
    }
    // A writeback that fails has written some pages by then.
    if (status === 0 || file === 'writeback')
      this.#session.record(`zram ${file} ${quoteValue(text)}${status === 0 ? '' : ` expect=${errnoName(-status)}`}`);
    return status;
  }

  kill(task: Task, signal: number): Job<number> {
    return this.#steps(`${task.pid} kill ${signal}`);
  }

  /** Carries out a step; 0, or what the system call behind it would answer. */
  #step(step: string): number {
    return finish(this.#steps(step));
  }

  /** The same in pieces. */
  *#steps(step: string): Job<number> {
    try {
      yield* this.#session.applying(step, 'proc');
      return 0;
    } catch (error) {
      if (error instanceof KernelError) return -error.errno;
      if (error instanceof ScenarioError) return -EINVAL;
      throw error;
    }
  }
}
