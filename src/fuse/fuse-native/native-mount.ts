import { fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { logger } from '../../util/log.ts';
import type { FileSystem } from '../../vfs/types.ts';
import type { Guardian } from '../guardian.ts';
import { findMount, isOnTop, isOurs, isPresent, type MountInfo, SUBTYPE } from '../mountinfo.ts';
import { mountObstacle } from '../obstacles.ts';
import { supervise } from '../supervisor.ts';
import { type Capability, type CloseReason, MountError, type MountHandle, type MountOptions } from '../types.ts';
import { abortConnection, answersDelivered, detachSync, unmount } from '../unmount.ts';
import type { Binding } from './binding.ts';
import { watchForKilled } from './killed-readers.ts';
import { NativeOps } from './ops.ts';

const log = logger('fuse:native');

export const NATIVE_CAPABILITIES: readonly Capability[] = [];
/** How often to look whether the mount is still there: libfuse ends its loop without telling. */
const WATCH_MS = 400;
/** Every how many looks the connection is tried, too. */
const LOOKS_PER_REQUEST = 12;
const INIT_MS = 10_000;
/** Device number of /dev/fuse: misc device (10) 229. */
const FUSE_RDEV = (10 << 8) | 229;
const MAX_DESCRIPTORS = 1024;
/** Each thread that libfuse ends leaks a handle in libuv, and all of them make every request slower. */
const LEAKED_THREADS_WARN = 500;

const WATCHDOG_URL = new URL(import.meta.url.endsWith('.ts') ? './watchdog.ts' : './watchdog.js', import.meta.url);

/** Buffers that native threads may use as long as the process lives; the addon does not say when they are done. */
const immortal: object[] = [];

/**
 * A mount through fuse-native.
 *
 * Invariants: `#end` happens once; after `closed` has settled no timer and no handler of ours is left (of libfuse,
 * handles that do not keep the process alive).
 */
export class NativeMount implements MountHandle {
  readonly transport = 'fuse-native';
  readonly capabilities = NATIVE_CAPABILITIES;
  readonly mountpoint: string;
  readonly closed: Promise<CloseReason>;

  #fs: FileSystem;
  #binding: Binding;
  #ops: NativeOps;
  #thread: Uint8Array;
  #guardian: Guardian | undefined;
  #watchdog: Worker | undefined;
  #mounted: MountInfo | undefined;
  /** The device, as libfuse has opened it. */
  #fd = -1;
  #nrThreads = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  /** Ends the look for readers that have been killed; there while somebody waits. */
  #looksForKilled: AbortController | undefined;
  #watch: NodeJS.Timeout | undefined;
  #nrLooks = 0;
  #looking = false;
  #reason: CloseReason | undefined;
  #onInit: () => void = () => {};
  #onMessage: ((message: unknown) => void) | undefined;
  /** What the file system said before anybody listened. */
  readonly #early: unknown[] = [];
  #deliver: (message: unknown) => void;
  #notice: (line: string) => void;
  #unsupervise: () => void = () => {};
  #handleSignals: boolean;
  #settleClosed: (reason: CloseReason) => void = () => {};

  constructor(
    fs: FileSystem,
    binding: Binding,
    mountpoint: string,
    options: MountOptions,
    deliver: (message: unknown) => void,
    guardian?: Guardian,
  ) {
    this.#fs = fs;
    this.#guardian = guardian;
    this.#binding = binding;
    this.mountpoint = mountpoint;
    this.#deliver = deliver;
    this.#notice = options.notice ?? (() => {});
    this.#handleSignals = options.handleSignals ?? true;
    this.#thread = Buffer.alloc(binding.threadBytes);
    this.#ops = new NativeOps(fs, binding, {
      init: () => this.#onInit(),
      waiting: (count) => this.#beatWhile(count > 0),
    });
    immortal.push(this.#thread, this.#ops);
    this.closed = new Promise((settle) => {
      this.#settleClosed = settle;
    });
  }

  /** Threads that libfuse has started so far; each one that ended has left a handle behind. */
  get nrThreads(): number {
    return this.#nrThreads;
  }

  /** Mounts, and resolves when libfuse serves. Errors: MountError. */
  async mount(allowOther: boolean, cover: boolean): Promise<void> {
    const devices = fuseDevices();
    const served = new Promise<void>((settle, fail) => {
      this.#onInit = settle;
      setTimeout(() => fail(new MountError('libfuse does not begin to serve')), INIT_MS).unref();
    });
    const context = {};
    immortal.push(context);
    try {
      const { handlers, implemented } = this.#ops;
      const malloc = (bytes: number): Uint8Array => this.#malloc(bytes);
      this.#binding.mount(
        this.mountpoint,
        mountOptions(allowOther, cover),
        this.#thread,
        context,
        malloc,
        handlers,
        implemented,
      );
    } catch {
      this.#reason = { kind: 'unmounted', lazy: false };
      this.#settleClosed(this.#reason);
      throw new MountError(
        `${this.mountpoint} cannot be mounted: ${mountObstacle() ?? 'libfuse has refused; "reclaimfs doctor" looks at everything that is needed'}`,
      );
    }
    this.#fd = fuseDevices().find((fd) => !devices.includes(fd)) ?? -1;
    const mounted = findMount(this.mountpoint);
    if (mounted && isOurs(mounted)) {
      this.#mounted = mounted;
      this.#guardian?.watch(mounted);
      this.#watchdog = new Worker(WATCHDOG_URL, { workerData: mounted, name: 'watchdog' });
      this.#watchdog.unref();
    }
    this.#unsupervise = supervise(
      { end: (reason) => this.#end(reason), endNow: () => this.#mounted && detachSync(this.#mounted) },
      this.#handleSignals,
    );
    this.#watch = setInterval(() => this.#look(), WATCH_MS).unref();
    await served;
  }

  unmount(): Promise<CloseReason> {
    this.#end({ kind: 'unmounted', lazy: false });
    return this.closed;
  }

  /** From the owner to the file system. */
  send(message: unknown): void {
    const copy: unknown = structuredClone(message);
    setImmediate(() => {
      this.#deliver(copy);
      this.#ops.settle();
    });
  }

  onMessage(handler: (message: unknown) => void): void {
    this.#onMessage = handler;
    for (const message of this.#early.splice(0)) handler(message);
  }

  /** From the file system to the owner. */
  receive(message: unknown): void {
    const copy: unknown = structuredClone(message);
    if (this.#onMessage === undefined) this.#early.push(copy);
    else setImmediate(() => this.#onMessage?.(copy));
  }

  /** libfuse has started a thread and wants a place for what the addon keeps about it. */
  #malloc(bytes: number): Uint8Array {
    const locals = Buffer.alloc(bytes);
    immortal.push(locals);
    this.#nrThreads++;
    if (this.#nrThreads === LEAKED_THREADS_WARN)
      this.#notice(
        `libfuse has started ${LEAKED_THREADS_WARN} threads, each of which leaks a handle: it will get slower; restart it, or use --transport direct`,
      );
    return locals;
  }

  #beatWhile(somebodyWaits: boolean): void {
    if (!somebodyWaits || this.#reason) {
      clearInterval(this.#heartbeat);
      this.#heartbeat = undefined;
      this.#looksForKilled?.abort();
      this.#looksForKilled = undefined;
      return;
    }
    if (this.#looksForKilled === undefined && this.mountpoint !== '/proc') {
      this.#looksForKilled = new AbortController();
      void watchForKilled(() => this.#ops.interrupt(), this.#looksForKilled.signal);
    }
    this.#heartbeat ??= setInterval(() => this.#ops.beat(), Math.max(1, this.#fs.heartbeatMs));
  }

  /** A mount that has been detached is gone for its users, whatever they still hold. */
  #look(): void {
    if (this.#reason || !this.#mounted) return;
    if (isPresent(this.#mounted)) {
      this.#lookInside(this.#mounted);
      return;
    }
    this.#end({ kind: 'external' });
  }

  /** A connection that has been aborted leaves its mount behind; only a request tells. */
  #lookInside({ mountpoint }: MountInfo): void {
    if (this.#looking || ++this.#nrLooks % LOOKS_PER_REQUEST !== 0) return;
    this.#looking = true;
    stat(mountpoint)
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOTCONN' || error.code === 'ECONNABORTED') this.#end({ kind: 'external' });
      })
      .finally(() => {
        this.#looking = false;
      });
  }

  #end(reason: CloseReason): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#finish(reason).then(this.#settleClosed, (error: Error) => this.#settleClosed({ kind: 'error', error }));
  }

  async #finish(reason: CloseReason): Promise<CloseReason> {
    clearInterval(this.#watch);
    this.#looksForKilled?.abort();
    this.#ops.endStreams();
    this.#ops.giveUp();
    const lazy = this.#mounted && isOnTop(this.#mounted) ? (await unmount(this.#mounted, true)).lazy : false;
    if (lazy) this.#notice(`${this.mountpoint} was in use: detached, its users have been cut off`);
    this.#ops.close();
    if (this.#mounted && isFuseDevice(this.#fd)) {
      await answersDelivered(this.#mounted);
      abortConnection(this.#mounted);
    }
    this.#binding.unmount(this.mountpoint, this.#thread);
    this.#unsupervise();
    this.#guardian?.dismiss();
    await this.#watchdog?.terminate();
    log('ended: %s; %d threads started', reason.kind, this.#nrThreads);
    return reason.kind === 'unmounted' || reason.kind === 'signal' ? { ...reason, lazy } : reason;
  }
}

/** Descriptors of this process that are open FUSE devices; found without /proc, which may be what we cover. */
function fuseDevices(): number[] {
  return Array.from({ length: MAX_DESCRIPTORS }, (_, fd) => fd).filter(isFuseDevice);
}

function isFuseDevice(fd: number): boolean {
  try {
    return fd >= 0 && fstatSync(fd).rdev === FUSE_RDEV;
  } catch {
    return false;
  }
}

/** At most 1023 bytes. direct_io and use_ino have no key of their own in fuse-native; we pass the whole string ourselves. */
function mountOptions(allowOther: boolean, cover: boolean): string {
  const options = [
    'default_permissions',
    `fsname=${SUBTYPE}`,
    `subtype=${SUBTYPE}`,
    'direct_io',
    'use_ino',
    'attr_timeout=0',
    'entry_timeout=0',
    'nosuid',
    'nodev',
    ...(allowOther ? ['allow_other'] : []),
    ...(cover ? ['nonempty'] : []),
  ];
  return `-o${options.join(',')}`;
}
