import { existsSync } from 'node:fs';
import type { ProcHost } from '../procfs/host.ts';
import { ENOENT } from '../util/errno.ts';
import { type Caller, type FileSystem, type Ino, S_IFLNK } from '../vfs/types.ts';
import { genuineProcOf, ownProc } from './genuine-proc.ts';

const NAME = '.host';
const USUAL = '/proc';
/** Above every inode number of the tree. */
const LINK_INO: Ino = Number.MAX_SAFE_INTEGER - 1;

/**
 * Makes `.host` a symbolic link to the genuine procfs of who asks: `self` and the numbers of real processes resolve
 * without a mount below ours, which would keep `umount` from ending it. Not to be found by who sees no genuine one.
 */
export function linkHost(fs: FileSystem): FileSystem {
  const lookup = fs.lookup.bind(fs);
  const getattr = fs.getattr.bind(fs);
  const readlink = fs.readlink.bind(fs);
  fs.lookup = (parent, name, caller) => {
    if (name !== NAME || parent !== fs.root) return lookup(parent, name, caller);
    return targetFor(caller) === undefined ? -ENOENT : LINK_INO;
  };
  fs.getattr = (ino, out) => {
    const status = getattr(ino === LINK_INO ? fs.root : ino, out);
    if (ino !== LINK_INO) return status;
    out.ino = LINK_INO;
    out.mode = S_IFLNK | 0o777;
    out.nlink = 1;
    out.size = USUAL.length;
    return status;
  };
  fs.readlink = (ino, caller) => (ino === LINK_INO ? (targetFor(caller) ?? -ENOENT) : readlink(ino, caller));
  return fs;
}

/** Where nobody is known who asks, as for ourselves. */
function targetFor(caller: Caller | undefined): string | undefined {
  return genuineProcOf(caller === undefined || caller.pid === 0 ? process.pid : caller.pid);
}

/** Numbers that are neither simulated nor real do not exist: the link that the tree offers for them would lead nowhere. */
export function hideDeadNumbers(fs: FileSystem, host: ProcHost): FileSystem {
  const lookup = fs.lookup.bind(fs);
  fs.lookup = (parent, name, caller) => {
    const ino = lookup(parent, name, caller);
    if (ino < 0 || parent !== fs.root || !/^\d/.test(name)) return ino;
    return host.machine.byTid.has(Number(name)) || existsSync(`${ownProc()}/${name}`) ? ino : -ENOENT;
  };
  return fs;
}
