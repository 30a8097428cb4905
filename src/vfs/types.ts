/**
 * What a file system is to a transport. Everything here is synchronous and returns a negative error number instead of
 * throwing, as the kernel does: a request costs no promise and no exception. Whoever cannot answer yet says WAIT.
 *
 *   transport ──lookup/getattr/open──► FileSystem ──► OpenFile ──read/write/poll──► text, steps, events
 *                                          ▲                       │
 *                                          └── WaitQueue.wake() ◄──┘   (asks parked reads to try again)
 */

import { BugError } from '../util/errors.ts';

/** An inode number, 1 ≤ ino ≤ 2^53 - 1. Never reused for another object while the file system lives. */
export type Ino = number;

/** Who asks; absent where the transport cannot know (fuse-native). */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** Thread id in the pid namespace of the server, 0 when it cannot be expressed there. */
  readonly pid: number;
}

/** Attributes of an inode; filled in by getattr so that a transport can reuse one object for all requests. */
export interface Attr {
  ino: Ino;
  /** File type and permission bits, as st_mode. */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  /** Bytes; for a rendered file the exact length of what an open at this instant would read. */
  size: number;
  /** Milliseconds since the epoch, for atime, mtime and ctime alike. */
  timeMs: number;
  /** Device number for character devices, else 0. */
  rdev: number;
}

/** A fresh Attr to be filled in. */
export function newAttr(): Attr {
  return { ino: 0, mode: 0, nlink: 1, uid: 0, gid: 0, size: 0, timeMs: 0, rdev: 0 };
}

/** What a setattr asks for; absent members stay as they are. */
export interface AttrChange {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly times?: boolean;
}

/** The answer of a read or a write that cannot be given yet: park the request, try again when `waitQueue` wakes. */
export const WAIT = Symbol('wait');
export type Wait = typeof WAIT;

/** An answer that stands already, to be given so many milliseconds later: what was asked for takes its time. */
export class Later {
  readonly result: Uint8Array | number;
  readonly ms: number;

  /** A result in bytes must be the receiver's own. */
  constructor(result: Uint8Array | number, ms: number) {
    this.result = result;
    this.ms = ms;
  }
}

/** What an answer comes down to where nobody has to wait for its time, and all work is done at once. */
export function withoutDelay<T extends Uint8Array | number | Wait>(
  answer: T | Later | Pending<Uint8Array | number>,
): T {
  if (answer instanceof Pending) return answer.take() as T;
  return answer instanceof Later ? (answer.result as T) : answer;
}

/** Callbacks to be called (synchronously) when something that somebody waits for may have happened. */
export class WaitQueue {
  /** In this thread: how often any queue was to be woken, and how many waiters that has reached. */
  static calls = 0;
  static reached = 0;
  /** How many wait now. */
  static waiting = 0;
  #waiters = new Set<() => void>();

