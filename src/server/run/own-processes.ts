/**
 * The command's own processes in its /proc: directories whose files are links to the genuine ones, but for those that
 * would tell of another machine (mounts, control groups). The server, its helpers and the init of the namespace are left out.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import type { CgroupVersion } from '../../machine/machine.ts';
import type { ProcHost } from '../../procfs/host.ts';
import { pidOf } from '../../procfs/host-links.ts';
import { OWN_PROCESS_INODES, placeOf } from '../../procfs/inode.ts';
import { toBuffer } from '../../util/bytes.ts';
import { EACCES, EINVAL, ENOENT, ENOTDIR, EPERM, ESRCH } from '../../util/errno.ts';
import {
  type Attr,
  type Caller,
  type DirEntry,
  type FileSystem,
  type Ino,
  type OpenFile,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
} from '../../vfs/types.ts';
import { addBranch } from '../branch.ts';
import type { Family } from './family.ts';
import { limitsShown, type OwnGroups } from './own-groups.ts';
import { OwnMounts } from './own-mounts.ts';

/** Inode numbers: process × this + 1 + place of the name; the directory itself: place 0. */
const SLOTS = 256;
const KEPT_MS = 1000;
/** Bits 0 and 1 of open(2)'s flags. */
const O_ACCMODE = 3;

/** Files that are not the genuine ones. */
const SHOWN: Readonly<Record<string, { readonly mode: number; show(pid: number, groups: OwnGroups): string }>> = {
  // What they use is the host's, and charged to no group.
  cgroup: { mode: 0o444, show: (pid, groups) => `${groups.hierarchy}${groups.pathOf(pid)}\n` },
  limits: { mode: 0o444, show: (pid) => limitsShown(readFileSync(`/proc/${pid}/limits`, 'latin1')) },
  mountinfo: { mode: 0o444, show: (pid, { version }) => mountsOf(pid, version).mountinfo() },
  mounts: { mode: 0o444, show: (pid, { version }) => mountsOf(pid, version).mounts() },
  mountstats: { mode: 0o400, show: (pid, { version }) => mountsOf(pid, version).mountstats() },
};
/** Links that programs read to learn where they are: given as text where the text leads to the same. */
const PLAIN_LINKS: ReadonlySet<string> = new Set(['exe', 'cwd', 'root']);

function mountsOf(pid: number, version: CgroupVersion): OwnMounts {
  return new OwnMounts(readFileSync(`/proc/${pid}/mountinfo`, 'latin1'), version);
}

class OwnProcessFs implements FileSystem {
  readonly root: Ino = 0;
  readonly heartbeatMs = KEPT_MS;
  readonly #host: ProcHost;
  readonly #groups: OwnGroups;
  /** The kernel has the same files for all processes. */
  readonly #names = readdirSync('/proc/self').sort();

  constructor(host: ProcHost, groups: OwnGroups) {
    this.#host = host;
    this.#groups = groups;
  }

  directory(pid: number): Ino {
    return pid * SLOTS;
  }

  lookup(parent: Ino, name: string): Ino | number {
    if (parent % SLOTS !== 0) return -ENOTDIR;
    const place = this.#names.indexOf(name);
    return place < 0 ? -ENOENT : parent + 1 + place;
  }

  getattr(ino: Ino, out: Attr): number {
    const { pid, name } = this.#at(ino);
    try {
      const { uid, gid } = statSync(`/proc/${pid}`);
      Object.assign(out, { ino, uid, gid, size: 0, rdev: 0, nlink: 1 });
    } catch {
      return -ENOENT;
    }
    const { options, nowUs } = this.#host.machine;
    out.timeMs = options.bootTimeMs + Math.floor(nowUs / 1000);
    if (name === undefined) {
      out.mode = S_IFDIR | 0o555;
      out.nlink = 9;
      return 0;
    }
    const shown = SHOWN[name];
    out.mode = shown === undefined ? S_IFLNK | 0o777 : S_IFREG | shown.mode;
    return 0;
  }

  setattr(): number {
    return -EPERM;
  }

