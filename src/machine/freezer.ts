/** cgroup.freeze: the processes of a group stand still until it is thawed. Mirrors: kernel/cgroup/freezer.c. */
import type { Cgroup } from './cgroup.ts';
import type { Machine } from './machine.ts';
import type { Task } from './task.ts';

/** Has a process stand still, or go on, as its group does. Kernel threads are left alone. */
export function freezeWith(machine: Machine, task: Task): void {
  const frozen = !task.kernelThread && !task.isZombie && machine.cgroups.of(task).isFrozen;
  for (const thread of task.threads) if (thread.frozen !== frozen) machine.setStill(thread, { frozen });
}

/** What has been written to cgroup.freeze holds for everything below, too. */
export function freeze(machine: Machine, group: Cgroup, wanted: boolean): void {
  group.freeze = wanted;
  countTime(machine.nowUs, group);
  for (const task of machine.cgroups.tasksOf(group, true)) freezeWith(machine, task);
}

function countTime(nowUs: number, group: Cgroup): void {
  if (group.isFrozen) group.frozenSinceUs ??= nowUs;
  else if (group.frozenSinceUs !== undefined) {
    group.frozenUs += nowUs - group.frozenSinceUs;
    group.frozenSinceUs = undefined;
  }
  for (const child of group.children.values()) countTime(nowUs, child);
}

/** How long a group has been frozen so far, by whomever, in microseconds. */
export function frozenUs(machine: Machine, group: Cgroup): number {
  return group.frozenUs + (group.frozenSinceUs === undefined ? 0 : machine.nowUs - group.frozenSinceUs);
}
