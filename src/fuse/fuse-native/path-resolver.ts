import { bytesOf } from '../../util/bytes.ts';
import { ENAMETOOLONG, ENOENT } from '../../util/errno.ts';
import type { FileSystem, Ino } from '../../vfs/types.ts';

const CACHE_MAX = 8192;
const NAME_MAX = 255;

/** A directory's inode, believed until a point in time. */
interface Known {
  readonly ino: Ino;
  readonly untilMs: number;
}

/**
 * From paths, which is what libfuse's high-level interface gives, to inodes, by walking lookup.
 *
 * Only parents are kept, as long as the file system lets the kernel keep their names (entryTimeoutMs), and all of them
 * are forgotten when any name vanishes; the last component is looked up each time. So a path never leads to an inode that
 * the kernel could not itself have had in its cache.
 */
export class PathResolver {
  readonly #fs: FileSystem;
  readonly #nowMs: () => number;
  #parents = new Map<string, Known>();

  constructor(fs: FileSystem, nowMs: () => number = () => performance.now()) {
    this.#fs = fs;
    this.#nowMs = nowMs;
  }

  /** The inode at an absolute path, or -errno. */
  resolve(path: string): Ino | number {
    const cut = path.lastIndexOf('/');
    const name = path.slice(cut + 1);
    if (name === '') return cut <= 0 ? this.#fs.root : this.resolve(path.slice(0, cut));
    const parent = this.parent(path);
    return parent < 0 ? parent : this.#lookup(parent, name) || -ENOENT;
  }

  /** The inode of the directory that holds the last component of `path`, or -errno. */
  parent(path: string): Ino | number {
    const cut = path.lastIndexOf('/');
    return cut <= 0 ? this.#fs.root : this.#directory(path.slice(0, cut));
  }

  #lookup(parent: Ino, text: string): Ino | number {
    const name = bytesOf(text);
    return name.length > NAME_MAX ? -ENAMETOOLONG : this.#fs.lookup(parent, name, undefined);
  }

  /** Forgets everything: some name has vanished or changed its meaning. */
  forget(): void {
    this.#parents.clear();
  }

  #directory(path: string): Ino | number {
    const known = this.#parents.get(path);
    if (known && known.untilMs > this.#nowMs()) return known.ino;
    const ino = this.resolve(path);
    if (ino <= 0) return ino;
    const timeoutMs = this.#fs.entryTimeoutMs(ino);
    if (timeoutMs > 0) {
      if (this.#parents.size >= CACHE_MAX) this.#parents.clear();
      this.#parents.set(path, { ino, untilMs: this.#nowMs() + timeoutMs });
    }
    return ino;
  }
}

/** The last component of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