  readlink(ino: Ino, caller: Caller | undefined): string | number {
    const { pid, name } = this.#at(ino);
    if (name === undefined || name in SHOWN) return -EINVAL;
    const genuine = `../.host/${pid}/${name}`;
    if (!PLAIN_LINKS.has(name) || caller === undefined) return genuine;
    try {
      // Others are told by the kernel whether they may know.
      if (caller.uid !== 0 && statSync(`/proc/${pid}`).uid !== caller.uid) return genuine;
      return textThatLeads(pid, name, caller.pid) ?? genuine;
    } catch {
      return genuine;
    }
  }

  open(ino: Ino, flags: number): OpenFile | number {
    const { pid, name = '' } = this.#at(ino);
    const shown = SHOWN[name];
    if (shown === undefined) return -EINVAL;
    if ((flags & O_ACCMODE) !== 0) return -EACCES;
    let text: Uint8Array | undefined;
    return {
      read: (offset, size) => {
        if (text === undefined || offset === 0) {
          try {
            text = toBuffer(shown.show(pid, this.#groups));
          } catch {
            return -ESRCH;
          }
        }
        return text.subarray(offset, offset + size);
      },
      write: () => -EINVAL,
    };
  }

  readdir(ino: Ino): readonly DirEntry[] | number {
    if (ino % SLOTS !== 0) return -ENOTDIR;
    return this.#names.map((name, place) => ({
      name,
      ino: ino + 1 + place,
      type: name in SHOWN ? S_IFREG : S_IFLNK,
    }));
  }

  /** Processes end without a word; the names in their directories are always the same. */
  entryTimeoutMs(ino: Ino): number {
    return ino % SLOTS === 0 ? 0 : KEPT_MS;
  }

  attrTimeoutMs(): number {
    return 0;
  }

  heartbeat(): void {}

  #at(ino: Ino): { pid: number; name: string | undefined } {
    const place = ino % SLOTS;
    return { pid: Math.floor(ino / SLOTS), name: place === 0 ? undefined : this.#names[place - 1] };
  }
}

/** The target of a link as its reader would see it, where following the text leads to the same: same mounts, same root, not deleted. */
function textThatLeads(pid: number, name: string, reader: number): string | undefined {
  const target = readlinkSync(`/proc/${pid}/${name}`, 'latin1');
  const root = readlinkSync(`/proc/${pid}/root`, 'latin1');
  const alike = (what: string): boolean =>
    readlinkSync(`/proc/${pid}/${what}`) === readlinkSync(`/proc/${reader}/${what}`);
  if (target.endsWith(' (deleted)') || !alike('root') || !alike('ns/mnt')) return undefined;
  if (root === '/') return target.startsWith('/') ? target : undefined;
  if (target === root) return '/';
  return target.startsWith(`${root}/`) ? target.slice(root.length) : undefined;
}

/** Adds the command's processes to the root of the tree, in place of links. */
export function addOwnProcesses(fs: FileSystem, host: ProcHost, family: Family, groups: OwnGroups): FileSystem {
  const own = new OwnProcessFs(host, groups);
  const enter = (name: string): Ino | undefined => {
    const pid = pidOf(name);
    return pid > 0 && family.has(pid) ? own.directory(pid) : undefined;
  };
  const added = addBranch(fs, { fs: own, ...OWN_PROCESS_INODES, enter });
  const lookup = added.lookup.bind(added);
  const readdir = added.readdir.bind(added);
  added.lookup = (parent, name, caller) => {
    const ino = lookup(parent, name, caller);
    // The server and its helpers are nobody's business.
    return family.pidns && ino > 0 && placeOf(ino).kind === 'host' ? -ENOENT : ino;
  };
  added.readdir = (ino, caller) => {
    const entries = readdir(ino, caller);
    if (ino !== added.root || typeof entries === 'number') return entries;
    const directories = family.listed(caller).map((pid) => ({
      name: String(pid),
      ino: OWN_PROCESS_INODES.first + own.directory(pid),
      type: S_IFDIR,
    }));
    return [...entries, ...directories];
  };
  return added;
}
