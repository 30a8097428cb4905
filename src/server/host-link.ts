import { existsSync } from 'node:fs';
import type { ProcHost } from '../procfs/host.ts';
import { ENOENT } from '../util/errno.ts';
import { type FileSystem, type Ino, S_IFLNK } from '../vfs/types.ts';

const NAME = '.host';
/** Above every inode number of the tree. */
const LINK_INO: Ino = Number.MAX_SAFE_INTEGER - 1;

/**
 * Makes `.host` a symbolic link to the genuine /proc, for mounts beside it: `self` and the numbers of real processes
 * resolve without a mount below ours, which would keep `umount` from ending it.
 */
export function linkHost(fs: FileSystem, target: string): FileSystem {
  const lookup = fs.lookup.bind(fs);
  const getattr = fs.getattr.bind(fs);
  const readlink = fs.readlink.bind(fs);
  fs.lookup = (parent, name, caller) => (name === NAME && parent === fs.root ? LINK_INO : lookup(parent, name, caller));
  fs.getattr = (ino, out) => {
    const status = getattr(ino === LINK_INO ? fs.root : ino, out);
    if (ino !== LINK_INO) return status;
    out.ino = LINK_INO;
    out.mode = S_IFLNK | 0o777;
    out.nlink = 1;
    out.size = target.length;
    return status;
  };
  fs.readlink = (ino, caller) => (ino === LINK_INO ? target : readlink(ino, caller));
  return fs;
}

/** Numbers that are neither simulated nor real do not exist: the link that the tree offers for them would lead nowhere. */
export function hideDeadNumbers(fs: FileSystem, host: ProcHost): FileSystem {
  const lookup = fs.lookup.bind(fs);
  fs.lookup = (parent, name, caller) => {
    const ino = lookup(parent, name, caller);
    if (ino < 0 || parent !== fs.root || !/^\d/.test(name)) return ino;
    return host.machine.byTid.has(Number(name)) || existsSync(`/proc/${name}`) ? ino : -ENOENT;
  };
  return fs;
}
