/**
 * Who may look where. Mirrors: kernel/ptrace.c:ptrace_may_access, kernel/fork.c:may_access_mm, fs/proc/base.c:has_pid_permissions.
 *
 * A request says user and group; what else counts (capabilities, supplementary groups) is looked up under its thread id,
 * and only where it makes a difference.
 */
import type { Task } from '../machine/task.ts';
import { type Caller, S_IFDIR, S_IFLNK, S_IFMT } from '../vfs/types.ts';
import type { Entry, TaskContext } from './entry.ts';
import type { ProcFsSettings } from './settings.ts';

/** What a task may do beyond its ids. */
export interface Credentials {
  /** Effective capabilities in the user namespace of the mount: none for those in another one. */
  readonly capabilities: bigint;
  readonly groups: readonly number[];
}

export const CAP_SYS_PTRACE = 19;
export const CAP_SYS_ADMIN = 21;
export const CAP_SYS_NICE = 23;
export const CAP_SYS_RESOURCE = 24;
export const CAP_PERFMON = 38;

/** Where nothing can be looked up: root may everything, all others nothing. */
const ROOTS: Credentials = { capabilities: (1n << 64n) - 1n, groups: [] };
const NOBODYS: Credentials = { capabilities: 0n, groups: [] };
/** As long credentials are believed: programs that look through all of /proc are asked about once. */
const KEPT_MS = 20;
const MAX_KEPT = 64;
/** Pretend: root's processes have every capability that there is, all others none. */
const ALL_CAPABILITIES = (1n << 41n) - 1n;

export class Access {
  readonly #settings: { readonly hidepid: number; readonly uid: number };
  readonly #look: (tid: number, uid: number) => Credentials | undefined;
  readonly #known = new Map<number, { readonly of: Credentials; readonly uid: number; readonly untilMs: number }>();

  constructor(
    settings: { readonly hidepid: number; readonly uid: number },
    look: (tid: number, uid: number) => Credentials | undefined,
  ) {
    this.#settings = settings;
    this.#look = look;
  }

  #credentials({ uid, pid }: Caller): Credentials {
    if (pid === 0) return uid === 0 ? ROOTS : NOBODYS;
    const nowMs = performance.now();
    const known = this.#known.get(pid);
    if (known !== undefined && known.untilMs > nowMs && known.uid === uid) return known.of;
    const of = this.#look(pid, uid) ?? (uid === 0 ? ROOTS : NOBODYS);
    if (this.#known.size >= MAX_KEPT) this.#known.clear();
    this.#known.set(pid, { of, uid, untilMs: nowMs + KEPT_MS });
    return of;
  }

  capable(caller: Caller | undefined, capability: number): boolean {
    return caller === undefined || (this.#credentials(caller).capabilities & (1n << BigInt(capability))) !== 0n;
  }

  /** Whether a caller may trace a process. A caller who is not known has passed the mode bits. */
  mayTrace(caller: Caller | undefined, task: Task): boolean {
    if (caller === undefined || this.capable(caller, CAP_SYS_PTRACE)) return true;
    const { ids } = task;
    const same = [ids.uid, ids.euid, ids.suid].every((id) => id === caller.uid);
    if (!same || ![ids.gid, ids.egid, ids.sgid].every((id) => id === caller.gid)) return false;
    if (!task.dumpable || task.mm === null) return false;
    if (ids.euid !== 0) return true;
    // Nobody may trace who has more capabilities. Mirrors: cap_ptrace_access_check.
    return (this.#credentials(caller).capabilities & ALL_CAPABILITIES) === ALL_CAPABILITIES;
  }

  /** Whether a caller may read of an address space: as a tracer, or with CAP_PERFMON. */
  mayReadMm(caller: Caller | undefined, task: Task): boolean {
    return this.mayTrace(caller, task) || this.capable(caller, CAP_PERFMON) || this.capable(caller, CAP_SYS_ADMIN);
  }

  /** What an entry is shown for. */
  mayUse(caller: Caller | undefined, task: Task, entry: Entry<TaskContext>): boolean {
    if (entry.traced === undefined) return true;
    return entry.traced === 'mm' ? this.mayReadMm(caller, task) : this.mayTrace(caller, task);
  }

  /** Whether hidepid lets a caller see a process. The option gid= is 0: members of group 0 see all. */
  maySee(caller: Caller | undefined, task: Task): boolean {
    const { hidepid, uid } = this.#settings;
    if (hidepid === 0 || caller === undefined || caller.uid === uid || caller.gid === 0) return true;
    return this.mayTrace(caller, task) || this.#credentials(caller).groups.includes(0);
  }
}

/**
 * The mode that stat shows. Where the caller is not known, the bits alone have to refuse what the kernel refuses by a
 * check at open: files for those who may trace lose the bits of group and others, and so do directories under hidepid.
 */
export function shownMode(entry: Entry<TaskContext>, settings: ProcFsSettings): number {
  if (settings.callerKnown) return entry.mode;
  const type = entry.mode & S_IFMT;
  const closed = (entry.traced !== undefined && type !== S_IFLNK) || entry.refuse !== undefined;
  const hidden = settings.hidepid > 0 && type === S_IFDIR && entry.name === '';
  return closed || hidden ? entry.mode & ~0o077 : entry.mode;
}
