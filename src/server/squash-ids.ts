import type { FileSystem } from '../vfs/types.ts';

/**
 * Makes files of ids that the user namespace does not know belong to its root: the kernel lets nobody write to a file
 * whose owner it cannot express. `mapped`: the known ids as first-last pairs.
 */
export function squashIds(fs: FileSystem, mapped: readonly (readonly [number, number])[]): FileSystem {
  const known = (id: number): boolean => mapped.some(([first, last]) => id >= first && id <= last);
  const getattr = fs.getattr.bind(fs);
  fs.getattr = (ino, out) => {
    const status = getattr(ino, out);
    if (!known(out.uid)) out.uid = 0;
    if (!known(out.gid)) out.gid = 0;
    return status;
  };
  return fs;
}

/** Makes all files belong to one user (mount --uid). */
export function giveTo(fs: FileSystem, { uid, gid }: { readonly uid: number; readonly gid: number }): FileSystem {
  const getattr = fs.getattr.bind(fs);
  fs.getattr = (ino, out) => {
    const status = getattr(ino, out);
    out.uid = uid;
    out.gid = gid;
    return status;
  };
  return fs;
}
