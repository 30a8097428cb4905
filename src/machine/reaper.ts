/**
 * The end of processes that are killed in the middle of somebody else's allocation. A small one goes at once. Of a large one
 * so much is freed at once as is wanted, and the rest whenever more is wanted, or between the pieces of what is under way: an
 * allocation does not wait for the end of gigabytes. Virtual time does not pass meanwhile. Mirrors: mm/oom_kill.c:oom_reaper.
 */
import { zapSome } from '../mm/space/zap.ts';
import type { Job } from '../util/job.ts';
import type { Machine } from './machine.ts';
import type { Task } from './task.ts';

/** Pages that are freed in one go. */
const PORTION = 1 << 13;
/** A process with so many pages (128 MiB) goes at once. */
const SMALL = 1 << 15;
const SIGKILL = 9;

export class Reaper {
  private readonly machine: Machine;
  /** Killed, and the page from which on they still have their memory. */
  private readonly dying = new Map<Task, number>();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  get isIdle(): boolean {
    return this.dying.size === 0;
  }

  has(task: Task): boolean {
    return this.dying.has(task);
  }

  /** Takes a process that has been killed and is in no operation of its own. */
  end(task: Task): void {
    const { mm } = task;
    const small = mm === null || mm.users > 1 || mm.rss + mm.swapents <= SMALL;
    if (small && this.isIdle) {
      this.machine.exit(task, SIGKILL);
      return;
    }
    if (mm !== null) mm.dying = true;
    this.dying.set(task, 0);
    this.freeWhile(() => this.machine.mem.nrFree < this.machine.mem.watermarks.high);
  }

  /** Frees memory of those who are dying as long as it is wanted; whether any has been freed. */
  freeWhile(wanted: () => boolean): boolean {
    let freed = false;
    while (!this.isIdle && wanted()) {
      this.#portion();
      freed = true;
    }
    return freed;
  }

  /** Brings everybody's death to its end, in pieces, between which nothing else may be done to them. */
  *finishing(): Job<void> {
    while (!this.isIdle) {
      this.#portion();
      yield;
    }
  }

  /** Somebody wants the name or the number of a process that is dying: it makes haste. */
  finish(task: Task): void {
    while (this.dying.has(task)) this.#portion(task);
  }

  #portion(task: Task = this.dying.keys().next().value!): void {
    const { mm } = task;
    const from = this.dying.get(task)!;
    const upTo = mm === null || mm.users > 1 ? Number.POSITIVE_INFINITY : zapSome(this.machine.mem, mm, from, PORTION);
    this.machine.generation++;
    if (upTo !== Number.POSITIVE_INFINITY) {
      this.dying.set(task, upTo);
      return;
    }
    this.dying.delete(task);
    if (mm !== null) mm.dying = false;
    if (this.machine.tasks.get(task.pid) === task && !task.isZombie) this.machine.exit(task, SIGKILL);
  }
}
