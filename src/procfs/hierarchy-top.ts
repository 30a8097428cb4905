/**
 * What lies above the hierarchy of control groups of version 1: a directory with one for the controllers that are mounted
 * together, named after them, and a link to it for each, as systemd arranges them.
 */
import { CGROUP1_CONTROLLERS } from '../machine/machine.ts';
import { EINVAL, ENOENT } from '../util/errno.ts';
import { type Attr, type DirEntry, type Ino, S_IFDIR, S_IFLNK } from '../vfs/types.ts';

/** The directory of the hierarchy. */
export const HIERARCHY = CGROUP1_CONTROLLERS.join(',');

export class HierarchyTop {
  readonly ino: Ino;
  readonly #hierarchy: Ino;

  /** `ino`: its own number, those of the links follow it; `hierarchy`: the root of the groups. */
  constructor(ino: Ino, hierarchy: Ino) {
    this.ino = ino;
    this.#hierarchy = hierarchy;
  }

  /** It, or one of its links. */
  has(ino: Ino): boolean {
    return ino >= this.ino && ino <= this.ino + CGROUP1_CONTROLLERS.length;
  }

  lookup(name: string): Ino | number {
    if (name === HIERARCHY) return this.#hierarchy;
    const link = (CGROUP1_CONTROLLERS as readonly string[]).indexOf(name);
    return link < 0 ? -ENOENT : this.ino + 1 + link;
  }

  getattr(ino: Ino, out: Attr, { uid, gid }: { readonly uid: number; readonly gid: number }, timeMs: number): number {
    const isLink = ino !== this.ino;
    const mode = isLink ? S_IFLNK | 0o777 : S_IFDIR | 0o755;
    Object.assign(out, {
      ino,
      uid,
      gid,
      mode,
      nlink: isLink ? 1 : 3,
      size: isLink ? HIERARCHY.length : 0,
      rdev: 0,
      timeMs,
    });
    return 0;
  }

  readlink(ino: Ino): string | number {
    return this.has(ino) && ino !== this.ino ? HIERARCHY : -EINVAL;
  }

  readdir(): readonly DirEntry[] {
    return [
      { name: HIERARCHY, ino: this.#hierarchy, type: S_IFDIR },
      ...CGROUP1_CONTROLLERS.map((name, i) => ({ name, ino: this.ino + 1 + i, type: S_IFLNK })),
    ];
  }
}
