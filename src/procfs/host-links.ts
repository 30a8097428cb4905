/** Numbers of real processes, and the caller's own: links into the genuine procfs on `.host`. */
import { type Caller, S_IFLNK } from '../vfs/types.ts';
import type { Child, SystemContext } from './entry.ts';
import { hostLinkIno } from './inode.ts';

const PID_LIMIT = 2 ** 22;

/** The number that a name is, or 0. */
export function pidOf(name: string): number {
  if (!/^[1-9]\d{0,6}$/.test(name)) return 0;
  const pid = Number(name);
  return pid < PID_LIMIT ? pid : 0;
}

export function hostTarget(pid: number): string {
  return `.host/${pid}`;
}

/** The caller's own process for readdir, if it is wanted and not simulated. */
export function callerEntry({ settings, machine }: SystemContext, caller: Caller | undefined): Child | undefined {
  if (!settings.listCaller || !settings.hostProc || caller === undefined || caller.pid === 0) return undefined;
  const pid = settings.callerPid(caller.pid);
  if (pid === undefined || pid >= PID_LIMIT || machine.byTid.has(pid)) return undefined;
  return { name: String(pid), ino: hostLinkIno(pid), type: S_IFLNK };
}