  add(waiter: () => void): void {
    if (!this.#waiters.has(waiter)) WaitQueue.waiting++;
    this.#waiters.add(waiter);
  }

  remove(waiter: () => void): void {
    if (this.#waiters.delete(waiter)) WaitQueue.waiting--;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Calls every waiter once; a waiter may remove itself or others meanwhile. */
  wake(): void {
    WaitQueue.calls++;
    WaitQueue.reached += this.#waiters.size;
    for (const waiter of [...this.#waiters]) if (this.#waiters.has(waiter)) waiter();
  }
}

/**
 * An answer that is being worked out between requests (FileSystem.work): the request is parked until `settled`, others
 * are served meanwhile.
 */
export class Pending<T> {
  readonly waitQueue = new WaitQueue();
  settled = false;
  /** Milliseconds that the answer takes once it is settled; to be set by the first who is woken. */
  delayMs = 0;
  #outcome: { readonly result: T } | { readonly error: unknown } | undefined;
  readonly #cancel: (() => void) | undefined;

  /** `cancel`: whoever waits has been interrupted and wants it no more; absent: the work goes on all the same. */
  constructor(cancel?: () => void) {
    this.#cancel = cancel;
  }

  settle(outcome: { readonly result: T } | { readonly error: unknown }): void {
    this.#outcome = outcome;
    this.settled = true;
    this.waitQueue.wake();
  }

  /** What it came to; throws what the work threw. Precondition: `settled`. */
  take(): T {
    if (this.#outcome === undefined) throw new BugError('an answer is taken before it is there');
    if ('error' in this.#outcome) throw this.#outcome.error;
    return this.#outcome.result;
  }

  cancel(): void {
    if (!this.settled) this.#cancel?.();
  }
}

export const POLLIN = 0x1;
export const POLLPRI = 0x2;
export const POLLOUT = 0x4;
export const POLLERR = 0x8;

export type PendingRead = Pending<Uint8Array | number>;

/** An open file description. The transport owns it from open to release. */
export interface OpenFile {
  /** Bytes from `offset`, at most `size` of them; an empty array at the end. The view stays valid until the next call. */
  read(offset: number, size: number, caller: Caller | undefined): Uint8Array | number | Wait | Later | PendingRead;
  /** Takes one write as one command; returns how many bytes were taken (may be fewer) or -errno. Valid only until it returns: `data` is reused. */
  write(data: Uint8Array, offset: number, caller: Caller | undefined): number | Wait | Later | Pending<number>;
  /** Ready events (POLLIN…); absent: always readable and writable. */
  poll?(): number;
  /** Wakes parked reads, writes and polls; only files that may answer WAIT or implement poll have one. */
  readonly waitQueue?: WaitQueue;
  /** What ioctl(2) returns for a command without an argument; absent: -ENOTTY. */
  ioctl?(command: number): number;
  /** 0 or -errno; absent: -EINVAL, as files of procfs answer. */
  fsync?(): number;
  release?(): void;
}

/** One directory entry. `type` is the file type in the bits of st_mode (S_IFDIR…). */
export interface DirEntry {
  /** A byte string. */
  readonly name: string;
  readonly ino: Ino;
  readonly type: number;
}

/** Extended attributes. Names are byte strings; errors: -ENODATA, -EEXIST, -ENOSPC, -EOPNOTSUPP. */
export interface Xattrs {
  get(ino: Ino, name: string): Uint8Array | number;
  list(ino: Ino, caller: Caller | undefined): readonly string[];
  /** `flags` as setxattr(2); an undefined value takes it away. `value` is valid only until it returns. */
  set(ino: Ino, name: string, value: Uint8Array | undefined, flags: number): number;
}

/** A synthetic file system, as transports see it. */
export interface FileSystem {
  readonly root: Ino;
  /** The inode of `name` in directory `parent`, or -ENOENT, -ENOTDIR, -ESRCH… Names are byte strings (util/bytes.ts) without `/`; `.` and `..` are not asked for. */
  lookup(parent: Ino, name: string, caller: Caller | undefined): Ino | number;
  /** 0 and `out` filled in, or -errno (-ENOENT when the object is gone). */
  getattr(ino: Ino, out: Attr): number;
  setattr(ino: Ino, change: AttrChange, caller: Caller | undefined): number;
  /** The target as a byte string, or -errno. */
  readlink(ino: Ino, caller: Caller | undefined): string | number;
  /** `flags` as open(2), without O_CREAT/O_EXCL. O_TRUNC has been done by setattr(size) or may be in the flags; both are harmless. */
  open(ino: Ino, flags: number, caller: Caller | undefined): OpenFile | number;
  /** All entries without `.` and `..`, one snapshot per opendir. */
  readdir(ino: Ino, caller: Caller | undefined): readonly DirEntry[] | number;
  /** Creates (mkdir), removes (rmdir): only cgroup trees allow it; absent: -EPERM. */
  mkdir?(parent: Ino, name: string, mode: number, caller: Caller | undefined): Ino | number | Pending<number>;
  rmdir?(parent: Ino, name: string, caller: Caller | undefined): number | Pending<number>;
  /** Makes a regular file, takes a name away; absent: -ENOENT and -EPERM, as procfs answers. */
  create?(parent: Ino, name: string, caller: Caller | undefined): Ino | number | Pending<number>;
  unlink?(parent: Ino, name: string, caller: Caller | undefined): number | Pending<number>;
  /** Absent: no file has any, and the kernel need not ask. */
  xattrs?: Xattrs;
  /** How long the kernel may keep a name or the attributes of an inode, in ms. 0: ask every time. */
  entryTimeoutMs(ino: Ino): number;
  attrTimeoutMs(ino: Ino): number;
  /** Set by the transport: told when an entry has vanished, so that the kernel's caches can be invalidated. */
  onEntryGone?: ((parent: Ino, name: string) => void) | undefined;
  /** Set by the transport: told when attributes have changed that the kernel may still believe (attrTimeoutMs). */
  onAttrChanged?: ((ino: Ino) => void) | undefined;
  /**
   * Brings the file system up to the present without a request: a transport calls it every `heartbeatMs` (and only)
   * while some request is parked or some poll is armed, so that time passes for those who wait.
   */
  heartbeat(): void;
  readonly heartbeatMs: number;
  /** Whether work is left that goes on between requests. A transport then calls `work` whenever it has answered all that have come. */
  busy?(): boolean;
  /** Does a slice of that work, some milliseconds long. */
  work?(): void;
  /** The mount is about to be taken away: files whose readers wait come to their end. Those who wait then still get ENODEV. */
  ending?(): void;
}

export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_IFSOCK = 0o140000;
