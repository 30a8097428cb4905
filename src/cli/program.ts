/** The command `reclaimfs` with all of its commands: one row in commands/table.ts for each. */
import type { Command } from 'commander';
import { programWith } from './bare-program.ts';
import { COMMANDS } from './commands/table.ts';

/** The program with all of its commands; help, manual pages and completion follow from it. */
export function createProgram(): Command {
  return programWith(COMMANDS);
}
