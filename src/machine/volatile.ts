/** Volatile ranges of processes: marking, and saying what was lost. */
import { markVolatile, unmarkVolatile, type VolatileKind, type VolatileRange } from '../mm/cache/volatile.ts';
import { EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Machine } from './machine.ts';
import type { Task } from './task.ts';

/** Marks pages [start, end) of a process. Throws EINVAL, ENOMEM. */
export function markTaskVolatile(machine: Machine, task: Task, start: number, end: number, kind: VolatileKind): void {
  if (task.mm === null) throw new KernelError(EINVAL, `${task.name} has no memory`);
  machine.generation++;
  markVolatile(machine.mem, task.mm, start, end, kind);
  machine.log('volatile', { pid: task.pid, comm: task.comm, kind, pages: end - start });
}

/** Takes the mark off; returns whether any page was thrown away meanwhile. Throws EINVAL, ENOMEM. */
export function unmarkTaskVolatile(
  machine: Machine,
  task: Task,
  start: number,
  end: number,
  kind: VolatileKind,
): boolean {
  if (task.mm === null) throw new KernelError(EINVAL, `${task.name} has no memory`);
  machine.generation++;
  const purged = unmarkVolatile(machine.mem, task.mm, start, end, kind);
  machine.log('nonvolatile', { pid: task.pid, comm: task.comm, kind, pages: end - start, purged });
  return purged;
}

/** The kind that suits a mapping when none is named. */
export function usualKind(isAnonymous: boolean): VolatileKind {
  return isAnonymous ? 'vrange' : 'ashmem';
}

export function logPurge(machine: Machine, range: VolatileRange, pages: number): void {
  const { owner, kind } = range;
  const where = 'pages' in owner ? { object: owner.path } : ownerOf(machine, owner.id);
  machine.log('volatile-purge', { ...where, kind, pages });
}

function ownerOf(machine: Machine, mmId: number): Record<string, string | number> {
  for (const task of machine.tasks.values()) if (task.mm?.id === mmId) return { pid: task.pid, comm: task.comm };
  return {};
}
