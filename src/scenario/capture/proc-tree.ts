/** Where a capture reads from: a live /proc, a copied one, files of one that somebody has posted. Texts are byte strings. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readLink, readNumbers, readText } from './proc-files.ts';

export interface ProcTree {
  /** The running kernel's: it has pagemaps, and paths in it are those of this machine. */
  readonly isLive: boolean;
  /** Directory for files that are read in pieces (pagemap); undefined: there are none. */
  readonly directory: string | undefined;
  /** The text of a file; undefined where it is not there or may not be read. */
  text(path: string): string | undefined;
  link(path: string): string | undefined;
  /** The numeric names of a directory, ascending. */
  numbers(path: string): number[];
}

/** More of one file is no file of /proc. */
export const MOST_FILE_BYTES = 256 * 1024 ** 2;

/** A mounted /proc. */
export class LiveTree implements ProcTree {
  readonly isLive = true;
  readonly directory: string;

  constructor(root: string) {
    this.directory = root;
  }

  text(path: string): string | undefined {
    return readText(join(this.directory, path));
  }

  link(path: string): string | undefined {
    return readLink(join(this.directory, path));
  }

  numbers(path: string): number[] {
    return readNumbers(join(this.directory, path));
  }
}

/** A copied /proc in a directory: links in it are not followed, as they would lead out of the copy. */
export class CopiedTree implements ProcTree {
  readonly isLive = false;
  readonly directory = undefined;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  text(path: string): string | undefined {
    const file = join(this.#root, path);
    try {
      const stats = lstatSync(file);
      return stats.isFile() && stats.size <= MOST_FILE_BYTES ? readFileSync(file, 'latin1') : undefined;
    } catch {
      return undefined;
    }
  }

  link(path: string): string | undefined {
    try {
      return readlinkSync(join(this.#root, path), 'latin1');
    } catch {
      return undefined;
    }
  }

  numbers(path: string): number[] {
    try {
      return readdirSync(join(this.#root, path), { withFileTypes: true })
        .filter((entry) => /^\d{1,10}$/.test(entry.name) && (entry.isDirectory() || path.endsWith('/fd')))
        .map((entry) => Number(entry.name))
        .sort((a, b) => a - b);
    } catch {
      return [];
    }
  }
}

/** Files of a /proc in memory, by path below it: from an archive, or a single one. */
export class FilesTree implements ProcTree {
  readonly isLive = false;
  readonly directory = undefined;
  readonly #texts: ReadonlyMap<string, string>;
  readonly #links: ReadonlyMap<string, string>;
  readonly #numbers = new Map<string, Set<number>>();

  constructor(texts: ReadonlyMap<string, string>, links: ReadonlyMap<string, string> = new Map()) {
    this.#texts = texts;
    this.#links = links;
    for (const path of [...texts.keys(), ...links.keys()]) {
      const parts = path.split('/');
      for (let i = 0; i < parts.length - 1; i++) this.#addNumber(parts.slice(0, i).join('/'), parts[i]!);
    }
  }

  #addNumber(directory: string, name: string): void {
    if (!/^\d{1,10}$/.test(name)) return;
    const known = this.#numbers.get(directory) ?? new Set<number>();
    this.#numbers.set(directory, known.add(Number(name)));
  }

  text(path: string): string | undefined {
    return this.#texts.get(path);
  }

  link(path: string): string | undefined {
    return this.#links.get(path);
  }

  numbers(path: string): number[] {
    return [...(this.#numbers.get(path) ?? [])].sort((a, b) => a - b);
  }
}
