/**
 * The control groups as a file system of their own (cgroup2), for a second mount: directories made by mkdir and removed by
 * rmdir, the files of src/machine/cgroup-files.ts in each. Mirrors: kernel/cgroup/cgroup.c.
 *
 * Inode numbers: group number × 64 + file number (0: the directory). A group keeps its number while it exists, and a
 * number never comes back.
 */

import type { Cgroup, Guest } from '../machine/cgroup.ts';
import { cgroupFile, cgroupFiles, MAX_WRITTEN, writeCgroupFile } from '../machine/cgroup-access.ts';
import type { CgroupFile } from '../machine/cgroup-files.ts';
import type { Machine } from '../machine/machine.ts';
import type { PsiResource } from '../machine/psi.ts';
import { quoteValue } from '../scenario/words.ts';
import { fromBuffer, toBuffer } from '../util/bytes.ts';
import { E2BIG, EACCES, EAGAIN, EBUSY, EINVAL, EISDIR, ENODEV, ENOENT, ENOTDIR, EPERM } from '../util/errno.ts';
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
  newAttr,
  type OpenFile,
  type Pending,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLPRI,
  S_IFDIR,
  S_IFREG,
  WaitQueue,
  type Xattrs,
} from '../vfs/types.ts';
import { PAGE_BYTES } from './constants.ts';
import { GroupAttributes } from './group-attributes.ts';
import { GroupNumbers, ROOT_GROUP, TOP } from './group-numbers.ts';
import { HierarchyTop } from './hierarchy-top.ts';
import { PressureFile } from './pressure.ts';

/** Processes of this computer in groups of the machine (run). */
export interface Guests {
  all(): readonly Guest[];
  has(pid: number): boolean;
  /** Of its group. Throws when it has gone. */
  pathOf(pid: number): string;
  /** Puts one into a group: 0, or -errno. */
  move(pid: number, path: string): number;
  kill(pid: number): void;
}

/** Whose the files are at first: the user who mounts, or nobody else could change them. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface CgroupTreeOptions {
  readonly owner?: Owner;
  readonly numbers?: GroupNumbers;
  readonly guests?: Guests | undefined;
}

/** What open files need of the tree. */
interface Tree {
  readonly host: CgroupHost;
  readonly guests: Guests | undefined;
  /** Open files whose changes somebody waits for. */
  readonly polled: Set<GroupFile>;
  /** Whether somebody may move a process from one group to another. */
  mayMove(from: Cgroup, to: Cgroup, caller: Caller | undefined): boolean;
}

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
/** Files that take processes; the second of version 1. */
const PROCS: ReadonlySet<string> = new Set(['cgroup.procs', 'tasks']);
const O_ACCMODE = 3;
const MAY_WRITE = 2;
const O_RDONLY = 0;
const O_WRONLY = 1;

class CgroupFs implements FileSystem {
  onEntryGone: ((parent: Ino, name: string) => void) | undefined;
  readonly heartbeatMs = 50;
  readonly #host: CgroupHost;
  readonly #numbers: GroupNumbers;
  readonly #owner: Owner;
  readonly #attributes = new GroupAttributes(SLOTS);
  readonly #top = new HierarchyTop(TOP * SLOTS, ROOT_GROUP * SLOTS);
  readonly #tree: Tree;

