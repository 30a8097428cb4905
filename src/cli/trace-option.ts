import { TraceFile } from '../scenario/trace/trace-file.ts';
import { CliError } from './command.ts';

/** The file of --perfetto, opened before the work begins. Throws CliError. */
export function traceTo(path: string): TraceFile {
  try {
    return new TraceFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(`--perfetto: ${path} cannot be written (${code}): give another file`);
  }
}
