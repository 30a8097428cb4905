/**
 * The thread that starts the command. A filter counts for the thread that installs it and for what that starts: so the
 * command has it, and the rest of this process has not.
 */
import { spawn } from 'node:child_process';
import { parentPort } from 'node:worker_threads';
import { loadLibc } from '../../../util/libc.ts';
import { filterProgram } from './filter.ts';

/** To this thread, once somebody answers its calls. */
export interface SpawnOrder {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** To the thread that made this one. */
export type FromSpawner =
  | { readonly kind: 'filtered'; readonly listenerFd: number; readonly tid: number }
  | { readonly kind: 'obstacle'; readonly reason: string }
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'exit'; readonly code: number | null; readonly signal: NodeJS.Signals | null };

const SECCOMP_SET_MODE_FILTER = 1;
const FLAG_NEW_LISTENER = 8;
/** A caller that has been heard waits for its answer, but for a deadly signal: no call is carried out twice. Linux 5.19. */
const FLAG_WAIT_KILLABLE = 32;
const INSTRUCTION_BYTES = 8;

const port = parentPort!;

function tell(message: FromSpawner): void {
  port.postMessage(message);
}

function install(): FromSpawner {
  const libc = loadLibc();
  if ('obstacle' in libc) return { kind: 'obstacle', reason: libc.obstacle };
  const program = filterProgram(libc.architecture);
  const header = Buffer.alloc(16);
  header.writeUInt16LE(program.length / INSTRUCTION_BYTES, 0);
  header.writeBigUInt64LE(libc.address(program), 8);
  let listenerFd = -1;
  for (const flags of [FLAG_NEW_LISTENER | FLAG_WAIT_KILLABLE, FLAG_NEW_LISTENER]) {
    listenerFd = libc.call('seccomp', SECCOMP_SET_MODE_FILTER, flags, libc.address(header));
    if (listenerFd >= 0) return { kind: 'filtered', listenerFd, tid: libc.call('gettid') };
  }
  return { kind: 'obstacle', reason: `the kernel allows no seccomp listener (errno ${-listenerFd})` };
}

function start({ argv, env }: SpawnOrder): void {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { stdio: 'inherit', env });
  child.once('error', ({ message }) => tell({ kind: 'failed', message }));
  child.once('exit', (code, signal) => tell({ kind: 'exit', code, signal }));
  if (child.pid !== undefined) tell({ kind: 'started', pid: child.pid });
}

port.once('message', start);
tell(install());
