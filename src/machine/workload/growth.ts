/** `grow`: allocation that goes on and on; `storm`: children forked, doing some work and leaving. */
import type { Machine } from '../machine.ts';
import type { Region, Task } from '../task.ts';
import type { Activity } from './activity.ts';
import { beginTouching, endTouching, isAlive, isHeld, newTouched, touch } from './touching.ts';

export interface GrowOptions {
  readonly region: Region;
  /** First page that is written. */
  readonly firstPage: number;
  readonly pagesPerSecond: number;
  readonly startUs: number;
  readonly endUs: number;
}

const GROW_QUANTUM_US = 100_000;

/** Writes one page after the other to a mapping and never comes back: growth, and where it is never used again, a leak. */
export class Growth implements Activity {
  readonly task: Task;
  readonly options: GrowOptions;
  nextUs: number;
  done = false;
  pages = 0;
  private readonly machine: Machine;
  private readonly touched = newTouched();
  private stalledUs = 0;

  constructor(machine: Machine, task: Task, options: GrowOptions) {
    this.machine = machine;
    this.task = task;
    this.options = options;
    this.nextUs = Math.min(options.startUs + GROW_QUANTUM_US, options.endUs);
  }

  run(nowUs: number): void {
    const { region, firstPage, pagesPerSecond, startUs, endUs } = this.options;
    const room = region.nrPages - firstPage;
    const elapsedUs = Math.min(nowUs, endUs) - startUs;
    if (isHeld(this.task)) this.stalledUs = Math.max(this.stalledUs, elapsedUs - (this.pages * 1e6) / pagesPerSecond);
    while (isAlive(this.machine, this.task) && this.pages < room) {
      const due = Math.floor((pagesPerSecond * (elapsedUs - this.stalledUs)) / 1e6) - this.pages;
      const count = Math.min(due, 64, room - this.pages);
      if (count <= 0) break;
      beginTouching();
      touch(this.machine, this.task, region.start + firstPage + this.pages, count, true);
      endTouching(this.machine, this.task, this.touched);
      this.stalledUs += this.touched.stallUs;
      this.pages += count;
      if (this.touched.oom) break;
    }
    this.nextUs = Math.min(nowUs + GROW_QUANTUM_US, endUs);
    if (nowUs >= endUs || this.pages >= room || !isAlive(this.machine, this.task)) this.stop();
  }

  stop(): void {
    this.done = true;
  }
}

export interface StormOptions {
  readonly children: number;
  readonly perSecond: number;
  /** How long a child lives, in microseconds. */
  readonly lifeUs: number;
  /** Pages of `region` that a child writes: copies on write. */
  readonly region: Region | undefined;
  readonly pages: number;
}

/** Forks children at a rate; each writes to its copy of the memory and exits after a while. */
export class ForkStorm implements Activity {
  readonly task: Task;
  readonly options: StormOptions;
  done = false;
  forked = 0;
  private readonly machine: Machine;
  private startUs: number;
  private readonly children: { readonly task: Task; endUs: number }[] = [];
  private readonly touched = newTouched();

  constructor(machine: Machine, task: Task, options: StormOptions) {
    this.machine = machine;
    this.task = task;
    this.options = options;
    this.startUs = machine.nowUs;
  }

  get nextUs(): number {
    const { children, perSecond } = this.options;
    const fork =
      this.forked < children
        ? this.startUs + Math.ceil(((this.forked + 1) * 1e6) / perSecond)
        : Number.POSITIVE_INFINITY;
    return Math.min(fork, this.children[0]?.endUs ?? Number.POSITIVE_INFINITY);
  }

  run(nowUs: number): void {
    const { children, perSecond } = this.options;
    this.#hold(nowUs);
    while (this.children.length > 0 && this.children[0]!.endUs <= nowUs) {
      const child = this.children.shift()!.task;
      if (isAlive(this.machine, child)) this.machine.exit(child);
    }
    const due = Math.min(children, Math.floor(((nowUs - this.startUs) * perSecond) / 1e6));
    while (this.forked < due && isAlive(this.machine, this.task)) this.#fork(nowUs);
    const parentGone = !isAlive(this.machine, this.task);
    if (this.children.length === 0 && (this.forked >= children || parentGone)) this.stop();
    else if (parentGone) this.forked = children;
  }

  stop(): void {
    this.done = true;
  }

  /** Who stands still neither forks nor comes to its end. */
  #hold(nowUs: number): void {
    const laterUs = nowUs + GROW_QUANTUM_US;
    for (const child of this.children) if (isHeld(child.task)) child.endUs = Math.max(child.endUs, laterUs);
    this.children.sort((a, b) => a.endUs - b.endUs);
    if (!isAlive(this.machine, this.task) || !isHeld(this.task)) return;
    const nextForkUs = this.startUs + Math.ceil(((this.forked + 1) * 1e6) / this.options.perSecond);
    if (nextForkUs <= laterUs) this.startUs += laterUs - nextForkUs + 1;
  }

  #fork(nowUs: number): void {
    const { region, pages, lifeUs } = this.options;
    this.forked++;
    const name = `${this.task.name}.${this.forked}`;
    if (this.machine.named.has(name)) return;
    const child = this.machine.fork(this.task, name);
    this.children.push({ task: child, endUs: nowUs + lifeUs });
    if (region === undefined) return;
    beginTouching();
    touch(this.machine, child, region.start, Math.min(pages, region.nrPages), true);
    endTouching(this.machine, child, this.touched);
  }
}
