/**
 * Descriptors that stand for simulated processes: the reading end of a pipe, readable and hung up once the process has
 * ended. Which process one stands for is told by the pipe's number, whoever holds it under whatever descriptor.
 */
import { closeSync, fstatSync, readlinkSync, writeSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import type { Libc } from '../../../util/libc.ts';
import type { TaskAnswer } from './desk-protocol.ts';
import type { Notification } from './notification.ts';

const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;

/** To the thread that knows when processes end: to be written to and closed then. */
export interface PidfdMade {
  readonly kind: 'pidfd';
  readonly pid: number;
  readonly serial: number;
  readonly writeFd: number;
}

export type Target =
  | { readonly kind: 'simulated'; readonly pid: number; readonly serial: number | undefined }
  /** The directory of a real process in our /proc. */
  | { readonly kind: 'directory'; readonly pid: number }
  | { readonly kind: 'other' };

export class Pidfds {
  readonly #libc: Libc;
  readonly #port: MessagePort;
  readonly #byPipe = new Map<string, { readonly pid: number; readonly serial: number }>();
  readonly #ends = Buffer.alloc(8);

  constructor(libc: Libc, port: MessagePort) {
    this.#libc = libc;
    this.#port = port;
  }

  /** How many have been made. */
  get made(): number {
    return this.#byPipe.size;
  }

  /** Answers a call with a new descriptor; -errno when there can be none, and then nothing has been answered. */
  answer(call: Notification, { pid, serial, zombie }: TaskAnswer, nonblocking: boolean): number {
    const flags = O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0);
    const status = this.#libc.call('pipe2', this.#libc.address(this.#ends), flags);
    if (status < 0) return status;
    const [readFd, writeFd] = [this.#ends.readInt32LE(0), this.#ends.readInt32LE(4)];
    this.#byPipe.set(`pipe:[${fstatSync(readFd).ino}]`, { pid, serial });
    const sent = call.listener.sendDescriptor(call.id, readFd);
    closeSync(readFd);
    if (sent < 0 || zombie) end(writeFd);
    else this.#port.postMessage({ kind: 'pidfd', pid, serial, writeFd } satisfies PidfdMade);
    return sent;
  }

  /** What a descriptor of a caller stands for. */
  target(tid: number, fd: number): Target {
    let text: string;
    try {
      text = readlinkSync(`/proc/${tid}/fd/${fd}`);
    } catch {
      return { kind: 'other' };
    }
    const made = this.#byPipe.get(text);
    if (made !== undefined) return { kind: 'simulated', ...made };
    const directory = /^\/proc\/(\d+)$/.exec(text)?.[1];
    return directory === undefined ? { kind: 'other' } : { kind: 'directory', pid: Number(directory) };
  }
}

/** Tells all who poll: the process has ended. */
export function end(writeFd: number): void {
  try {
    writeSync(writeFd, '\n');
  } catch {
    // Nobody holds the other end any more.
  }
  closeSync(writeFd);
}
