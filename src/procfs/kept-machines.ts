/**
 * /proc/reclaimfs/snapshots: the machines that are kept under names, a file each.
 *
 *   read                   the machine as bytes, as `snapshot` gives it
 *   making a file (touch)  keeps the machine as it is (step `snapshot NAME`)
 *   writing `restore`      makes the machine what it was then (step `restore NAME`); nothing else is taken
 *   rm                     forgets it (step `snapshot NAME drop`)
 *
 * No directories, links or other names: mkdir, link and rename are EPERM.
 */
import { MOST_SNAPSHOTS, SNAPSHOT_NAME } from '../scenario/session.ts';
import { fromBuffer, trimBytes } from '../util/bytes.ts';
import { EEXIST, EINVAL, ENOENT, ENOSPC } from '../util/errno.ts';
import type { Job } from '../util/job.ts';
import { type Attr, type DirEntry, type Ino, type OpenFile, type Pending, S_IFREG } from '../vfs/types.ts';
import type { ProcHost } from './host.ts';
import { keptIno, placeOf } from './inode.ts';
import type { LastError } from './last-error.ts';
import type { ProcFsSettings } from './settings.ts';

export class KeptMachines {
  readonly #host: ProcHost;
  readonly #settings: ProcFsSettings;
  readonly #topIno: Ino;
  readonly #lastError: LastError;

  constructor(host: ProcHost, settings: ProcFsSettings, topIno: Ino, lastError: LastError) {
    this.#host = host;
    this.#settings = settings;
    this.#topIno = topIno;
    this.#lastError = lastError;
  }

  isTop(ino: Ino): boolean {
    return ino === this.#topIno;
  }

  lookup(name: string): Ino | number {
    const kept = this.#host.snapshots.get(name);
    return kept === undefined ? -ENOENT : keptIno(kept.serial);
  }

  readdir(): readonly DirEntry[] {
    return [...this.#host.snapshots].map(([name, { serial }]) => ({ name, ino: keptIno(serial), type: S_IFREG }));
  }

  getattr(ino: Ino, out: Attr): number {
    const found = this.#find(ino);
    if (found === undefined) return -ENOENT;
    out.ino = ino;
    out.mode = S_IFREG | 0o600;
    out.nlink = 1;
    out.uid = this.#settings.uid;
    out.gid = this.#settings.gid;
    out.size = found.bytes.length;
    out.timeMs = Math.floor(this.#host.machine.options.bootTimeMs + found.nowUs / 1000);
    out.rdev = 0;
    return 0;
  }

  open(ino: Ino): OpenFile | number {
    const found = this.#find(ino);
    if (found === undefined) return -ENOENT;
    const { bytes } = found;
    return {
      read: (offset, size) => bytes.subarray(offset, offset + size),
      write: (data, offset) => this.#write(ino, Uint8Array.from(data), offset),
    };
  }

  #write(ino: Ino, data: Uint8Array, offset: number): number | Pending<number> {
    const name = this.#find(ino)?.name;
    if (name === undefined) return -ENOENT;
    if (offset !== 0 || trimBytes(fromBuffer(data)) !== 'restore') {
      this.#lastError.say('a snapshot takes the word "restore" and nothing else');
      return -EINVAL;
    }
    return this.#apply(`restore ${name}`, () => data.length);
  }

  create(name: string): Ino | number | Pending<number> {
    if (this.#host.snapshots.has(name)) return -EEXIST;
    if (this.#host.snapshots.size >= MOST_SNAPSHOTS) {
      this.#lastError.say(`there are ${MOST_SNAPSHOTS} snapshots already: remove one`);
      return -ENOSPC;
    }
    if (!SNAPSHOT_NAME.test(name)) {
      this.#lastError.say(`"${name}" is no name of a snapshot: letters, digits, . _ -, at most 64`);
      return -EINVAL;
    }
    return this.#apply(`snapshot ${name}`, () => this.lookup(name));
  }

  unlink(name: string): number | Pending<number> {
    if (this.#host.snapshots.get(name) === undefined) return -ENOENT;
    return this.#apply(`snapshot ${name} drop`, () => 0);
  }

  #apply(step: string, answer: () => number): number | Pending<number> {
    const host = this.#host;
    const lastError = this.#lastError;
    return host.run<number>(function* (): Job<number> {
      const status = yield* lastError.keeping(host.apply(step, 'snapshots'));
      return status < 0 ? status : answer();
    });
  }

  #find(ino: Ino): { readonly name: string; readonly bytes: Uint8Array; readonly nowUs: number } | undefined {
    const place = placeOf(ino);
    if (place.kind !== 'kept') return undefined;
    for (const [name, kept] of this.#host.snapshots)
      if (keptIno(kept.serial) === ino) return { name, bytes: kept.bytes, nowUs: kept.nowUs };
    return undefined;
  }
}
