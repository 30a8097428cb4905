import { EINTR, EINVAL, EIO, ENODEV, ENOENT, ENOSYS } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import { logger } from '../../util/log.ts';
import { type DirEntry, type FileSystem, type Ino, newAttr, type OpenFile, type Pending } from '../../vfs/types.ts';
import { FileTable } from '../file-table.ts';
import { LINGER_MS, WorkPacer } from '../work-pacer.ts';
import type { Device } from './device.ts';
import { fileHandlers } from './file-ops.ts';
import { type Handler, NO_ANSWER } from './handler.ts';
import { HeldReplies } from './held-replies.ts';
import { inodeHandlers } from './inode-ops.ts';
import { Parking } from './parking.ts';
import {
  FUSE_FORGET,
  FUSE_NOTIFY_REPLY,
  FUSE_OPCODE_MAX,
  FUSE_ROOT_ID,
  IN_HEADER_BYTES,
  OUT_BODY,
  OUT_HEADER_BYTES,
  OWN_POKE,
  POKE_NODEID,
  WRITE_OUT_BYTES,
} from './protocol.ts';
import { invalAttrNotice, invalEntryNotice, pollNotice, Reply } from './reply.ts';
import { Request } from './request.ts';
import { sessionHandlers } from './session-ops.ts';
import { xattrHandlers } from './xattr-ops.ts';

const log = logger('fuse:direct');

/** All that may come about the file that we are poked with. */
const POKE_OPCODES = new Set([FUSE_FORGET, FUSE_NOTIFY_REPLY]);

/** Whom a request waits for that waits for time only. */
const NO_FILE = {};

/** What the session tells its thread. */
export interface SessionEvents {
  /** Somebody waits now and no heartbeat is going. */
  waiting(count: number): void;
  /** Notices that only another thread may send (see `gone`). */
  invalidate(notices: Uint8Array[]): void;
  /** How many of those have been sent, from the start. */
  noticesSent(): number;
  /** This thread wants to be poked, so many milliseconds from now. */
  wakeAfter(ms: number): void;
  /** A request came whose only purpose is to wake this thread. */
  poked(): void;
}

/** An open directory: its entries are a snapshot, taken when it is read from the start. */
export interface OpenDir {
  readonly ino: Ino;
  entries: readonly DirEntry[] | undefined;
}

/**
 * One connection with the kernel: takes a request, asks the file system, answers.
 *
 * Everything happens in one thread and to the end: a request is answered before the next is read, but for those that
 * are parked. Nothing that a file system throws ends the session.
 *
 * Invariants: the kernel's node ids are inode numbers, but for the root, which must be 1 (`swap`).
 */
export class Session {
  readonly request = new Request();
  readonly reply = new Reply();
  readonly attr = newAttr();
  readonly files = new FileTable<OpenFile>();
  readonly dirs = new FileTable<OpenDir>();
  readonly parking = new Parking();
  readonly fs: FileSystem;
  readonly events: SessionEvents;
  readonly device: Device;
  /** Set by INIT: why the kernel and we do not understand each other. */
  refusal: string | undefined;

  #handlers = handlerTable();
  #unknown = new Set<number>();
  #nrWaiting = 0;
  #gone: Uint8Array[] = [];
  #held = new HeldReplies();
  #pacer = new WorkPacer();
  /** A request that we have sent ourselves is on its way: those before it have not all been answered. */
  #ownPokeOut = false;
  #lingering = false;

  constructor(fs: FileSystem, device: Device, events: SessionEvents) {
    this.fs = fs;
    this.device = device;
    this.events = events;
    fs.onEntryGone = (parent, name) => this.#entryGone(parent, name);
    fs.onAttrChanged = (ino) => this.device.notify(invalAttrNotice(this.swap(ino)));
  }

  /** Handles the request that has been read into `request`. */
  handle(): void {
    const { request } = this;
    if (request.opcode !== FUSE_NOTIFY_REPLY) this.#pacer.served();
    const flaw = request.check();
    const result = flaw === undefined ? this.#answer() : this.#malformed(flaw);
    if (result >= 0) {
      this.reply.header(result, 0, request.uniqueLow, request.uniqueHigh);
      this.device.send(this.reply, result);
    } else if (result !== NO_ANSWER) {
      this.errorTo(-result, request.uniqueLow, request.uniqueHigh);
    }
    this.settle();
  }

