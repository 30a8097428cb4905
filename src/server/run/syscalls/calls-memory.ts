/** Calls on the memory of another process: reading and writing it, advice about it, reaping it. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { EFAULT, EINVAL } from '../../../util/errno.ts';
import { targetTask } from './calls-process.ts';
import type { Context, Handler } from './context.ts';
import { CONTINUE, type Notification } from './notification.ts';

const IOVEC_BYTES = 16;
/** Mirrors: UIO_MAXIOV. */
const MAX_IOVECS = 1024;
/** So much is moved at once. */
const CHUNK = 1 << 20;

interface Range {
  readonly address: bigint;
  readonly length: number;
}

/** The iovecs of a caller; -errno where there are too many, or no memory. Mirrors: import_iovec. */
function rangesOf(call: Notification, address: bigint, count: bigint): readonly Range[] | number {
  if (count > BigInt(MAX_IOVECS)) return -EINVAL;
  const bytes = call.memory.read(call.tid, address, Number(count) * IOVEC_BYTES);
  if (bytes === undefined || !call.isValid) return -EFAULT;
  const ranges: Range[] = [];
  for (let at = 0; at < bytes.length; at += IOVEC_BYTES) {
    const length = bytes.readBigInt64LE(at + 8);
    if (length < 0n) return -EINVAL;
    ranges.push({ address: bytes.readBigUInt64LE(at), length: Number(length) });
  }
  return ranges;
}

/** Walks over the caller's ranges in pieces, as far as they go. */
class Cursor {
  readonly #ranges: readonly Range[];
  #index = 0;
  #offset = 0;

  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
  }

  get left(): number {
    return this.#ranges.slice(this.#index).reduce((sum, { length }) => sum + length, 0) - this.#offset;
  }

  /** The next piece of at most `most` bytes in one range. */
  next(most: number): Range | undefined {
    for (;;) {
      const range = this.#ranges[this.#index];
      if (range === undefined) return undefined;
      const length = Math.min(most, range.length - this.#offset);
      if (length === 0) {
        this.#index++;
        this.#offset = 0;
        continue;
      }
      const piece = { address: range.address + BigInt(this.#offset), length };
      this.#offset += length;
      return piece;
    }
  }
}

/** Piece by piece until one side ends or fails: bytes moved, -EFAULT for none. Mirrors: mm/process_vm_access.c. */
function transfer(call: Notification, context: Context, writes: boolean): ReturnType<Handler> {
  const task = context.model.task(call.int(0));
  if (task === undefined) return CONTINUE;
  if (call.word(5) !== 0n) return -EINVAL;
  const local = rangesOf(call, call.word(1), call.word(2));
  if (typeof local === 'number') return local;
  const remote = rangesOf(call, call.word(3), call.word(4));
  if (typeof remote === 'number') return remote;
  const cursor = new Cursor(local);
  if (cursor.left === 0) return 0;
  const allowed = context.model.ask({ ask: 'may', tid: call.tid, pid: task.pid, what: 'attach' });
  if (allowed < 0) return allowed;
  const fd = openSync(`${context.model.mountpoint}/${task.pid}/mem`, 'r+');
  let moved = 0;
  try {
    for (const { address, length } of remote) {
      for (let done = 0; done < length; ) {
        const piece = cursor.next(Math.min(length - done, CHUNK));
        if (piece === undefined) return moved;
        const at = address + BigInt(done);
        const count = writes ? put(call, fd, piece, at) : get(call, fd, piece, at);
        moved += count;
        if (count < piece.length) return moved > 0 ? moved : -EFAULT;
        done += count;
      }
    }
    return moved;
  } finally {
    closeSync(fd);
  }
}

/** From the simulated process to the caller. */
function get(call: Notification, fd: number, { address, length }: Range, from: bigint): number {
  const buffer = Buffer.alloc(length);
  const count = attempt(() => readSync(fd, buffer, 0, length, from));
  return count > 0 && call.memory.write(call.tid, address, buffer.subarray(0, count)) ? count : 0;
}

function put(call: Notification, fd: number, { address, length }: Range, to: bigint): number {
  const buffer = call.memory.read(call.tid, address, length);
  if (buffer === undefined || !call.isValid) return 0;
  return attempt(() => writeSync(fd, buffer, 0, length, Number(to)));
}

function attempt(move: () => number): number {
  try {
    return move();
  } catch {
    return 0;
  }
}

export const processVmReadv: Handler = (call, context) => transfer(call, context, false);
export const processVmWritev: Handler = (call, context) => transfer(call, context, true);

/** process_madvise(pidfd, vec, vlen, advice, flags). Mirrors: mm/madvise.c. */
export const processMadvise: Handler = (call, context) => {
  const task = targetTask(call, context, call.int(0));
  if (task === undefined) return CONTINUE;
  if (call.int(4) !== 0) return -EINVAL;
  const ranges = rangesOf(call, call.word(1), call.word(2));
  if (typeof ranges === 'number') return ranges;
  if (typeof task === 'number') return task;
  return context.model.ask({
    ask: 'madvise',
    tid: call.tid,
    pid: task.pid,
    advice: call.int(3),
    ranges: ranges.map(({ address, length }) => [String(address), String(length)]),
  });
};

export const processMrelease: Handler = (call, context) => {
  const task = targetTask(call, context, call.int(0));
  if (task === undefined) return CONTINUE;
  if (call.int(1) !== 0) return -EINVAL;
  return typeof task === 'number' ? task : context.model.ask({ ask: 'mrelease', tid: call.tid, pid: task.pid });
};
