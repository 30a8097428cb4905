import { closeSync, write, writeSync } from 'node:fs';
import { lstat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { logger } from '../../util/log.ts';
import type { Guardian } from '../guardian.ts';
import { findMount, isOnTop, isOurs, isPresent, type MountInfo } from '../mountinfo.ts';
import { supervise } from '../supervisor.ts';
import type { CloseReason, MountHandle, MountOptions } from '../types.ts';
import { abortConnection, detachSync, unmount } from '../unmount.ts';
import { DIRECT_CAPABILITIES, type FromKernelThread, type KernelThreadData } from './messages.ts';
import { POKE_NAME, POKE_NODEID } from './protocol.ts';
import { retrieveNotice } from './reply.ts';
import { COMMAND_LEAVE, COMMAND_SERVE, SharedState } from './shared-state.ts';

const log = logger('fuse:direct');

/** How long the kernel thread may take to notice that its mount has gone before it is told more firmly. */
const LEAVE_MS = 300;
/** The same before the process is killed. */
const LAST_MS = 800;
/** How often to look whether the mount is still there; with the times above below two seconds. */
const WATCH_MS = 700;
const THREAD_URL = new URL(
  import.meta.url.endsWith('.ts') ? './kernel-thread.ts' : './kernel-thread.js',
  import.meta.url,
);

/**
 * The main thread's side of a direct mount: starts the kernel thread, keeps its heartbeat, sends what it must not send
 * itself, and ends it.
 *
 * Ending is the delicate part: a thread that blocks in read(2) cannot be stopped from within the process, and until it
 * has left, process.exit() hangs. The read returns when the connection ends or when a request comes, so in this order:
 * unmount; abort the connection; poke with a request; kill the process.
 *
 * Invariants: `#end` happens once; after `closed` has settled there is no thread, no descriptor, no timer, no handler.
 */
export class DirectMount implements MountHandle {
  readonly transport = 'direct';
  readonly capabilities = DIRECT_CAPABILITIES;
  readonly mountpoint: string;
  readonly ready: Promise<void>;
  readonly closed: Promise<CloseReason>;

  #fd: number;
  #state = new SharedState();
  #channel = new MessageChannel();
  #worker: Worker;
  /** Our mount, as mountinfo tells it; undefined until mount(8) has succeeded. */
  #mount: MountInfo | undefined;
  /** Notices that wait to be sent. */
  #notices: Uint8Array[] = [];
  /** Messages of the kernel thread that came behind notices which are still being sent. */
  #heldMessages: unknown[] = [];
  #guardian: Guardian | undefined;
  #watch: NodeJS.Timeout | undefined;
  #heartbeatMs = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  #reason: CloseReason | undefined;
  #workerEnded: Promise<void>;
  #onMessage: ((message: unknown) => void) | undefined;
  /** What the file system said before anybody listened. */
  readonly #early: unknown[] = [];
  #unsupervise: () => void;
  #notice: (line: string) => void;
  #settleClosed: (reason: CloseReason) => void = () => {};

  constructor(fd: number, mountpoint: string, factory: string, options: MountOptions, guardian?: Guardian) {
    this.#fd = fd;
    this.#guardian = guardian;
    this.mountpoint = mountpoint;
    this.#notice = options.notice ?? (() => {});
    this.closed = new Promise((settle) => {
      this.#settleClosed = settle;
    });
    const { port1, port2 } = this.#channel;
    const workerData: KernelThreadData = {
      port: port2,
      fd,
      shared: this.#state.words,
      factory,
      factoryOptions: options.factoryOptions,
    };
    this.#worker = new Worker(THREAD_URL, { workerData, transferList: [port2], name: 'kernel thread' });
    this.#workerEnded = new Promise((settle) => this.#worker.once('exit', () => settle()));
    this.ready = new Promise((settle, fail) => {
      port1.on('message', (message: FromKernelThread) => {
        if (message.kind === 'ready') settle();
        this.#take(message);
      });
      this.#worker.once('error', (error: Error) => {
        fail(error);
        if (this.#mount) console.error(error);
        this.#end({ kind: 'error', error });
      });
    });
    this.#unsupervise = supervise(
      { end: (reason) => this.#end(reason), endNow: () => this.#endNow() },
      options.handleSignals ?? true,
    );
  }

  /** Lets the kernel thread read the device; before mount(2), so that whatever mount(8) asks is answered. */
  serve(): void {
    this.#state.command(COMMAND_SERVE);
  }

  /** To be told when mount(8) has succeeded. */
  mounted(): void {
    const mount = findMount(this.mountpoint);
    if (!mount || !isOurs(mount)) return;
    this.#mount = mount;
    this.#guardian?.watch(mount);
    // A mount that has been detached is gone for its users, whatever they still hold, and whatever is being computed.
    this.#watch = setInterval(() => !isPresent(mount) && this.#end({ kind: 'external' }), WATCH_MS).unref();
  }

  /** Has the kernel look up the file to poke with. */
  async introduce(): Promise<void> {
    await lstat(join(this.mountpoint, POKE_NAME)).catch((error: unknown) => log('poke: %s', error));
  }

  unmount(): Promise<CloseReason> {
    this.#end({ kind: 'unmounted', lazy: false });
    return this.closed;
  }

  /** Gives up a mount that has not come to be. */
  async abandon(): Promise<void> {
    this.#end({ kind: 'unmounted', lazy: false });
    await this.closed;
  }

  send(message: unknown): void {
    if (this.#reason) return;
    this.#channel.port1.postMessage({ message });
    this.#poke();
  }

  onMessage(handler: (message: unknown) => void): void {
    this.#onMessage = handler;
    for (const message of this.#early.splice(0)) handler(message);
  }

  #tellOwner(message: unknown): void {
    if (this.#onMessage === undefined) this.#early.push(message);
    else this.#onMessage(message);
  }

  #take(message: FromKernelThread): void {
    switch (message.kind) {
      case 'ready':
        this.#heartbeatMs = Math.max(1, message.heartbeatMs);
        return;
      case 'waiting':
        this.#startHeartbeat();
        return;
      case 'invalidate':
        this.#invalidate(message.notices);
        return;
      case 'wake':
        setTimeout(() => !this.#reason && this.#poke(), message.ms).unref();
        return;
      case 'message':
        // Who hears that a process has gone must not find its name any more.
        if (this.#notices.length > 0) this.#heldMessages.push(message.message);
        else this.#tellOwner(message.message);
        return;
      case 'stop':
        this.#end({ kind: 'unmounted', lazy: false });
        return;
      case 'ended':
        if (message.failure === undefined) this.#end({ kind: 'external' });
        else this.#end({ kind: 'error', error: new Error(message.failure) });
    }
  }

  #startHeartbeat(): void {
    if (this.#reason) return;
    this.#heartbeat ??= setInterval(() => {
      if (this.#state.waiting === 0 && this.#state.stopBeating()) {
        clearInterval(this.#heartbeat);
        this.#heartbeat = undefined;
        return;
      }
      this.#poke();
    }, this.#heartbeatMs);
  }

  /**
   * One after the other, off this thread: the kernel may make such a write wait for the kernel thread's next answer. The
   * kernel thread, which holds replies back until then, is told when all are sent.
   */
  #invalidate(notices: readonly Uint8Array[]): void {
    const idle = this.#notices.length === 0;
    this.#notices.push(...notices);
    if (idle) this.#sendNotice(0);
  }

  #sendNotice(index: number): void {
    const notice = this.#notices[index];
    if (this.#reason) return;
    if (notice === undefined) {
      this.#notices = [];
      this.#poke();
      for (const message of this.#heldMessages.splice(0)) this.#tellOwner(message);
      return;
    }
    write(this.#fd, notice, () => {
      this.#state.noticeSent();
      this.#sendNotice(index + 1);
    });
  }

  /** Makes the read of the kernel thread return, by a request without a subject; by any request if that cannot be. */
  #poke(): void {
    if (this.#pokeDevice() || !this.#mount || !isOnTop(this.#mount)) return;
    void this.introduce();
    statfs(this.mountpoint).catch((error: unknown) => log('poke: %s', error));
  }

  /** False when the kernel has forgotten the file that it is asked about. */
  #pokeDevice(): boolean {
    try {
      writeSync(this.#fd, retrieveNotice(POKE_NODEID));
      return true;
    } catch {
      return false;
    }
  }

  #end(reason: CloseReason): void {
    if (this.#reason) return;
    this.#reason = reason;
    clearInterval(this.#heartbeat);
    clearInterval(this.#watch);
    this.#state.endStreams();
    if (this.#state.waiting > 0) this.#poke();
    this.#finish(reason).then(this.#settleClosed, (error: Error) => this.#settleClosed({ kind: 'error', error }));
  }

  async #finish(reason: CloseReason): Promise<CloseReason> {
    const lazy = this.#mount && isOnTop(this.#mount) ? (await unmount(this.#mount, true)).lazy : false;
    if (lazy) this.#notice(`${this.mountpoint} was in use: detached, its users have been cut off`);
    await this.#endThread();
    closeSync(this.#fd);
    this.#channel.port1.close();
    this.#unsupervise();
    this.#guardian?.dismiss();
    return reason.kind === 'unmounted' || reason.kind === 'signal' ? { ...reason, lazy } : reason;
  }

  async #endThread(): Promise<void> {
    this.#state.command(COMMAND_LEAVE);
    if (!this.#mount) await this.#worker.terminate();
    else this.#pokeDevice();
    if (await this.#threadEndsWithin(LEAVE_MS)) return;
    log('the connection lives on: aborting it');
    this.#abortConnection();
    this.#pokeDevice();
    if (await this.#threadEndsWithin(LEAVE_MS)) return;
    void this.#worker.terminate(); // Ends a file system that computes forever; not one that blocks in read(2).
    if (await this.#threadEndsWithin(LAST_MS)) return;
    this.#notice('the kernel thread does not end: killing the process');
    process.kill(process.pid, 'SIGKILL');
  }

  async #threadEndsWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((settle) => {
      timer = setTimeout(settle, ms, false);
    });
    const ended = await Promise.race([this.#workerEnded.then(() => true), late]);
    clearTimeout(timer);
    return ended;
  }

  #abortConnection(): void {
    if (this.#mount) abortConnection(this.#mount);
  }

  #endNow(): void {
    this.#state.command(COMMAND_LEAVE);
    if (this.#mount) detachSync(this.#mount);
    this.#abortConnection();
    this.#pokeDevice();
  }
}