  /** Looks after those who wait; called whenever the file system may have changed. */
  settle(): void {
    if (this.#held.size > 0) this.#held.release(this.events.noticesSent(), this.#sendHeld);
    this.parking.settle(this.#notifyPoll);
    if (this.#gone.length > 0) {
      this.events.invalidate(this.#gone);
      this.#held.handed(this.#gone.length);
      this.#gone = [];
    }
    const size = this.parking.size + this.#held.size;
    if (size === this.#nrWaiting) return;
    this.#nrWaiting = size;
    this.events.waiting(size);
  }

  /**
   * Goes on with what the file system has to do beside requests. Every request that has come is answered between two
   * slices: we send one to ourselves behind them, and do the next slice when it arrives.
   */
  work(): void {
    const { fs } = this;
    if (this.#ownPokeOut || fs.busy?.() !== true) return;
    if (!this.#pacer.mayWork(performance.now())) {
      this.#linger();
      return;
    }
    try {
      fs.work?.();
    } catch (error) {
      log('work: %O', error);
    }
    this.settle();
    this.#pacer.worked(performance.now());
    if (!fs.busy()) return;
    this.#ownPokeOut = true;
    if (this.device.poke()) return;
    // The kernel has forgotten the file that we ask about: the main thread knows other ways.
    this.#ownPokeOut = false;
    this.events.wakeAfter(0);
  }

  #linger(): void {
    if (this.#lingering) return;
    this.#lingering = true;
    this.events.wakeAfter(LINGER_MS);
  }

  /** A request came whose only purpose is to wake this thread: our own, or the main thread's. */
  poked(): void {
    this.#lingering = false;
    this.#pacer.lingered();
    if (this.request.uniqueLow === OWN_POKE) this.#ownPokeOut = false;
    else this.events.poked();
  }

  /** Brings the file system up to the present for those who wait. */
  beat(): void {
    try {
      this.fs.heartbeat();
    } catch (error) {
      log('heartbeat: %O', error);
    }
    this.parking.readyUnqueued();
    this.settle();
  }

  /** Lets files whose readers wait come to their end. */
  endStreams(): void {
    try {
      this.fs.ending?.();
    } catch (error) {
      log('ending: %O', error);
    }
    this.settle();
  }

  /** Releases everything: the connection has ended, or is about to. Whoever waits still is told that the device is gone. */
  close(): void {
    this.endStreams();
    for (const { uniqueLow, uniqueHigh, cancel } of this.parking.giveUp()) {
      cancel?.();
      this.errorTo(ENODEV, uniqueLow, uniqueHigh);
    }
    this.fs.onEntryGone = undefined;
    this.fs.onAttrChanged = undefined;
    this.parking.clear();
    for (const file of this.files) {
      try {
        file.release?.();
      } catch (error) {
        log('release: %O', error);
      }
    }
  }

  /** The inode behind a node id, and the node id of an inode: 1 and the root change places. */
  swap(id: number): number {
    if (id === FUSE_ROOT_ID) return this.fs.root;
    return id === this.fs.root ? FUSE_ROOT_ID : id;
  }

  /** Answers with an error number. */
  errorTo(errno: number, uniqueLow: number, uniqueHigh: number): void {
    this.reply.header(0, errno, uniqueLow, uniqueHigh);
    this.device.send(this.reply, 0);
  }

  /** Answers a read with what the file gave. */
  contentTo(content: Uint8Array | number, size: number, uniqueLow: number, uniqueHigh: number): void {
    if (typeof content === 'number') {
      this.errorTo(-content, uniqueLow, uniqueHigh);
      return;
    }
    const body = content.length > size ? content.subarray(0, size) : content;
    if (this.#mustHold) {
      this.reply.header(body.length, 0, uniqueLow, uniqueHigh);
      this.#held.hold(this.#gone.length, this.reply, OUT_HEADER_BYTES, body);
      return;
    }
    this.device.sendContent(this.reply, body, uniqueLow, uniqueHigh);
  }

  /** Answers a write with how much the file took. */
  writtenTo(taken: number, uniqueLow: number, uniqueHigh: number): void {
    if (taken < 0) {
      this.errorTo(-taken, uniqueLow, uniqueHigh);
      return;
    }
    const { reply } = this;
    reply.words[OUT_BODY] = taken;
    reply.words[OUT_BODY + 1] = 0;
    reply.header(WRITE_OUT_BYTES, 0, uniqueLow, uniqueHigh);
    if (this.#mustHold) {
      this.#held.hold(this.#gone.length, reply, OUT_HEADER_BYTES + WRITE_OUT_BYTES);
      return;
    }
    this.device.send(reply, WRITE_OUT_BYTES);
  }

  /** Gives an answer when it has been worked out. */
  answerWhenDone<T>(pending: Pending<T>, answer: (result: T | number) => void): void {
    const { uniqueLow, uniqueHigh } = this.request;
    const retry = (): boolean => {
      if (!pending.settled) return false;
      let result: T | number;
      try {
        result = pending.take();
      } catch (error) {
        result = -this.errnoOf(error);
      }
      if (pending.delayMs === 0) {
        answer(result);
        return true;
      }
      this.#parkFor(pending.delayMs, uniqueLow, uniqueHigh, () => answer(result));
      return false;
    };
    this.parking.park({ uniqueLow, uniqueHigh, file: pending, retry, cancel: () => pending.cancel() });
  }

  /** Gives an answer that stands already after `ms`. */
  answerLater(ms: number, give: () => void): void {
    this.#parkFor(ms, this.request.uniqueLow, this.request.uniqueHigh, give);
  }

  #parkFor(ms: number, uniqueLow: number, uniqueHigh: number, give: () => void): void {
    const due = performance.now() + ms;
    const retry = (): boolean => {
      if (performance.now() < due) return false;
      give();
      return true;
    };
    this.parking.park({ uniqueLow, uniqueHigh, file: NO_FILE, retry, giveNow: give });
    this.events.wakeAfter(ms);
  }

  /** Answers a parked request with EINTR, as the kernel asks when its caller gets a signal. */
  interrupt(uniqueLow: number, uniqueHigh: number): void {
    const request = this.parking.interrupt(uniqueLow, uniqueHigh);
    request?.cancel?.();
    if (request?.giveNow) request.giveNow();
    else if (request) this.errorTo(EINTR, uniqueLow, uniqueHigh);
  }

  /** Logs what a file system threw and gives the error number to answer with. */
  errnoOf(error: unknown): number {
    if (error instanceof KernelError) return error.errno;
    log('opcode %d on node %d: %O', this.request.opcode, this.request.nodeid, error);
    return EIO;
  }

  get #mustHold(): boolean {
    return this.#held.mustHold(this.#gone.length, this.events.noticesSent());
  }

  #sendHeld = (bytes: Uint8Array): void => this.device.notify(bytes);

  #notifyPoll = (khLow: number, khHigh: number): void => this.device.notify(pollNotice(khLow, khHigh));

  /**
   * The kernel takes the lock of the directory to invalidate a name in it, and somebody may hold that lock who waits for
   * us: only a thread that serves nothing may send this notice.
   */
  #entryGone(parent: Ino, name: string): void {
    this.#gone.push(invalEntryNotice(this.swap(parent), name));
  }

  #answer(): number {
    const handler = this.#handlers[this.request.opcode];
    if (!handler) return this.#refuse(this.request.opcode);
    if (this.request.nodeid === POKE_NODEID && !POKE_OPCODES.has(this.request.opcode)) return -ENOENT;
    try {
      return handler(this);
    } catch (error) {
      return -this.errnoOf(error);
    }
  }

  /** ENOSYS: for most requests the kernel does not ask again. */
  #refuse(opcode: number): number {
    if (!this.#unknown.has(opcode)) log('opcode %d is not served', opcode);
    this.#unknown.add(opcode);
    return -ENOSYS;
  }

  #malformed(flaw: string): number {
    log('malformed request: %s', flaw);
    return this.request.length >= IN_HEADER_BYTES ? -EINVAL : NO_ANSWER;
  }
}

function handlerTable(): readonly (Handler | undefined)[] {
  const table = new Array<Handler | undefined>(FUSE_OPCODE_MAX).fill(undefined);
  for (const [opcode, handler] of [...sessionHandlers, ...inodeHandlers, ...fileHandlers, ...xattrHandlers])
    table[opcode] = handler;
  return table;
}
