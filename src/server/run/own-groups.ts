/**
 * The command's own processes in simulated control groups: who writes their number to a group's cgroup.procs finds them there.
 *
 * Which group a process is in has to be inherited by its children, however soon their parent ends. The kernel hands a mark
 * down for us: the soft limit of RLIMIT_LOCKS, which it has kept for every process since 2.4 and looks at no more. No mark:
 * the root. What such a process uses is charged to no group, nor is it frozen, nor do its forks meet pids.max.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Guest } from '../../machine/cgroup.ts';
import type { CgroupVersion } from '../../machine/machine.ts';
import { hierarchyOf } from '../../procfs/base-files.ts';
import type { Guests } from '../../procfs/cgroupfs.ts';
import { type GroupNumbers, ROOT_GROUP } from '../../procfs/group-numbers.ts';
import type { ProcHost } from '../../procfs/host.ts';
import { EOPNOTSUPP, ESRCH } from '../../util/errno.ts';
import { type Libc, loadLibc } from '../../util/libc.ts';
import type { Family } from './family.ts';

const RLIMIT_LOCKS = 10;
const RLIM_INFINITY = 2n ** 64n - 1n;
/** A mark is this and the number of a group: no limit that anybody sets. */
const MARK = 0x5265_636c_0000_0000n;
const MARKS_END = 2n ** 32n;
/** The row of PID/limits. */
const LOCKS = /^(Max file locks +)(\d+)( +)(\S+)/m;

/** The number of the group that a text of PID/limits tells of. */
export function markedGroup(limits: string): number {
  const soft = LOCKS.exec(limits)?.[2];
  const number = soft === undefined ? -1n : BigInt(soft) - MARK;
  return number > 0n && number < MARKS_END ? Number(number) : ROOT_GROUP;
}

/** The same text without the mark, for those who read it to learn their limits. */
export function limitsShown(limits: string): string {
  if (markedGroup(limits) === ROOT_GROUP) return limits;
  return limits.replace(LOCKS, (_row, name: string, soft: string, gap: string, hard: string) => {
    const width = soft.length + gap.length;
    return `${name}${'unlimited'.padEnd(width)}${hard}`;
  });
}

export class OwnGroups implements Guests {
  readonly #host: ProcHost;
  readonly #family: Family;
  readonly #numbers: GroupNumbers;
  #libc: Libc | undefined;

  constructor(host: ProcHost, family: Family, numbers: GroupNumbers) {
    this.#host = host;
    this.#family = family;
    this.#numbers = numbers;
  }

  all(): Guest[] {
    return this.#family.pids().flatMap((pid) => {
      try {
        return [guest(pid, this.pathOf(pid))];
      } catch {
        return [];
      }
    });
  }

  get version(): CgroupVersion {
    return this.#host.machine.options.cgroup;
  }

  /** As in PID/cgroup, before the path. */
  get hierarchy(): string {
    return hierarchyOf(this.#host.machine);
  }

  /** Throws when the process has gone. */
  pathOf(pid: number): string {
    const number = markedGroup(readFileSync(`/proc/${pid}/limits`, 'latin1'));
    const path = number === ROOT_GROUP ? '/' : this.#numbers.pathOf(number);
    // Another machine may stand in the place of the one that had the group.
    return path !== undefined && (path === '/' || this.#host.machine.cgroups.paths().includes(path)) ? path : '/';
  }

  has(pid: number): boolean {
    return this.#family.has(pid);
  }

  move(pid: number, path: string): number {
    const libc = this.#loadedLibc();
    if (libc === undefined) return -EOPNOTSUPP;
    if (!this.has(pid)) return -ESRCH;
    const limit = Buffer.alloc(16);
    limit.writeBigUInt64LE(path === '/' ? RLIM_INFINITY : MARK + BigInt(this.#numbers.of(path)), 0);
    limit.writeBigUInt64LE(RLIM_INFINITY, 8);
    return libc.call('prlimit64', pid, RLIMIT_LOCKS, libc.address(limit), 0);
  }

  kill(pid: number): void {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }

  #loadedLibc(): Libc | undefined {
    if (this.#libc === undefined) {
      const libc = loadLibc();
      if ('obstacle' in libc) return undefined;
      this.#libc = libc;
    }
    return this.#libc;
  }
}

/** Throws when the process has gone. */
function guest(pid: number, path: string): Guest {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const isZombie = /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  return { pid, path, isZombie, tids: readdirSync(`/proc/${pid}/task`).map(Number) };
}
