/** The shape of the step language: a table of words, each with a parser that returns what to do. */
import type { Machine } from '../machine/machine.ts';
import type { Task } from '../machine/task.ts';
import type { Session } from './session.ts';
import type { Args } from './words.ts';

/** What a step reports, in the keys of the oracle's goldens; undefined: nothing to report. */
export type StepResult = Record<string, unknown> | undefined;

/** What a step needs when it is carried out. */
export interface StepContext {
  readonly session: Session;
  readonly machine: Machine;
}

/** A step of the machine: `swap 64M`, `snap label`. */
export interface MachineStep {
  readonly word: string;
  readonly usage: string;
  readonly about: string;
  parse(args: Args): (ctx: StepContext) => StepResult;
}

/** A step of a process: `A touch heap 0 4M write`. */
export interface ProcessStep {
  readonly word: string;
  readonly usage: string;
  readonly about: string;
  parse(args: Args): (ctx: StepContext, task: Task) => StepResult;
}

/** Steps that a golden does not list: they only set the scene. */
export const SILENT = Symbol('silent');

/** vmstat counters that a step may report, with the difference it made. */
export const REPORTED_EVENTS = ['pswpin', 'pswpout', 'nr_vmscan_write', 'pgactivate', 'pglazyfreed'] as const;
