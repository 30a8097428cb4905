/** The rows of the tables: what a file or directory of the tree is. Mirrors: struct pid_entry, struct proc_dir_entry. */
import { isIn, type Span } from '../machine/kernels.ts';
import type { Machine } from '../machine/machine.ts';
import type { PsiResource } from '../machine/psi.ts';
import type { Task, Thread } from '../machine/task.ts';
import type { Job } from '../util/job.ts';
import { type Caller, type Ino, type OpenFile, S_IFDIR, S_IFLNK, S_IFREG } from '../vfs/types.ts';
import type { FixedTree } from './fixed-tree.ts';
import type { ProcHost } from './host.ts';
import type { ProcFsSettings } from './settings.ts';
import type { TextBuffer } from './text.ts';

/** What system-wide files are shown from. */
export interface SystemContext {
  readonly host: ProcHost;
  readonly machine: Machine;
  readonly settings: ProcFsSettings;
  readonly tree: FixedTree;
}

/** What files of a process are shown from. */
export interface TaskContext extends SystemContext {
  readonly task: Task;
  /** The thread that the directory names; the leader in /proc/PID. */
  readonly thread: Thread;
  /** The number in the inode: thread id, or descriptor, or index (see task-inodes.ts). */
  readonly sub: number;
}

/** A name in a directory, and where it leads. */
export interface Child {
  readonly name: string;
  readonly ino: Ino;
  readonly type: number;
}

/** The content of a directory that is not a fixed table. */
export interface Directory<C> {
  find(ctx: C, name: string, caller: Caller | undefined): Ino | undefined;
  list(ctx: C, caller: Caller | undefined): readonly Child[];
}

/**
 * One row. Exactly one of show, open, link, dir or children says what it is; a file with neither show nor open can only
 * be written.
 */
export interface Entry<C> {
  readonly name: string;
  /** File type and permission bits. */
  readonly mode: number;
  /** Renders the whole content; as a job, which others may change the machine beside, where that may take long. */
  show?(out: TextBuffer, ctx: C): void | Job<void>;
  /** Whether it takes long now; absent: never. */
  isLong?(ctx: C): boolean;
  /** Takes one write. Returns bytes taken or -errno; what may take long is a job, which looks at `data` in its first piece only. */
  write?(ctx: C, data: Uint8Array, caller: Caller | undefined): number | Job<number>;
  /** A write that takes long is given up when its writer is interrupted; else it goes on to its end. */
  readonly mayCancel?: boolean;
  /** What a write answers after the process has gone; absent: -ESRCH. */
  writeGone?(ctx: SystemContext, data: Uint8Array): number;
  /** A file that is not rendered: served by offset, or waited for. */
  open?(ctx: C, flags: number, caller: Caller | undefined): OpenFile | number;
  /** A pressure file: rendered, and polled once a trigger has been written to it. */
  readonly pressure?: PsiResource;
  /** The length of such a file, where it is cheap to say. */
  size?(ctx: C): number;
  link?(ctx: C, caller?: Caller): string | number;
  readonly dir?: Directory<C>;
  readonly children?: readonly Entry<C>[];
  /** Open fails with ESRCH where there is no address space. Mirrors: proc_mem_open. */
  readonly needsMm?: boolean;
  /**
   * Only for those who may trace the process: ptrace_may_access(PTRACE_MODE_READ); `mm`: or read its address space by
   * another right (may_access_mm).
   */
  readonly traced?: true | 'mm';
  /** What `refuse` asks for is a capability: where callers are not known it belongs to root. */
  readonly privileged?: boolean;
  /** Belongs to whoever mounted, not to root. */
  readonly ownedByMounter?: boolean;
  /** A read or a write answers this (-errno) to some callers, whatever the mode says and whoever opened it; 0: goes on. */
  refuse?(ctx: C, caller: Caller): number;
  /** Whether this machine has it; absent: every one has. */
  readonly isThere?: ((machine: Machine) => boolean) | undefined;
  /** Found by name but not listed. */
  readonly hidden?: boolean;
  /** Not even root may open it against its mode. Mirrors: sysctl_perm. */
  readonly strictMode?: boolean;
}

/** For rows that not all kernels have: `isThere: inKernels({ since: '5.10' })`. */
export function inKernels(span: Span): (machine: Machine) => boolean {
  return ({ options }) => isIn(options.kernel, span);
}

/** Whether a machine has it. */
export function isThere<C>({ isThere: has }: Entry<C>, machine: Machine): boolean {
  return has === undefined || has(machine);
}

/** A file that is rendered. */
export function file<C>(
  name: string,
  perm: number,
  show: (out: TextBuffer, ctx: C) => void | Job<void>,
  more: Partial<Entry<C>> = {},
): Entry<C> {
  return { name, mode: S_IFREG | perm, show, ...more };
}

/** A file with the same text always. */
export function fixed(name: string, text: string, perm = 0o444): Entry<SystemContext> {
  return file(name, perm, (out) => {
    out.text(text);
  });
}

export function directory<C>(name: string, children: readonly Entry<C>[], perm = 0o555): Entry<C> {
  return { name, mode: S_IFDIR | perm, children };
}

export function symlink<C>(
  name: string,
  link: (ctx: C, caller?: Caller) => string | number,
  more: Partial<Entry<C>> = {},
): Entry<C> {
  return { name, mode: S_IFLNK | 0o777, link, ...more };
}
