import { mkdtempSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device } from '../../../src/fuse/direct/device.ts';
import { IN_HEADER_BYTES } from '../../../src/fuse/direct/protocol.ts';
import { Session } from '../../../src/fuse/direct/session.ts';
import type { TransportHooks } from '../../../src/fuse/types.ts';
import { DemoFs } from '../../conformance/support/demo-fs.ts';

export function noHooks(): TransportHooks {
  return { transport: 'direct', capabilities: [], send: () => {}, onMessage: () => {}, stop: () => {} };
}

/** A reply as the kernel would take it apart. */
export interface Answer {
  readonly errno: number;
  readonly unique: number;
  readonly body: Buffer;
}

/** A session on the demo tree whose "device" is an ordinary file: requests are put in by hand, replies read from the file. */
export class Bench {
  readonly fs = new DemoFs({}, noHooks());
  readonly events: string[] = [];
  readonly session: Session;
  /** As the main thread would count them. */
  noticesSent = 0;
  #directory = mkdtempSync(join(tmpdir(), 'reclaimfs-session-'));
  #file = join(this.#directory, 'device');
  #unique = 0;

  constructor() {
    const fd = openSync(this.#file, 'a+');
    this.session = new Session(this.fs, new Device(fd), {
      waiting: (count) => this.events.push(`waiting ${count}`),
      invalidate: (notices) => this.events.push(`invalidate ${notices.length}`),
      wakeAfter: (ms) => this.events.push(`wake ${ms}`),
      noticesSent: () => this.noticesSent,
      poked: () => this.events.push('poked'),
    });
  }

  /** Handles a request with the given body (32-bit words, or bytes); returns the number it was given. */
  ask(opcode: number, nodeid: number, body: readonly number[] | Uint8Array = []): number {
    this.#unique += 2;
    const bytes = body instanceof Uint8Array ? body : new Uint8Array(Uint32Array.from(body).buffer);
    const header = new Uint32Array(IN_HEADER_BYTES / 4);
    header.set([IN_HEADER_BYTES + bytes.length, opcode, this.#unique, 0, nodeid, nodeid / 2 ** 32, 1000, 1001, 4242]);
    this.raw(Buffer.concat([new Uint8Array(header.buffer), bytes]));
    return this.#unique;
  }

  /** Handles whatever bytes. */
  raw(bytes: Uint8Array): void {
    const { request } = this.session;
    request.bytes.set(bytes);
    request.length = bytes.length;
    this.session.handle();
  }

  /** The replies and notices since the last call. */
  answers(): Answer[] {
    const bytes = readFileSync(this.#file);
    truncateSync(this.#file);
    const answers: Answer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt32LE(at);
      answers.push({
        errno: bytes.readInt32LE(at + 4),
        unique: bytes.readUInt32LE(at + 8),
        body: bytes.subarray(at + 16, at + length),
      });
      at += length;
    }
    return answers;
  }

  close(): void {
    this.session.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
