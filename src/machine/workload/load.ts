/** CPU load of a process from its running workloads, on top of what a `load` step gave it. */
import type { Machine } from '../machine.ts';
import type { Task } from '../task.ts';

/** CPU that one workload uses, in CPUs, and its context switches per second. */
export interface Load {
  readonly user: number;
  readonly system: number;
  readonly switches: number;
}

const RUNNING = new WeakMap<Task, Set<Load>>();

/** Adds a workload's load to the process's; gives back the function that takes it off again. */
export function addLoad(machine: Machine, task: Task, load: Load): () => void {
  const loads = RUNNING.get(task) ?? new Set<Load>();
  RUNNING.set(task, loads);
  loads.add(load);
  shift(machine, task, load, 1);
  return () => {
    if (loads.delete(load) && !task.isZombie) shift(machine, task, load, -1);
  };
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
