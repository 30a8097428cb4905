/** The shape of the step language: tables of words, each with a parser that returns what to do. */
import type { Machine } from '../machine/machine.ts';
import type { Task } from '../machine/task.ts';
import type { Job } from '../util/job.ts';
import type { Args } from './words.ts';

/** What a step reports, in the keys of the oracle's goldens; undefined: it only sets the scene and is not listed. */
export type StepResult = Record<string, unknown> | undefined;

/** A machine kept under a name. */
export interface Kept {
  readonly bytes: Uint8Array;
  /** Its virtual time. */
  readonly nowUs: number;
  /** Counts all that were ever kept. */
  readonly serial: number;
}

/** Machines kept under names, and how to come back to one. Methods throw KernelError. */
export interface Branches {
  readonly snapshots: ReadonlyMap<string, Kept>;
  keep(name: string): Job<void>;
  drop(name: string): void;
  restore(name: string): Job<void>;
}

/** What a step is carried out on. A step whose work has no small bound does it in pieces. */
export interface StepContext {
  readonly machine: Machine;
  /** Where machines are kept under names; absent where steps are carried out again. */
  readonly branches?: Branches;
}

interface StepRow {
  readonly word: string;
  readonly usage: string;
  readonly about: string;
  /** True for system calls that may have done part of their work when they fail. */
  readonly partial?: boolean;
  /** True where it may be given up between two pieces, for what has been done by then is whole: time that has passed. */
  readonly stopsAnywhere?: boolean;
  /** Its first word is the name of a new process or app, which lines may begin with from then on. */
  readonly names?: 'process' | 'app';
}

/** A step of the machine: `swap 64M`, `snap label`. */
export interface MachineStep extends StepRow {
  parse(args: Args): (ctx: StepContext) => StepResult | Job<StepResult>;
}

/** A step of a process: `A touch heap 0 4M write`. */
export interface ProcessStep extends StepRow {
  parse(args: Args): (ctx: StepContext, task: Task) => StepResult | Job<StepResult>;
}

/** A step of an app, which need not run: `mail resume`. */
export interface AppStep extends StepRow {
  parse(args: Args): (ctx: StepContext, name: string) => StepResult;
}
