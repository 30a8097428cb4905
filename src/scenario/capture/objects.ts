/** The files and shared memory objects behind captured mappings, each once. */
import { type Stats, statSync } from 'node:fs';
import { directoriesOf } from '../../machine/paths.ts';
import { toBuffer } from '../../util/bytes.ts';
import { quoteValue } from '../words.ts';
import type { RealHost } from './real-host.ts';
import type { RealVma } from './vmas.ts';

export interface RealObject {
  /** Number in the table; the name in the scenario begins with it. */
  readonly number: number;
  readonly name: string;
  /** Device and inode as maps shows them; equal: the same file. */
  readonly key: string;
  readonly isShmem: boolean;
  readonly path: string;
  /** Pages that some mapping reaches. */
  mappedPages: number;
  readonly stats: Stats | undefined;
}

const DELETED = ' (deleted)';
/** Larger sizes than this cannot be simulated (Machine.createFile). */
const MAX_BYTES = 2 ** 40;

export class ObjectTable {
  readonly #host: RealHost;
  readonly #byKey = new Map<string, RealObject>();
  readonly #paths = new Set<string>();
  readonly #directories = new Set<string>();

  constructor(host: RealHost) {
    this.#host = host;
  }

  get all(): RealObject[] {
    return [...this.#byKey.values()];
  }

  /** The object behind a mapping; undefined for anonymous memory and what the kernel maps itself. */
  of(vma: RealVma): RealObject | undefined {
    const isVdso = vma.path === '[vdso]';
    if (vma.inode === 0 && !isVdso) return undefined;
    const key = isVdso ? 'vdso' : `${vma.device}:${vma.inode}`;
    let object = this.#byKey.get(key);
    if (object === undefined) {
      object = this.#make(vma, key);
      this.#byKey.set(key, object);
    }
    object.mappedPages = Math.max(object.mappedPages, vma.pgoff + vma.end - vma.start);
    return object;
  }

  #make(vma: RealVma, key: string): RealObject {
    const number = this.#byKey.size + 1;
    const isShmem = this.#isShmem(vma);
    let path = vma.path === '' ? `/unnamed/${vma.inode}` : vma.path;
    // Two files may have had the same name one after the other.
    for (let n = 2; !isShmem && this.#isTaken(path); n++) path = `${vma.path.replace(DELETED, '')}~${n}${DELETED}`;
    if (!isShmem) this.#take(path);
    const base = path.replace(DELETED, '').split('/').at(-1) ?? '';
    const name = `o${number}.${base.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 24)}`;
    return { number, name, key, isShmem, path, mappedPages: 0, stats: this.#host.isLive ? statOf(vma) : undefined };
  }

  /** Of another file, or that of a file and of a directory at once: mount namespaces hide each other's files. */
  #isTaken(path: string): boolean {
    return (
      this.#paths.has(path) || this.#directories.has(path) || directoriesOf(path).some((up) => this.#paths.has(up))
    );
  }

  #take(path: string): void {
    this.#paths.add(path);
    for (const up of directoriesOf(path)) this.#directories.add(up);
  }

  #isShmem(vma: RealVma): boolean {
    if (/^\/(memfd:|dev\/zero \(deleted\)|SYSV|dev\/shm\/)/.test(vma.path)) return true;
    return this.#host.tmpfsDevices.has(vma.device);
  }
}

/** What the path shows now, if it still is the file that is mapped. */
function statOf(vma: RealVma): Stats | undefined {
  if (!vma.path.startsWith('/') || vma.path.endsWith(DELETED)) return undefined;
  try {
    const stats = statSync(toBuffer(vma.path));
    return stats.ino === vma.inode && stats.isFile() ? stats : undefined;
  } catch {
    return undefined;
  }
}

/** The step that makes an object. */
export function objectStep(object: RealObject): string {
  const { stats } = object;
  const mapped = object.mappedPages * 4096;
  const size = stats === undefined ? mapped : object.isShmem ? Math.max(stats.size, mapped) : stats.size;
  const words = [
    `object ${object.name} ${object.isShmem ? 'memfd' : 'file'} ${size <= MAX_BYTES ? size : mapped}`,
    `path=${quoteValue(object.path)}`,
  ];
  if (stats !== undefined)
    words.push(`uid=${stats.uid}`, `gid=${stats.gid}`, `mode=${(stats.mode & 0o777).toString(8).padStart(4, '0')}`);
  return words.join(' ');
}
