/**
 * Whether everybody in the command's pid namespace sleeps: then nobody will do anything before time passes, or an answer
 * comes from us. Seen twice with the same numbers of context switches: in between nobody has run.
 */
import { readdirSync, readFileSync } from 'node:fs';

const INIT = 1;
/** States of threads that go on by themselves. D: a file is read, or a child of vfork has not begun its program yet. */
const RUNS = /^[RDW]$/;

/** What is seen of the threads at one moment. */
export interface Look {
  /** State and context switches of each, by thread. */
  readonly threads: ReadonlyMap<number, string>;
  /** Threads that have a signal which they catch. */
  readonly signalled: readonly number[];
}

/** All processes of this pid namespace but its init and us. */
export class Family {
  /** Everybody, if all of them sleep; `held`: who waits for an answer of ours, whatever the kernel calls that. */
  look(held: ReadonlySet<number>): Look | undefined {
    const threads = new Map<number, string>();
    const signalled: number[] = [];
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      if (!(pid > INIT) || pid === process.pid) continue;
      for (const tid of threadsOf(pid)) {
        const status = statusOf(pid, tid);
        if (status === undefined) return undefined;
        const state = field(status, 'State');
        if (RUNS.test(state) && !held.has(tid)) return undefined;
        threads.set(
          tid,
          `${state} ${field(status, 'voluntary_ctxt_switches')} ${field(status, 'nonvoluntary_ctxt_switches')}`,
        );
        if (held.has(tid) && hasCaughtSignal(status)) signalled.push(tid);
      }
    }
    return { threads, signalled };
  }

  /**
   * The same, seen twice; undefined: somebody has run in between. `settled`: asked between the two; lets those go on who
   * only waited for an answer, and says whether nobody is left who does.
   */
  asleep(held: ReadonlySet<number>, settled: () => boolean): Look | undefined {
    const first = this.look(held);
    if (first === undefined) return undefined;
    if (!isExtinct(first) && !settled()) return undefined;
    const second = this.look(held);
    if (second === undefined || second.threads.size !== first.threads.size) return undefined;
    for (const [tid, seen] of second.threads) if (first.threads.get(tid) !== seen) return undefined;
    return second;
  }

  /** Everybody, to be ended. */
  pids(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > INIT && pid !== process.pid);
  }
}

/** Whether somebody has ended whose parent has not taken note of it: it may just be about to be woken. */
export function hasZombie({ threads }: Look): boolean {
  return [...threads.values()].some((seen) => /^[ZX]/.test(seen));
}

/** Whether nobody is left who could do anything. */
export function isExtinct({ threads }: Look): boolean {
  return [...threads.values()].every((seen) => /^[ZX]/.test(seen));
}

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

function statusOf(pid: number, tid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${tid}/status`, 'latin1');
  } catch {
    return undefined;
  }
}

/** The first word of a line of status. */
function field(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
}

function hasCaughtSignal(status: string): boolean {
  const mask = (name: string) => BigInt(`0x${field(status, name) || '0'}`);
  return ((mask('SigPnd') | mask('ShdPnd')) & mask('SigCgt') & ~mask('SigBlk')) !== 0n;
}
