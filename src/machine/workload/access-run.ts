/** `run`: a process accesses a mapping in some pattern, so often a second. */
import { VM_LOCKED } from '../../mm/space/vm-flags.ts';
import { zapRange } from '../../mm/space/zap.ts';
import type { Random } from '../../util/random.ts';
import type { Machine } from '../machine.ts';
import type { Region, Task } from '../task.ts';
import type { Activity } from './activity.ts';
import { addLoad, dropLoad, type Load } from './load.ts';
import { makePattern, type Pattern, type PatternSettings } from './patterns.ts';
import { ACCESS_US, beginTouching, endTouching, isAlive, isHeld, newTouched, touch } from './touching.ts';

/** What a `run` is made with. */
export interface RunOptions {
  readonly region: Region;
  /** First page of the mapping that is accessed. */
  readonly firstPage: number;
  readonly pattern: PatternSettings;
  readonly ratePerSecond: number;
  /** What a first touch takes beside the kernel's work, in microseconds: clearing the page, the host's own fault. */
  readonly firstTouchUs?: number;
  /** Share of the accesses that write, 0 to 1. */
  readonly writeShare: number;
  readonly startUs: number;
  /** When it ends; Infinity: with the process. */
  readonly endUs: number;
  /** Repeat from the start after it has ended: length of a round, 0 for none. */
  readonly repeatUs?: number;
}

/** How often a workload runs, in virtual microseconds. */
export const RUN_QUANTUM_US = 100_000;
/** Accesses between two looks at how long they took. */
const BATCH = 64;
/** Pages behind a stream that the reader gives back at a time. */
const STREAM_DROP_PAGES = 512;

/**
 * Time that an access takes is time without accesses: a process that waits for its pages does less, as a real one.
 *
 * Invariant: accesses done = rate × (time since the start − time stalled), rounded down.
 */
export class AccessRun implements Activity {
  readonly task: Task;
  readonly options: RunOptions;
  nextUs: number;
  done = false;
  /** Accesses done, faults had and time waited so far. */
  accesses = 0;
  minor = 0;
  major = 0;
  stalledUs = 0;
  private readonly machine: Machine;
  private readonly random: Random;
  private readonly pattern: Pattern | undefined;
  private readonly touched = newTouched();
  /** What it adds to the load of the process while it goes on. */
  private load: Load | undefined;
  private streamed = 0;

  constructor(machine: Machine, task: Task, options: RunOptions, random: Random) {
    this.machine = machine;
    this.task = task;
    this.options = options;
    this.random = random;
    this.pattern = makePattern(options.pattern, random);
    this.nextUs = options.startUs > machine.nowUs ? options.startUs : this.#quantumAfter(machine.nowUs);
    if (options.startUs <= machine.nowUs) this.#begin();
  }

  run(nowUs: number): void {
    if (!isAlive(this.machine, this.task)) {
      this.stop();
      return;
    }
    this.#begin();
    const untilUs = Math.min(nowUs, this.options.endUs);
    if (untilUs > this.options.startUs) this.#accessUntil(untilUs);
    if (nowUs >= this.options.endUs || !isAlive(this.machine, this.task)) this.stop();
    else this.nextUs = this.#quantumAfter(nowUs);
  }

  /** Ends it now. */
  stop(): void {
    this.done = true;
    if (this.load !== undefined) dropLoad(this.machine, this.task, this.load);
    this.load = undefined;
  }

  #quantumAfter(nowUs: number): number {
    const { startUs, endUs } = this.options;
    const quanta = Math.floor((nowUs - startUs) / RUN_QUANTUM_US) + 1;
    return Math.min(startUs + quanta * RUN_QUANTUM_US, endUs);
  }

  #begin(): void {
    if (this.load !== undefined || this.pattern === undefined) return;
    const user = Math.min(1, (this.options.ratePerSecond * ACCESS_US) / 1e6);
    const switches = Math.min(this.options.ratePerSecond, 1e6 / RUN_QUANTUM_US);
    this.load = { user, system: user / 10, switches };
    addLoad(this.machine, this.task, this.load);
  }

  #accessUntil(untilUs: number): void {
    const pattern = this.pattern;
    if (pattern === undefined) return;
    const { ratePerSecond, startUs, region, firstPage, writeShare } = this.options;
    const elapsedUs = untilUs - startUs;
    const first = region.start + firstPage;
    if (isHeld(this.task)) this.#wait(elapsedUs);
    for (;;) {
      const due = Math.floor((ratePerSecond * (elapsedUs - this.stalledUs)) / 1e6) - this.accesses;
      if (due <= 0) return;
      const count = Math.min(due, BATCH);
      beginTouching();
      for (let i = 0; i < count && this.task.mm !== null; i++) {
        const write = writeShare > 0 && (writeShare >= 1 || this.random.fraction() < writeShare);
        touch(this.machine, this.task, first + pattern.next(elapsedUs), 1, write);
      }
      endTouching(this.machine, this.task, this.touched);
      this.accesses += count;
      this.minor += this.touched.minor;
      this.major += this.touched.major;
      this.stalledUs += this.touched.stallUs + this.touched.minor * (this.options.firstTouchUs ?? 0);
      if (this.task.mm?.dying !== false) return;
      if (this.touched.oom) {
        // Nothing to be had now: wait for the rest of the quantum.
        this.#wait(elapsedUs);
        return;
      }
      if (this.options.pattern.name === 'stream') this.#dropBehind(count);
    }
  }

  /** No access until now. */
  #wait(elapsedUs: number): void {
    this.stalledUs = Math.max(this.stalledUs, elapsedUs - this.accesses / (this.options.ratePerSecond / 1e6));
  }

  /** A stream's reader does not come back: it gives back what it has read, so that only the page cache keeps it. */
  #dropBehind(count: number): void {
    this.streamed += count;
    if (this.streamed < STREAM_DROP_PAGES) return;
    const { region, firstPage } = this.options;
    const nrPages = this.options.pattern.nrPages;
    const end = this.accesses % nrPages;
    const from = Math.max(0, end - this.streamed);
    this.streamed = 0;
    if (end <= from) return;
    const start = region.start + firstPage + from;
    const vma = this.task.mm!.find(start);
    if (vma === undefined || vma.flags & VM_LOCKED) return;
    zapRange(this.machine.mem, vma, start, Math.min(vma.end, region.start + firstPage + end));
  }
}
