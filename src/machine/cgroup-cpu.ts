/** CPU time of control groups (cpu.stat). Mirrors: kernel/cgroup/rstat.c:cgroup_base_stat_cputime_show. */
import type { Cgroup } from './cgroup.ts';
import type { Machine } from './machine.ts';
import type { Task } from './task.ts';

/** Microseconds. `niceUs` is part of `userUs`. */
export interface CgroupCpu {
  userUs: number;
  systemUs: number;
  niceUs: number;
}

/** What a group and those below it have used so far. */
export function cpuOf(machine: Machine, group: Cgroup): CgroupCpu {
  const sum = { userUs: 0, systemUs: 0, niceUs: 0 };
  addGone(group, sum);
  for (const task of machine.cgroups.tasksOf(group, true)) add(sum, usedHere(machine, task));
  return sum;
}

/** A process leaves its group, or is reaped: what it used there stays the group's. */
export function leaveCpu(machine: Machine, task: Task): void {
  const used = usedHere(machine, task);
  add(machine.cgroups.of(task).cpu, used);
  task.cpuBefore.userUs += used.userUs;
  task.cpuBefore.systemUs += used.systemUs;
}

/** Pretend: all of it was as nice as it is now. */
function usedHere(machine: Machine, task: Task): CgroupCpu {
  let userUs = -task.cpuBefore.userUs;
  let systemUs = -task.cpuBefore.systemUs;
  for (const thread of task.threads) {
    const times = machine.cpuTimes(thread);
    userUs += times.utimeUs;
    systemUs += times.stimeUs;
  }
  return { userUs, systemUs, niceUs: task.nice > 0 ? userUs : 0 };
}

function addGone(group: Cgroup, sum: CgroupCpu): void {
  add(sum, group.cpu);
  for (const child of group.children.values()) addGone(child, sum);
}

function add(to: CgroupCpu, more: CgroupCpu): void {
  to.userUs += more.userUs;
  to.systemUs += more.systemUs;
  to.niceUs += more.niceUs;
}
