/** One control group. Mirrors: struct cgroup. */
import type { Memcg } from '../mm/reclaim/memcg.ts';
import type { Psi } from './psi.ts';

/** A process that is no part of the machine, but stands in a group of it: one of the computer's own. */
export interface Guest {
  readonly pid: number;
  readonly tids: readonly number[];
  /** Of its group. */
  readonly path: string;
  readonly isZombie: boolean;
}

/** The guests of a group and, if asked for, of those below. */
export type GuestsOf = (group: Cgroup, below?: boolean) => readonly Guest[];

/** Where nobody but the machine's own processes is. */
export const noGuests: GuestsOf = () => [];

/** One directory. */
export class Cgroup {
  readonly name: string;
  readonly parent: Cgroup | null;
  readonly memcg: Memcg;
  readonly children = new Map<string, Cgroup>();
  readonly psi: Psi | null;
  /** The memory controller is handed down to children; the pids controller. */
  delegates = false;
  delegatesPids = false;
  /** memory.soft_limit_in_bytes of version 1, pages: kept, without effect. What memory.failcnt was when it was reset. */
  softLimit = Number.POSITIVE_INFINITY;
  failuresBefore = 0;
  /** What cpuacct.usage was when it was reset, in microseconds. */
  readonly cpuBefore = { userUs: 0, systemUs: 0 };
  maxDepth = Number.POSITIVE_INFINITY;
  maxDescendants = Number.POSITIVE_INFINITY;
  gone = false;
  /** CPU time of processes that were in it, or in groups that were below it, in microseconds. */
  readonly cpu = { userUs: 0, systemUs: 0, niceUs: 0 };
  /** What cgroup.freeze says; how long it has been frozen before, and since when it is, in microseconds. */
  freeze = false;
  frozenUs = 0;
  frozenSinceUs: number | undefined;
  /** cgroup.pressure: whether there is a pressure file to look at. */
  showsPressure = true;
  pidsMax = Number.POSITIVE_INFINITY;
  pidsPeak = 0;
  /** Forks that its limit forbade; with those that limits of groups below it did. */
  pidsLocalFailures = 0;
  pidsFailures = 0;

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

  get hasPids(): boolean {
    return this.parent === null || (this.parent.delegatesPids && this.parent.hasPids);
  }

  /** By itself or by a group above it. */
  get isFrozen(): boolean {
    return this.freeze || (this.parent?.isFrozen ?? false);
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
