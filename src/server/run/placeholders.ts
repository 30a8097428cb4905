import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { logger } from '../../util/log.ts';
import type { SignalReport, SimulatedProcess } from '../process-reports.ts';

const log = logger('placeholders');

const LAST_PID = '/proc/sys/kernel/ns_last_pid';
const SLEEP = ['/bin/sleep', '/usr/bin/sleep'].find(existsSync) ?? 'sleep';
const SETPRIV = ['/bin/setpriv', '/usr/bin/setpriv'].find(existsSync) ?? 'setpriv';
/** Ids beyond are more than spawn of Node takes; setpriv (util-linux) knows all of them. */
const MAX_SPAWN_ID = 2147483647;
/** Somebody else may take the pid between the two steps of taking it. */
const MAX_TRIES = 20;

interface Placeholder {
  readonly child: ChildProcess;
  /** As it was last seen, and as its simulated process was last reported. */
  stopped: boolean;
  simulatedStopped: boolean;
}

/**
 * Real, idle tasks with the pids of simulated processes, so that kill(2), getpriority(2), pidfd_open(2) and their like
 * work on them. A signal that ends, stops or continues one does so to the simulated process, and the other way round.
 *
 * Each is a session of its own: what the terminal sends to the command does not reach it.
 * Precondition: this process is in the pid namespace and may write ns_last_pid.
 */
export class Placeholders {
  readonly #max: number;
  readonly #asRoot: boolean;
  readonly #report: (signal: SignalReport) => void;
  readonly #byPid = new Map<number, Placeholder>();
  readonly #refused = new Set<number>();
  #lookScheduled = false;
  #closed = false;

  /** `asRoot`: they may be given the simulated user ids. */
  constructor(max: number, asRoot: boolean, report: (signal: SignalReport) => void) {
    this.#max = max;
    this.#asRoot = asRoot;
    this.#report = report;
    process.on('SIGCHLD', this.#onChild);
  }

  get size(): number {
    return this.#byPid.size;
  }

  /** Brings the placeholders in line with the processes that there are. */
  follow(processes: readonly SimulatedProcess[]): void {
    if (this.#closed) return;
    const wanted = new Map(processes.map((simulated) => [simulated.pid, simulated]));
    for (const [pid, placeholder] of this.#byPid) if (!wanted.has(pid)) this.#dismiss(pid, placeholder);
    if (wanted.size > this.#max) return;
    for (const simulated of wanted.values()) {
      const placeholder = this.#byPid.get(simulated.pid);
      if (placeholder === undefined) this.#make(simulated);
      else if (placeholder.simulatedStopped !== simulated.stopped) stop(placeholder, simulated.stopped);
    }
  }

  close(): void {
    this.#closed = true;
    process.off('SIGCHLD', this.#onChild);
    for (const [pid, placeholder] of this.#byPid) this.#dismiss(pid, placeholder);
  }

  #make(simulated: SimulatedProcess): void {
    const { pid } = simulated;
    // Number 1 is the init of the namespace, which no signal from inside can end.
    if (pid === 1 || this.#refused.has(pid)) return;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (existsSync(`/proc/${pid}`)) break;
      writeFileSync(LAST_PID, String(pid - 1));
      const child = this.#spawn(simulated);
      if (child.pid === pid) {
        this.#adopt(pid, child);
        return;
      }
      child.kill('SIGKILL');
    }
    log('pid %d is taken', pid);
    this.#refused.add(pid);
  }

  #spawn({ uid, gid }: SimulatedProcess): ChildProcess {
    const options = { cwd: '/', env: {}, stdio: 'ignore', detached: true } as const;
    const child = !this.#asRoot
      ? spawn(SLEEP, ['infinity'], options)
      : Math.max(uid, gid) <= MAX_SPAWN_ID
        ? spawn(SLEEP, ['infinity'], { ...options, uid, gid })
        : spawn(SETPRIV, [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--', SLEEP, 'infinity'], options);
    child.on('error', (error) => log('%s', error));
    return child;
  }

  #adopt(pid: number, child: ChildProcess): void {
    this.#byPid.set(pid, { child, stopped: false, simulatedStopped: false });
    child.once('exit', (_code, signal) => {
      if (this.#byPid.get(pid)?.child !== child) return;
      this.#byPid.delete(pid);
      this.#report({ kind: 'signal', pid, signal: signal ?? 'SIGKILL' });
    });
  }

  #dismiss(pid: number, { child }: Placeholder): void {
    this.#byPid.delete(pid);
    child.kill('SIGKILL');
  }

  /** Children that stop or continue are told of by SIGCHLD only: look which. */
  #onChild = (): void => {
    if (this.#lookScheduled) return;
    this.#lookScheduled = true;
    setImmediate(() => {
      this.#lookScheduled = false;
      for (const [pid, placeholder] of this.#byPid) this.#look(pid, placeholder);
    });
  };

  #look(pid: number, placeholder: Placeholder): void {
    const state = stateOf(pid);
    if (state === undefined || state === 'Z' || state === 'X') return;
    const stopped = state === 'T';
    if (stopped === placeholder.stopped) return;
    placeholder.stopped = placeholder.simulatedStopped = stopped;
    this.#report({ kind: 'signal', pid, signal: stopped ? 'SIGSTOP' : 'SIGCONT' });
  }
}

function stop(placeholder: Placeholder, stopped: boolean): void {
  placeholder.simulatedStopped = stopped;
  if (placeholder.stopped === stopped) return;
  placeholder.stopped = stopped;
  placeholder.child.kill(stopped ? 'SIGSTOP' : 'SIGCONT');
}

function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2];
  } catch {
    return undefined;
  }
}
