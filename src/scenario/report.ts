import type { Machine } from '../machine/machine.ts';
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

/** A system call of a simulated process: `ret` 0, or -1 and the error's name, as the process would see it. */
export function systemCall(machine: Machine, action: () => void): StepResult {
  return withEvents(machine, () => {
    try {
      action();
      return { ret: 0 };
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return { ret: -1, errno: error.code };
    }
  });
}
