/** Which real processes are the command's own. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { ProcHost } from '../../procfs/host.ts';
import type { Caller } from '../../vfs/types.ts';

/** Which numbers are processes of the command, or threads of them. Whatever we start beside it is simulated, or gone before it runs. */
export class Family {
  readonly #host: ProcHost;
  /** The command has a pid namespace of its own. */
  readonly pidns: boolean;

  constructor(host: ProcHost, pidns: boolean) {
    this.#host = host;
    this.pidns = pidns;
  }

  /**
   * In a pid namespace: all that are there but its init and us, so that daemons count whose parents have ended. In the
   * host's: who still descends from us.
   */
  has(pid: number): boolean {
    if (pid <= 1 || this.#host.machine.byTid.has(pid) || existsSync(`/proc/self/task/${pid}`)) return false;
    if (this.pidns) return existsSync(`/proc/${pid}`);
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parentOf(at))
      if (at === process.pid) return true;
    return false;
  }

  /**
   * Those to be listed. A shell that is the command itself is not listed for who searches arguments: `run -- sh -c
   * 'pkill -f NAME'` is not meant for the shell that has NAME among its arguments. It is found by its number.
   */
  listed(reader: Caller | undefined): number[] {
    const hides = reader === undefined || searchesArguments(reader.pid);
    return this.pids().filter((pid) => !(hides && parentOf(pid) === process.pid && isShell(pid)));
  }

  /** All of them. */
  pids(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number)
      .filter((pid) => this.has(pid));
  }
}

const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'mksh', 'fish', 'busybox']);

function isShell(pid: number): boolean {
  try {
    return SHELLS.has(readFileSync(`/proc/${pid}/comm`, 'latin1').trim());
  } catch {
    return false;
  }
}

/** pgrep -f, pkill -f. */
function searchesArguments(pid: number): boolean {
  try {
    const [file = '', ...options] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
    return /(^|\/)(pgrep|pkill)$/.test(file) && options.some((option) => /^(-[^-]*f|--full)/.test(option));
  } catch {
    return false;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]);
  } catch {
    return undefined;
  }
}
