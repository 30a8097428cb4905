/**
 * A small synthetic tree for the tests and benchmarks of the transports: everything a transport has to carry, nothing of
 * the real /proc. The part with processes is the same as that of test/bench/fuse/fuse_hello_ll.c.
 *
 *   /1…N/{stat,smaps,reclaim}   300 B, 200,000 B, write-only
 *   /many/f0…f9999              empty files
 *   /big10m  /hello  /growing  /link → hello  /owned (0600, uid 1000)  /Grüße
 *   /whoami                     the caller, as the transport tells it
 *   /events                     a read waits for the next event; poll
 *   /latency                    a write is answered two heartbeats later
 *   /control                    `event TEXT`, `gone PID`, `crash`, `send TEXT`, `stop`; what was written last can be read
 *   /throws                     every operation on it throws
 */

import type { TransportHooks } from '../../../src/fuse/types.ts';
import { bytesOf as nameBytes } from '../../../src/util/bytes.ts';
import { EACCES, EINVAL, EIO, ENOENT, ENOTDIR, EPERM } from '../../../src/util/errno.ts';
import {
  type Attr,
  type AttrChange,
  type Caller,
  type DirEntry,
  type FileSystem,
  type Ino,
  type OpenFile,
  POLLIN,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  WAIT,
  WaitQueue,
} from '../../../src/vfs/types.ts';

export interface DemoOptions {
  /** Number of processes; default 1000. */
  readonly pids?: number;
  /** How long directories' attributes may be cached; default 0. */
  readonly dirAttrMs?: number;
  readonly entryMs?: number;
}

const ROOT = 7; // Not 1, so that a transport has to map it.
const MANY = 2;
const FIRST_PROC = 256;
const FIRST_MANY = 2 ** 40;
const NR_MANY = 10_000;
const KINDS = ['', 'dir', 'stat', 'smaps', 'reclaim'];
const TIME_MS = 1_700_000_000_250;
const EMPTY = new Uint8Array(0);
const HEARTBEAT_MS = 20;

/** A fixed file of the root directory. */
interface Plain {
  readonly name: string;
  readonly ino: Ino;
  readonly mode: number;
  readonly uid?: number;
  readonly target?: string;
  size(): number;
  open(flags: number): OpenFile;
}

/** An open file whose whole content is known. */
function contentFile(content: () => Uint8Array): OpenFile {
  const bytes = content();
  return {
    read: (offset, size) => (offset >= bytes.length ? EMPTY : bytes.subarray(offset, offset + size)),
    write: () => -EIO,
  };
}

export function createFileSystem(options: unknown, hooks: TransportHooks): FileSystem {
  return new DemoFs((options ?? {}) as DemoOptions, hooks);
}

/** The bytes of an event; undefined stays that (see `bomb`). */
function bytesOf(event: string | undefined): Uint8Array {
  return event === undefined ? (undefined as unknown as Uint8Array) : Buffer.from(event);
}

export class DemoFs implements FileSystem {
  readonly root = ROOT;
  readonly heartbeatMs = HEARTBEAT_MS;
  onEntryGone?: ((parent: Ino, name: string) => void) | undefined;
  nrOpen = 0;

  #pids: number;
  #dirAttrMs: number;
  #entryMs: number;
  #hooks: TransportHooks;
  #gone = new Set<number>();
  #stat = Buffer.alloc(300, 's');
  #smaps = Buffer.alloc(200_000, 'm');
  #big = Buffer.alloc(10_000_000, 'b');
  #lastWrite = Buffer.alloc(0);
  #events: string[] = [];
  #eventQueue = new WaitQueue();
  #latencyQueue = new WaitQueue();
  #nrBeats = 0;
  #plain: Plain[];
  #byName: Map<string, Plain>;
  #byIno: Map<Ino, Plain>;
  #rootEntries: DirEntry[] | undefined;
  #manyEntries: DirEntry[] | undefined;

