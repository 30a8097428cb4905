/**
 * The file system: from inode numbers to rows, and from rows to answers. Every operation first brings the machine to the
 * present and looks the process up again; nothing of the machine is kept between two operations but rendered bytes.
 */
import type { Task } from '../machine/task.ts';
import { EACCES, EINVAL, EIO, ENOENT, ENOTDIR, EPERM, ESRCH } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { finish, isJob, type Job } from '../util/job.ts';
import {
  type Attr,
  type AttrChange,
  type Caller,
  type DirEntry,
  type FileSystem,
  type Ino,
  type OpenFile,
  type Pending,
  type PendingRead,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../vfs/types.ts';
import { shownMode } from './access.ts';
import { CallerProcesses } from './caller-processes.ts';
import { DiskTree } from './disk.ts';
import { type Entry, isThere, type SystemContext, type TaskContext } from './entry.ts';
import { EventStreams } from './event-streams.ts';
import { nrOpenFiles } from './fd.ts';
import { type FixedNode, FixedTree, listedIn } from './fixed-tree.ts';
import type { ProcHost } from './host.ts';
import { hostTarget } from './host-links.ts';
import { isFixedIno, taskIno } from './inode.ts';
import { KeptMachines } from './kept-machines.ts';
import { KernelLogFiles } from './kmsg.ts';
import { LastError } from './last-error.ts';
import { openNamespace } from './namespaces.ts';
import { CommandFile, RenderedFile } from './open-files.ts';
import { PressureFiles, type PressureSource } from './pressure.ts';
import { type Found, Resolver } from './resolver.ts';
import { rootEntry } from './root.ts';
import { type ProcFsOptions, type ProcFsSettings, settingsFrom } from './settings.ts';
import { type Moment, type Snapshot, Snapshots } from './snapshots.ts';
import { TGID_DIRECTORY } from './task-rows.ts';
import { TextBuffer } from './text.ts';

/** Directories that are listed for whom their mode lets in; what is in them is for tracers. Mirrors: proc_fd_permission. */
const LISTED_BY_MODE: ReadonlySet<string> = new Set(['ns', 'fd']);

const O_ACCMODE = 3;
const O_WRONLY = 1;
/** How often those who wait want the machine brought up to date. */
const HEARTBEAT_MS = 100;
/** What is rendered in pieces is set aside in parts of about this size. */
const PART_BYTES = 1 << 20;
/** Directories may be kept; attributes of files only until the open that follows. */
const DIRECTORY_TIMEOUT_MS = 1000;
const ATTR_TIMEOUT_MS = 1;

export class ProcFs implements FileSystem {
  readonly heartbeatMs = HEARTBEAT_MS;
  readonly ending: () => void;
  readonly root: Ino;
  onEntryGone: ((parent: Ino, name: string) => void) | undefined;
  onAttrChanged: ((ino: Ino) => void) | undefined;
  readonly #host: ProcHost;
  readonly #settings: ProcFsSettings;
  readonly #tree: FixedTree;
  readonly #resolver: Resolver;
  readonly #snapshots = new Snapshots();
  readonly #disk: DiskTree;
  readonly #kept: KeptMachines;
  readonly #processes: CallerProcesses;
  readonly #pressure = new PressureFiles();
  readonly #psi: PressureSource = {
    advanceToNow: () => this.#host.advanceToNow(),
    psi: () => this.#host.machine.psi,
  };
  readonly #text = new TextBuffer();

  constructor(host: ProcHost, options: ProcFsOptions = {}) {
    this.#host = host;
    this.#settings = settingsFrom(options);
    this.#processes = new CallerProcesses(this.#settings.callerPid, () => host.wallNowMs());
    const streams = new EventStreams(host);
    const kernelLog = new KernelLogFiles(host);
    const lastError = new LastError();
    this.#tree = new FixedTree(rootEntry(this.#settings, streams, kernelLog, lastError));
    this.#resolver = new Resolver(host, this.#settings, this.#tree);
    this.#disk = new DiskTree(host, this.#settings, this.#tree.find('reclaimfs/disk')!.ino);
    this.#kept = new KeptMachines(host, this.#settings, this.#tree.find('reclaimfs/snapshots')!.ino, lastError);
    this.root = this.#tree.root.ino;
    host.onGone = (task, tid) => this.#gone(task, tid);
    host.onUserChanged = (task) => this.onAttrChanged?.(taskIno(task.serial, TGID_DIRECTORY, task.pid));
    host.onEvent = () => streams.wake();
    host.onKernelLog = () => kernelLog.wake();
    this.ending = () => {
      streams.end();
      kernelLog.end();
    };
  }

  lookup(parent: Ino, name: string, caller: Caller | undefined): Ino | number {
    this.#host.advanceToNow();
    const found = this.#resolver.find(parent);
    if (typeof found === 'number') return found;
    switch (found.kind) {
      case 'fixed':
        return this.#lookupFixed(found.node, found.ctx, name, caller);
      case 'task':
        if (found.entry.dir === undefined) return -ENOTDIR;
        if (!this.#settings.access.maySee(caller, found.ctx.task)) return -EPERM;
        if (!this.#settings.access.mayUse(caller, found.ctx.task, found.entry))
          return found.entry.name === 'map_files' ? -ENOENT : -EACCES;
        return found.entry.dir.find(found.ctx, name, caller) ?? -ENOENT;
      case 'gone':
        return (found.entry.mode & S_IFMT) === S_IFDIR ? -ESRCH : -ENOTDIR;
      case 'disk':
        return this.#disk.lookup(parent, name);
      case 'host':
      case 'kept':
      case 'namespace':
        return -ENOTDIR;
    }
  }

  getattr(ino: Ino, out: Attr): number {
    this.#host.advanceToNow();
    const found = this.#resolver.find(ino);
    if (typeof found === 'number') return found;
    if (found.kind === 'disk') return this.#disk.getattr(ino, out);
    if (found.kind === 'kept') return this.#kept.getattr(ino, out);
    const { machine } = this.#host;
    out.ino = ino;
    out.nlink = 1;
    out.uid = 0;
    out.gid = 0;
    out.size = 0;
    out.rdev = 0;
    out.timeMs = Math.floor(machine.options.bootTimeMs + machine.nowUs / 1000);
    if (found.kind === 'host') {
      out.mode = S_IFLNK | 0o777;
      out.size = hostTarget(found.pid).length;
      return 0;
    }
    if (found.kind === 'namespace') {
      out.mode = S_IFREG | 0o444;
      return 0;
    }
    const { entry } = found;
    out.mode = found.kind === 'fixed' ? entry.mode : shownMode(found.entry, this.#settings);
    if ((entry.mode & S_IFMT) === S_IFDIR) out.nlink = 2;
    if (found.kind === 'task') this.#taskAttr(found.ctx, found.entry, out);
    else if (found.kind === 'fixed') this.#fixedAttr(found.node, found.ctx, out);
    if (found.kind === 'gone') return 0;
    if (entry.show !== undefined) out.size = this.#sizeOf(ino, found);
    else if (entry.size !== undefined)
      out.size = found.kind === 'task' ? found.entry.size!(found.ctx) : found.entry.size!(found.ctx);
    return 0;
  }

  #fixedAttr(node: FixedNode, ctx: SystemContext, out: Attr): void {
    if (node.entry.ownedByMounter) {
      out.uid = this.#settings.uid;
      out.gid = this.#settings.gid;
    }
    if (node === this.#tree.root) out.nlink += ctx.machine.tasks.size;
    if (node.children !== undefined)
      for (const child of listedIn(node, ctx.machine)) if (child.type === S_IFDIR) out.nlink++;
    if (node.entry.link !== undefined) out.size = String(node.entry.link(ctx)).length;
  }

  /** Mirrors: pid_getattr, proc_fd_getattr, proc_task_getattr. */
  #taskAttr(ctx: TaskContext, entry: Entry<TaskContext>, out: Attr): void {
    const { task, machine } = ctx;
    // What is closed to those who are not known belongs to whom the kernel would let in.
    const open = entry.mode === (S_IFDIR | 0o555) && shownMode(entry, this.#settings) === entry.mode;
    // Directories that all may enter keep the ids of the process even where its files belong to root.
    // Where nobody is known, what only the privileged may use belongs to root.
    const roots = entry.privileged === true && !this.#settings.callerKnown;
    out.uid = roots ? 0 : open ? task.ids.euid : task.fileUid;
    out.gid = open ? task.ids.egid : task.fileGid;
    out.timeMs = Math.floor(machine.options.bootTimeMs + ctx.thread.startUs / 1000);
    if (entry.name === 'fd') out.size = nrOpenFiles(task);
    if (entry.name === 'task') out.nlink += task.threads.length;
  }

  /** What takes long is not rendered for a stat: nothing is said of its size, as of all files of a genuine /proc. */
  #sizeOf(ino: Ino, found: Found): number {
    if (takesLong(found)) return 0;
    const snapshot = this.#render(ino, found);
    return typeof snapshot === 'number' ? 0 : snapshot.bytes.length;
  }

  setattr(ino: Ino, change: AttrChange, caller: Caller | undefined): number {
    this.#host.advanceToNow();
    const found = this.#resolver.find(ino);
    if (typeof found === 'number') return found;
    if (change.mode !== undefined) return -EPERM;
    const chown = change.uid !== undefined || change.gid !== undefined;
    if (chown && caller !== undefined && caller.uid !== 0) return -EPERM;
    return 0;
  }

  readlink(ino: Ino, caller: Caller | undefined): string | number {
    this.#host.advanceToNow();
    const found = this.#resolver.find(ino);
    if (typeof found === 'number') return found;
    switch (found.kind) {
      case 'host':
        return hostTarget(found.pid);
      case 'fixed':
        return found.entry.link?.(found.ctx, caller) ?? -EINVAL;
      case 'task':
        if (found.entry.link === undefined) return -EINVAL;
        if (!this.#settings.access.mayUse(caller, found.ctx.task, found.entry)) return -EACCES;
        return found.entry.link(found.ctx);
      case 'gone':
        return -ESRCH;
      case 'disk':
      case 'kept':
      case 'namespace':
        return -EINVAL;
    }
  }

  open(ino: Ino, flags: number, caller: Caller | undefined): OpenFile | number {
    this.#host.advanceToNow();
    const found = this.#resolver.find(ino);
    if (typeof found === 'number') return found;
    if (found.kind === 'disk') return this.#disk.open(ino);
    if (found.kind === 'kept') return this.#kept.open(ino);
    if (found.kind === 'host') return -EINVAL;
    if (found.kind === 'gone') return -ESRCH;
    if (found.kind === 'namespace') return (flags & O_ACCMODE) === 0 ? openNamespace(ino) : -EPERM;
    const { entry } = found;
    if (entry.strictMode && !allowedByOwnerBits(entry.mode, flags)) return -EACCES;
    if (found.kind === 'task') {
      if (!this.#settings.access.mayUse(caller, found.ctx.task, found.entry)) return -EACCES;
      if (entry.needsMm && found.ctx.task.mm === null) return -ESRCH;
      if (found.entry.open !== undefined) return found.entry.open(found.ctx, flags, caller);
    } else if (found.entry.open !== undefined) return found.entry.open(found.ctx, flags, caller);
    if (entry.pressure !== undefined) return this.#pressure.open(this.#psi, entry.pressure, caller);
    const content = {
      snapshot: () => this.#renderAgain(ino),
      later: (take: (snapshot: Snapshot | number) => Uint8Array | number) => this.#renderLater(ino, take),
      now: () => this.#moment(),
      write: (data: Uint8Array, writer: Caller | undefined) => this.#write(ino, data, writer),
      ...(entry.refuse === undefined ? {} : { refuse: (reader: Caller | undefined) => this.#refuse(ino, reader) }),
    };
    if (entry.show === undefined) return new CommandFile(content);
    if ((flags & O_ACCMODE) === O_WRONLY || takesLong(found)) return new RenderedFile(content);
    const snapshot = this.#render(ino, found);
    return typeof snapshot === 'number' ? new RenderedFile(content) : new RenderedFile(content, snapshot);
  }

  readdir(ino: Ino, caller: Caller | undefined): readonly DirEntry[] | number {
    this.#host.advanceToNow();
    const found = this.#resolver.find(ino);
    if (typeof found === 'number') return found;
    switch (found.kind) {
      case 'disk':
        return this.#disk.readdir(ino);
      case 'host':
      case 'kept':
      case 'namespace':
        return -ENOTDIR;
      case 'gone':
        return [];
      case 'task':
        if (found.entry.dir === undefined) return -ENOTDIR;
        if (!this.#settings.access.maySee(caller, found.ctx.task)) return -EPERM;
        if (!LISTED_BY_MODE.has(found.entry.name) && !this.#settings.access.mayUse(caller, found.ctx.task, found.entry))
          return -EACCES;
        return found.entry.dir.list(found.ctx, caller);
      case 'fixed':
        if (found.node.children === undefined) return -ENOTDIR;
        if (found.entry.dir !== undefined) return found.entry.dir.list(found.ctx, caller);
        if (found.node === this.#disk.top(this.#tree)) return this.#disk.readdir(ino);
        if (this.#kept.isTop(ino)) return this.#kept.readdir();
        return found.node === this.#tree.root
          ? this.#resolver.rootEntries(found.ctx, caller)
          : listedIn(found.node, found.ctx.machine);
    }
  }

  /** Only machines can be made and removed: see kept-machines.ts. */
  create(parent: Ino, name: string): Ino | number | Pending<number> {
    this.#host.advanceToNow();
    return this.#kept.isTop(parent) ? this.#kept.create(name) : -ENOENT;
  }

  unlink(parent: Ino, name: string): number | Pending<number> {
    this.#host.advanceToNow();
    return this.#kept.isTop(parent) ? this.#kept.unlink(name) : -EPERM;
  }

  /**
   * Directories may be kept: the fixed ones, and those of processes where the transport takes them back before anybody
   * learns of their end. Not under hidepid, where what is found depends on who asks.
   */
  entryTimeoutMs(ino: Ino): number {
    return this.#isKept(ino) ? DIRECTORY_TIMEOUT_MS : 0;
  }

  attrTimeoutMs(ino: Ino): number {
    return this.#isKept(ino) ? DIRECTORY_TIMEOUT_MS : ATTR_TIMEOUT_MS;
  }

  #isKept(ino: Ino): boolean {
    if (isFixedIno(ino)) return this.#tree.node(ino)?.children !== undefined;
    return this.#settings.invalidates && this.#settings.hidepid === 0 && this.#resolver.isProcessDirectory(ino);
  }

  heartbeat(): void {
    this.#pressure.followMachine();
    this.#host.advanceToNow();
  }

  #lookupFixed(node: FixedNode, ctx: SystemContext, name: string, caller: Caller | undefined): Ino | number {
    if (node.children === undefined) return -ENOTDIR;
    const child = node.children.get(name);
    if (child !== undefined) return isThere(child.entry, ctx.machine) ? child.ino : -ENOENT;
    if (node.entry.dir !== undefined) return node.entry.dir.find(ctx, name, caller) ?? -ENOENT;
    if (node === this.#disk.top(this.#tree)) return this.#disk.lookup(node.ino, name);
    if (this.#kept.isTop(node.ino)) return this.#kept.lookup(name);
    return node === this.#tree.root ? this.#resolver.lookupPid(ctx, name, caller) : -ENOENT;
  }

  #moment(): Moment {
    return { machine: this.#host.machine, changes: this.#host.changes, wallMs: this.#host.wallNowMs() };
  }

  #renderAgain(ino: Ino): Snapshot | number {
    this.#host.advanceToNow();
    const found = this.#resolver.find(ino);
    return typeof found === 'number' ? found : this.#render(ino, found);
  }

  /** The text of a file now, or the one that was made for a stat just before. */
  #render(ino: Ino, found: Found): Snapshot | number {
    if (found.kind === 'gone') return -ESRCH;
    if (found.kind !== 'task' && found.kind !== 'fixed') return -EINVAL;
    const moment = this.#moment();
    const known = this.#snapshots.get(ino, moment);
    if (known !== undefined) return known;
    const out = this.#text.clear();
    try {
      finish(showing(found, out));
    } catch (error) {
      if (error instanceof KernelError) return -error.errno;
      throw error;
    }
    const { machine, changes, wallMs } = moment;
    return this.#snapshots.add(ino, { machine, changes, wallMs, bytes: out.take() });
  }

  /** Undefined where it does not take long now. */
  #renderLater(
    ino: Ino,
    take: (snapshot: Snapshot | number) => Uint8Array | number,
  ): Uint8Array | number | PendingRead | undefined {
    this.#host.advanceToNow();
    const found = this.#resolver.find(ino);
    if (typeof found === 'number' || !takesLong(found)) return undefined;
    const known = this.#snapshots.get(ino, this.#moment());
    if (known !== undefined) return take(known);
    const { machine, changes, wallMs } = this.#moment();
    const snapshots = this.#snapshots;
    return this.#host.look(function* () {
      const bytes = yield* longText(found);
      return take(snapshots.add(ino, { machine, changes, wallMs, bytes }));
    });
  }

  #write(ino: Ino, data: Uint8Array, caller: Caller | undefined): number | Pending<number> {
    const host = this.#host;
    host.advanceToNow();
    const found = this.#resolver.find(ino);
    if (typeof found === 'number') return found;
    const mayCancel = found.kind === 'fixed' && found.entry.mayCancel === true;
    const writer = caller === undefined ? undefined : { uid: caller.uid, gid: caller.gid, pid: caller.pid };
    const origin = writer === undefined ? undefined : () => this.#origin(writer);
    if (!host.busy) return host.run(() => this.#writeFound(found, data, writer), { mayCancel, origin });
    // It has to wait: what it is about may be gone by then, and `data` is not ours to keep.
    const own = Uint8Array.from(data);
    const again = (): number | Job<number> => {
      const then = this.#resolver.find(ino);
      return typeof then === 'number' ? then : this.#writeFound(then, own, writer);
    };
    return host.run(again, { mayCancel, origin });
  }

  busy(): boolean {
    return this.#host.busy;
  }

  work(): void {
    this.#host.goOn();
  }

  #refuse(ino: Ino, caller: Caller | undefined): number {
    const found = this.#resolver.find(ino);
    return typeof found !== 'number' && found.kind === 'task' ? refusal(found, caller) : 0;
  }

  #origin({ uid, pid }: Caller): Readonly<Record<string, number>> {
    return { by_uid: uid, by_pid: this.#processes.of(pid) };
  }

  #writeFound(found: Found, data: Uint8Array, caller: Caller | undefined): number | Job<number> {
    switch (found.kind) {
      case 'gone':
        return found.entry.writeGone?.(found.ctx, data) ?? -ESRCH;
      case 'task':
        return refusal(found, caller) || (found.entry.write?.(found.ctx, data, caller) ?? -EINVAL);
      case 'fixed':
        return found.entry.write?.(found.ctx, data, caller) ?? -EIO;
      default:
        return -EINVAL;
    }
  }

  #gone(task: Task, tid: number): void {
    if (tid === task.pid) this.#resolver.forget(task);
    this.onEntryGone?.(this.root, String(tid));
  }
}

function takesLong(found: Found): boolean {
  return found.kind === 'task' && found.entry.isLong?.(found.ctx) === true;
}

function* showing(found: Found, out: TextBuffer): Job<void> {
  if (found.kind !== 'task' && found.kind !== 'fixed') return;
  const begun = found.kind === 'task' ? found.entry.show?.(out, found.ctx) : found.entry.show?.(out, found.ctx);
  if (begun !== undefined && isJob(begun)) yield* begun;
}

/** The same of what is long, set aside bit by bit: a buffer that grows is copied all at once. */
function* longText(found: Found): Job<Uint8Array> {
  const out = new TextBuffer();
  const parts: Uint8Array[] = [];
  let size = 0;
  const setAside = (): void => {
    parts.push(out.take());
    size += out.length;
    out.clear();
  };
  const job = showing(found, out);
  while (job.next().done !== true) {
    if (out.length >= PART_BYTES) setAside();
    yield;
  }
  setAside();
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
    yield;
  }
  return bytes;
}

function refusal({ entry, ctx }: Found & { readonly kind: 'task' }, caller: Caller | undefined): number {
  return caller === undefined ? 0 : (entry.refuse?.(ctx, caller) ?? 0);
}

/** Whether the owner's bits allow an open, whoever asks. */
function allowedByOwnerBits(mode: number, flags: number): boolean {
  const access = flags & O_ACCMODE;
  const reads = access !== O_WRONLY;
  const writes = access !== 0;
  return (!reads || (mode & 0o400) !== 0) && (!writes || (mode & 0o200) !== 0);
}

/** The tree over a machine. */
export function createProcFs(host: ProcHost, options: ProcFsOptions = {}): FileSystem {
  return new ProcFs(host, options);
}
