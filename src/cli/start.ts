/** Carries out what the command line says. Loads what it needs for that: a command that is named brings no other with it. */
import { type Command, CommanderError } from 'commander';
import { keepDebuggerShut } from '../util/no-debugger.ts';
import { programWith } from './bare-program.ts';
import { type CommandRow, EXIT_DONE, EXIT_USAGE, errorLine, exitCodeOf } from './command.ts';
import { endOnOutputErrors, notice } from './output.ts';

/** Commands that are often started; all others are loaded together. */
const ALONE: Readonly<Record<string, () => Promise<CommandRow>>> = {
  mount: async () => (await import('./commands/mount.ts')).mountCommand,
  umount: async () => (await import('./commands/umount.ts')).umountCommand,
  status: async () => (await import('./commands/status.ts')).statusCommand,
  run: async () => (await import('./commands/run.ts')).runCommand,
  play: async () => (await import('./commands/play.ts')).playCommand,
  capture: async () => (await import('./commands/capture.ts')).captureCommand,
  compare: async () => (await import('./commands/compare.ts')).compareCommand,
  diff: async () => (await import('./commands/diff.ts')).diffCommand,
};

async function programFor([first = '']: readonly string[]): Promise<Command> {
  const alone = Object.hasOwn(ALONE, first) ? ALONE[first] : undefined;
  if (alone !== undefined) return programWith([await alone()]);
  return (await import('./program.ts')).createProgram();
}

keepDebuggerShut();
endOnOutputErrors();
try {
  await (await programFor(process.argv.slice(2))).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === EXIT_DONE ? EXIT_DONE : EXIT_USAGE;
  } else {
    notice(errorLine(error));
    process.exitCode = exitCodeOf(error);
  }
}
