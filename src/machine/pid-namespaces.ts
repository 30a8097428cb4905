/**
 * Processes of containers: beside its number on the machine a process has one in each pid namespace below the initial one
 * that it is in. Mirrors: struct upid.
 */
import type { Machine } from './machine.ts';
import type { Pid, Task, Thread } from './task.ts';

/** Mirrors: MAX_PID_NS_LEVEL. */
export const MAX_LEVELS = 32;

/** The numbers of a thread in its namespaces, the outermost first. Pretend: threads have the numbers behind their leader's. */
export function nsPidsOf(task: Task, thread: Thread): readonly Pid[] {
  const place = task.threads.indexOf(thread);
  return place <= 0 ? task.nsPids : task.nsPids.map((pid) => pid + place);
}

/** The process whose end would end the innermost namespace that a process is in; undefined: the initial namespace. */
export function namespaceInit(machine: Machine, task: Task): Task | undefined {
  const depth = task.nsPids.length;
  if (depth === 0) return undefined;
  let init = task;
  while (init.nsPids.at(-1) !== 1) {
    const parent = machine.tasks.get(init.ppid);
    if (parent === undefined || parent === init || parent.nsPids.length !== depth) break;
    init = parent;
  }
  return init;
}

/** What a process group or session is called in each namespace of a process; 0 where its leader is outside. Mirrors: task_pgrp_nr_ns. */
export function inNamespaces(machine: Machine, task: Task, leaderPid: Pid): readonly Pid[] {
  if (task.nsPids.length === 0) return [];
  const leader = leaderPid === task.pid ? task : machine.tasks.get(leaderPid);
  return task.nsPids.map((_, level) => leader?.nsPids[level] ?? 0);
}

/** The numbers that a child gets: the next in each namespace of its parent. */
export function nextNsPids(machine: Machine, parent: Task): Pid[] {
  if (parent.nsPids.length === 0) return [];
  const init = namespaceInit(machine, parent);
  const family = [...machine.tasks.values()].filter((task) => namespaceInit(machine, task) === init);
  return parent.nsPids.map(
    (_, level) =>
      family.reduce((most, task) => Math.max(most, (task.nsPids[level] ?? 0) + task.threads.length - 1), 0) + 1,
  );
}
