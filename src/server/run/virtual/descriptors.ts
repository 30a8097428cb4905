/**
 * What descriptors of another process are ready for, looked at through copies of them (pidfd_getfd): a file of the mount
 * tells its copy what it would tell the original.
 */
import { closeSync, readFileSync } from 'node:fs';
import { EBADF } from '../../../util/errno.ts';
import type { Libc } from '../../../util/libc.ts';

const POLLFD_BYTES = 8;
/** Bytes of struct epoll_event: packed on x86-64 only. Mirrors: include/uapi/linux/eventpoll.h. */
const EPOLL_EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const POLLNVAL = 0x20;

/** A descriptor, and the events that somebody waits for. */
export interface Watched {
  readonly fd: number;
  readonly events: number;
}

/** Looks at descriptors of others without waiting. */
export class Descriptors {
  readonly #libc: Libc;
  readonly #now = Buffer.alloc(16);

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** What each is ready for now, as poll(2) tells it; POLLNVAL for one that is not open. */
  poll(tid: number, watched: readonly Watched[]): number[] {
    return this.#borrow(
      tid,
      watched.map(({ fd }) => fd),
      (copies) => {
        const fds = Buffer.alloc(Math.max(1, copies.length) * POLLFD_BYTES);
        copies.forEach((copy, i) => {
          fds.writeInt32LE(copy, i * POLLFD_BYTES);
          fds.writeUInt16LE(watched[i]!.events & 0xffff, i * POLLFD_BYTES + 4);
        });
        const { address } = this.#libc;
        this.#libc.call('ppoll', address(fds), copies.length, address(this.#now.fill(0)), 0, 0);
        return copies.map((copy, i) => {
          if (copy >= 0) return fds.readUInt16LE(i * POLLFD_BYTES + 6);
          return watched[i]!.fd < 0 ? 0 : POLLNVAL;
        });
      },
    );
  }

  /** The events of an epoll that are there now, as epoll_wait(2) writes them, and how many; or -errno. */
  epoll(tid: number, fd: number, most: number): { readonly count: number; readonly events: Buffer } | number {
    return this.#borrow(tid, [fd], ([copy = -1]) => {
      if (copy < 0) return -EBADF;
      const events = Buffer.alloc(most * EPOLL_EVENT_BYTES);
      const count = this.#libc.call('epoll_pwait', copy, this.#libc.address(events), most, 0, 0, 0);
      return count < 0 ? count : { count, events: events.subarray(0, count * EPOLL_EVENT_BYTES) };
    });
  }

  /** Copies of descriptors, -1 for what is not open, as long as `use` goes on. */
  #borrow<T>(tid: number, fds: readonly number[], use: (copies: readonly number[]) => T): T {
    const pidfd = this.#libc.call('pidfd_open', processOf(tid), 0);
    const copies = fds.map((fd) => (pidfd < 0 || fd < 0 ? -1 : this.#libc.call('pidfd_getfd', pidfd, fd, 0)));
    try {
      return use(copies.map((copy) => Math.max(-1, copy)));
    } finally {
      for (const copy of [...copies, pidfd]) if (copy >= 0) closeSync(copy);
    }
  }
}

/** The process of a thread; itself where that cannot be read. */
function processOf(tid: number): number {
  try {
    return Number(/^Tgid:\s*(\d+)$/m.exec(readFileSync(`/proc/${tid}/status`, 'latin1'))?.[1] ?? tid);
  } catch {
    return tid;
  }
}
