/** A tree over a real machine, without a mount: files are reached by path as the kernel would, component by component. */

import type { Machine } from '../../../src/machine/machine.ts';
import { createProcFs } from '../../../src/procfs/proc-fs.ts';
import type { ProcFsOptions } from '../../../src/procfs/settings.ts';
import { Session } from '../../../src/scenario/session.ts';
import { Clock } from '../../../src/server/clock.ts';
import { SessionHost } from '../../../src/server/session-host.ts';
import { finish } from '../../../src/util/job.ts';
import {
  type Attr,
  type Caller,
  type DirEntry,
  type FileSystem,
  type Ino,
  newAttr,
  type OpenFile,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  WAIT,
  withoutDelay,
} from '../../../src/vfs/types.ts';

/** Something of every kind: sharing, swap, locks, dirty files, shared memory, threads, a zombie, kernel threads. */
export const RICH = `
machine ram=256M swap=64M cpus=2 uptime=100s
object LIBC file 2M path=/lib/libc.so
object DATA file 1M path=/data/file.db
object SHM memfd 1M path="/memfd:x (deleted)"
proc init pid=1 ppid=0 comm=init cmdline="/sbin/init splash" exe=/sbin/init
init mmap heap size=1M anon private name=[heap]
init touch heap 0 600K write
proc kthreadd pid=2 ppid=0 kthread start=0s
proc game pid=4242 uid=1000 comm="a) (b" cmdline="game --level 3" exe=/bin/game
game mmap text size=2M obj=LIBC private prot=rx
game mmap data size=2M obj=LIBC private prot=rw
game mmap heap size=8M anon private name=[heap]
game mmap locked size=256K anon private locked
game mmap sh size=1M obj=SHM shared
game mmap db size=1M obj=DATA shared
game mmap stack size=8M growsdown init=132K name=[stack]
game touch text 0 1M read
game touch data 0 64K write
game touch heap 0 4M write
game touch sh 0 512K write
game touch db 0 256K write
game touch stack 8M-132K 8K write
game thread tid=4243 comm=worker
game load user=25 system=5 switches=10
game fork child pid=4300
child touch heap 0 1M write
proc other pid=5000 uid=2000 comm=other
other mmap heap size=4M anon private
other touch heap 0 3M write
other reclaim anon
other touch heap 0 1M read
proc dead pid=6000 uid=1000
dead exit zombie code=3
tick 10s
`.replace('8M-132K', '8060K');

export const ROOT: Caller = { uid: 0, gid: 0, pid: 0 };
export const USER: Caller = { uid: 1000, gid: 1000, pid: 0 };
export const STRANGER: Caller = { uid: 3000, gid: 3000, pid: 0 };

export class Tree {
  readonly session = new Session();
  readonly host: SessionHost;
  readonly fs: FileSystem;

  constructor(scenario: string | Uint8Array = RICH, options: ProcFsOptions = { callerKnown: true }) {
    if (typeof scenario === 'string') this.session.load(scenario, 'test');
    else this.session.loadImage(scenario, 'test');
    this.host = new SessionHost(this.session, new Clock(this.session.machine.nowUs, 1, false));
    this.fs = createProcFs(this.host, options);
  }

  get machine(): Machine {
    return this.session.machine;
  }

  ino(path: string, caller: Caller = ROOT): Ino | number {
    let ino = this.fs.root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      const child = this.fs.lookup(ino, name, caller);
      if (child < 0) return child;
      ino = child;
    }
    return ino;
  }

  attr(path: string): Attr {
    const out = newAttr();
    const status = this.fs.getattr(this.ino(path), out);
    if (status < 0) throw new Error(`getattr ${path}: ${status}`);
    return out;
  }

  open(path: string, flags = 0, caller: Caller | undefined = ROOT): OpenFile | number {
    const ino = this.ino(path, caller);
    return ino < 0 ? ino : this.fs.open(ino, flags, caller);
  }

  /** All bytes, in small reads; or -errno. */
  bytes(path: string, caller: Caller | undefined = ROOT, limit = 1 << 24): Buffer | number {
    const file = this.open(path, 0, caller);
    if (typeof file === 'number') return file;
    const parts: Buffer[] = [];
    let offset = 0;
    while (offset < limit) {
      const part = withoutDelay(file.read(offset, 4096, caller));
      if (part === WAIT) break;
      if (typeof part === 'number') return part;
      if (part.length === 0) break;
      parts.push(Buffer.from(part));
      offset += part.length;
    }
    file.release?.();
    return Buffer.concat(parts);
  }

  read(path: string): string {
    const bytes = this.bytes(path);
    if (typeof bytes === 'number') throw new Error(`read ${path}: ${bytes}`);
    return bytes.toString();
  }

  write(path: string, data: string | Uint8Array, caller: Caller = ROOT): number {
    const file = this.open(path, 1, caller);
    if (typeof file === 'number') return file;
    const taken = withoutDelay(file.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data, 0, caller));
    return taken === WAIT ? Number.NaN : taken;
  }

  list(path: string, caller: Caller = ROOT): readonly DirEntry[] {
    const entries = this.fs.readdir(this.ino(path, caller), caller);
    if (typeof entries === 'number') throw new Error(`readdir ${path}: ${entries}`);
    return entries;
  }

  names(path: string, caller: Caller = ROOT): string[] {
    return this.list(path, caller).map(({ name }) => name);
  }

  /** Every path below one, directories before what they hold. */
  *walk(path = ''): Generator<{ path: string; entry: DirEntry }> {
    for (const entry of this.list(path)) {
      const below = `${path}/${entry.name}`;
      yield { path: below, entry };
      if (entry.type === S_IFDIR) yield* this.walk(below);
    }
  }

  /** Paths of all regular files. */
  files(): string[] {
    return [...this.walk()].filter(({ entry }) => (entry.type & S_IFMT) === S_IFREG).map(({ path }) => path);
  }

  /** The content of every file but /kmsg, and what every link says, by path. */
  everything(): Map<string, string> {
    const all = new Map<string, string>();
    for (const { path, entry } of this.walk()) {
      const type = entry.type & S_IFMT;
      // What is read of /proc/kmsg is gone for the next reader.
      if (type === S_IFDIR || path === '/kmsg') continue;
      const content =
        type === S_IFREG ? this.bytes(path, ROOT, 1 << 20) : this.fs.readlink(this.ino(path) as Ino, ROOT);
      all.set(path, typeof content === 'object' ? content.toString('latin1') : String(content));
    }
    return all;
  }

  apply(steps: string): void {
    finish(this.host.apply(steps, 'test'));
  }
}

/** Lines of `Key:   number…` as a map. */
export function numbersOf(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([^:\s]+):?\s+(\d+)/.exec(line);
    if (match !== null) found.set(match[1]!, Number(match[2]));
  }
  return found;
}

/** smaps as one map a mapping. */
export function mappingsOf(smaps: string): Map<string, number>[] {
  return smaps
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .filter((text) => text !== '')
    .map((text) => numbersOf(text.slice(text.indexOf('\n') + 1)));
}
