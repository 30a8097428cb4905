import { readSync, writeSync, writevSync } from 'node:fs';
import { logger } from '../../util/log.ts';
import { OUT_HEADER_BYTES, OWN_POKE, POKE_NODEID } from './protocol.ts';
import { type Reply, retrieveNotice } from './reply.ts';
import type { Request } from './request.ts';

const log = logger('fuse:device');

/** Above this a reply is sent as header and content with writev(2); below, copying the content is cheaper. */
const COPY_BREAK_BYTES = 16_384;
const MOUNT_POLL_MS = 1;

/** Why the device gave no request: it never will again ('gone', 'failed'), or it may if asked anew ('retry'). */
export type ReadFailure =
  | { readonly kind: 'gone' }
  | { readonly kind: 'retry' }
  | { readonly kind: 'failed'; readonly code: string };

const GONE: ReadFailure = { kind: 'gone' };
const RETRY: ReadFailure = { kind: 'retry' };

/** The open /dev/fuse, read and written by one thread that blocks in it. */
export class Device {
  readonly #fd: number;
  readonly #idle = new Int32Array(new SharedArrayBuffer(4));
  readonly #header = new Uint8Array(OUT_HEADER_BYTES);
  readonly #headerWords = new Uint32Array(this.#header.buffer);
  #mounted = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Blocks until a request is in `request` (undefined) or there is none (why). */
  read(request: Request): ReadFailure | undefined {
    try {
      request.length = readSync(this.#fd, request.bytes, 0, request.bytes.length, null);
      this.#mounted = true;
      return request.length === 0 ? GONE : undefined;
    } catch (error) {
      return this.#classify(error);
    }
  }

  /** Sends the reply of `bodyBytes` whose header has been written. */
  send(reply: Reply, bodyBytes: number): void {
    try {
      writeSync(this.#fd, reply.bytes, 0, OUT_HEADER_BYTES + bodyBytes);
    } catch (error) {
      this.#lost(error);
    }
  }

  /** Sends `content` as the body of a reply, copying it when it is short. */
  sendContent(reply: Reply, content: Uint8Array, uniqueLow: number, uniqueHigh: number): void {
    const { length } = content;
    if (length <= COPY_BREAK_BYTES) {
      reply.header(length, 0, uniqueLow, uniqueHigh);
      reply.bytes.set(content, OUT_HEADER_BYTES);
      this.send(reply, length);
      return;
    }
    const header = this.#headerWords;
    header[0] = OUT_HEADER_BYTES + length;
    header[1] = 0;
    header[2] = uniqueLow;
    header[3] = uniqueHigh;
    try {
      writevSync(this.#fd, [this.#header, content]);
    } catch (error) {
      this.#lost(error);
    }
  }

  /** Sends a notice; that the kernel does not know its subject (any more) is no error. */
  notify(notice: Uint8Array): void {
    try {
      writeSync(this.#fd, notice);
    } catch (error) {
      this.#lost(error);
    }
  }

  /** Has the kernel send a request without a subject behind those that wait; false: it has forgotten the file to ask about. */
  poke(): boolean {
    try {
      writeSync(this.#fd, retrieveNotice(POKE_NODEID, OWN_POKE));
      return true;
    } catch {
      return false;
    }
  }

  /** ENOENT: the caller was killed meanwhile, or the notice has no addressee. ENODEV: the next read will tell. */
  #lost(error: unknown): void {
    log('reply not taken: %s', errorCode(error));
  }

  #classify(error: unknown): ReadFailure {
    const code = errorCode(error);
    switch (code) {
      case 'ENODEV':
      case 'ECONNABORTED':
      case 'EBADF':
        return GONE;
      case 'EINTR':
      case 'EAGAIN':
      case 'ENOENT': // The request was given up before we got it.
        return RETRY;
      case 'EPERM':
        if (this.#mounted) break;
        Atomics.wait(this.#idle, 0, 0, MOUNT_POLL_MS); // mount(2) has not happened yet.
        return RETRY;
    }
    return { kind: 'failed', code };
  }
}

/** The name of a system error, its message where it has none. */
export function errorCode(error: unknown): string {
  if (error instanceof Error) return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  return String(error);
}
