/**
 * The control groups as a file system of their own (cgroup2), for a second mount: directories made by mkdir and removed by
 * rmdir, the files of src/machine/cgroup-files.ts in each. Mirrors: kernel/cgroup/cgroup.c.
 *
 * Inode numbers: group number × 64 + file number (0: the directory). A group keeps its number while it exists, and a
 * number never comes back.
 */

import type { Cgroup } from '../machine/cgroup.ts';
import { CGROUP_FILES, type CgroupFile, cgroupFile, MAX_WRITTEN, writeCgroupFile } from '../machine/cgroup-files.ts';
import type { Machine } from '../machine/machine.ts';
import type { PsiResource } from '../machine/psi.ts';
import { quoteValue } from '../scenario/words.ts';
import { fromBuffer, toBuffer } from '../util/bytes.ts';
import { E2BIG, EACCES, EAGAIN, EINVAL, EISDIR, ENODEV, ENOENT, ENOTDIR, EPERM } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Job } from '../util/job.ts';
import { strstrip } from '../util/kstrto.ts';
import {
  type Attr,
  type AttrChange,
  type Caller,
  type DirEntry,
  type FileSystem,
  type Ino,
  type OpenFile,
  type Pending,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLPRI,
  S_IFDIR,
  S_IFREG,
  WaitQueue,
} from '../vfs/types.ts';
import { PAGE_BYTES } from './constants.ts';
import { PressureFile } from './pressure.ts';

/** What the tree needs of the session behind it. */
export interface CgroupHost {
  /** The machine as it is now; may be replaced. */
  readonly machine: Machine;
  advanceToNow(): void;
  /** Makes a change: at once, or when other work is done. */
  run<T>(begin: () => T | Job<T>): T | Pending<T>;
  readonly busy: boolean;
  /** Notes a change that has been made as the step that makes it. */
  record(step: string): void;
}

const POLLRDNORM = 0x40;
const POLLWRNORM = 0x100;
const DEFAULT_POLLMASK = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
const SLOTS = 64;
const O_ACCMODE = 3;
const O_RDONLY = 0;
const O_WRONLY = 1;

class CgroupFs implements FileSystem {
  readonly root: Ino = SLOTS;
  onEntryGone: ((parent: Ino, name: string) => void) | undefined;
  readonly heartbeatMs = 50;
  readonly #host: CgroupHost;
  /** Group numbers by path, and back. */
  readonly #numbers = new Map<string, number>([['/', 1]]);
  readonly #paths = new Map<number, string>([[1, '/']]);
  #next = 2;
  /** Open files whose changes somebody waits for. */
  readonly #polled = new Set<GroupFile>();

  constructor(host: CgroupHost) {
    this.#host = host;
  }

