/** The part of the tree that is the same whatever runs: rows numbered in the order in which they stand. */
import type { Machine } from '../machine/machine.ts';
import { type Ino, S_IFMT } from '../vfs/types.ts';
import { type Child, type Entry, isThere, type SystemContext } from './entry.ts';
import { fixedIno } from './inode.ts';

export interface FixedNode {
  readonly ino: Ino;
  readonly entry: Entry<SystemContext>;
  readonly parent: FixedNode | undefined;
  /** Directories only. */
  readonly children: ReadonlyMap<string, FixedNode> | undefined;
  /** What readdir shows of them, on a machine that has them all. */
  readonly listed: readonly Child[];
  /** Whether some of them are not there on some machines. */
  readonly depends: boolean;
}

export class FixedTree {
  /** By inode number; 0 stays free. */
  readonly #nodes: (FixedNode | undefined)[] = [undefined];
  readonly root: FixedNode;

  constructor(root: Entry<SystemContext>) {
    this.root = this.#add(root, undefined);
  }

  node(index: number): FixedNode | undefined {
    return this.#nodes[index];
  }

  /** The node at a path below the root, `sys/vm`. */
  find(path: string): FixedNode | undefined {
    let node: FixedNode | undefined = this.root;
    for (const name of path.split('/')) node = node?.children?.get(name);
    return node;
  }

  #add(entry: Entry<SystemContext>, parent: FixedNode | undefined): FixedNode {
    const index = this.#nodes.length;
    this.#nodes.push(undefined);
    const listed: Child[] = [];
    const children = entry.children === undefined ? undefined : new Map<string, FixedNode>();
    const depends = (entry.children ?? []).some((child) => child.isThere !== undefined);
    const node: FixedNode = { ino: fixedIno(index), entry, parent, children, listed, depends };
    this.#nodes[index] = node;
    for (const row of entry.children ?? []) {
      const child = this.#add(row, node);
      children!.set(row.name, child);
      if (!row.hidden) listed.push({ name: row.name, ino: child.ino, type: row.mode & S_IFMT });
    }
    return node;
  }
}

/** What readdir shows of a directory on this machine. */
export function listedIn(node: FixedNode, machine: Machine): readonly Child[] {
  if (!node.depends) return node.listed;
  return node.listed.filter(({ name }) => isThere(node.children!.get(name)!.entry, machine));
}
