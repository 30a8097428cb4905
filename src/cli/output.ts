import { notice } from '../server/messages.ts';
import { EXIT_FAILED } from '../util/errors.ts';

export { notice } from '../server/messages.ts';

/**
 * Makes writing to a closed pipe (`reclaimfs play … | head -1`) end the command quietly, as SIGPIPE ends other programs,
 * and any other failure (a full disk) end it with one line and status 1.
 */
export function endOnOutputErrors(): void {
  for (const [stream, name] of [
    [process.stdout, 'stdout'],
    [process.stderr, 'stderr'],
  ] as const)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
      if (name === 'stdout') notice(`${name} cannot be written (${error.code})`);
      process.exit(EXIT_FAILED);
    });
}

/** Prints a whole text; a missing newline at its end is added. */
export function print(text: string): void {
  if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Prints a result of --json: one document. */
export function printJson(result: unknown): void {
  print(JSON.stringify(result, undefined, 1));
}
