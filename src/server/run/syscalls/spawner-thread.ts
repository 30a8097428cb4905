/**
 * The thread that starts the command. A filter counts for the thread that installs it and for what that starts: so the
 * command has it, and the rest of this process has not.
 */
import { spawn } from 'node:child_process';
import { parentPort, workerData } from 'node:worker_threads';
import { loadLibc } from '../../../util/libc.ts';
import { filterProgram } from './filter.ts';

/** To this thread, once somebody answers its calls. */
export interface SpawnOrder {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Its output is kept, and told at its end; else it goes where ours goes. */
  readonly kept?: boolean;
}

/** What this thread is made with. */
export interface SpawnerData {
  /** Ask about calls of time, too. */
  readonly virtualTime: boolean;
}

/** To the thread that made this one. */
export type FromSpawner =
  | { readonly kind: 'filtered'; readonly listenerFd: number; readonly tid: number }
  | { readonly kind: 'obstacle'; readonly reason: string }
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'exit';
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      /** The end of its output, where it is kept. */
      readonly stdout: string;
      readonly stderr: string;
    };

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
  const { virtualTime } = workerData as SpawnerData;
  const program = filterProgram(libc.architecture, virtualTime ? [...libc.architecture.timeCalls.values()] : []);
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

/** So much of what a command writes is kept: the end of it. */
const KEPT_CHARACTERS = 4096;
/** So long after its end a command's output is waited for: others may still hold it open. */
const OUTPUT_MS = 100;

function start({ argv, env, kept = false }: SpawnOrder): void {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { stdio: kept ? ['ignore', 'pipe', 'pipe'] : 'inherit', env });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(-KEPT_CHARACTERS);
    });
  child.once('error', ({ message }) => tell({ kind: 'failed', message }));
  child.once('exit', (code, signal) => {
    const end = (): void => tell({ kind: 'exit', code, signal, ...output });
    if (!kept) end();
    else setTimeout(end, OUTPUT_MS);
  });
  if (child.pid !== undefined) tell({ kind: 'started', pid: child.pid });
}

port.on('message', start);
tell(install());
