/** Further mounts of `mount --cgroupfs` and `--sysfs`: branches of a served tree, each bound to a directory of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findMount, isOurs, isPresent, type MountInfo } from '../fuse/mountinfo.ts';
import { prepareMountpoint } from '../fuse/mountpoint.ts';
import { MountError, type MountHandle } from '../fuse/types.ts';
import { detachSync, unmount } from '../fuse/unmount.ts';

/** How often it is looked whether somebody has unmounted the tree. */
const WATCH_MS = 300;
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** What is mounted: its directory in the tree, how it is called, and the option that asks for it. */
export interface BranchKind {
  readonly name: string;
  readonly what: string;
  readonly option: string;
}

/**
 * Goes with the tree, however that ends: with the tree still bound elsewhere, its server would live on. Make one before
 * the tree is mounted: of the handlers of a signal, the first unmounts first.
 *
 * Errors of `prepare` and `bind`: MountError.
 */
export class BranchMount {
  readonly #kind: BranchKind;
  #path: string;
  #bound: MountInfo | undefined;

  constructor(kind: BranchKind, path: string) {
    this.#kind = kind;
    this.#path = path;
    for (const signal of SIGNALS) process.on(signal, this.#detach);
    process.on('exit', this.#detach);
  }

  async prepare(notice: (line: string) => void): Promise<void> {
    this.#path = await prepareMountpoint(this.#path, false, notice);
  }

  async bind(tree: MountHandle): Promise<void> {
    const path = this.#path;
    const { name, what, option } = this.#kind;
    try {
      await promisify(execFile)('mount', ['-c', '--bind', join(tree.mountpoint, name), path]);
    } catch (error) {
      const reason = (error as Error).message.split('\n')[1] ?? '';
      throw new MountError(`${what} cannot be mounted on ${path} (${reason}): ${option} needs root`);
    }
    const bound = findMount(path);
    const top = findMount(tree.mountpoint);
    if (bound === undefined || !isOurs(bound) || top === undefined) return;
    this.#bound = bound;
    const watch = setInterval(() => {
      if (!isPresent(top)) void this.end();
    }, WATCH_MS).unref();
    void tree.closed.then(() => clearInterval(watch));
  }

  /** Unmounts; to be called when the tree has gone, too. */
  async end(): Promise<void> {
    const bound = this.#bound;
    this.#bound = undefined;
    for (const signal of SIGNALS) process.off(signal, this.#detach);
    process.off('exit', this.#detach);
    if (bound !== undefined) await unmount(bound, false);
  }

  readonly #detach = (): void => {
    if (this.#bound !== undefined) detachSync(this.#bound);
    this.#bound = undefined;
  };
}
