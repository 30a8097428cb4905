import type { Command } from 'commander';
import { MountError } from '../fuse/types.ts';
import { ScenarioError } from '../scenario/scenario-error.ts';
import { KernelError } from '../util/errors.ts';

/** Exit codes of every command (architecture §7). */
export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** One row of the command table: adds its command, options and action to the program. */
export interface CommandRow {
  readonly name: string;
  register(program: Command): void;
}

/** Something the user can mend; the message is one line that says what to do. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = EXIT_FAILED) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/** The line for stderr that an error comes down to; never a stack trace unless DEBUG asks for one. */
export function errorLine(thrown: unknown): string {
  if (process.env['DEBUG']?.includes('reclaimfs') && thrown instanceof Error) return thrown.stack ?? thrown.message;
  if (thrown instanceof CliError || thrown instanceof MountError || thrown instanceof ScenarioError)
    return thrown.message;
  if (thrown instanceof KernelError) return thrown.message;
  if (thrown instanceof Error && 'syscall' in thrown) return firstLine(thrown.message);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return `${firstLine(message)} (a mistake in reclaimfs: please report it with DEBUG=reclaimfs:* set)`;
}

export function exitCodeOf(thrown: unknown): number {
  return thrown instanceof CliError ? thrown.exitCode : EXIT_FAILED;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