  constructor(options: DemoOptions, hooks: TransportHooks) {
    this.#pids = options.pids ?? 1000;
    this.#dirAttrMs = options.dirAttrMs ?? 0;
    this.#entryMs = options.entryMs ?? 1000;
    this.#hooks = hooks;
    hooks.onMessage((message) => this.#event(`message ${String(message)}`));
    this.#plain = this.#plainFiles();
    this.#byName = new Map(this.#plain.map((file) => [file.name, file]));
    this.#byIno = new Map(this.#plain.map((file) => [file.ino, file]));
  }

  lookup(parent: Ino, name: string, _caller: Caller | undefined): Ino | number {
    if (parent >= FIRST_PROC && parent < FIRST_MANY) return this.#lookupInProc(parent, name);
    if (parent === ROOT) return this.#lookupInRoot(name);
    if (parent !== MANY) return -ENOTDIR;
    const index = name.startsWith('f') ? Number(name.slice(1)) : Number.NaN;
    return index >= 0 && index < NR_MANY ? FIRST_MANY + index : -ENOENT;
  }

  getattr(ino: Ino, out: Attr): number {
    out.ino = ino;
    out.uid = 0;
    out.gid = 0;
    out.size = 0;
    out.rdev = 0;
    out.nlink = 1;
    out.timeMs = TIME_MS;
    out.mode = S_IFREG | 0o444;
    const plain = this.#byIno.get(ino);
    if (plain) {
      out.mode = plain.mode;
      out.uid = plain.uid ?? 0;
      out.size = plain.size();
    } else if (ino === ROOT || ino === MANY) {
      out.mode = S_IFDIR | 0o555;
      out.nlink = 2;
    } else if (ino < FIRST_MANY) {
      const kind = ino & 255;
      if (!this.#alive(Math.floor(ino / 256))) return -ENOENT;
      if (kind === 1) out.mode = S_IFDIR | 0o555;
      else if (kind === 4) out.mode = S_IFREG | 0o200;
      else out.size = kind === 2 ? this.#stat.length : this.#smaps.length;
    }
    return 0;
  }

  setattr(ino: Ino, change: AttrChange, _caller: Caller | undefined): number {
    if (this.#byIno.get(ino)?.name === 'throws') throw new Error('setattr of /throws');
    return change.size === undefined ? -EPERM : 0;
  }

  readlink(ino: Ino): string | number {
    return this.#byIno.get(ino)?.target ?? -EINVAL;
  }

  open(ino: Ino, flags: number, caller: Caller | undefined): OpenFile | number {
    const plain = this.#byIno.get(ino);
    if (plain?.name === 'whoami') return contentFile(() => Buffer.from(callerText(caller)));
    if (plain) return this.#counted(plain.open(flags));
    if (ino >= FIRST_MANY) return contentFile(() => EMPTY);
    const kind = ino & 255;
    if (kind === 2) return new Fixed(this.#stat);
    if (kind === 3) return new Fixed(this.#smaps);
    return kind === 4 ? this.#reclaimFile : -EACCES;
  }

  readdir(ino: Ino): readonly DirEntry[] | number {
    if (ino === ROOT) {
      this.#rootEntries ??= this.#listRoot();
      return this.#rootEntries;
    }
    if (ino === MANY) {
      this.#manyEntries ??= listMany();
      return this.#manyEntries;
    }
    if (ino < FIRST_PROC || !this.#alive(Math.floor(ino / 256))) return -ENOENT;
    return [2, 3, 4].map((kind) => ({ name: KINDS[kind]!, ino: ino - 1 + kind, type: S_IFREG }));
  }

  entryTimeoutMs(_ino: Ino): number {
    return this.#entryMs;
  }

  attrTimeoutMs(ino: Ino): number {
    const isDirectory = ino === ROOT || ino === MANY || (ino >= FIRST_PROC && ino < FIRST_MANY && (ino & 255) === 1);
    return isDirectory ? this.#dirAttrMs : 0;
  }

  heartbeat(): void {
    this.#nrBeats++;
    this.#latencyQueue.wake();
  }

  #reclaimFile: OpenFile = {
    read: () => -EINVAL,
    write: (data) => data.length,
  };

  #alive(pid: number): boolean {
    return pid >= 1 && pid <= this.#pids && !this.#gone.has(pid);
  }

  #lookupInRoot(name: string): Ino | number {
    const digit = name.charCodeAt(0);
    if (digit >= 48 && digit <= 57) {
      const pid = Number(name);
      return this.#alive(pid) ? pid * 256 + 1 : -ENOENT;
    }
    if (name === 'many') return MANY;
    return this.#byName.get(name)?.ino ?? -ENOENT;
  }

  #lookupInProc(parent: Ino, name: string): Ino | number {
    if ((parent & 255) !== 1) return -ENOTDIR;
    if (!this.#alive(Math.floor(parent / 256))) return -ENOENT;
    const kind = KINDS.indexOf(name);
    return kind > 1 ? parent - 1 + kind : -ENOENT;
  }

  #listRoot(): DirEntry[] {
    const entries: DirEntry[] = [];
    for (let pid = 1; pid <= this.#pids; pid++)
      if (this.#alive(pid)) entries.push({ name: String(pid), ino: pid * 256 + 1, type: S_IFDIR });
    entries.push({ name: 'many', ino: MANY, type: S_IFDIR });
    for (const { name, ino, mode } of this.#plain) entries.push({ name, ino, type: mode & 0o170000 });
    return entries;
  }

  #plainFiles(): Plain[] {
    const file = (name: string, ino: Ino, mode: number, open: Plain['open'], size = (): number => 0): Plain => ({
      name,
      ino,
      mode: S_IFREG | mode,
      size,
      open,
    });
    const hello = Buffer.from('hello, world\n');
    const growing = (): Uint8Array => Buffer.from('line\n'.repeat(++this.#nrGrown));
    return [
      file(
        'big10m',
        10,
        0o444,
        () => new Fixed(this.#big),
        () => this.#big.length,
      ),
      file(
        'hello',
        11,
        0o444,
        () => new Fixed(hello),
        () => hello.length,
      ),
      file('growing', 12, 0o444, () => contentFile(growing)),
      { ...file('link', 13, 0, () => contentFile(() => EMPTY)), mode: S_IFLNK | 0o777, target: 'hello' },
      { ...file('owned', 14, 0o600, () => contentFile(() => hello)), uid: 1000 },
      file(
        nameBytes('Grüße'),
        15,
        0o444,
        () => new Fixed(hello),
        () => hello.length,
      ),
      file('whoami', 16, 0o444, () => contentFile(() => EMPTY)),
      file('events', 1, 0o444, () => this.#openEvents()), // The inode that kernels call the root.
      file('latency', 18, 0o200, () => this.#openLatency()),
      file('control', 19, 0o666, () => this.#openControl()),
      file('throws', 20, 0o666, () => this.#openThrowing()),
      file('nropen', 21, 0o444, () => contentFile(() => Buffer.from(`${this.nrOpen}\n`))),
      file('nrbeats', 22, 0o444, () => contentFile(() => Buffer.from(`${this.#nrBeats}\n`))),
    ];
  }

  #nrGrown = 0;

  #counted(file: OpenFile): OpenFile {
    this.nrOpen++;
    const release = file.release?.bind(file);
    file.release = () => {
      this.nrOpen--;
      release?.();
    };
    return file;
  }

  #event(text: string): void {
    this.#events.push(`${text}\n`);
    this.#eventQueue.wake();
  }

  #openEvents(): OpenFile {
    let next = this.#events.length;
    return {
      waitQueue: this.#eventQueue,
      read: () => (next < this.#events.length ? bytesOf(this.#events[next++]) : WAIT),
      write: () => -EIO,
      poll: () => (next < this.#events.length ? POLLIN : 0),
    };
  }

  #openLatency(): OpenFile {
    let dueAt: number | undefined;
    return {
      waitQueue: this.#latencyQueue,
      read: () => -EINVAL,
      write: (data) => {
        dueAt ??= this.#nrBeats + 2;
        return this.#nrBeats < dueAt ? WAIT : data.length;
      },
    };
  }

  #openControl(): OpenFile {
    const content = this.#lastWrite;
    return {
      read: (offset, size) => content.subarray(offset, offset + size),
      write: (data) => {
        this.#lastWrite = Buffer.from(data);
        const [word, ...rest] = this.#lastWrite.toString().trimEnd().split(' ');
        return this.#command(word ?? '', rest.join(' ')) ?? data.length;
      },
    };
  }

  #command(word: string, argument: string): number | undefined {
    if (word === 'event') this.#event(argument);
    else if (word === 'send') this.#hooks.send(argument);
    else if (word === 'stop') this.#hooks.stop();
    else if (word === 'bomb') this.#bomb();
    else if (word === 'crash') queueMicrotask(() => process.kill(process.pid, 'SIGKILL'));
    else if (word === 'gone') this.#exit(Number(argument));
    else if (word === 'short') return 5;
    return undefined;
  }

  /** Those who wait for an event get what is no answer: an error outside of any request. */
  #bomb(): void {
    this.#events.push(undefined as unknown as string);
    this.#eventQueue.wake();
  }

  #exit(pid: number): void {
    this.#gone.add(pid);
    this.#rootEntries = undefined;
    this.onEntryGone?.(ROOT, String(pid));
  }

  #openThrowing(): OpenFile {
    const fail = (): never => {
      throw new Error('/throws throws');
    };
    return { read: fail, write: fail, fsync: fail, release: fail };
  }
}

class Fixed implements OpenFile {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(offset: number, size: number): Uint8Array {
    const bytes = this.#bytes;
    if (offset >= bytes.length) return EMPTY;
    return offset === 0 && size >= bytes.length ? bytes : bytes.subarray(offset, offset + size);
  }

  write(): number {
    return -EIO;
  }
}

function listMany(): DirEntry[] {
  return Array.from({ length: NR_MANY }, (_, i) => ({ name: `f${i}`, ino: FIRST_MANY + i, type: S_IFREG }));
}

function callerText(caller: Caller | undefined): string {
  return caller ? `uid=${caller.uid} gid=${caller.gid} pid=${caller.pid}\n` : 'unknown\n';
}