  heartbeat(): void {
    this.#host.advanceToNow();
    for (const file of this.#polled) file.wakeIfChanged();
  }

  entryTimeoutMs(): number {
    return 0;
  }

  attrTimeoutMs(): number {
    return 0;
  }

  lookup(parent: Ino, name: string): Ino | number {
    if (parent % SLOTS !== 0) return -ENOTDIR;
    const group = this.#group(parent);
    if (group === undefined) return -ENOENT;
    const child = group.children.get(name);
    if (child !== undefined) return this.#number(child.path) * SLOTS;
    return cgroupFile(this.#host.machine, group, name) === undefined ? -ENOENT : parent + fileNumber(name);
  }

  getattr(ino: Ino, out: Attr): number {
    const group = this.#group(ino);
    if (group === undefined) return -ENOENT;
    const { options, nowUs } = this.#host.machine;
    out.ino = ino;
    out.uid = out.gid = out.size = out.rdev = 0;
    out.timeMs = options.bootTimeMs + Math.floor(nowUs / 1000);
    if (ino % SLOTS === 0) {
      out.mode = S_IFDIR | 0o755;
      out.nlink = 2 + group.children.size;
      return 0;
    }
    const file = this.#file(ino, group);
    if (file === undefined) return -ENOENT;
    out.mode = S_IFREG | modeOf(file);
    out.nlink = 1;
    return 0;
  }

  setattr(ino: Ino, change: AttrChange): number {
    if (this.#group(ino) === undefined) return -ENOENT;
    return change.mode !== undefined || change.uid !== undefined || change.gid !== undefined ? -EPERM : 0;
  }

  readlink(): number {
    return -EINVAL;
  }

  readdir(ino: Ino): readonly DirEntry[] | number {
    if (ino % SLOTS !== 0) return -ENOTDIR;
    const group = this.#group(ino);
    if (group === undefined) return -ENOENT;
    const files = CGROUP_FILES.filter((file) => cgroupFile(this.#host.machine, group, file.name) === file);
    return [
      ...files.map(({ name }) => ({ name, ino: ino + fileNumber(name), type: S_IFREG })),
      ...[...group.children.values()].map(({ name, path }) => ({
        name,
        ino: this.#number(path) * SLOTS,
        type: S_IFDIR,
      })),
    ];
  }

  open(ino: Ino, flags: number): OpenFile | number {
    if (ino % SLOTS === 0) return -EISDIR;
    this.#host.advanceToNow();
    const group = this.#group(ino);
    const file = group === undefined ? undefined : this.#file(ino, group);
    if (group === undefined || file === undefined) return -ENODEV;
    const mode = flags & O_ACCMODE;
    if ((mode !== O_RDONLY && file.write === undefined && !isPressure(file)) || (mode !== O_WRONLY && !file.show))
      return -EACCES;
    if (isPressure(file)) {
      const psi = () => {
        const now = this.#group(ino);
        return now === undefined ? undefined : (now.psi ?? this.#host.machine.psi);
      };
      const source = { advanceToNow: () => this.#host.advanceToNow(), psi };
      return new PressureFile(source, file.name.split('.')[0] as PsiResource);
    }
    return new GroupFile(this.#host, () => this.#group(ino), file, this.#polled);
  }

  mkdir(parent: Ino, name: string): Ino | number | Pending<number> {
    return this.#change(parent, name, (path) => {
      if (cgroupFile(this.#host.machine, this.#group(parent)!, name) !== undefined)
        throw new KernelError(EINVAL, `${name} is a file`);
      this.#host.machine.cgroups.mkdir(path);
      this.#host.record(`cgroup mkdir ${quoteValue(path)}`);
      return this.#number(path) * SLOTS;
    });
  }

  rmdir(parent: Ino, name: string): number | Pending<number> {
    return this.#change(parent, name, (path) => {
      this.#host.machine.cgroups.rmdir(path);
      this.#host.record(`cgroup rmdir ${quoteValue(path)}`);
      const number = this.#numbers.get(path);
      this.#numbers.delete(path);
      if (number !== undefined) this.#paths.delete(number);
      return 0;
    });
  }

  #change(parent: Ino, name: string, change: (path: string) => number): number | Pending<number> {
    this.#host.advanceToNow();
    return this.#host.run(() => this.#changeNow(parent, name, change));
  }

  #changeNow(parent: Ino, name: string, change: (path: string) => number): number {
    const group = this.#group(parent);
    if (group === undefined) return -ENOENT;
    try {
      return change(group.parent === null ? `/${name}` : `${group.path}/${name}`);
    } catch (error) {
      if (error instanceof KernelError) return -error.errno;
      throw error;
    }
  }

  #number(path: string): number {
    let number = this.#numbers.get(path);
    if (number === undefined) {
      number = this.#next++;
      this.#numbers.set(path, number);
      this.#paths.set(number, path);
    }
    return number;
  }

  #group(ino: Ino): Cgroup | undefined {
    const path = this.#paths.get(Math.floor(ino / SLOTS));
    if (path === undefined) return undefined;
    try {
      return this.#host.machine.cgroups.at(path);
    } catch (error) {
      if (error instanceof KernelError) return undefined;
      throw error;
    }
  }

  #file(ino: Ino, group: Cgroup): CgroupFile | undefined {
    const name = CGROUP_FILES[(ino % SLOTS) - 1]?.name;
    return name === undefined ? undefined : cgroupFile(this.#host.machine, group, name);
  }
}

function fileNumber(name: string): number {
  return CGROUP_FILES.findIndex((file) => file.name === name) + 1;
}

function isPressure(file: CgroupFile): boolean {
  return file.pressure === true;
}

function modeOf(file: CgroupFile): number {
  return (file.show ? 0o444 : 0) | (file.write || isPressure(file) ? 0o200 : 0);
}

/** An open file of a group. It answers ENODEV once the group has gone. */
class GroupFile implements OpenFile {
  readonly #host: CgroupHost;
  readonly #group: () => Cgroup | undefined;
  readonly #file: CgroupFile;
  #text: Uint8Array | undefined;
  readonly waitQueue = new WaitQueue();
  readonly #polled: Set<GroupFile>;
  /** What was read last; undefined: nothing yet. What poll has told of. */
  #seen: string | undefined;
  #told: string | undefined;
  /** Its own beginning of a counter such as memory.peak, by number; 0: none. */
  #reset = 0;

  constructor(host: CgroupHost, group: () => Cgroup | undefined, file: CgroupFile, polled: Set<GroupFile>) {
    this.#host = host;
    this.#polled = polled;
    this.#group = group;
    this.#file = file;
  }

  read(offset: number, size: number): Uint8Array | number {
    if (offset === 0 || this.#text === undefined) {
      this.#host.advanceToNow();
      const group = this.#group();
      if (group === undefined) return -ENODEV;
      this.#seen = this.#show(group);
      this.#text = toBuffer(this.#seen);
    }
    return this.#text.subarray(offset, offset + size);
  }

  #show(group: Cgroup): string {
    const { peak, show } = this.#file;
    if (this.#reset !== 0 && peak !== undefined && group.hasMemory)
      return `${peak(group.memcg).counter.most(this.#reset) * PAGE_BYTES}\n`;
    return show?.(this.#host.machine, group) ?? '';
  }

  /** Before it has been read it counts as changed; gone: an error. Mirrors: kernfs_fop_poll, kernfs_generic_poll. */
  poll(): number {
    this.#host.advanceToNow();
    if (this.#file.notifies !== true) return DEFAULT_POLLMASK;
    this.#polled.add(this);
    const group = this.#group();
    this.#told = group === undefined ? undefined : this.#show(group);
    return this.#told !== undefined && this.#told === this.#seen
      ? DEFAULT_POLLMASK
      : DEFAULT_POLLMASK | POLLERR | POLLPRI;
  }

  /** To be called now and then while somebody waits. */
  wakeIfChanged(): void {
    const group = this.#group();
    if ((group === undefined ? undefined : this.#show(group)) !== this.#told) this.waitQueue.wake();
  }

  release(): void {
    this.#polled.delete(this);
    const group = this.#reset === 0 ? undefined : this.#group();
    if (group !== undefined) this.#file.peak?.(group.memcg).counter.forget(this.#reset);
  }

  write(data: Uint8Array, _offset: number, caller: Caller | undefined): number | Pending<number> {
    this.#host.advanceToNow();
    const own = this.#host.busy ? Uint8Array.from(data) : data;
    const pid = caller?.pid ?? 0;
    return this.#host.run(() => this.#write(own, pid));
  }

  *#write(data: Uint8Array, pid: number): Job<number> {
    const { length } = data;
    const group = this.#group();
    if (group === undefined) return -ENODEV;
    const { name, peak } = this.#file;
    if (peak !== undefined && group.hasMemory) {
      const { counter, usage } = peak(group.memcg);
      this.#reset = counter.reset(usage, this.#reset);
      return length;
    }
    if (length > MAX_WRITTEN) return -E2BIG;
    let text = strstrip(fromBuffer(data));
    // 0 is whoever writes, where that is known and simulated.
    if (name === 'cgroup.procs' && text === '0') text = String(pid);
    const step = `cgroup write ${quoteValue(`${group.parent === null ? '' : group.path}/${name}`)} ${text === '' ? '""' : quoteValue(text)}`;
    try {
      yield* writeCgroupFile(this.#host.machine, group, name, text);
      this.#host.record(step);
      return length;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.errno === EAGAIN) this.#host.record(`${step} expect=EAGAIN`);
      return -error.errno;
    }
  }
}

/** The control groups of a machine as a file system. */
export function createCgroupFs(host: CgroupHost): FileSystem {
  return new CgroupFs(host);
}
