/** Which pids the command of `run` and our own processes get in its pid namespace: none that the machine uses. */
import { readFileSync } from 'node:fs';
import { freePidRow } from '../../fuse/namespace.ts';

/** The first pid of our own processes, and that of the command. */
export interface CommandPids {
  readonly firstPid: number;
  readonly commandPid: number;
}

/** For the machine of a scenario. Without a pid namespace of its own the command gets whatever pid is next. Throws MountError. */
export function pidsFor(scenario: string, pidns = true): CommandPids {
  const taken = [...scenario.matchAll(/\b[pt]id=(\d+)/g)].map(([, number]) => Number(number));
  const pidMax = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
  const firstPid = pidns ? freePidRow(taken, pidMax) : 0;
  // In the middle, where they collide neither with simulated processes nor with ours for long.
  const highest = Math.max(0, ...taken.filter((pid) => pid < firstPid));
  const commandPid = Math.max(Math.floor(firstPid / 2), Math.min(highest + 100, firstPid - 100));
  return { firstPid, commandPid };
}
