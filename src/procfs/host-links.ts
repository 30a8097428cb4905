/** Numbers of real processes, and the caller's own: links into the genuine procfs on `.host`. */
import type { Caller } from '../vfs/types.ts';
import type { SystemContext } from './entry.ts';

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

/** The number of the caller's own process, where it is known and not that of a simulated one. */
function ownPid({ settings, machine }: SystemContext, caller: Caller | undefined): number | undefined {
  if (!settings.hostProc || caller === undefined || caller.pid === 0) return undefined;
  const pid = settings.callerPid(caller.pid);
  return pid === undefined || pid >= PID_LIMIT || machine.byTid.has(pid) ? undefined : pid;
}

/** Of `self`: a plain number where possible, for those who read the link to learn who they are (prometheus/procfs). */
export function selfTarget(ctx: SystemContext, caller?: Caller): string {
  return String(ownPid(ctx, caller) ?? '.host/self');
}

/** Of `thread-self`. */
export function threadSelfTarget(ctx: SystemContext, caller?: Caller): string {
  const pid = ownPid(ctx, caller);
  return pid === undefined ? '.host/thread-self' : `${pid}/task/${caller?.pid}`;
}