  constructor(
    host: CgroupHost,
    { owner = { uid: 0, gid: 0 }, numbers = new GroupNumbers(), guests }: CgroupTreeOptions,
  ) {
    this.#host = host;
    this.#owner = owner;
    this.#numbers = numbers;
    this.#tree = {
      host,
      guests,
      polled: new Set(),
      mayMove: (from, to, caller) => this.#mayMove(from, to, caller),
    };
  }

  /** Of the one hierarchy; of version 1, the directory that it is mounted in. */
  get root(): Ino {
    return (this.#host.machine.options.cgroup === 'v1' ? TOP : ROOT_GROUP) * SLOTS;
  }

  readonly xattrs: Xattrs = {
    get: (ino, name) => this.#attributes.getxattr(ino, name, this.#host.machine.options.kernel),
    list: (ino, caller) => this.#attributes.listxattr(ino, caller),
    set: (ino, name, value, flags) => {
      if (this.#group(ino) === undefined) return -ENOENT;
      return this.#attributes.setxattr(ino, name, value, flags, this.#host.machine.options.kernel);
    },
  };

  heartbeat(): void {
    this.#host.advanceToNow();
    for (const file of this.#tree.polled) file.wakeIfChanged();
  }

  entryTimeoutMs(): number {
    return 0;
  }

  attrTimeoutMs(): number {
    return 0;
  }

  lookup(parent: Ino, name: string): Ino | number {
    if (parent === this.#top.ino) return this.#top.lookup(name);
    if (parent % SLOTS !== 0) return -ENOTDIR;
    const group = this.#group(parent);
    if (group === undefined) return -ENOENT;
    const child = group.children.get(name);
    if (child !== undefined) return this.#numbers.of(child.path) * SLOTS;
    return cgroupFile(this.#host.machine, group, name) === undefined
      ? -ENOENT
      : parent + fileNumber(this.#host.machine, name);
  }

  getattr(ino: Ino, out: Attr): number {
    if (this.#top.has(ino)) return this.#top.getattr(ino, out, this.#owner, this.#timeMs);
    const group = this.#group(ino);
    if (group === undefined) return -ENOENT;
    out.ino = ino;
    out.uid = this.#owner.uid;
    out.gid = this.#owner.gid;
    out.size = out.rdev = 0;
    out.timeMs = this.#timeMs;
    if (ino % SLOTS === 0) {
      out.mode = S_IFDIR | 0o755;
      out.nlink = 2 + group.children.size;
      this.#attributes.apply(ino, out);
      return 0;
    }
    const file = this.#file(ino, group);
    if (file === undefined) return -ENOENT;
    out.mode = S_IFREG | modeOf(file);
    out.nlink = 1;
    this.#attributes.apply(ino, out);
    return 0;
  }

  setattr(ino: Ino, change: AttrChange): number {
    if (this.#top.has(ino)) return -EPERM;
    if (this.#group(ino) === undefined) return -ENOENT;
    this.#attributes.set(ino, change);
    return 0;
  }

  readlink(ino: Ino): string | number {
    return this.#top.readlink(ino);
  }

  get #timeMs(): number {
    const { options, nowUs } = this.#host.machine;
    return options.bootTimeMs + Math.floor(nowUs / 1000);
  }

  readdir(ino: Ino): readonly DirEntry[] | number {
    if (ino === this.#top.ino) return this.#top.readdir();
    if (ino % SLOTS !== 0) return -ENOTDIR;
    const group = this.#group(ino);
    if (group === undefined) return -ENOENT;
    const files = cgroupFiles(this.#host.machine).filter(
      (file) => cgroupFile(this.#host.machine, group, file.name) === file,
    );
    return [
      ...files.map(({ name }) => ({ name, ino: ino + fileNumber(this.#host.machine, name), type: S_IFREG })),
      ...[...group.children.values()].map(({ name, path }) => ({
        name,
        ino: this.#numbers.of(path) * SLOTS,
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
    return new GroupFile(this.#tree, () => this.#group(ino), file);
  }

  mkdir(parent: Ino, name: string, _mode: number, caller: Caller | undefined): Ino | number | Pending<number> {
    // A transport has one object for all callers.
    const by = caller === undefined ? undefined : { uid: caller.uid, gid: caller.gid };
    return this.#change(parent, name, (path) => {
      if (cgroupFile(this.#host.machine, this.#group(parent)!, name) !== undefined)
        throw new KernelError(EINVAL, `${name} is a file`);
      this.#host.machine.cgroups.mkdir(path);
      this.#host.record(`cgroup mkdir ${quoteValue(path)}`);
      const made = this.#numbers.of(path) * SLOTS;
      this.#attributes.made(made, by);
      return made;
    });
  }

  rmdir(parent: Ino, name: string): number | Pending<number> {
    return this.#change(parent, name, (path) => {
      const guests = guestsIn(this.#tree.guests, this.#host.machine.cgroups.at(path));
      if (guests.some(({ isZombie }) => !isZombie)) throw new KernelError(EBUSY, `${path} is in use`);
      this.#host.machine.cgroups.rmdir(path);
      this.#host.record(`cgroup rmdir ${quoteValue(path)}`);
      this.#attributes.forget(this.#numbers.of(path) * SLOTS);
      this.#numbers.forget(path);
      return 0;
    });
  }

  #change(parent: Ino, name: string, change: (path: string) => number): number | Pending<number> {
    if (this.#top.has(parent)) return -EPERM;
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

  /** Who is not root has to own the group in which they meet. Mirrors: cgroup_procs_write_permission. */
  #mayMove(from: Cgroup, to: Cgroup, caller: Caller | undefined): boolean {
    if (caller === undefined || caller.uid === 0) return true;
    let common = from;
    while (!to.isWithin(common) && common.parent !== null) common = common.parent;
    const attr = newAttr();
    this.getattr(this.#numbers.of(common.path) * SLOTS + fileNumber(this.#host.machine, 'cgroup.procs'), attr);
    const shift = caller.uid === attr.uid ? 6 : caller.gid === attr.gid ? 3 : 0;
    return ((attr.mode >> shift) & MAY_WRITE) !== 0;
  }

  #group(ino: Ino): Cgroup | undefined {
    const path = this.#numbers.pathOf(Math.floor(ino / SLOTS));
    if (path === undefined) return undefined;
    try {
      return this.#host.machine.cgroups.at(path);
    } catch (error) {
      if (error instanceof KernelError) return undefined;
      throw error;
    }
  }

  #file(ino: Ino, group: Cgroup): CgroupFile | undefined {
    const name = cgroupFiles(this.#host.machine)[(ino % SLOTS) - 1]?.name;
    return name === undefined ? undefined : cgroupFile(this.#host.machine, group, name);
  }
}

function fileNumber(machine: Machine, name: string): number {
  return cgroupFiles(machine).findIndex((file) => file.name === name) + 1;
}

function isPressure(file: CgroupFile): boolean {
  return file.pressure === true;
}

function modeOf(file: CgroupFile): number {
  return (file.show ? 0o444 : 0) | (file.write || isPressure(file) ? 0o200 : 0);
}

function guestsIn(guests: Guests | undefined, group: Cgroup, below = false): readonly Guest[] {
  if (guests === undefined) return [];
  const { path } = group;
  const start = path === '/' ? path : `${path}/`;
  return guests.all().filter((guest) => guest.path === path || (below && guest.path.startsWith(start)));
}

/** An open file of a group. It answers ENODEV once the group has gone. */
class GroupFile implements OpenFile {
  readonly #tree: Tree;
  readonly #group: () => Cgroup | undefined;
  readonly #file: CgroupFile;
  #text: Uint8Array | undefined;
  readonly waitQueue = new WaitQueue();
  /** What was read last; undefined: nothing yet. What poll has told of. */
  #seen: string | undefined;
  #told: string | undefined;
  /** Its own beginning of a counter such as memory.peak, by number; 0: none. */
  #reset = 0;

  constructor(tree: Tree, group: () => Cgroup | undefined, file: CgroupFile) {
    this.#tree = tree;
    this.#group = group;
    this.#file = file;
  }

  read(offset: number, size: number): Uint8Array | number {
    if (offset === 0 || this.#text === undefined) {
      this.#tree.host.advanceToNow();
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
    return show?.(this.#tree.host.machine, group, (of, below) => guestsIn(this.#tree.guests, of, below)) ?? '';
  }

  /** Before it has been read it counts as changed; gone: an error. Mirrors: kernfs_fop_poll, kernfs_generic_poll. */
  poll(): number {
    this.#tree.host.advanceToNow();
    if (this.#file.notifies !== true) return DEFAULT_POLLMASK;
    this.#tree.polled.add(this);
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
    this.#tree.polled.delete(this);
    const group = this.#reset === 0 ? undefined : this.#group();
    if (group !== undefined) this.#file.peak?.(group.memcg).counter.forget(this.#reset);
  }

  write(data: Uint8Array, _offset: number, caller: Caller | undefined): number | Pending<number> {
    this.#tree.host.advanceToNow();
    const own = this.#tree.host.busy ? Uint8Array.from(data) : data;
    // A transport has one object for all callers.
    const by = caller === undefined ? undefined : { uid: caller.uid, gid: caller.gid, pid: caller.pid };
    return this.#tree.host.run(() => this.#write(own, by));
  }

  *#write(data: Uint8Array, caller: Caller | undefined): Job<number> {
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
    if (PROCS.has(name) && text === '0') text = String(caller?.pid ?? 0);
    const step = `cgroup write ${quoteValue(`${group.parent === null ? '' : group.path}/${name}`)} ${text === '' ? '""' : quoteValue(text)}`;
    try {
      if (PROCS.has(name) && !this.#mayMove(group, text, caller)) return -EACCES;
      const moved = this.#asGuest(group, name, text);
      if (moved !== undefined) return moved < 0 ? moved : length;
      yield* writeCgroupFile(this.#tree.host.machine, group, name, text);
      this.#tree.host.record(step);
      if (name === 'cgroup.kill')
        for (const { pid } of guestsIn(this.#tree.guests, group, true)) this.#tree.guests?.kill(pid);
      return length;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.errno === EAGAIN) this.#tree.host.record(`${step} expect=EAGAIN`);
      return -error.errno;
    }
  }

  #mayMove(to: Cgroup, text: string, caller: Caller | undefined): boolean {
    const { cgroups, byTid } = this.#tree.host.machine;
    const task = byTid.get(Number(text));
    const guest = this.#tree.guests?.has(Number(text)) === true ? this.#tree.guests.pathOf(Number(text)) : undefined;
    const from = task !== undefined ? cgroups.of(task) : guest === undefined ? undefined : cgroups.at(guest);
    return from === undefined || this.#tree.mayMove(from, to, caller);
  }

  /** A write that concerns a guest: its answer; undefined for all others. Throws EBUSY. */
  #asGuest(group: Cgroup, name: string, text: string): number | undefined {
    if (this.#tree.guests === undefined) return undefined;
    if (name === 'cgroup.subtree_control' && group.parent !== null && /(^|\s)\+memory/.test(text)) {
      if (guestsIn(this.#tree.guests, group).length > 0) throw new KernelError(EBUSY, 'it has processes of its own');
      return undefined;
    }
    if (!PROCS.has(name) || !/^\d+$/.test(text) || !this.#tree.guests.has(Number(text))) return undefined;
    this.#tree.host.machine.cgroups.checkPlace(group);
    return this.#tree.guests.move(Number(text), group.path);
  }
}

/** The control groups of a machine as a file system; `guests`: processes that may stand in them beside its own. */
export function createCgroupFs(host: CgroupHost, options: CgroupTreeOptions = {}): FileSystem {
  return new CgroupFs(host, options);
}
