/**
 * What may be set of the files of control groups beside their content: owner, permissions, extended attributes. Kept as
 * long as the group is. Mirrors: fs/kernfs/inode.c.
 */
import { isIn, type KernelName } from '../machine/kernels.ts';
import { E2BIG, EEXIST, ENODATA, ENOSPC, EOPNOTSUPP } from '../util/errno.ts';
import type { Attr, AttrChange, Caller, Ino } from '../vfs/types.ts';

/** setxattr(2): it must not be there yet, it must be there. */
export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;
/** Mirrors: XATTR_SIZE_MAX. */
const MAX_VALUE = 65536;
/** Mirrors: KERNFS_MAX_USER_XATTRS, KERNFS_USER_XATTR_SIZE_LIMIT. */
const MAX_USER_XATTRS = 128;
const MAX_USER_BYTES = 128 << 10;
/** What kernfs has handlers for; user.* since 5.7. */
const HANDLED = /^(user|trusted|security)\../;
const PERMISSIONS = 0o7777;

interface Kept {
  mode?: number;
  uid?: number;
  gid?: number;
  readonly xattrs: Map<string, Uint8Array>;
}

export class GroupAttributes {
  readonly #kept = new Map<Ino, Kept>();
  /** Who has made a group: its files are theirs. By the inode number of its directory. */
  readonly #makers = new Map<Ino, { readonly uid: number; readonly gid: number }>();
  readonly #slots: number;

  /** `slots`: inode numbers of a group; the first is its directory. */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Puts what has been set into what there is by itself. */
  apply(ino: Ino, out: Attr): void {
    const maker = this.#makers.get(this.#directory(ino));
    if (maker !== undefined) {
      out.uid = maker.uid;
      out.gid = maker.gid;
    }
    const kept = this.#kept.get(ino);
    if (kept === undefined) return;
    out.uid = kept.uid ?? out.uid;
    out.gid = kept.gid ?? out.gid;
    if (kept.mode !== undefined) out.mode = (out.mode & ~PERMISSIONS) | kept.mode;
  }

  /** Whether the caller may is asked by the kernel before. */
  set(ino: Ino, { mode, uid, gid }: AttrChange): void {
    if (mode === undefined && uid === undefined && gid === undefined) return;
    const kept = this.#of(ino);
    if (mode !== undefined) kept.mode = mode & PERMISSIONS;
    if (uid !== undefined) kept.uid = uid;
    if (gid !== undefined) kept.gid = gid;
  }

  /** Mirrors: cgroup_kn_set_ugid. */
  made(directory: Ino, by: { readonly uid: number; readonly gid: number } | undefined): void {
    if (by !== undefined && by.uid !== 0) this.#makers.set(directory, by);
  }

  /** The group has been removed. */
  forget(directory: Ino): void {
    this.#makers.delete(directory);
    for (let i = 0; i < this.#slots; i++) this.#kept.delete(directory + i);
  }

  /** Of one name; -ENODATA, -EOPNOTSUPP. */
  getxattr(ino: Ino, name: string, kernel: KernelName): Uint8Array | number {
    if (!isHandled(name, kernel)) return -EOPNOTSUPP;
    return this.#kept.get(ino)?.xattrs.get(name) ?? -ENODATA;
  }

  /** The names; those of trusted.* for root alone. Mirrors: simple_xattr_list. */
  listxattr(ino: Ino, caller: Caller | undefined): readonly string[] {
    const names = [...(this.#kept.get(ino)?.xattrs.keys() ?? [])].sort();
    return names.filter((name) => caller === undefined || caller.uid === 0 || !name.startsWith('trusted.'));
  }

  /** An undefined value takes it away. 0, -EEXIST, -ENODATA, -ENOSPC, -E2BIG, -EOPNOTSUPP. Mirrors: kernfs_vfs_user_xattr_add. */
  setxattr(ino: Ino, name: string, value: Uint8Array | undefined, flags: number, kernel: KernelName): number {
    if (!isHandled(name, kernel)) return -EOPNOTSUPP;
    const before = this.#kept.get(ino)?.xattrs;
    const old = before?.get(name);
    if (old === undefined && (value === undefined || (flags & XATTR_REPLACE) !== 0)) return -ENODATA;
    if (value === undefined) {
      before?.delete(name);
      return 0;
    }
    if (old !== undefined && (flags & XATTR_CREATE) !== 0) return -EEXIST;
    if (value.length > MAX_VALUE) return -E2BIG;
    if (name.startsWith('user.') && !hasRoom(before, old, value)) return -ENOSPC;
    this.#of(ino).xattrs.set(name, Uint8Array.from(value));
    return 0;
  }

  #directory(ino: Ino): Ino {
    return ino - (ino % this.#slots);
  }

  #of(ino: Ino): Kept {
    let kept = this.#kept.get(ino);
    if (kept === undefined) {
      kept = { xattrs: new Map() };
      this.#kept.set(ino, kept);
    }
    return kept;
  }
}

function isHandled(name: string, kernel: KernelName): boolean {
  return HANDLED.test(name) && (!name.startsWith('user.') || isIn(kernel, { since: '5.10' }));
}

function hasRoom(
  xattrs: ReadonlyMap<string, Uint8Array> | undefined,
  old: Uint8Array | undefined,
  value: Uint8Array,
): boolean {
  const all = [...(xattrs ?? [])].filter(([name]) => name.startsWith('user.'));
  const bytes = all.reduce((sum, [, { length }]) => sum + length, 0) - (old?.length ?? 0) + value.length;
  return all.length + (old === undefined ? 1 : 0) <= MAX_USER_XATTRS && bytes <= MAX_USER_BYTES;
}
