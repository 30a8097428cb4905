export { notice } from '../server/messages.ts';

/**
 * Makes writing to a closed pipe (`reclaimfs play … | head -1`) end the command quietly, as SIGPIPE ends other programs.
 */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(process.exitCode ?? 0);
    });
}

/** Prints a whole text; a missing newline at its end is added. */
export function print(text: string): void {
  if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}
