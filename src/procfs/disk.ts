/** /proc/reclaimfs/disk: the simulated files by path, with their content as it is on the simulated disk. */
import type { Machine } from '../machine/machine.ts';
import type { Mapping } from '../mm/cache/mapping.ts';
import { PAGE_SIZE } from '../mm/pages/content.ts';
import { EINVAL, EIO, ENOENT, ENOTDIR } from '../util/errno.ts';
import { type Attr, type DirEntry, type Ino, type OpenFile, S_IFDIR, S_IFREG } from '../vfs/types.ts';
import type { FixedNode, FixedTree } from './fixed-tree.ts';
import type { ProcHost } from './host.ts';
import { diskDirectoryIno, diskFileIno, placeOf } from './inode.ts';
import type { ProcFsSettings } from './settings.ts';

const MAX_READ = 1 << 20;

/** What a directory holds: files, and further directories by their path. */
type Listing = Map<string, Mapping | string>;

/** Directories are numbered as they are first seen; there are as many as the simulated disk has. */
export class DiskTree {
  readonly #host: ProcHost;
  readonly #settings: ProcFsSettings;
  readonly #topIno: Ino;
  readonly #paths: string[] = [''];
  readonly #numbers = new Map<string, number>([['', 0]]);
  #listings = new Map<string, Listing>();
  #listed: { machine: Machine; changes: number } | undefined;

  constructor(host: ProcHost, settings: ProcFsSettings, topIno: Ino) {
    this.#host = host;
    this.#settings = settings;
    this.#topIno = topIno;
  }

  top(tree: FixedTree): FixedNode | undefined {
    return tree.node(this.#topIno);
  }

  lookup(parent: Ino, name: string): Ino | number {
    const path = this.#pathOf(parent);
    if (path === undefined) return -ENOTDIR;
    const child = this.#listing(path)?.get(name);
    return child === undefined ? -ENOENT : this.#inoOf(child);
  }

  readdir(ino: Ino): readonly DirEntry[] | number {
    const path = this.#pathOf(ino);
    if (path === undefined) return -ENOTDIR;
    return [...(this.#listing(path) ?? [])].map(([name, child]) => ({
      name,
      ino: this.#inoOf(child),
      type: typeof child === 'string' ? S_IFDIR : S_IFREG,
    }));
  }

  getattr(ino: Ino, out: Attr): number {
    const path = this.#pathOf(ino);
    const file = path === undefined ? this.#file(ino) : undefined;
    if (path === undefined ? file === undefined : this.#listing(path) === undefined) return -ENOENT;
    const { machine } = this.#host;
    out.ino = ino;
    out.mode = file === undefined ? S_IFDIR | 0o500 : S_IFREG | 0o400;
    out.nlink = file === undefined ? 2 : 1;
    out.uid = this.#settings.uid;
    out.gid = this.#settings.gid;
    out.size = file?.sizeBytes ?? 0;
    out.timeMs = Math.floor(machine.options.bootTimeMs + machine.nowUs / 1000);
    out.rdev = 0;
    return 0;
  }

  open(ino: Ino): OpenFile | number {
    if (this.#file(ino) === undefined) return -ENOENT;
    return {
      read: (offset, size) => {
        const file = this.#file(ino);
        return file === undefined ? -EIO : this.#content(file, offset, size);
      },
      write: () => -EINVAL,
    };
  }

  #content(file: Mapping, offset: number, size: number): Uint8Array {
    const end = Math.min(file.sizeBytes, offset + Math.min(size, MAX_READ));
    if (end <= offset) return new Uint8Array(0);
    const first = Math.floor(offset / PAGE_SIZE);
    const last = Math.ceil(end / PAGE_SIZE);
    const bytes = new Uint8Array((last - first) * PAGE_SIZE);
    const { content } = this.#host.machine.mem;
    for (let index = first; index < last; index++) {
      const at = (index - first) * PAGE_SIZE;
      content.bytes(file.diskContent(index), bytes.subarray(at, at + PAGE_SIZE));
    }
    return bytes.subarray(offset - first * PAGE_SIZE, end - first * PAGE_SIZE);
  }

  #pathOf(ino: Ino): string | undefined {
    if (ino === this.#topIno) return '';
    const place = placeOf(ino);
    return place.kind === 'disk-directory' ? this.#paths[place.number] : undefined;
  }

  #file(ino: Ino): Mapping | undefined {
    const place = placeOf(ino);
    return place.kind === 'disk-file' ? this.#host.machine.mem.mappings.get(place.id) : undefined;
  }

  #inoOf(child: Mapping | string): Ino {
    if (typeof child !== 'string') return diskFileIno(child.id);
    let number = this.#numbers.get(child);
    if (number === undefined) {
      number = this.#paths.length;
      this.#paths.push(child);
      this.#numbers.set(child, number);
    }
    return diskDirectoryIno(number);
  }

  /** What is in a directory; undefined where there is none. The top one is always there. */
  #listing(path: string): Listing | undefined {
    const { machine, changes } = this.#host;
    if (this.#listed?.machine !== machine || this.#listed.changes !== changes) {
      this.#listings = listFiles(machine);
      this.#listed = { machine, changes };
    }
    return this.#listings.get(path);
  }
}

function listFiles(machine: Machine): Map<string, Listing> {
  const listings = new Map<string, Listing>([['', new Map()]]);
  for (const [path, file] of machine.files) {
    const names = path.split('/').filter((name) => name !== '');
    let directory = '';
    names.forEach((name, i) => {
      const below = `${directory}/${name}`;
      const listing = listings.get(directory)!;
      if (i === names.length - 1) {
        if (!listing.has(name)) listing.set(name, file);
      } else {
        listing.set(name, below);
        if (!listings.has(below)) listings.set(below, new Map());
      }
      directory = below;
    });
  }
  return listings;
}
