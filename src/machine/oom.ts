/** The OOM killer. Mirrors: mm/oom_kill.c. */
import { oldOomScoreOf, oomBadness, oomScoreOf } from '../mm/reclaim/oom.ts';
import type { Cgroup } from './cgroup.ts';
import { KERN_EMERG, KERN_WARNING } from './kernel-log.ts';
import { isIn } from './kernels.ts';
import type { Machine } from './machine.ts';
import { type OomReport, reportGroupKill, reportKill, reportOom, reportReaped } from './oom-report.ts';
import type { Task } from './task.ts';

const KB = 4;

function totalPages({ mem }: Machine): number {
  return mem.frames.total + (mem.swap?.total ?? 0);
}

function badness(task: Task, total: number): number | undefined {
  if (task.pid === 1 || task.kernelThread || task.isZombie) return undefined;
  return oomBadness(task.mm, task.oomScoreAdj, total);
}

/** What /proc/PID/oom_score shows. */
export function oomScore(machine: Machine, task: Task): number {
  const total = totalPages(machine);
  const scoreOf = isIn(machine.options.kernel, { since: '5.10' }) ? oomScoreOf : oldOomScoreOf;
  return scoreOf(badness(task, total), total);
}

/** The worst process, among `among` (default: all). The last found wins a tie. Mirrors: select_bad_process, oom_evaluate_task. */
export function selectBadProcess(
  machine: Machine,
  among: Iterable<Task>,
  total = totalPages(machine),
): Task | undefined {
  let worst: Task | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (const task of among) {
    if (machine.pressure.isDying(task)) continue;
    const points = badness(task, total);
    if (points === undefined || points < most) continue;
    worst = task;
    most = points;
  }
  return worst;
}

/** Says which of some tasks shall die; undefined: leaves it to the kernel. */
export type OomChooser = (candidates: readonly Task[]) => Task | undefined;

/** Beside the machine and not in it: a function is no part of its state. */
const CHOOSERS = new WeakMap<Machine, OomChooser>();

/** Has somebody else choose from now on. After: the proposed bpf_oom_ops. */
export function setOomChooser(machine: Machine, chooser: OomChooser): void {
  CHOOSERS.set(machine, chooser);
}

function chosenByPolicy(machine: Machine, among: Iterable<Task>): Task | undefined {
  const chooser = CHOOSERS.get(machine);
  if (chooser === undefined) return undefined;
  const total = totalPages(machine);
  return chooser([...among].filter((task) => !machine.pressure.isDying(task) && badness(task, total) !== undefined));
}

/** Why somebody has to die: the whole machine is short of memory, or one control group is. */
export interface OomConstraint {
  readonly among: Iterable<Task>;
  /** The group; absent: the machine. */
  readonly group?: Cgroup;
  /** With memory.oom.group: the group that goes as a whole. */
  readonly whole?: Cgroup | undefined;
  /** Those who could have died, where `among` is fewer. */
  readonly candidates?: readonly Task[];
  /** Somebody has asked for it (sysrq): nothing is out of memory, so that the machine does not stop. Mirrors: is_sysrq_oom. */
  readonly asked?: boolean;
}

/**
 * Kills a process, or (panic_on_oom) stops the machine. Returns whether memory has been or will be freed.
 * Mirrors: out_of_memory, oom_kill_process.
 */
export function outOfMemory(machine: Machine, constraint: OomConstraint): boolean {
  const { vm, mem } = machine;
  const asker = machine.pressure.currentTask();
  const mayPanic = constraint.asked !== true;
  if (mayPanic && (vm.panicOnOom === 2 || (vm.panicOnOom === 1 && constraint.group === undefined))) {
    machine.printk(
      KERN_EMERG,
      `Kernel panic - not syncing: Out of memory: ${vm.panicOnOom === 2 ? 'compulsory' : 'system-wide'} panic_on_oom is enabled`,
    );
    machine.log('panic', { reason: 'out of memory: panic_on_oom is set', by: asker?.comm ?? 'kernel' });
    machine.panicked = true;
    return false;
  }
  // It may be an iterator, which can be gone through only once.
  const among = [...constraint.among];
  const allocating = vm.oomKillAllocatingTask !== 0 && asker !== undefined && asker.oomScoreAdj !== -1000;
  const victim = allocating ? asker : (chosenByPolicy(machine, among) ?? selectBadProcess(machine, among));
  if (victim === undefined || victim.mm === null) {
    machine.printk(KERN_WARNING, 'Out of memory and no killable processes...');
    machine.log('oom', { reason: 'no process can be killed', by: asker?.comm ?? 'kernel' });
    return false;
  }
  const { mm } = victim;
  const report: OomReport = {
    asker,
    victim,
    among: constraint.candidates ?? among,
    group: constraint.group,
    allocating,
  };
  reportOom(machine, report);
  reportKill(machine, report, oomScore(machine, victim));
  mem.events.oom_kill++;
  machine.log('oom-kill', {
    pid: victim.pid,
    comm: victim.comm,
    uid: victim.ids.uid,
    adj: victim.oomScoreAdj,
    score: oomScore(machine, victim),
    anonRssKb: mm.rssAnon * KB,
    fileRssKb: mm.rssFile * KB,
    shmemRssKb: mm.rssShmem * KB,
    swapKb: mm.swapents * KB,
    by: asker?.comm ?? 'kernel',
    byPid: asker?.pid ?? 0,
    constraint: constraint.group === undefined ? 'none' : 'memcg',
    group: constraint.group?.path ?? null,
  });
  machine.pressure.kill(victim);
  reportReaped(machine, victim);
  if (constraint.whole !== undefined) reportGroupKill(machine, constraint.whole);
  for (const other of machine.tasks.values()) if (other !== victim && other.mm === mm) machine.pressure.kill(other);
  return true;
}
