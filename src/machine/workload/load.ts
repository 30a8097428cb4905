/** CPU load of a process from its running workloads, on top of what a `load` step gave it. */
import type { Machine } from '../machine.ts';
import type { Task } from '../task.ts';

/** CPU that one workload uses, in CPUs, and its context switches per second. */
export interface Load {
  readonly user: number;
  readonly system: number;
  readonly switches: number;
}

/** Adds a workload's load to the process's. */
export function addLoad(machine: Machine, task: Task, load: Load): void {
  shift(machine, task, load, 1);
}

/** Takes it off again. */
export function dropLoad(machine: Machine, task: Task, load: Load): void {
  if (!task.isZombie) shift(machine, task, load, -1);
}

function shift(machine: Machine, task: Task, load: Load, sign: 1 | -1): void {
  const { leader } = task;
  const rate = (old: number, by: number) => Math.max(0, Math.round((old + sign * by) * 1e9) / 1e9);
  machine.setLoad(
    leader,
    rate(leader.userRate, load.user),
    rate(leader.systemRate, load.system),
    rate(leader.switchRate, load.switches),
  );
}
