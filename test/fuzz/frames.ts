/**
 * FUSE frames against the real tree, through the session that serves the device: valid ones, mutated ones, stale handles,
 * offsets near 2^63. Every request gets exactly one answer that fits the protocol, and no exception is turned into EIO.
 */
import { openSync } from 'node:fs';
import fc from 'fast-check';
import { Device } from '../../src/fuse/direct/device.ts';
import {
  FUSE_BATCH_FORGET,
  FUSE_FORGET,
  FUSE_GETATTR,
  FUSE_INTERRUPT,
  FUSE_LOOKUP,
  FUSE_MKDIR,
  FUSE_NOTIFY_REPLY,
  FUSE_OPEN,
  FUSE_OPENDIR,
  FUSE_POLL,
  FUSE_READ,
  FUSE_READDIR,
  FUSE_READLINK,
  FUSE_RELEASE,
  FUSE_RELEASEDIR,
  FUSE_RMDIR,
  FUSE_SETATTR,
  FUSE_STATFS,
  FUSE_WRITE,
  IN_HEADER_BYTES,
  OUT_HEADER_BYTES,
} from '../../src/fuse/direct/protocol.ts'; // prettier-ignore
import type { Reply } from '../../src/fuse/direct/reply.ts';
import { Session } from '../../src/fuse/direct/session.ts';
import { KernelError } from '../../src/util/errors.ts';
import { content, FUZZED } from './inputs.ts';
import type { Fuzz } from './properties.ts';
import { difference, Target } from './target.ts';

const OPCODES = [
  ...[
    FUSE_LOOKUP,
    FUSE_GETATTR,
    FUSE_SETATTR,
    FUSE_READLINK,
    FUSE_OPEN,
    FUSE_READ,
    FUSE_WRITE,
    FUSE_RELEASE,
    FUSE_OPENDIR,
  ],
  ...[FUSE_READDIR, FUSE_RELEASEDIR, FUSE_MKDIR, FUSE_RMDIR, FUSE_POLL, FUSE_STATFS, FUSE_FORGET, FUSE_INTERRUPT],
] as const;
const SILENT: readonly number[] = [FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_INTERRUPT, FUSE_NOTIFY_REPLY];
const NAMES = [
  '42',
  'status',
  '.',
  '..',
  'x',
  'maps',
  'self',
  '\xff\xfe',
  'n'.repeat(255),
  'n'.repeat(256),
  '',
  'a/b',
  'g',
  'mem',
];
const OFFSETS = [
  0n,
  1n,
  4095n,
  4096n,
  1n << 31n,
  1n << 32n,
  1n << 47n,
  (1n << 53n) - 1n,
  1n << 53n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

interface Frame {
  readonly opcode: number;
  /** Which of the inodes of the tree, or (negative) a number that none has. */
  readonly node: number;
  /** Which of the open files, or (negative) none. */
  readonly handle: number;
  readonly offset: bigint;
  readonly size: number;
  readonly flags: number;
  readonly name: string;
  readonly data: string;
  readonly uid: number;
  /** Bytes put in the place of others, at these positions. */
  readonly mutations: readonly (readonly [at: number, byte: number])[];
  /** Bytes cut off the end. */
  readonly cut: number;
}

const frame: fc.Arbitrary<Frame> = fc.record({
  opcode: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(...OPCODES) },
    { weight: 1, arbitrary: fc.nat({ max: 70 }) },
  ),
  node: fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 5000 }) }, fc.integer({ min: -5, max: -1 })),
  handle: fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 50 }) }, fc.integer({ min: -5, max: -1 })),
  offset: fc.oneof(fc.constantFrom(...OFFSETS), fc.constant(0n)),
  size: fc.oneof(fc.constantFrom(0, 1, 24, 4096, 1 << 20, 0xffffffff), fc.nat({ max: 70_000 })),
  flags: fc.constantFrom(0, 1, 2, 0o4000, 0o4001, 0xffffffff),
  name: fc.constantFrom(...NAMES),
  data: content,
  uid: fc.constantFrom(0, 1000, 3000, 0xffffffff),
  mutations: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    fc.array(fc.tuple(fc.nat({ max: 120 }), fc.nat({ max: 255 })), { maxLength: 3 }),
  ),
  cut: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat({ max: 60 })),
});

