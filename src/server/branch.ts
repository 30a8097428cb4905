/** Further trees in the one mount: the thread that reads a FUSE device waits for that device alone, and a second one could not share the machine. */
import { EOPNOTSUPP, EPERM } from '../util/errno.ts';
import { type Caller, type FileSystem, type Ino, Pending, type Xattrs } from '../vfs/types.ts';

export interface Branch {
  readonly fs: FileSystem;
  /** Its inode numbers in the whole tree begin here, and end before `end`: see procfs/inode.ts. */
  readonly first: Ino;
  readonly end: Ino;
  /** A name below the root of the whole tree: an inode number of the branch, or undefined for a name that is not the branch's. */
  enter(name: string, caller: Caller | undefined): Ino | undefined;
}

/** The directory of a branch, listed nowhere: made to be bind-mounted elsewhere. */
export function byName(name: string, fs: FileSystem): (entered: string) => Ino | undefined {
  return (entered) => (entered === name ? fs.root : undefined);
}

/** Of files that have none, beside others that have some. */
const NO_XATTRS: Xattrs = { get: () => -EOPNOTSUPP, list: () => [], set: () => -EOPNOTSUPP };

/** Hangs a file system into another one, under inode numbers of its own. */
export function addBranch(fs: FileSystem, { fs: branch, first, end, enter }: Branch): FileSystem {
  const isOurs = (ino: Ino): boolean => ino >= first && ino < end;
  const outer = (ino: Ino | number): Ino | number => (ino > 0 ? ino + first : ino);
  const inner = (ino: Ino): Ino => ino - first;
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
  const lookup = fs.lookup.bind(fs);
  const getattr = fs.getattr.bind(fs);
  const setattr = fs.setattr.bind(fs);
  const readlink = fs.readlink.bind(fs);
  const open = fs.open.bind(fs);
  const readdir = fs.readdir.bind(fs);
  const mkdir = fs.mkdir?.bind(fs);
  const rmdir = fs.rmdir?.bind(fs);
  const heartbeat = fs.heartbeat.bind(fs);
  const entryTimeoutMs = fs.entryTimeoutMs.bind(fs);
  const attrTimeoutMs = fs.attrTimeoutMs.bind(fs);

  fs.lookup = (parent, name, caller) => {
    if (isOurs(parent)) return outer(branch.lookup(inner(parent), name, caller));
    const entered = parent === fs.root ? enter(name, caller) : undefined;
    return entered === undefined ? lookup(parent, name, caller) : outer(entered);
  };
  fs.getattr = (ino, out) => {
    if (!isOurs(ino)) return getattr(ino, out);
    const status = branch.getattr(inner(ino), out);
    out.ino = ino;
    return status;
  };
  fs.setattr = (ino, change, caller) =>
    isOurs(ino) ? branch.setattr(inner(ino), change, caller) : setattr(ino, change, caller);
  fs.readlink = (ino, caller) => (isOurs(ino) ? branch.readlink(inner(ino), caller) : readlink(ino, caller));
  fs.open = (ino, flags, caller) => (isOurs(ino) ? branch.open(inner(ino), flags, caller) : open(ino, flags, caller));
  fs.readdir = (ino, caller) => {
    if (!isOurs(ino)) return readdir(ino, caller);
    const entries = branch.readdir(inner(ino), caller);
    return typeof entries === 'number' ? entries : entries.map((entry) => ({ ...entry, ino: entry.ino + first }));
  };
  fs.entryTimeoutMs = (ino) => (isOurs(ino) ? branch.entryTimeoutMs(inner(ino)) : entryTimeoutMs(ino));
  fs.attrTimeoutMs = (ino) => (isOurs(ino) ? branch.attrTimeoutMs(inner(ino)) : attrTimeoutMs(ino));
  fs.heartbeat = () => {
    heartbeat();
    branch.heartbeat();
  };
  fs.mkdir = (parent, name, mode, caller) => {
    if (!isOurs(parent)) return mkdir?.(parent, name, mode, caller) ?? -EPERM;
    const made = branch.mkdir?.(inner(parent), name, mode, caller) ?? -EPERM;
    return made instanceof Pending ? outerWhenDone(made) : outer(made);
  };
  const xattrs = fs.xattrs;
  if (xattrs !== undefined || branch.xattrs !== undefined) {
    const of = (ino: Ino): Xattrs => (isOurs(ino) ? branch.xattrs : xattrs) ?? NO_XATTRS;
    const at = (ino: Ino): Ino => (isOurs(ino) ? inner(ino) : ino);
    fs.xattrs = {
      get: (ino, name) => of(ino).get(at(ino), name),
      list: (ino, caller) => of(ino).list(at(ino), caller),
      set: (ino, name, value, flags) => of(ino).set(at(ino), name, value, flags),
    };
  }
  fs.rmdir = (parent, name, caller) => {
    if (!isOurs(parent)) return rmdir?.(parent, name, caller) ?? -EPERM;
    return branch.rmdir?.(inner(parent), name, caller) ?? -EPERM;
  };
  return fs;
}
