/**
 * The system calls of the command that are answered from the machine, seen from the main thread:
 *
 *   command ── call ──► kernel ── listener ──► notifier thread ── hidden file of the mount ──► machine
 *      ▲                                             │
 *      └──────────────── answer ─────────────────────┘
 *
 * The spawner thread has the filter and starts the command; the notifier thread answers; neither keeps anybody else waiting.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { MessageChannel, Worker } from 'node:worker_threads';
import { type Libc, loadLibc } from '../../../util/libc.ts';
import type { SimulatedProcess } from '../../process-reports.ts';
import type { TimeReport } from '../virtual/virtual-time.ts';
import type { NotifierData } from './notifier-thread.ts';
import { end, type PidfdMade } from './pidfds.ts';
import type { FromSpawner, SpawnerData, SpawnOrder } from './spawner-thread.ts';

const O_CLOEXEC = 0o2000000;

/** How the command has ended. */
export interface CommandEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it has written, where that is kept. */
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Beyond answering: `virtualTime`: of time, too, and time passes only while the command waits. */
export interface NotifierOptions {
  readonly virtualTime?: boolean;
}

/** A name that nobody guesses, for the file by which the machine is asked. */
export function newDeskName(): string {
  return `.syscalls-${randomBytes(16).toString('hex')}`;
}

export class Notifier {
  readonly #spawner: Worker;
  readonly #libc: Libc;
  readonly #filtered: { readonly listenerFd: number; readonly tid: number };
  readonly #open = new Set<PidfdMade>();
  #processes = new Map<number, number>();
  #thread: Worker | undefined;
  #endFd = -1;
  readonly #virtualTime: boolean;
  /** Told of time, where it is virtual. */
  onTime: ((report: TimeReport) => void) | undefined;

  private constructor(
    libc: Libc,
    spawner: Worker,
    filtered: { listenerFd: number; tid: number },
    virtualTime: boolean,
  ) {
    this.#virtualTime = virtualTime;
    this.#libc = libc;
    this.#spawner = spawner;
    this.#filtered = filtered;
  }

  /** Has the kernel ask us; or says why it cannot be. */
  static async prepare({
    virtualTime = false,
  }: NotifierOptions = {}): Promise<Notifier | { readonly obstacle: string }> {
    const libc = loadLibc();
    if ('obstacle' in libc) return libc;
    const spawner = new Worker(new URL('./spawner-thread.js', import.meta.url), {
      workerData: { virtualTime } satisfies SpawnerData,
      trackUnmanagedFds: false,
    });
    const [said] = (await once(spawner, 'message')) as [FromSpawner];
    if (said.kind === 'filtered') return new Notifier(libc, spawner, said, virtualTime);
    await spawner.terminate();
    return { obstacle: said.kind === 'obstacle' ? said.reason : 'the thread that starts the command has failed' };
  }

  /** Answers from now on. `deskName`: of the hidden file in the mount. */
  async listen(mountpoint: string, deskName: string): Promise<void> {
    const ends = Buffer.alloc(8);
    const status = this.#libc.call('pipe2', this.#libc.address(ends), O_CLOEXEC);
    if (status < 0) throw new Error(`no pipe: errno ${-status}`);
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (made: PidfdMade) => {
      this.#open.add(made);
      this.#endGone();
    });
    port1.unref();
    this.#endFd = ends.readInt32LE(4);
    const { listenerFd, tid: spawnerTid } = this.#filtered;
    const workerData: NotifierData = {
      ...{ listenerFd, spawnerTid, mountpoint, deskName, port: port2 },
      endFd: ends.readInt32LE(0),
      virtualTime: this.#virtualTime,
    };
    this.#thread = new Worker(new URL('./notifier-thread.js', import.meta.url), {
      workerData,
      transferList: [port2],
      trackUnmanagedFds: false,
    });
    await once(this.#thread, 'message');
    this.#thread.on('message', (report: TimeReport) => this.onTime?.(report));
  }

  /**
   * Starts the command, or the next one when it has ended. `onStart`: told its pid; `kept`: its output is part of how it
   * ended. Rejects when it cannot be started.
   */
  run(
    argv: readonly string[],
    env: NodeJS.ProcessEnv,
    onStart: (pid: number) => void,
    kept = false,
  ): Promise<CommandEnd> {
    return new Promise((settle, fail) => {
      const onMessage = (message: FromSpawner): void => {
        if (message.kind === 'started') onStart(message.pid);
        if (message.kind !== 'failed' && message.kind !== 'exit') return;
        this.#spawner.off('message', onMessage);
        if (message.kind === 'failed') fail(new Error(message.message));
        else settle(message);
      };
      this.#spawner.on('message', onMessage);
      this.#spawner.once('error', fail);
      this.#spawner.postMessage({ argv, env, kept } satisfies SpawnOrder);
    });
  }

  /** Ends the descriptors of processes that are there no more. */
  follow(processes: readonly SimulatedProcess[]): void {
    this.#processes = new Map(processes.map(({ pid, serial }) => [pid, serial]));
    this.#endGone();
  }

  #endGone(): void {
    for (const made of this.#open) {
      if (this.#processes.get(made.pid) === made.serial) continue;
      this.#open.delete(made);
      end(made.writeFd);
    }
  }

  async close(): Promise<void> {
    // First, for its own calls may have to be answered on the way.
    await this.#spawner.terminate();
    if (this.#thread !== undefined) {
      const ended = once(this.#thread, 'exit');
      writeSync(this.#endFd, '\n');
      await ended;
    }
  }
}
