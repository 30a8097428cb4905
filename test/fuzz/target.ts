/** The machine under fuzz, and what must hold of it whatever has been written. */
import type { Machine } from '../../src/machine/machine.ts';
import { checkTree } from '../../src/procfs/tree-check.ts';
import { ScenarioError } from '../../src/scenario/scenario-error.ts';
import { addCgroupTree } from '../../src/server/cgroup-tree.ts';
import { KernelError } from '../../src/util/errors.ts';
import { Cancelled, type Job } from '../../src/util/job.ts';
import {
  type Caller,
  type FileSystem,
  type Ino,
  newAttr,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  WAIT,
  withoutDelay,
} from '../../src/vfs/types.ts';
import { ROOT, Tree } from '../unit/procfs/support.ts';

/** Files whose text follows from more than the machine, or that are no text (snapshot counts every try to change something). */
// What is read of /proc/kmsg is gone for the next reader.
const NOT_COMPARED = /\/(mem|pagemap|error|kpage\w+)$|^\/kmsg$|\/disk\/|^\/reclaimfs\/snapshots?(\/|$)/;
const O_NONBLOCK = 0o4000;

export class Target {
  readonly tree: Tree;
  readonly fs: FileSystem;

  constructor(scenario: string) {
    this.tree = new Tree(scenario);
    this.fs = addCgroupTree(this.tree.fs, this.tree.host, { uid: 0, gid: 0 });
  }

  get machine(): Machine {
    return this.tree.machine;
  }

  /** Everything that is wrong now. */
  flaws(): string[] {
    const cgroups = this.fs.lookup(this.fs.root, '.cgroup', ROOT);
    return [...this.machine.check(), ...checkTree(this.fs), ...checkTree(this.fs, cgroups, '/.cgroup')];
  }

  /** All texts of the tree by path. */
  texts(): Map<string, string> {
    const texts = new Map<string, string>();
    this.#collect(this.fs.root, '', texts);
    this.#collect(this.fs.lookup(this.fs.root, '.cgroup', ROOT), '/.cgroup', texts);
    return texts;
  }

  #collect(directory: Ino, path: string, texts: Map<string, string>): void {
    const entries = this.fs.readdir(directory, ROOT);
    if (typeof entries === 'number') return;
    for (const { name, ino, type } of entries) {
      const below = `${path}/${name}`;
      if (type === S_IFDIR) this.#collect(ino, below, texts);
      else if (type === S_IFREG && !NOT_COMPARED.test(below)) texts.set(below, this.#text(ino));
      else if (type !== S_IFREG) texts.set(below, String(this.fs.readlink(ino, ROOT)));
    }
  }

  #text(ino: Ino): string {
    const file = this.fs.open(ino, O_NONBLOCK, ROOT);
    if (typeof file === 'number') return String(file);
    let text = '';
    for (;;) {
      const part = withoutDelay(file.read(text.length, 1 << 20, ROOT));
      if (part === WAIT || typeof part === 'number') return `${text}${String(part)}`;
      if (part.length === 0) return text;
      text += Buffer.from(part).toString('latin1');
    }
  }

  /** Paths of all files that take writes, and of directories of control groups. */
  writables(): string[] {
    const paths: string[] = [];
    const walk = (directory: Ino, path: string): void => {
      const entries = this.fs.readdir(directory, ROOT);
      if (typeof entries === 'number') return;
      for (const { name, ino, type } of entries) {
        const below = `${path}/${name}`;
        if (type === S_IFDIR) walk(ino, below);
        else if (type === S_IFREG && (this.#mode(ino) & 0o222) !== 0) paths.push(below);
      }
    };
    walk(this.fs.root, '');
    walk(this.fs.lookup(this.fs.root, '.cgroup', ROOT), '/.cgroup');
    return paths;
  }

  /** Every inode with its path. */
  inodes(): { ino: Ino; path: string }[] {
    const inodes: { ino: Ino; path: string }[] = [];
    const walk = (directory: Ino, path: string): void => {
      inodes.push({ ino: directory, path });
      const entries = this.fs.readdir(directory, ROOT);
      if (typeof entries === 'number') return;
      for (const { name, ino, type } of entries) {
        if (type === S_IFDIR) walk(ino, `${path}/${name}`);
        else inodes.push({ ino, path: `${path}/${name}` });
      }
    };
    walk(this.fs.root, '');
    walk(this.fs.lookup(this.fs.root, '.cgroup', ROOT), '/.cgroup');
    return inodes;
  }

  #mode(ino: Ino): number {
    const attr = newAttr();
    return this.fs.getattr(ino, attr) === 0 ? attr.mode & (0o777 | S_IFMT) : 0;
  }

  /** What a file shows. */
  text(path: string): string {
    const ino = this.#ino(path, ROOT);
    return ino < 0 ? String(ino) : this.#text(ino);
  }

  #ino(path: string, caller: Caller): Ino | number {
    let ino = this.fs.root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      ino = this.fs.lookup(ino, name, caller);
      if (ino < 0) return ino;
    }
    return ino;
  }

  /** One open, write, close: bytes taken, or -errno. */
  write(path: string, data: string, offset: number, caller: Caller): number {
    const ino = this.#ino(path, caller);
    if (ino < 0) return ino;
    const file = this.fs.open(ino, 1 | O_NONBLOCK, caller);
    if (typeof file === 'number') return file;
    const taken = withoutDelay(file.write(Buffer.from(data, 'latin1'), offset, caller));
    file.release?.();
    return taken === WAIT ? -11 : taken;
  }

  /** Carries out steps; false: they were refused. What is no refusal is thrown. */
  apply(steps: string): boolean {
    try {
      interrupted(this.tree.host.apply(steps, 'control'));
      return true;
    } catch (error) {
      // What has been done until then stays, or has been taken back: the same every time.
      if (error instanceof Cancelled) return true;
      if (error instanceof ScenarioError || error instanceof KernelError) return false;
      throw error;
    }
  }
}

/** Pieces after which whoever writes a line gives up: months may pass at once, which is a minute of work. */
const PATIENCE_PIECES = 20_000;

/** Carries a job out, but interrupts it where it takes long. */
function interrupted(job: Job<unknown>): void {
  for (let pieces = 0; ; pieces++) {
    const { done } = pieces === PATIENCE_PIECES ? job.throw(new Cancelled()) : job.next();
    if (done === true) return;
  }
}

/** The first file in which two trees differ, in words. */
export function difference(before: Map<string, string>, after: Map<string, string>): string | undefined {
  for (const [path, text] of before) {
    const now = after.get(path);
    if (now === text) continue;
    if (now === undefined) return `${path} is missing`;
    let at = 0;
    while (text[at] === now[at]) at++;
    const cut = (whole: string) => JSON.stringify(whole.slice(Math.max(0, at - 60), at + 60));
    return `${path} differs at byte ${at}: ${cut(text)} and ${cut(now)}`;
  }
  for (const path of after.keys()) if (!before.has(path)) return `${path} is new`;
  return undefined;
}
