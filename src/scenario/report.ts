import type { Machine } from '../machine/machine.ts';
import type { VmEvents } from '../mm/vm-events.ts';
import { KernelError } from '../util/errors.ts';
import type { StepResult } from './step.ts';

/** Counters of /proc/vmstat that a step reports when it moved them. */
const REPORTED = ['pswpin', 'pswpout', 'nr_vmscan_write'] as const satisfies readonly (keyof VmEvents)[];

/** Runs `action` and adds to its result how far it moved the counters of /proc/vmstat. */
export function withEvents(machine: Machine, action: () => Record<string, unknown>): StepResult {
  const { events } = machine.mem;
  const before = REPORTED.map((name) => events[name]);
  const result = action();
  const vmstat: Record<string, number> = {};
  REPORTED.forEach((name, i) => {
    const moved = events[name] - before[i]!;
    if (moved !== 0) vmstat[name] = moved;
  });
  return { ...result, vmstat };
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
