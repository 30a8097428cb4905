import { type CgroupHost, createCgroupFs } from '../procfs/cgroupfs.ts';
import { EPERM } from '../util/errno.ts';
import { type FileSystem, type Ino, Pending } from '../vfs/types.ts';

/** The directory below the root that holds the control groups; listed nowhere, made to be bind-mounted elsewhere. */
export const CGROUP_NAME = '.cgroup';
/** Between the directories of simulated files and the processes: see procfs/inode.ts. */
const FIRST = 2 ** 24;
const LAST = 2 ** 30 - 1;

/** Who owns the groups: the user who mounts, or nobody else could change them. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Hangs the control groups of the machine into the tree. One mount serves both: the thread that reads a FUSE device waits
 * for that device alone, and a second one could not share the machine.
 */
export function addCgroupTree(fs: FileSystem, host: CgroupHost, owner: Owner): FileSystem {
  const groups = createCgroupFs(host);
  const isGroup = (ino: Ino): boolean => ino >= FIRST && ino <= LAST;
  const outer = (ino: Ino | number): Ino | number => (ino > 0 ? ino + FIRST : ino);
  const outerWhenDone = (made: Pending<number>): Pending<number> => {
    const pending = new Pending<number>(() => made.cancel());
    made.waitQueue.add(() => {
      try {
        pending.settle({ result: outer(made.take()) });
      } catch (error) {
        pending.settle({ error });
      }
    });
    return pending;
  };
  const inner = (ino: Ino): Ino => ino - FIRST;
  const lookup = fs.lookup.bind(fs);
  const getattr = fs.getattr.bind(fs);
  const setattr = fs.setattr.bind(fs);
  const readlink = fs.readlink.bind(fs);
  const open = fs.open.bind(fs);
  const readdir = fs.readdir.bind(fs);
  const entryTimeoutMs = fs.entryTimeoutMs.bind(fs);
  const attrTimeoutMs = fs.attrTimeoutMs.bind(fs);

  fs.lookup = (parent, name, caller) => {
    if (isGroup(parent)) return outer(groups.lookup(inner(parent), name, caller));
    return parent === fs.root && name === CGROUP_NAME ? outer(groups.root) : lookup(parent, name, caller);
  };
  fs.getattr = (ino, out) => {
    if (!isGroup(ino)) return getattr(ino, out);
    const status = groups.getattr(inner(ino), out);
    out.ino = ino;
    out.uid = owner.uid;
    out.gid = owner.gid;
    return status;
  };
  fs.setattr = (ino, change, caller) =>
    isGroup(ino) ? groups.setattr(inner(ino), change, caller) : setattr(ino, change, caller);
  fs.readlink = (ino, caller) => (isGroup(ino) ? groups.readlink(inner(ino), caller) : readlink(ino, caller));
  fs.open = (ino, flags, caller) => (isGroup(ino) ? groups.open(inner(ino), flags, caller) : open(ino, flags, caller));
  fs.readdir = (ino, caller) => {
    if (!isGroup(ino)) return readdir(ino, caller);
    const entries = groups.readdir(inner(ino), caller);
    return typeof entries === 'number' ? entries : entries.map((entry) => ({ ...entry, ino: entry.ino + FIRST }));
  };
  fs.entryTimeoutMs = (ino) => (isGroup(ino) ? 0 : entryTimeoutMs(ino));
  fs.attrTimeoutMs = (ino) => (isGroup(ino) ? 0 : attrTimeoutMs(ino));
  fs.mkdir = (parent, name, mode, caller) => {
    if (!isGroup(parent)) return -EPERM;
    const made = groups.mkdir?.(inner(parent), name, mode, caller) ?? -EPERM;
    return made instanceof Pending ? outerWhenDone(made) : outer(made);
  };
  fs.rmdir = (parent, name, caller) => {
    if (!isGroup(parent)) return -EPERM;
    return groups.rmdir?.(inner(parent), name, caller) ?? -EPERM;
  };
  return fs;
}
