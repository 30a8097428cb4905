/** What the user is told on stderr. */
import { MountError } from '../fuse/types.ts';
import { ScenarioError } from '../scenario/scenario-error.ts';
import { printable, textOf } from '../util/bytes.ts';
import { CliError, KernelError } from '../util/errors.ts';

const OUT_OF_MEMORY = /allocation failed|out of memory|reaching memory limit/i;
export const MEMORY_ADVICE =
  'give the machine less ram= or fewer processes, or node more with NODE_OPTIONS=--max-old-space-size=8192';

/** A notice on stderr, marked as ours. */
export function notice(line: string): void {
  process.stderr.write(`reclaimfs: ${printable(line)}\n`);
}

/** The line for stderr that an error comes down to; never a stack trace unless DEBUG asks for one. */
export function errorLine(thrown: unknown): string {
  if (process.env['DEBUG']?.includes('reclaimfs') && thrown instanceof Error) return thrown.stack ?? thrown.message;
  if (isOfUsers(thrown)) return thrown.message;
  if (thrown instanceof KernelError) return textOf(thrown.message);
  if (thrown instanceof Error && 'syscall' in thrown) return firstLine(thrown.message);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (OUT_OF_MEMORY.test(message)) return `memory ran out (${firstLine(message)}): ${MEMORY_ADVICE}`;
  return `${firstLine(message)} (a mistake in reclaimfs: please report it with DEBUG=reclaimfs:* set)`;
}

/** Something that the user can mend. An error from another thread has lost its class on the way, but not its name. */
function isOfUsers(thrown: unknown): thrown is Error {
  if (thrown instanceof CliError || thrown instanceof MountError || thrown instanceof ScenarioError) return true;
  return thrown instanceof Error && (thrown.name === 'ScenarioError' || thrown.name === 'KernelError');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
