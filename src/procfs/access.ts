/** Who may look where. Mirrors: kernel/ptrace.c:ptrace_may_access, fs/proc/base.c:has_pid_permissions. */
import type { Task } from '../machine/task.ts';
import { type Caller, S_IFDIR, S_IFLNK, S_IFMT } from '../vfs/types.ts';
import type { Entry, TaskContext } from './entry.ts';
import type { ProcFsSettings } from './settings.ts';

/** Whether a caller may trace a process, as far as ids tell. A caller who is not known has passed the mode bits. */
export function mayTrace(caller: Caller | undefined, task: Task): boolean {
  if (caller === undefined || caller.uid === 0) return true;
  const { ids } = task;
  const same = [ids.uid, ids.euid, ids.suid].every((id) => id === caller.uid);
  return same && [ids.gid, ids.egid, ids.sgid].every((id) => id === caller.gid) && task.dumpable && task.mm !== null;
}

/** Whether hidepid lets a caller see a process. */
export function maySee(caller: Caller | undefined, task: Task, { hidepid, uid }: ProcFsSettings): boolean {
  return hidepid === 0 || caller === undefined || caller.uid === uid || mayTrace(caller, task);
}

/**
 * The mode that stat shows. Where the caller is not known, the bits alone have to refuse what the kernel refuses by a
 * check at open: files for those who may trace lose the bits of group and others, and so do directories under hidepid.
 */
export function shownMode(entry: Entry<TaskContext>, settings: ProcFsSettings): number {
  if (settings.callerKnown) return entry.mode;
  const type = entry.mode & S_IFMT;
  const closed = (entry.traced === true && type !== S_IFLNK) || entry.refuse !== undefined;
  const hidden = settings.hidepid > 0 && type === S_IFDIR && entry.name === '';
  return closed || hidden ? entry.mode & ~0o077 : entry.mode;
}
