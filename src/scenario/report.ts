import type { Machine } from '../machine/machine.ts';
import type { Task } from '../machine/task.ts';
import type { Mm } from '../mm/space/mm.ts';
import { KernelError } from '../util/errors.ts';
import { isJob, type Job } from '../util/job.ts';
import type { StepResult } from './step.ts';

type Result = Record<string, unknown>;

/** Runs `action` and adds to its result how far it moved the swap counters of /proc/vmstat. */
export function withEvents(machine: Machine, action: () => Result): StepResult {
  const before = swapCounters(machine);
  return { ...action(), vmstat: movedSince(before, machine) };
}

/** The same for work in pieces. */
export function* withEventsInPieces(machine: Machine, job: Job<Result>): Job<StepResult> {
  const before = swapCounters(machine);
  return { ...(yield* job), vmstat: movedSince(before, machine) };
}

/** Work whose end is all that there is to report. */
export function* reportAtEnd(work: Job<unknown>, result: Result): Job<Result> {
  yield* work;
  return result;
}

type SwapCounters = Readonly<Record<'pswpin' | 'pswpout' | 'nr_vmscan_write', number>>;

function swapCounters({ mem: { events } }: Machine): SwapCounters {
  const { pswpin, pswpout, nr_vmscan_write } = events;
  return { pswpin, pswpout, nr_vmscan_write };
}

function movedSince(before: SwapCounters, machine: Machine): Record<string, number> {
  const vmstat: Record<string, number> = {};
  for (const [name, value] of Object.entries(swapCounters(machine))) {
    const moved = value - before[name as keyof SwapCounters];
    if (moved !== 0) vmstat[name] = moved;
  }
  return vmstat;
}

/**
 * A system call of a simulated process: `ret` 0, or -1 and the error's name, as the process would see it, and the faults
 * within the call, which count as the process's. `action` may be a job.
 */
export function systemCall(machine: Machine, task: Task, action: () => unknown): Job<StepResult> {
  return withEventsInPieces(machine, calling(task, action));
}

/** The same without how far it moved the counters. */
export function* calling(task: Task, action: () => unknown): Job<Result> {
  const { mm } = task;
  try {
    const begun = action();
    if (isJob(begun)) yield* begun;
    return { ret: 0, ...takeCallFaults(task, mm) };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return { ret: -1, errno: error.code, ...takeCallFaults(task, mm) };
  }
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
