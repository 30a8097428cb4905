/** CPU time of threads, processes and the machine, in the ticks that files show. Mirrors: kernel/sched/cputime.c. */
import type { Machine } from '../machine/machine.ts';
import type { Task, Thread } from '../machine/task.ts';
import { TICK_US } from './constants.ts';

export interface CpuTimes {
  utimeUs: number;
  stimeUs: number;
}

export function threadTimes(machine: Machine, thread: Thread): CpuTimes & { readonly voluntary: number } {
  return machine.cpuTimes(thread);
}

/** Of all live threads. Mirrors: thread_group_cputime. */
export function processTimes(machine: Machine, task: Task): CpuTimes {
  const sum = { utimeUs: 0, stimeUs: 0 };
  for (const thread of task.threads) {
    const { utimeUs, stimeUs } = machine.cpuTimes(thread);
    sum.utimeUs += utimeUs;
    sum.stimeUs += stimeUs;
  }
  return sum;
}

export function ticks(us: number): number {
  return Math.floor(us / TICK_US);
}

/** Where the time since boot went, over all CPUs, in ticks: user + system + idle = uptime × CPUs. */
export interface MachineTimes {
  readonly user: number;
  readonly system: number;
  readonly idle: number;
  readonly running: number;
  readonly blocked: number;
  readonly switches: number;
}

/** Sums over every thread; processes that have gone count through what their parents inherited. */
export function machineTimes(machine: Machine): MachineTimes {
  let userUs = machine.gone.utimeUs;
  let systemUs = machine.gone.stimeUs;
  let running = 0;
  let blocked = 0;
  let switches = machine.gone.switches;
  for (const task of machine.tasks.values()) {
    userUs += task.childUtimeUs;
    systemUs += task.childStimeUs;
    for (const thread of task.threads) {
      const times = machine.cpuTimes(thread);
      userUs += times.utimeUs;
      systemUs += times.stimeUs;
      switches += times.voluntary + thread.involuntary;
      if (thread.state === 'R') running++;
      else if (thread.state === 'D') blocked++;
    }
  }
  const user = ticks(userUs);
  const system = ticks(systemUs);
  const idle = Math.max(0, ticks(machine.nowUs) * machine.options.cpus - user - system);
  return { user, system, idle, running, blocked, switches };
}

/** The part of a total that one of n CPUs shows; the parts add up. Pretend: work is spread evenly. */
export function share(total: number, cpus: number, cpu: number): number {
  return Math.floor(total / cpus) + (cpu < total % cpus ? 1 : 0);
}
