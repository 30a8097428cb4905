import type { Command } from 'commander';
import { CliError, EXIT_FAILED } from '../util/errors.ts';

export { errorLine } from '../server/messages.ts';
export { CliError, EXIT_FAILED } from '../util/errors.ts';

/** Exit codes of every command (architecture §7). */
export const EXIT_DONE = 0;
export const EXIT_USAGE = 2;

/** One row of the command table: adds its command, options and action to the program. */
export interface CommandRow {
  readonly name: string;
  register(program: Command): void;
}

export function exitCodeOf(thrown: unknown): number {
  return thrown instanceof CliError ? thrown.exitCode : EXIT_FAILED;
}
