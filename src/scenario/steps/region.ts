/** What the steps of a process have in common: its address space and the mappings that the scenario has named. */
import type { Region, Task } from '../../machine/task.ts';
import type { Mm } from '../../mm/space/mm.ts';
import { EINVAL } from '../../util/errno.ts';
import { KernelError, UnknownNameError } from '../../util/errors.ts';

/** The address space of a live process. Throws EINVAL. */
export function mmOf(task: Task): Mm {
  if (task.mm === null) throw new KernelError(EINVAL, `${task.name} has no memory`);
  return task.mm;
}

/** A mapping by the name that the scenario gave it. Throws UnknownNameError. */
export function regionOf(task: Task, name: string): Region {
  const region = task.regions.get(name);
  if (region === undefined)
    throw new UnknownNameError(`${task.name} has no mapping named ${name}`, name, task.regions.keys());
  return region;
}
