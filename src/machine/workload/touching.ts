/** Accesses by a workload: what they do to the process's counters and how long they take. */
import { type TouchResult, touchPages } from '../../mm/space/access.ts';
import type { Machine } from '../machine.ts';
import { chargeFaults } from '../stall.ts';
import { isStill, type Task } from '../task.ts';

/** Pretend: what an access to a page costs besides faults, in microseconds of user time. */
export const ACCESS_US = 1;
const result: TouchResult = { pages: 0, minor: 0, major: 0, signals: 0, oom: false };

/** What one batch of accesses came to. */
export interface Touched {
  /** Time that the process could not run: faults and waiting for memory and devices, in microseconds. */
  stallUs: number;
  minor: number;
  major: number;
  /** Accesses that ended in a signal. */
  signals: number;
  /** No memory was left for one of them. */
  oom: boolean;
}

/** Begins a batch of accesses. */
export function beginTouching(): void {
  result.pages = result.minor = result.major = result.signals = 0;
  result.swapIns = result.fileReads = result.readTurns = result.stalledUs = result.thrashed = 0;
  result.oom = result.fatal = false;
}

/** Touches pages as part of a batch. Precondition: the task has memory. */
export function touch(machine: Machine, task: Task, vpn: number, count: number, write: boolean): void {
  const { pressure } = machine;
  pressure.current = task;
  result.catches = task.catches;
  touchPages(machine.mem, task.mm!, vpn, count, 1, write, 'full', result);
  pressure.current = undefined;
}

/** Ends a batch: charges the process for its faults and tells what they took. The process may be dead afterwards. */
export function endTouching(machine: Machine, task: Task, into: Touched): void {
  into.minor = result.minor;
  into.major = result.major;
  into.signals = result.signals;
  into.oom = result.oom;
  into.stallUs = chargeFaults(machine, task, result);
}

export function newTouched(): Touched {
  return { stallUs: 0, minor: 0, major: 0, signals: 0, oom: false };
}

/** Whether a process has been stopped, or frozen with its group: its workload waits until it goes on. */
export function isHeld(task: Task): boolean {
  return isStill(task.leader);
}

/** Whether a process still lives with the memory that it had. */
export function isAlive(machine: Machine, task: Task): boolean {
  return task.mm !== null && !task.mm.dying && machine.tasks.get(task.pid) === task;
}