/** A device that keeps what is sent. */
class Sink extends Device {
  readonly sent: Buffer[] = [];

  override send(reply: Reply, bodyBytes: number): void {
    this.sent.push(Buffer.from(reply.bytes.subarray(0, OUT_HEADER_BYTES + bodyBytes)));
  }

  override sendContent(reply: Reply, body: Uint8Array, uniqueLow: number, uniqueHigh: number): void {
    reply.header(body.length, 0, uniqueLow, uniqueHigh);
    this.sent.push(Buffer.concat([reply.bytes.subarray(0, OUT_HEADER_BYTES), body]));
  }

  override notify(notice: Uint8Array): void {
    this.sent.push(Buffer.from(notice));
  }
}

/** A session that notes what would have become EIO. */
class WatchedSession extends Session {
  readonly thrown: unknown[] = [];

  override errnoOf(error: unknown): number {
    if (!(error instanceof KernelError)) this.thrown.push(error);
    return super.errnoOf(error);
  }
}

const nowhere = openSync('/dev/null', 'r+');

class FrameBench {
  readonly target = new Target(FUZZED);
  readonly #sink = new Sink(nowhere);
  readonly #session = new WatchedSession(this.target.fs, this.#sink, {
    waiting: () => {},
    invalidate: () => {},
    noticesSent: () => 0,
    wakeAfter: () => {},
    poked: () => {},
  });
  readonly #nodes = this.target.inodes();
  readonly #handles: { fh: number; isMem: boolean }[] = [];
  readonly #answered = new Set<number>();
  /** Requests without an answer so far: they have to be parked. */
  readonly #outstanding = new Set<number>();
  #unique = 0;
  /** Something has been changed, as asked for. */
  changed = false;

  send(frame: Frame): void {
    const unique = ++this.#unique * 2;
    const node = this.#nodes[frame.node % this.#nodes.length];
    const nodeid =
      frame.node < 0
        ? [2 ** 40 + 5, 2 ** 52 + 999, 2 ** 53, 2 ** 63, 3][-frame.node - 1]!
        : this.#session.swap(node!.ino);
    const handle = this.#handles[frame.handle % Math.max(1, this.#handles.length)];
    const fh = handle?.fh ?? [0, 1, 77, 0xffffffff, 12345][-frame.handle - 1] ?? 9;
    const bytes = encode(frame, unique, nodeid, fh);
    const { request } = this.#session;
    request.bytes.fill(0, 0, 4096);
    request.bytes.set(bytes);
    request.length = bytes.length;
    this.#session.handle();
    this.#check(node?.path ?? '', handle?.isMem ?? false, bytes);
  }

  #check(path: string, isMem: boolean, bytes: Buffer): void {
    if (this.#session.thrown.length > 0) throw this.#session.thrown[0];
    const opcode = bytes.length >= 8 ? bytes.readUInt32LE(4) : 0;
    const unique = bytes.length >= 16 ? bytes.readUInt32LE(8) : 0;
    for (const reply of this.#sink.sent.splice(0)) {
      if (reply.readUInt32LE(0) !== reply.length)
        throw new Error(`a reply of ${reply.length} bytes says ${reply.readUInt32LE(0)}`);
      const answers = reply.readUInt32LE(8);
      if (answers === 0) continue; // A notice.
      if (this.#answered.has(answers)) throw new Error(`request ${answers} is answered twice`);
      this.#answered.add(answers);
      const errno = reply.readInt32LE(4);
      if (errno > 0 || errno < -4095) throw new Error(`errno ${errno}`);
      if (errno < 0 && reply.length > OUT_HEADER_BYTES) throw new Error(`error ${errno} with a body`);
      if (errno < 0 || answers !== unique) continue;
      if (opcode === FUSE_OPEN) this.#handles.push({ fh: reply.readUInt32LE(16), isMem: path.endsWith('/mem') });
      if (opcode === FUSE_OPENDIR) this.#handles.push({ fh: reply.readUInt32LE(16), isMem: false });
      const changing = [FUSE_WRITE, FUSE_MKDIR, FUSE_RMDIR, FUSE_SETATTR] as readonly number[];
      if (changing.includes(opcode) || (opcode === FUSE_READ && isMem)) this.changed = true;
    }
    if (bytes.length < IN_HEADER_BYTES || SILENT.includes(opcode) || this.#answered.has(unique)) return;
    this.#outstanding.add(unique);
    for (const one of this.#outstanding) if (this.#answered.has(one)) this.#outstanding.delete(one);
    if (this.#outstanding.size > this.#session.parking.size)
      throw new Error(`opcode ${opcode} on ${path} gets no answer`);
  }

  close(): void {
    this.#session.close();
  }
}

function encode(frame: Frame, unique: number, nodeid: number, fh: number): Buffer {
  const body = bodyOf(frame, fh);
  const bytes = Buffer.alloc(IN_HEADER_BYTES + body.length);
  bytes.writeUInt32LE(frame.opcode, 4);
  bytes.writeBigUInt64LE(BigInt(unique), 8);
  bytes.writeBigUInt64LE(BigInt(nodeid), 16);
  bytes.writeUInt32LE(frame.uid, 24);
  bytes.writeUInt32LE(frame.uid, 28);
  bytes.writeUInt32LE(4242, 32);
  body.copy(bytes, IN_HEADER_BYTES);
  // Not the unique id, by which answers are told apart.
  for (const [at, byte] of frame.mutations) if (at < bytes.length && (at < 8 || at >= 16)) bytes[at] = byte;
  const whole = bytes.subarray(0, Math.max(0, bytes.length - frame.cut));
  if (whole.length >= 4) whole.writeUInt32LE(frame.mutations.some(([at]) => at < 4) ? 7 : whole.length, 0);
  return whole;
}

function bodyOf({ opcode, offset, size, flags, name, data }: Frame, fh: number): Buffer {
  const named = Buffer.from(`${name}\0`, 'latin1');
  const put = (length: number, ...fields: readonly (readonly [at: number, value: number | bigint])[]): Buffer => {
    const body = Buffer.alloc(length);
    for (const [at, value] of fields)
      if (typeof value === 'bigint') body.writeBigUInt64LE(value, at);
      else body.writeUInt32LE(value, at);
    return body;
  };
  switch (opcode) {
    case FUSE_LOOKUP:
    case FUSE_RMDIR:
      return named;
    case FUSE_MKDIR:
      return Buffer.concat([put(8, [0, 0o755]), named]);
    case FUSE_OPEN:
    case FUSE_OPENDIR:
      return put(8, [0, flags]);
    case FUSE_READ:
    case FUSE_READDIR:
      return put(40, [0, fh], [8, offset], [16, size]);
    case FUSE_WRITE: {
      const bytes = Buffer.from(data, 'latin1');
      return Buffer.concat([put(40, [0, fh], [8, offset], [16, size === 0xffffffff ? size : bytes.length]), bytes]);
    }
    case FUSE_SETATTR:
      return put(88, [0, flags & 0x7ff], [16, offset], [68, size], [76, size], [80, size]);
    case FUSE_INTERRUPT:
      return put(8, [0, BigInt(size)]);
    default:
      return put(88, [0, fh], [8, offset], [16, flags]);
  }
}

const BATCH = 400;

export const frameProperty: Fuzz<Frame[]> = {
  name: 'frames',
  batch: BATCH,
  inputs: fc.array(frame, { minLength: 1, maxLength: BATCH, size: 'max' }),
  holds(frames) {
    const bench = new FrameBench();
    const before = bench.target.texts();
    for (const sent of frames) bench.send(sent);
    const flaws = bench.target.flaws();
    if (flaws.length > 0) throw new Error(flaws.slice(0, 5).join('\n'));
    const differs = bench.changed ? undefined : difference(before, bench.target.texts());
    bench.close();
    if (differs !== undefined) throw new Error(`requests that changed nothing have left a trace: ${differs}`);
  },
};
