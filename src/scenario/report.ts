import type { Machine } from '../machine/machine.ts';
import type { Task } from '../machine/task.ts';
import type { Mm } from '../mm/space/mm.ts';
import { KernelError } from '../util/errors.ts';
import type { StepResult } from './step.ts';

/** Runs `action` and adds to its result how far it moved the swap counters of /proc/vmstat. */
export function withEvents(machine: Machine, action: () => Record<string, unknown>): StepResult {
  const { events } = machine.mem;
  const { pswpin, pswpout, nr_vmscan_write } = events;
  const result = action();
  const vmstat: Record<string, number> = {};
  if (events.pswpin !== pswpin) vmstat['pswpin'] = events.pswpin - pswpin;
  if (events.pswpout !== pswpout) vmstat['pswpout'] = events.pswpout - pswpout;
  if (events.nr_vmscan_write !== nr_vmscan_write) vmstat['nr_vmscan_write'] = events.nr_vmscan_write - nr_vmscan_write;
  result['vmstat'] = vmstat;
  return result;
}

/**
 * A system call of a simulated process: `ret` 0, or -1 and the error's name, as the process would see it, and the faults
 * within the call, which count as the process's.
 */
export function systemCall(machine: Machine, task: Task, action: () => void): StepResult {
  return withEvents(machine, () => {
    const { mm } = task;
    try {
      action();
      return { ret: 0, ...takeCallFaults(task, mm) };
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return { ret: -1, errno: error.code, ...takeCallFaults(task, mm) };
    }
  });
}

/** Charges the process with the faults of a call that brought pages in; reports those that there were. */
function takeCallFaults(task: Task, mm: Mm | null): Record<string, number> {
  if (mm === null) return {};
  const { callMinor, callMajor } = mm;
  mm.callMinor = mm.callMajor = 0;
  task.minflt += callMinor;
  task.majflt += callMajor;
  return { ...(callMinor > 0 && { call_minflt: callMinor }), ...(callMajor > 0 && { call_majflt: callMajor }) };
}
