/** What is seen while a scenario runs, and what a run comes down to. */
import type { MachineEvent } from '../../machine/event-log.ts';
import type { Machine } from '../../machine/machine.ts';
import { appsOf } from '../../machine/workload/app.ts';
import { type Counters, countersOf } from './counters.ts';
import type { PlannedRun } from './experiment.ts';
import { type MemorySample, MemorySampler } from './memory-sampler.ts';

/** An app that was opened. */
export interface Opening {
  /** Virtual seconds since the start, app, and milliseconds until it was ready. */
  readonly at: number;
  readonly app: string;
  readonly ms: number;
  /** As it was left; else it was started from nothing. */
  readonly hot: boolean;
  /** It had been killed since it was last open. */
  readonly lost: boolean;
}

export const KILLED_BY = ['lmk', 'lmkd', 'policy', 'oom', 'signal'] as const;

export interface Kill {
  readonly at: number;
  readonly by: (typeof KILLED_BY)[number];
  readonly name: string;
  readonly foreground: boolean;
  /**
   * What went with it: of an app the seconds that it had been in front since it was started, of another process the
   * seconds of its life.
   */
  readonly lostSeconds: number;
}

/** One run of a scenario under one row's policy with one seed. All times are virtual. */
export interface RunFigures extends Counters {
  readonly row: number;
  readonly seed: number;
  readonly simulatedSeconds: number;
  readonly ramMb: number;
  readonly openings: readonly Opening[];
  /** Openings that ended before the app was ready: it was killed. */
  readonly failedOpenings: number;
  readonly kills: readonly Kill[];
  /** Names of the processes in the samples; memory over time, kept of one seed only. */
  readonly names: readonly string[];
  readonly samples: readonly MemorySample[];
  /** Metrics of one's own. */
  readonly own: Readonly<Record<string, number>>;
}

const KILL_EVENTS: Readonly<Record<string, Kill['by']>> = {
  'lmk-kill': 'lmk',
  'lmkd-kill': 'lmkd',
  'policy-kill': 'policy',
  'oom-kill': 'oom',
  signal: 'signal',
};

/** Time in front of one app since it was started. */
interface Use {
  seconds: number;
  since: number | undefined;
}

/** Watches one machine from now on. Precondition: nothing else listens to its events, or hands them on to `see`. */
export class Recorder {
  #machine: Machine;
  readonly #startUs: number;
  readonly #before: Counters;
  readonly #openings: Opening[] = [];
  #failed = 0;
  readonly #kills: Kill[] = [];
  readonly #use = new Map<string, Use>();
  /** Is run as time passes: by the machine, or by whoever lets it pass. */
  readonly sampler: MemorySampler;

  /** `ticks`: the machine runs the sampler; it cannot be saved then. */
  constructor(machine: Machine, ticks = true) {
    this.#machine = machine;
    this.#startUs = machine.nowUs;
    this.#before = countersOf(machine);
    this.sampler = new MemorySampler(machine);
    if (ticks) machine.tickers.push(this.sampler);
    machine.events.onEvent = (event) => this.see(event);
  }

  /** An equal machine has taken the place of the one that is watched. */
  follow(machine: Machine): void {
    this.#machine = machine;
    this.sampler.follow(machine);
  }

  /** What has been seen. */
  figures({ row, seed }: PlannedRun, withSamples: boolean): Omit<RunFigures, 'own'> {
    const machine = this.#machine;
    const after = countersOf(machine);
    const counters = Object.fromEntries(
      Object.entries(after).map(([name, value]) => [name, value - this.#before[name as keyof Counters]]),
    ) as unknown as Counters;
    const { names, samples } = withSamples ? this.sampler.result() : { names: [], samples: [] };
    return {
      row,
      seed,
      simulatedSeconds: (machine.nowUs - this.#startUs) / 1e6,
      ramMb: machine.mem.frames.total / 256,
      openings: this.#openings,
      failedOpenings: this.#failed,
      kills: this.#kills,
      ...counters,
      names,
      samples,
    };
  }

  /** Takes note of what has happened. */
  see(event: MachineEvent): void {
    const at = event.time - this.#startUs / 1e6;
    const app = String(event['app']);
    const by = KILL_EVENTS[event.type];
    if (by !== undefined) {
      this.#kills.push(this.#kill(by, Number(event['pid']), String(event['comm']), at));
    } else if (event.type === 'background') {
      this.#use.set(app, { seconds: this.#used(app, at), since: undefined });
    } else if (event.type === 'launch' || event.type === 'resume') {
      if (event['finished'] !== true) {
        this.#failed++;
        return;
      }
      const hot = event.type === 'resume';
      this.#use.set(app, { seconds: hot ? this.#used(app, at) : 0, since: at });
      this.#openings.push({ at, app, ms: Number(event['ms']), hot, lost: event['lost'] === true });
    }
  }

  #kill(by: Kill['by'], pid: number, comm: string, at: number): Kill {
    const apps = appsOf(this.#machine);
    const task = this.#machine.tasks.get(pid);
    const name = task?.name ?? comm;
    const isApp = task !== undefined && apps.list.get(name)?.task === task;
    const bornAt = ((task?.leader.startUs ?? 0) - this.#startUs) / 1e6;
    const lostSeconds = isApp ? this.#used(name, at) : at - Math.max(0, bornAt);
    if (isApp) this.#use.delete(name);
    return {
      at,
      by,
      name,
      foreground: apps.foreground?.task?.pid === pid,
      lostSeconds: Math.round(lostSeconds * 1e3) / 1e3,
    };
  }

  #used(app: string, at: number): number {
    const use = this.#use.get(app);
    if (use === undefined) return 0;
    return use.seconds + (use.since === undefined ? 0 : at - use.since);
  }
}
