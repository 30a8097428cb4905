/**
 * /sys of the simulated machine as a file system of its own, for a second mount. The tree is made of tables and made anew
 * when the machine has become another one. Mirrors: fs/sysfs, fs/kernfs.
 */
import type { SystemContext } from '../procfs/entry.ts';
import { type FixedNode, FixedTree } from '../procfs/fixed-tree.ts';
import type { ProcHost } from '../procfs/host.ts';
import { CommandFile, RenderedFile } from '../procfs/open-files.ts';
import { settingsFrom } from '../procfs/settings.ts';
import type { Moment, Snapshot } from '../procfs/snapshots.ts';
import { TextBuffer } from '../procfs/text.ts';
import { EACCES, EINVAL, EIO, EISDIR, ENODEV, ENOENT, ENOTDIR, EPERM } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import {
  type Attr,
  type AttrChange,
  type Caller,
  type DirEntry,
  type FileSystem,
  type Ino,
  type OpenFile,
  type Pending,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from '../vfs/types.ts';
import { shapeOf, sysTree } from './tree.ts';

/** Inode numbers: number of the tree × this + place in it; no number comes back for something else. The root: 1. */
const PER_TREE = 2 ** 20;
const ROOT = 1;
/** What files of sysfs say of their length. */
const FILE_SIZE = 4096;
const O_ACCMODE = 3;
const O_WRONLY = 1;
const HEARTBEAT_MS = 100;
const settings = settingsFrom({});

class SysFs implements FileSystem {
  readonly root: Ino = ROOT;
  readonly heartbeatMs = HEARTBEAT_MS;
  onEntryGone: ((parent: Ino, name: string) => void) | undefined;
  readonly #host: ProcHost;
  readonly #text = new TextBuffer();
  #made: { readonly shape: string; readonly number: number; readonly tree: FixedTree } | undefined;

  constructor(host: ProcHost) {
    this.#host = host;
  }

  /** The tree of the machine as it is now, and where its inode numbers begin. */
  #tree(): { readonly tree: FixedTree; readonly first: Ino } {
    const { machine } = this.#host;
    const shape = shapeOf(machine);
    if (this.#made?.shape !== shape)
      this.#made = { shape, number: (this.#made?.number ?? 0) + 1, tree: new FixedTree(sysTree(machine)) };
    return { tree: this.#made.tree, first: this.#made.number * PER_TREE };
  }

  #node(ino: Ino): FixedNode | undefined {
    const { tree, first } = this.#tree();
    return ino === ROOT ? tree.root : tree.node(ino - first);
  }

  #ino({ ino }: { readonly ino: Ino }): Ino {
    return this.#tree().first + ino;
  }

  #context(): SystemContext {
    return { host: this.#host, machine: this.#host.machine, settings, tree: this.#tree().tree };
  }

  lookup(parent: Ino, name: string): Ino | number {
    this.#host.advanceToNow();
    const node = this.#node(parent);
    if (node === undefined) return -ENOENT;
    if (node.children === undefined) return -ENOTDIR;
    const child = node.children.get(name);
    return child === undefined ? -ENOENT : this.#ino(child);
  }

  getattr(ino: Ino, out: Attr): number {
    const node = this.#node(ino);
    if (node === undefined) return -ENOENT;
    const { options } = this.#host.machine;
    Object.assign(out, { ino, mode: node.entry.mode, nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0 });
    out.timeMs = options.bootTimeMs;
    const type = node.entry.mode & S_IFMT;
    if (type === S_IFDIR) {
      out.nlink = 2;
      for (const child of node.children?.values() ?? []) if ((child.entry.mode & S_IFMT) === S_IFDIR) out.nlink++;
    } else if (type === S_IFLNK) out.size = String(node.entry.link?.(this.#context())).length;
    else out.size = FILE_SIZE;
    return 0;
  }

  setattr(ino: Ino, change: AttrChange): number {
    if (this.#node(ino) === undefined) return -ENOENT;
    return change.mode !== undefined || change.uid !== undefined || change.gid !== undefined ? -EPERM : 0;
  }

  readlink(ino: Ino): string | number {
    return this.#node(ino)?.entry.link?.(this.#context()) ?? -EINVAL;
  }

  readdir(ino: Ino): readonly DirEntry[] | number {
    this.#host.advanceToNow();
    const node = this.#node(ino);
    if (node === undefined) return -ENOENT;
    if (node.children === undefined) return -ENOTDIR;
    return node.listed.map(({ name, ino: place, type }) => ({ name, ino: this.#ino({ ino: place }), type }));
  }

  open(ino: Ino, flags: number): OpenFile | number {
    this.#host.advanceToNow();
    const entry = this.#node(ino)?.entry;
    if (entry === undefined) return -ENODEV;
    if (entry.children !== undefined) return -EISDIR;
    const writes = (flags & O_ACCMODE) !== 0;
    const reads = (flags & O_ACCMODE) !== O_WRONLY;
    // Not even root may open a file for what it cannot do. Mirrors: kernfs_fop_open.
    if ((writes && entry.write === undefined) || (reads && entry.show === undefined)) return -EACCES;
    const content = {
      snapshot: () => this.#render(ino),
      now: () => this.#moment(),
      write: (data: Uint8Array, writer: Caller | undefined) => this.#write(ino, data, writer),
    };
    return entry.show === undefined ? new CommandFile(content) : new RenderedFile(content);
  }

  entryTimeoutMs(): number {
    return 0;
  }

  attrTimeoutMs(): number {
    return 0;
  }

  heartbeat(): void {
    this.#host.advanceToNow();
  }

  #moment(): Moment {
    return { machine: this.#host.machine, changes: this.#host.changes, wallMs: this.#host.wallNowMs() };
  }

  #render(ino: Ino): Snapshot | number {
    this.#host.advanceToNow();
    const entry = this.#node(ino)?.entry;
    if (entry?.show === undefined) return -ENODEV;
    const out = this.#text.clear();
    entry.show(out, this.#context());
    return { ...this.#moment(), bytes: out.take() };
  }

  #write(ino: Ino, data: Uint8Array, caller: Caller | undefined): number | Pending<number> {
    const host = this.#host;
    host.advanceToNow();
    const own = Uint8Array.from(data);
    return host.run(() => {
      const entry = this.#node(ino)?.entry;
      if (entry === undefined) return -ENODEV;
      try {
        return entry.write?.(this.#context(), own, caller) ?? -EIO;
      } catch (error) {
        if (error instanceof KernelError) return -error.errno;
        throw error;
      }
    });
  }
}

/** /sys of a machine as a file system. */
export function createSysFs(host: ProcHost): FileSystem {
  return new SysFs(host);
}
