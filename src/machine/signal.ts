/** Signals and their default actions: the only ones that a simulated process knows. */
import { UnknownNameError } from '../util/errors.ts';
import type { Job } from '../util/job.ts';
import type { Machine } from './machine.ts';
import type { Task } from './task.ts';

const NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
};
/** SIGSEGV and SIGBUS: what a failed access brings. */
export const ACCESS_SIGNALS: readonly number[] = [11, 7];
const IGNORED = new Set([17, 23, 28]);
const STOPS = new Set([19, 20, 21, 22]);
const SIGCONT = 18;

/** `SIGSEGV` of 11. */
export function signalName(number: number): string {
  const name = Object.keys(NUMBERS).find((key) => NUMBERS[key] === number);
  return name === undefined ? String(number) : `SIG${name}`;
}

/** The number of `9`, `KILL` or `SIGKILL`. Throws UnknownNameError. */
export function signalNumber(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : NUMBERS[text.replace(/^SIG/, '')];
  if (number === undefined || number > 64)
    throw new UnknownNameError(
      `there is no signal ${text}`,
      text,
      Object.keys(NUMBERS),
      'a number up to 64, or a name: KILL, TERM',
    );
  return number;
}

/** Carries out the default action of a signal: ends, stops, continues, or nothing. */
export function* deliverSignal(machine: Machine, task: Task, signal: string): Job<void> {
  const number = signalNumber(signal);
  if (number === 0 || IGNORED.has(number) || task.kernelThread || task.isZombie) return;
  if (number === SIGCONT) {
    for (const thread of task.threads)
      if (thread.state === 'T')
        machine.setStill(thread, { state: thread.userRate + thread.systemRate > 0.5 ? 'R' : 'S' });
    return;
  }
  if (STOPS.has(number)) {
    for (const thread of task.threads) machine.setStill(thread, { state: 'T' });
    return;
  }
  machine.log('signal', { pid: task.pid, comm: task.comm, signal: number });
  yield* machine.exiting(task, number);
}
