#!/usr/bin/env node
/** The command `reclaimfs`: one file per command in commands/, one row each in its table. */
import { CommanderError } from 'commander';
import { EXIT_DONE, EXIT_USAGE, errorLine, exitCodeOf } from './command.ts';
import { endOnOutputErrors, notice } from './output.ts';
import { createProgram } from './program.ts';

endOnOutputErrors();
try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === EXIT_DONE ? EXIT_DONE : EXIT_USAGE;
  } else {
    notice(errorLine(error));
    process.exitCode = exitCodeOf(error);
  }
}
