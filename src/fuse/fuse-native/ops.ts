import { bytesOf, utf8Of } from '../../util/bytes.ts';
import { EBADF, EINTR, EINVAL, EIO, ENODEV, ENOENT, EPERM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import { logger } from '../../util/log.ts';
import {
  type FileSystem,
  type Ino,
  Later,
  newAttr,
  type OpenFile,
  Pending,
  S_IFMT,
  S_IFREG,
  WAIT,
  type Wait,
} from '../../vfs/types.ts';
import { FileTable } from '../file-table.ts';
import { LINGER_MS, WorkPacer } from '../work-pacer.ts';
import type { Binding, NativeHandler, NativeThread, Operation } from './binding.ts';
import { baseName, PathResolver } from './path-resolver.ts';
import { directoryStat, encodeStat, entryStat, HIGH, STAT_WORDS, statfsWords } from './stat.ts';
import { registerXattrs } from './xattr-ops.ts';

const log = logger('fuse:native');

interface Handle {
  readonly file: OpenFile;
  readonly ino: Ino;
}

/** An answer that is being worked out, and what makes a number of it. */
interface Unfinished {
  readonly pending: Pending<Uint8Array | number>;
  readonly finish: (result: Uint8Array | number) => number;
}

/** A read or write that waits: libfuse's thread sleeps until it is answered. */
interface Parked {
  readonly retry: () => boolean;
  readonly giveUp: (errno: number) => void;
  readonly leave: () => void;
  /** It waits for something to happen, and may be told to ask again. */
  readonly mayAskAgain?: boolean;
}

/**
 * The operations of libfuse's high-level interface on a FileSystem. Each handler answers its thread directly instead of
 * through fuse-native's own JavaScript: that saves a third of the time of a request.
 *
 * libfuse's binding hands paths over as text: names that are no UTF-8 cannot be reached through it (native-notes/fuse-native.md).
 *
 * Invariants: every thread is answered exactly once, whatever the file system throws; `#parked` holds those that are not.
 */
export class NativeOps {
  readonly handlers: NativeHandler[];
  readonly implemented = new Uint32Array(35);
  readonly files = new FileTable<Handle>();

  #fs: FileSystem;
  #binding: Binding;
  #paths: PathResolver;
  #attr = newAttr();
  #stat = new Uint32Array(STAT_WORDS);
  #parked = new Set<Parked>();
  #ready = new Set<Parked>();
  #onWaiting: (count: number) => void;
  #pacer = new WorkPacer();
  #workScheduled = false;

  constructor(fs: FileSystem, binding: Binding, events: { init(): void; waiting(count: number): void }) {
    this.#fs = fs;
    this.#binding = binding;
    this.#paths = new PathResolver(fs);
    this.#onWaiting = (count) => events.waiting(count);
    fs.onEntryGone = () => this.#paths.forget();
    this.handlers = new Array<NativeHandler>(this.implemented.length).fill(() => {});
    this.#register(() => events.init());
  }

  /** Tries everybody again who has been woken, and sees to it that work goes on. */
  settle(): void {
    this.#answerReady();
    if (this.#workScheduled || this.#fs.busy?.() !== true) return;
    this.#workScheduled = true;
    // Between two slices the event loop serves all requests that have come.
    if (this.#pacer.mayWork(performance.now())) {
      setImmediate(this.#work);
      return;
    }
    this.#pacer.lingered();
    setTimeout(this.#linger, LINGER_MS);
  }

  #work = (): void => {
    this.#workScheduled = false;
    this.#result(() => this.#fs.work?.());
    this.#pacer.worked(performance.now());
    this.settle();
  };

  #linger = (): void => {
    this.#workScheduled = false;
    this.settle();
  };

  #answerReady(): void {
    while (this.#ready.size > 0) {
      const ready = [...this.#ready];
      this.#ready.clear();
      for (const parked of ready) if (this.#parked.has(parked) && parked.retry()) this.#unpark(parked);
    }
  }

  beat(): void {
    try {
      this.#fs.heartbeat();
    } catch (error) {
      log('heartbeat: %O', error);
    }
    this.settle();
  }

  /** Lets files whose readers wait come to their end. */
  endStreams(): void {
    this.#result(() => this.#fs.ending?.());
    this.#answerReady();
  }

  /**
   * Lets everybody go who waits for something to happen, for one of them has been killed, and nobody tells which: the others
   * get EINTR as after a signal, and ask again.
   */
  interrupt(): void {
    for (const parked of [...this.#parked]) {
      if (parked.mayAskAgain !== true) continue;
      parked.giveUp(EINTR);
      this.#unpark(parked);
    }
  }

  /** Answers everybody who waits with ENODEV: the mount has gone, or is about to. */
  giveUp(): void {
    for (const parked of [...this.#parked]) {
      parked.giveUp(ENODEV);
      this.#unpark(parked);
    }
  }

  /** Releases everything: the connection has ended. */
  close(): void {
    this.giveUp();
    this.#fs.onEntryGone = undefined;
    for (const { file } of this.files) this.#result(() => file.release?.());
  }

  /** One row per operation. A new name is refused as procfs does (ENOENT), taking one away too (EPERM). */
  #register(onInit: () => void): void {
    const fs = this.#fs;
    const byPath = (path: string, act: (ino: Ino) => number): number => {
      const ino = this.#paths.resolve(path);
      return ino < 0 ? ino : act(ino);
    };
    const { signal } = this.#binding;
    this.#on('init', (thread) => {
      signal.init(thread, 0);
      onInit();
    });
    this.#on('getattr', (thread, path: string) => this.#getattr('getattr', thread, this.#resolve(path)));
    this.#on('fgetattr', (thread, _path: string, fh: number) =>
      this.#getattr('fgetattr', thread, this.files.get(fh)?.ino ?? -EBADF),
    );
    this.#on('readdir', (thread, path: string) => this.#readdir(thread, path));
    this.#on('readlink', (thread, path: string) => this.#readlink(thread, path));
    this.#on('open', (thread, path: string, flags: number) => this.#open(thread, path, flags));
    this.#on('read', (thread, _path: string, fh: number, buffer: Uint8Array, size: number, low: number, high: number) =>
      this.#read(thread, fh, buffer, size, low + high * HIGH),
    );
    this.#on(
      'write',
      (thread, _path: string, fh: number, buffer: Uint8Array, size: number, low: number, high: number) =>
        this.#write(thread, fh, buffer, size, low + high * HIGH),
    );
    this.#on('statfs', (thread) => signal.statfs(thread, 0, statfsWords()));

    this.#plain('release', (_path: string, fh: number) => {
      this.files.remove(fh)?.file.release?.();
      return 0;
    });
    this.#plain(
      'fsync',
      (_path: string, _datasync: number, fh: number) => this.files.get(fh)?.file.fsync?.() ?? -EINVAL,
    );
    this.#plain('truncate', (path: string, low: number, high: number) =>
      byPath(path, (ino) => fs.setattr(ino, { size: low + high * HIGH }, undefined)),
    );
    this.#plain('ftruncate', (_path: string, fh: number, low: number, high: number) => {
      const handle = this.files.get(fh);
      return handle ? fs.setattr(handle.ino, { size: low + high * HIGH }, undefined) : -EBADF;
    });
    this.#plain('utimens', (path: string) => byPath(path, (ino) => fs.setattr(ino, { times: true }, undefined)));
    this.#plain('chmod', (path: string, mode: number) => byPath(path, (ino) => fs.setattr(ino, { mode }, undefined)));
    this.#plain('chown', (path: string, uid: number, gid: number) =>
      byPath(path, (ino) => fs.setattr(ino, { ...given('uid', uid), ...given('gid', gid) }, undefined)),
    );
    this.#plain('mkdir', (path: string, mode: number) => {
      const parent = this.#paths.parent(path);
      if (parent < 0) return parent;
      if (!fs.mkdir) return -EPERM;
      const made = fs.mkdir(parent, bytesOf(baseName(path)), mode, undefined);
      return made instanceof Pending ? made : Math.min(0, made);
    });
    this.#plain('rmdir', (path: string) => {
      const parent = this.#paths.parent(path);
      if (parent < 0) return parent;
      return fs.rmdir ? fs.rmdir(parent, bytesOf(baseName(path)), undefined) : -EPERM;
    });
    this.#plain('mknod', (path: string, mode: number) => {
      const parent = this.#paths.parent(path);
      if (parent < 0) return parent;
      if (!fs.create || (mode & S_IFMT) !== S_IFREG) return -ENOENT;
      const made = fs.create(parent, bytesOf(baseName(path)), undefined);
      return made instanceof Pending ? made : Math.min(0, made);
    });
    this.#plain('unlink', (path: string) => {
      const parent = this.#paths.parent(path);
      if (parent < 0) return parent;
      return fs.unlink ? fs.unlink(parent, bytesOf(baseName(path)), undefined) : -EPERM;
    });
    registerXattrs(
      fs,
      this.#binding,
      (operation, handle) => this.#on(operation, handle),
      (path) => this.#paths.resolve(path),
      (act) => this.#result(act),
    );
    // Where it is missing, libfuse makes the file (mknod) and opens it.
    if (!fs.create) this.#plain('create', () => -ENOENT);
    this.#plain('symlink', () => -ENOENT);
    for (const operation of ['rename', 'link'] as const) this.#plain(operation, () => -EPERM);
  }

  #on<Args extends unknown[]>(operation: Operation, handle: (thread: NativeThread, ...args: Args) => void): void {
    const number = this.#binding.op[operation];
    this.implemented[number] = 1;
    const handler = (thread: NativeThread, _op: number, ...args: Args): void => {
      this.#pacer.served();
      handle(thread, ...args);
      this.settle();
    };
    this.handlers[number] = handler as unknown as NativeHandler;
  }

  /** An operation that is answered with a number only. */
  #plain<Args extends unknown[]>(operation: Operation, act: (...args: Args) => number | Pending<number>): void {
    const signal = this.#binding.signal[operation];
    this.#on(operation, (thread, ...args: Args) => {
      const answer = (result: number): void => signal(thread, Math.min(0, result), 0);
      const result = this.#result(() => act(...args));
      if (result instanceof Pending) this.#answerWhenDone(result, answer);
      else answer(result);
    });
  }

  #resolve(path: string): Ino | number {
    return this.#result(() => this.#paths.resolve(path));
  }

  #getattr(operation: 'getattr' | 'fgetattr', thread: NativeThread, ino: Ino | number): void {
    const attr = this.#attr;
    const status = ino < 0 ? ino : this.#result(() => this.#fs.getattr(ino, attr));
    if (status === 0) encodeStat(this.#stat, attr);
    this.#binding.signal[operation](thread, status, this.#stat);
  }

  #readdir(thread: NativeThread, path: string): void {
    const names: string[] = ['.', '..'];
    const stats: Uint32Array[] = [directoryStat(), directoryStat()];
    const status = this.#result(() => {
      const ino = this.#paths.resolve(path);
      if (ino < 0) return ino;
      const entries = this.#fs.readdir(ino, undefined);
      if (typeof entries === 'number') return entries;
      for (const entry of entries) {
        names.push(utf8Of(entry.name));
        stats.push(entryStat(entry.type, entry.ino));
      }
      return 0;
    });
    this.#binding.signal.readdir(thread, status, status === 0 ? names : [], status === 0 ? stats : []);
  }

  #readlink(thread: NativeThread, path: string): void {
    let target = '';
    const status = this.#result(() => {
      const ino = this.#paths.resolve(path);
      if (ino < 0) return ino;
      const answer = this.#fs.readlink(ino, undefined);
      if (typeof answer === 'number') return answer;
      target = utf8Of(answer);
      return 0;
    });
    this.#binding.signal.readlink(thread, status, target);
  }

  #open(thread: NativeThread, path: string, flags: number): void {
    let fh = 0;
    const status = this.#result(() => {
      const ino = this.#paths.resolve(path);
      if (ino < 0) return ino;
      const file = this.#fs.open(ino, flags, undefined);
      if (typeof file === 'number') return file;
      fh = this.files.add({ file, ino });
      return 0;
    });
    this.#binding.signal.open(thread, status, fh);
  }

  #read(thread: NativeThread, fh: number, buffer: Uint8Array, size: number, offset: number): void {
    const file = this.files.get(fh)?.file;
    const answer = (result: number): void => this.#binding.signal.read(thread, result, 0, buffer.buffer);
    if (!file) {
      answer(-EBADF);
      return;
    }
    this.#attempt(file, answer, () => {
      const content = file.read(offset, size, undefined);
      if (content === WAIT) return content;
      if (content instanceof Pending) return { pending: content, finish: (result) => put(result, buffer, size) };
      if (!(content instanceof Later)) return put(content, buffer, size);
      return new Later(put(content.result, buffer, size), content.ms);
    });
  }

  #write(thread: NativeThread, fh: number, buffer: Uint8Array, size: number, offset: number): void {
    const file = this.files.get(fh)?.file;
    const answer = (result: number): void => this.#binding.signal.write(thread, result, 0, buffer.buffer);
    if (!file) {
      answer(-EBADF);
      return;
    }
    this.#attempt(file, answer, () => {
      const taken = file.write(buffer.subarray(0, size), offset, undefined);
      return taken instanceof Pending ? { pending: taken, finish: Number } : taken;
    });
  }

  /** Asks a file, and keeps asking whenever it is woken until it has an answer. */
  #attempt(file: OpenFile, answer: (result: number) => void, ask: () => number | Wait | Later | Unfinished): void {
    const result = this.#result(ask);
    if (typeof result === 'object' && 'pending' in result) {
      this.#answerWhenDone(result.pending, (value) => answer(this.#result(() => result.finish(value))));
      return;
    }
    if (result instanceof Later) {
      this.#giveLater(result.ms, () => answer(Number(result.result)));
      return;
    }
    if (result !== WAIT) {
      answer(result);
      return;
    }
    const { waitQueue } = file;
    const wake = (): void => {
      this.#ready.add(parked);
    };
    const parked: Parked = {
      retry: () => {
        const again = this.#result(ask);
        if (again === WAIT || (typeof again === 'object' && 'pending' in again)) return false;
        answer(again instanceof Later ? Number(again.result) : again);
        return true;
      },
      giveUp: (errno) => answer(-errno),
      leave: () => waitQueue?.remove(wake),
      mayAskAgain: true,
    };
    this.#parked.add(parked);
    waitQueue?.add(wake);
    this.#onWaiting(this.#parked.size);
  }

  /** Gives an answer when it has been worked out. */
  #answerWhenDone<T>(pending: Pending<T>, answer: (result: T | number) => void): void {
    const { waitQueue } = pending;
    const wake = (): void => {
      this.#ready.add(parked);
    };
    const parked: Parked = {
      retry: () => {
        if (!pending.settled) return false;
        const result = this.#result(() => pending.take());
        if (pending.delayMs === 0) answer(result);
        else this.#giveLater(pending.delayMs, () => answer(result));
        return true;
      },
      giveUp: (errno) => {
        pending.cancel();
        answer(-errno);
      },
      leave: () => waitQueue.remove(wake),
    };
    this.#parked.add(parked);
    waitQueue.add(wake);
    this.#onWaiting(this.#parked.size);
  }

  /** Gives an answer that stands already when its time has come; nobody else needs a heartbeat for that. */
  #giveLater(ms: number, answer: () => void): void {
    const give = (): boolean => {
      answer();
      return true;
    };
    const timer = setTimeout(() => {
      this.#ready.add(parked);
      this.settle();
    }, ms);
    const parked: Parked = { retry: give, giveUp: give, leave: () => clearTimeout(timer) };
    this.#parked.add(parked);
    this.#onWaiting(this.#parked.size);
  }

  #unpark(parked: Parked): void {
    parked.leave();
    this.#parked.delete(parked);
    this.#ready.delete(parked);
    this.#onWaiting(this.#parked.size);
  }

  /** What `act` answers; what it throws becomes an error number and never reaches libfuse. */
  #result<T>(act: () => T): T | number {
    try {
      return act();
    } catch (error) {
      if (error instanceof KernelError) return -error.errno;
      log('%O', error);
      return -EIO;
    }
  }
}

/** Puts what a file gave into the buffer of a read: how many bytes, or -errno. */
function put(content: Uint8Array | number, buffer: Uint8Array, size: number): number {
  if (typeof content === 'number') return content;
  const length = Math.min(content.length, size);
  buffer.set(length < content.length ? content.subarray(0, length) : content);
  return length;
}

function given<K extends string>(key: K, id: number): { [P in K]?: number } {
  return id === 0xffffffff ? {} : ({ [key]: id } as { [P in K]: number });
}
