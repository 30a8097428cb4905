/** The pids controller: how many threads a group may have. Mirrors: kernel/cgroup/pids.c. */
import { EAGAIN } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Cgroup } from './cgroup.ts';
import type { Machine } from './machine.ts';
import type { Task } from './task.ts';

/** Threads of a group and of those below; a zombie counts until it is reaped. */
export function pidsOf(machine: Machine, group: Cgroup): number {
  return machine.cgroups.tasksOf(group, true).reduce((n, { threads }) => n + threads.length, 0);
}

/** One more thread of a process, or of its child. Throws EAGAIN, and counts, where a limit forbids it. Mirrors: pids_can_fork. */
export function chargePids(machine: Machine, parent: Task): void {
  if (machine.cgroups.root.children.size === 0) return;
  const own = machine.cgroups.of(parent);
  for (let group = own; group.parent !== null; group = group.parent) {
    if (!group.hasPids) continue;
    const after = pidsOf(machine, group) + 1;
    if (after <= group.pidsMax) continue;
    group.pidsLocalFailures++;
    for (let up = group; up.parent !== null; up = up.parent) up.pidsFailures++;
    throw new KernelError(EAGAIN, `${group.path}: pids.max is ${group.pidsMax}`);
  }
  for (let group = own; group.parent !== null; group = group.parent)
    if (group.hasPids) group.pidsPeak = Math.max(group.pidsPeak, pidsOf(machine, group) + 1);
}

/** A process has come into a group. */
export function notePids(machine: Machine, own: Cgroup): void {
  for (let group = own; group.parent !== null; group = group.parent)
    if (group.hasPids) group.pidsPeak = Math.max(group.pidsPeak, pidsOf(machine, group));
}
