/**
 * Pressure of the machine: who is stalled and for how long, as /proc/pressure sees it. Mirrors: kernel/sched/psi.c.
 *
 * Work happens at moments, stalls take time: a task that stalls is held up from now on, or from the end of the stall it
 * is in. `some` counts while any task is; `full` while moreover nobody makes use of a CPU, where a task that uses a
 * share of one (`load`) counts with that share. Pretend: CPU pressure is the load beyond the number of CPUs.
 */
import { PsiGroup } from '../mm/reclaim/psi.ts';
import type { Cgroup } from './cgroup.ts';
import { isIn } from './kernels.ts';
import type { Machine } from './machine.ts';
import { PsiTriggers } from './psi-triggers.ts';
import { isStill, type Task } from './task.ts';

export type PsiResource = 'memory' | 'io' | 'cpu';
export const PSI_RESOURCES: readonly PsiResource[] = ['cpu', 'io', 'memory'];

export class Psi {
  private readonly machine: Machine;
  readonly groups: Readonly<Record<PsiResource, PsiGroup>>;
  readonly triggers: PsiTriggers;
  /** Until when each task is stalled. */
  private readonly stalls = { memory: new Map<Task, number>(), io: new Map<Task, number>() };
  /** Whose pressure it is: the processes of a control group; null: everybody's. */
  group: Cgroup | null = null;
  /** What the shares were reckoned at. */
  private changes = -1;

  constructor(machine: Machine) {
    this.machine = machine;
    const { nowUs } = machine;
    this.groups = { memory: new PsiGroup(nowUs), io: new PsiGroup(nowUs), cpu: new PsiGroup(nowUs) };
    this.triggers = new PsiTriggers(this);
  }

  /** Holds a task up for so long. */
  stall(resource: 'memory' | 'io', task: Task, us: number): void {
    if (us <= 0 || !this.#includes(task)) return;
    const stalls = this.stalls[resource];
    const { nowUs } = this.machine;
    const until = stalls.get(task);
    stalls.set(task, Math.max(until ?? 0, nowUs) + Math.ceil(us));
    if (until === undefined) this.#share(resource);
  }

  /** Until when a task is stalled by either; a moment not later than now: it runs. */
  stalledUntilUs(task: Task): number {
    return Math.max(this.stalls.memory.get(task) ?? 0, this.stalls.io.get(task) ?? 0);
  }

  /** Processes, their loads or kswapd may have changed. */
  refresh(): void {
    this.changes = this.machine.loadChanges;
    for (const resource of ['memory', 'io'] as const) this.#share(resource);
    const load = this.#productive(undefined).load;
    const { cpus } = this.machine.options;
    this.groups.cpu.setShares(this.machine.nowUs, Math.min(1, Math.max(0, load / cpus - 1)), 0);
  }

  /** To be called before time passes. Looking at every process is dear: done when loads, or who is in which group, have changed. */
  beforeAdvance(): void {
    if (this.changes !== this.machine.loadChanges) this.refresh();
  }

  nextUs(): number {
    let next = this.triggers.nextUs;
    for (const resource of PSI_RESOURCES) next = Math.min(next, this.groups[resource].nextUs);
    for (const stalls of [this.stalls.memory, this.stalls.io])
      for (const until of stalls.values()) next = Math.min(next, until);
    return next;
  }

  run(nowUs: number): void {
    for (const resource of ['memory', 'io'] as const) {
      const stalls = this.stalls[resource];
      let ended = false;
      for (const [task, until] of stalls) {
        if (until > nowUs && !task.isZombie) continue;
        stalls.delete(task);
        ended = true;
      }
      if (ended) this.#share(resource);
    }
    for (const resource of PSI_RESOURCES) this.groups[resource].settle(nowUs);
    this.triggers.run(nowUs);
  }

  /** Switched off by psi=0: whoever opens its files is told that there is none (EOPNOTSUPP). */
  get isOff(): boolean {
    return this.machine.options.psi === 'off';
  }

  /** As /proc/pressure/NAME prints it; since 5.13 there is a line `full` of cpu, too. */
  text(resource: PsiResource): string {
    if (this.isOff) return '';
    const withFull = resource !== 'cpu' || isIn(this.machine.options.kernel, { since: '6.1' });
    return this.groups[resource].textAt(this.machine.nowUs, withFull);
  }

  get nowUs(): number {
    return this.machine.nowUs;
  }

  #includes(task: Task): boolean {
    return this.group === null || this.machine.cgroups.of(task).isWithin(this.group);
  }

  #share(resource: 'memory' | 'io'): void {
    const stalls = this.stalls[resource];
    const reclaiming = resource === 'memory' && this.group === null && this.machine.pressure.kswapd.awake;
    const some = stalls.size > 0 || reclaiming ? 1 : 0;
    this.groups[resource].setShares(this.machine.nowUs, some, some === 0 ? 0 : this.#productive(stalls).idle);
  }

  /** Load of the tasks that are not stalled, and how likely it is that none of them runs. */
  #productive(stalls: ReadonlyMap<Task, number> | undefined): { load: number; idle: number } {
    let load = 0;
    let idle = 1;
    for (const task of this.machine.tasks.values()) {
      if (stalls?.has(task) || !this.#includes(task)) continue;
      for (const thread of task.threads) {
        if (isStill(thread)) continue;
        const rate = Math.min(1, thread.userRate + thread.systemRate);
        load += rate;
        idle *= 1 - rate;
      }
    }
    return { load, idle };
  }
}
