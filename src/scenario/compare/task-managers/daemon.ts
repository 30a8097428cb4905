/** A process in user space that waits to be woken and then writes to /proc/PID/reclaim. */
import type { Machine } from '../../../machine/machine.ts';
import { writeReclaim } from '../../../machine/reclaim.ts';
import { idsOf, type Task } from '../../../machine/task.ts';
import { type Activity, activitiesOf } from '../../../machine/workload/activity.ts';
import { isAlive } from '../../../machine/workload/touching.ts';
import { finish } from '../../../util/job.ts';
import { type Properties, propertyOf } from './properties.ts';

/** Pretend: CPU time of one write to a reclaim file and of each page that it takes away, besides writing it to zram. */
const WRITE_US = 30;
const PAGE_US = 1;

/** A process of the machine as task managers have it. */
export function managerProcess(machine: Machine, name: string): Task {
  const task = machine.createProcess({ name, ids: idsOf(1000), yields: true });
  task.oomScoreAdj = -900;
  task.cmdline = [`/system/bin/${name}`];
  return task;
}

/** Counts a write of a task manager that took so many pages away, and the CPU time of it; `task`: who wrote. */
export function chargeWrite(machine: Machine, task: Task | undefined, pages: number): void {
  const zramUs = machine.swapKind === 'zram' ? machine.storage.settings.zramWriteUs : 0;
  const cpuUs = WRITE_US + pages * (PAGE_US + zramUs);
  if (task !== undefined) task.leader.stimeUs += cpuUs;
  const counts = machine.daemons;
  counts.writes++;
  counts.pages += pages;
  counts.cpuUs += cpuUs;
}

/** The base of the task managers: a process of the machine whose work is done when it next runs, not inside its waker. */
export abstract class Daemon implements Activity {
  nextUs = Number.POSITIVE_INFINITY;
  readonly done = false;
  protected readonly machine: Machine;
  protected readonly task: Task;

  constructor(machine: Machine, name: string) {
    this.machine = machine;
    this.task = managerProcess(machine, name);
    activitiesOf(machine).start(this);
  }

  /** Has `work` called not later than at this moment. */
  protected wakeAt(us: number): void {
    this.nextUs = Math.min(this.nextUs, us);
  }

  run(nowUs: number): void {
    this.nextUs = Number.POSITIVE_INFINITY;
    if (isAlive(this.machine, this.task)) this.work(nowUs);
  }

  /** Forgets what it knows of processes that have gone. */
  protected forgetGone(known: Map<Task, unknown>): void {
    for (const task of known.keys()) if (!isAlive(this.machine, task)) known.delete(task);
  }

  /** A setting: imposed on the machine, or the default. */
  protected property(properties: Properties, name: string): number {
    return propertyOf(this.machine, properties, name);
  }

  /** What it does when woken; may call wakeAt. */
  protected abstract work(nowUs: number): void;

  /** `echo -n TEXT > /proc/PID/reclaim`; returns pages by which the process shrank. */
  protected write(target: Task, text: string): number {
    if (!isAlive(this.machine, target)) return 0;
    const before = target.mm!.rss;
    finish(writeReclaim(this.machine, target, Buffer.from(text, 'latin1')));
    const pages = before - (target.mm?.rss ?? before);
    this.charge(pages);
    return pages;
  }

  /** Counts a write that took so many pages away, and the CPU time of it. */
  protected charge(pages: number): void {
    chargeWrite(this.machine, this.task, pages);
  }
}
