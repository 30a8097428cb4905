/** Work that has to touch a number of pages before it is finished: an app that starts, or comes to the front again. */
import type { Machine } from '../machine.ts';
import type { Task } from '../task.ts';
import type { Activity } from './activity.ts';
import { beginTouching, endTouching, isAlive, isHeld, newTouched, touch } from './touching.ts';

/** Pages in a row. */
export interface Segment {
  readonly startVpn: number;
  readonly nrPages: number;
  readonly write: boolean;
  /** CPU time that the work on one page takes, in microseconds. */
  readonly cpuUs: number;
}

/** What a job took. */
export interface JobResult {
  /** False: the process died before it was finished. */
  readonly finished: boolean;
  readonly us: number;
  readonly stallUs: number;
  readonly pages: number;
  readonly minor: number;
  readonly major: number;
}

/** Who is told when a job is over. */
export interface JobListener {
  onEnd(result: JobResult): void;
}

const JOB_QUANTUM_US = 10_000;
/** Pages between two looks at the time. */
const BATCH = 32;

/**
 * Touches its segments as fast as CPU and memory allow: in each quantum as much as fits into it, so that reclaim by
 * others goes on beside it. The time it reports is exact, not rounded to quanta.
 */
export class TouchJob implements Activity {
  nextUs: number;
  done = false;
  private readonly machine: Machine;
  private readonly task: Task;
  private readonly segments: readonly Segment[];
  private readonly listener: JobListener;
  private readonly touched = newTouched();
  private segment = 0;
  private page = 0;
  private budgetUs = 0;
  private us = 0;
  private stallUs = 0;
  private pages = 0;
  private minor = 0;
  private major = 0;

  constructor(machine: Machine, task: Task, segments: readonly Segment[], listener: JobListener) {
    this.machine = machine;
    this.task = task;
    this.segments = segments;
    this.listener = listener;
    this.nextUs = machine.nowUs + JOB_QUANTUM_US;
  }

  run(nowUs: number): void {
    this.nextUs = nowUs + JOB_QUANTUM_US;
    if (isAlive(this.machine, this.task) && isHeld(this.task)) {
      this.us += JOB_QUANTUM_US;
      this.stallUs += JOB_QUANTUM_US;
      return;
    }
    this.budgetUs += JOB_QUANTUM_US;
    while (this.budgetUs > 0 && this.segment < this.segments.length) {
      if (!isAlive(this.machine, this.task)) break;
      if (!this.#touchBatch()) break;
    }
    const alive = isAlive(this.machine, this.task);
    if (this.segment >= this.segments.length || !alive) this.#end(alive);
  }

  /** False: no memory now, so wait for the next quantum. */
  #touchBatch(): boolean {
    const segment = this.segments[this.segment]!;
    const count = Math.min(BATCH, segment.nrPages - this.page);
    beginTouching();
    touch(this.machine, this.task, segment.startVpn + this.page, count, segment.write);
    const touched = this.touched;
    endTouching(this.machine, this.task, touched);
    this.minor += touched.minor;
    this.major += touched.major;
    this.stallUs += touched.stallUs;
    const tookUs = touched.stallUs + count * segment.cpuUs;
    this.us += tookUs;
    this.budgetUs -= tookUs;
    if (touched.oom) {
      this.us += Math.max(0, this.budgetUs);
      this.stallUs += Math.max(0, this.budgetUs);
      this.budgetUs = 0;
      return false;
    }
    this.pages += count;
    this.page += count;
    if (this.page >= segment.nrPages) {
      this.segment++;
      this.page = 0;
    }
    return true;
  }

  #end(finished: boolean): void {
    if (this.done) return;
    this.done = true;
    const { us, stallUs } = { us: Math.round(this.us), stallUs: Math.round(this.stallUs) };
    this.listener.onEnd({ finished, us, stallUs, pages: this.pages, minor: this.minor, major: this.major });
  }
}
