/** What faults cost the process that has them. */
import type { TouchResult } from '../mm/space/access.ts';
import { finish } from '../util/job.ts';
import type { Machine } from './machine.ts';
import { MINOR_FAULT_US } from './reclaim-costs.ts';
import { deliverSignal } from './signal.ts';
import type { Task } from './task.ts';

/**
 * The time that the faults of a touch took, in microseconds: handling them, reading from swap and files, direct reclaim.
 * It is charged to the task: system CPU time where the CPU did it, stalls of memory (reclaim, and pages that had been in
 * use when they were taken away) and of I/O as /proc/pressure counts them. Counts faults as the task's. To be called
 * once for each result; who was to die in the touch, or dies of a signal that it does not catch, dies now.
 */
export function chargeFaults(machine: Machine, task: Task, result: TouchResult): number {
  const { mem, storage, pressure } = machine;
  const { settings } = storage;
  const swapIns = result.swapIns ?? 0;
  const fileReads = result.fileReads ?? 0;
  const zram = mem.swap?.synchronous ?? true;
  const swapUs = swapIns * (zram ? settings.zramReadUs : settings.readUs);
  const readUs = (result.readTurns ?? fileReads) * settings.readUs;
  const cpuUs = (result.minor + result.major) * MINOR_FAULT_US + (zram ? swapUs : 0);
  const reclaimUs = result.stalledUs ?? 0;
  task.minflt += result.minor;
  task.majflt += result.major;
  task.leader.stimeUs += cpuUs;
  const reads = swapIns + fileReads;
  const thrashing = reads === 0 ? 0 : Math.min(1, (result.thrashed ?? 0) / reads);
  if (reclaimUs > 0 || thrashing > 0) pressure.stall('memory', task, reclaimUs + thrashing * (swapUs + readUs));
  const ioUs = readUs + (zram ? 0 : swapUs);
  if (ioUs > 0) pressure.stall('io', task, ioUs);
  if (result.oom) machine.log('oom', { pid: task.pid, comm: task.comm, reason: 'no memory for a page fault' });
  if (pressure.current === undefined) pressure.settle();
  dieOfSignal(machine, task, result);
  return cpuUs + (zram ? 0 : swapUs) + readUs + reclaimUs;
}

/** The end of a process whose access has failed with a signal that it does not catch. */
export function dieOfSignal(machine: Machine, task: Task, result: Pick<TouchResult, 'signal' | 'fatal'>): void {
  if (result.fatal === true && machine.tasks.get(task.pid) === task && !task.isZombie)
    finish(deliverSignal(machine, task, String(result.signal)));
}
