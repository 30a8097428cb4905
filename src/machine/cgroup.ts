/** One control group. Mirrors: struct cgroup. */
import type { Memcg } from '../mm/reclaim/memcg.ts';
import type { Psi } from './psi.ts';

/** One directory. */
export class Cgroup {
  readonly name: string;
  readonly parent: Cgroup | null;
  readonly memcg: Memcg;
  readonly children = new Map<string, Cgroup>();
  readonly psi: Psi | null;
  /** The memory controller is handed down to children. */
  delegates = false;
  maxDepth = Number.POSITIVE_INFINITY;
  maxDescendants = Number.POSITIVE_INFINITY;
  gone = false;

  constructor(name: string, parent: Cgroup | null, memcg: Memcg, psi: Psi | null) {
    this.name = name;
    this.parent = parent;
    this.memcg = memcg;
    this.psi = psi;
  }

  get path(): string {
    if (this.parent === null) return '/';
    const above = this.parent.path;
    return above === '/' ? `/${this.name}` : `${above}/${this.name}`;
  }

  get hasMemory(): boolean {
    return this.parent === null || (this.parent.delegates && this.parent.hasMemory);
  }

  /** The group that its processes are charged to. */
  get charged(): Memcg {
    return this.hasMemory ? this.memcg : this.parent!.charged;
  }

  isWithin(other: Cgroup): boolean {
    return this === other || (this.parent?.isWithin(other) ?? false);
  }
}

/** How many groups there are below one. */
export function descendants(group: Cgroup): number {
  let n = 0;
  for (const child of group.children.values()) n += 1 + descendants(child);
  return n;
}
