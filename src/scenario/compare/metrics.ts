/** What is measured while a scenario runs, and what a run comes down to. */

import type { MachineEvent } from '../../machine/event-log.ts';
import type { Machine } from '../../machine/machine.ts';
import { appsOf } from '../../machine/workload/app.ts';
import { textOf } from '../../util/bytes.ts';
import { pressureFigures } from './pressure-figures.ts';

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
  readonly majorFaults: number;
}

export interface Kill {
  readonly at: number;
  readonly by: 'lmk' | 'oom' | 'signal';
  readonly name: string;
  readonly foreground: boolean;
}

/** Memory at one moment, in MB: resident by process (in the order of `names`), free, and used swap. */
export interface Sample {
  readonly at: number;
  readonly resident: readonly number[];
  readonly free: number;
  readonly cached: number;
  readonly swap: number;
}

/** One run of a scenario under one policy with one seed. */
export interface RunFigures {
  readonly policy: string;
  readonly seed: number;
  readonly simulatedSeconds: number;
  readonly wallMs: number;
  readonly openings: readonly Opening[];
  readonly kills: readonly Kill[];
  readonly majorFaults: number;
  readonly minorFaults: number;
  readonly swapOutPages: number;
  readonly swapInPages: number;
  readonly fileReadPages: number;
  /** Time with at least one process, and with all of them, waiting for memory, in seconds. */
  readonly psiSomeSeconds: number;
  readonly psiFullSeconds: number;
  /** Direct reclaims and the time they took. */
  readonly directReclaims: number;
  readonly directReclaimMs: number;
  /** CPU time of kswapd and of task managers, in milliseconds; what the latter took away. */
  readonly backgroundCpuMs: number;
  readonly reclaimWrites: number;
  readonly reclaimedPages: number;
  readonly names: readonly string[];
  readonly samples: readonly Sample[];
}

const FIRST_SAMPLE_US = 1_000_000;
/** When there are twice as many samples, every other one is forgotten and the rest come half as often. */
const KEPT_SAMPLES = 240;
const OTHERS = 'other processes';

/** Watches one machine. Precondition: nothing else listens to its events. */
export class Recorder {
  readonly #machine: Machine;
  readonly #startUs: number;
  readonly #openings: Opening[] = [];
  readonly #kills: Kill[] = [];
  readonly #names: string[] = [];
  #samples: { at: number; resident: Map<string, number>; free: number; cached: number; swap: number }[] = [];
  #everyUs = FIRST_SAMPLE_US;
  #nextUs: number;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#startUs = machine.nowUs;
    this.#nextUs = machine.nowUs;
    machine.events.onEvent = (event) => this.#onEvent(event);
    machine.tickers.push({ nextUs: () => this.#nextUs, run: (nowUs) => this.#sample(nowUs) });
  }

  #onEvent(event: MachineEvent): void {
    const at = event.time - this.#startUs / 1e6;
    switch (event.type) {
      case 'launch':
      case 'resume':
        if (event['finished'] !== true) return;
        this.#openings.push({
          at,
          app: String(event['app']),
          ms: Number(event['ms']),
          hot: event.type === 'resume',
          lost: event['lost'] === true,
          majorFaults: Number(event['majflt']),
        });
        return;
      case 'lmk-kill':
      case 'oom-kill':
      case 'signal': {
        const pid = Number(event['pid']);
        const { foreground } = appsOf(this.#machine);
        const by = event.type === 'lmk-kill' ? 'lmk' : event.type === 'oom-kill' ? 'oom' : 'signal';
        const name = this.#machine.tasks.get(pid)?.name ?? String(event['comm']);
        this.#kills.push({ at, by, name: textOf(name), foreground: foreground?.task?.pid === pid });
      }
    }
  }

  #sample(nowUs: number): void {
    const { mem } = this.#machine;
    const resident = new Map<string, number>();
    for (const task of this.#machine.tasks.values()) {
      if (task.mm === null) continue;
      const { name } = task;
      // A fork storm's children are counted with their parent.
      const shown =
        name.includes('.') && this.#machine.named.has(name.split('.')[0]!) ? name.split('.')[0]! : textOf(name);
      if (!this.#names.includes(shown)) this.#names.push(shown);
      resident.set(shown, (resident.get(shown) ?? 0) + (task.mm.rssAnon + task.mm.rssShmem) / 256);
    }
    this.#samples.push({
      at: (nowUs - this.#startUs) / 1e6,
      resident,
      free: mem.nrFree / 256,
      cached: (mem.nrFilePages - mem.nrShmem) / 256,
      swap: (mem.swap?.nrUsed ?? 0) / 256,
    });
    if (this.#samples.length >= 2 * KEPT_SAMPLES) {
      this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
      this.#everyUs *= 2;
    }
    this.#nextUs = nowUs + this.#everyUs;
  }

  /** What has been seen. */
  figures(policy: string, seed: number, wallMs: number): RunFigures {
    const machine = this.#machine;
    const { events } = machine.mem;
    const pressure = pressureFigures(machine);
    const daemons = machine.daemons;
    const names = this.#largest();
    return {
      policy,
      seed,
      simulatedSeconds: (machine.nowUs - this.#startUs) / 1e6,
      wallMs,
      openings: this.#openings,
      kills: this.#kills,
      majorFaults: events.pgmajfault,
      minorFaults: events.pgfault - events.pgmajfault,
      swapOutPages: events.pswpout,
      swapInPages: events.pswpin,
      fileReadPages: events.pgpgin / 4,
      psiSomeSeconds: pressure.someUs / 1e6,
      psiFullSeconds: pressure.fullUs / 1e6,
      directReclaims: pressure.directReclaims,
      directReclaimMs: pressure.directReclaimUs / 1000,
      backgroundCpuMs: (pressure.kswapdUs + daemons.cpuUs) / 1000,
      reclaimWrites: daemons.writes,
      reclaimedPages: daemons.pages,
      names,
      samples: this.#samples.map(({ at, resident, free, cached, swap }) => ({
        at,
        resident: names.map((name) => round(name === OTHERS ? others(resident, names) : (resident.get(name) ?? 0))),
        free: round(free),
        cached: round(cached),
        swap: round(swap),
      })),
    };
  }

  /** Names of the processes worth a colour of their own: apps first, then the largest; the rest is summed up. */
  #largest(): string[] {
    const peak = (name: string) =>
      this.#samples.reduce((most, { resident }) => Math.max(most, resident.get(name) ?? 0), 0);
    const apps = appsOf(this.#machine).list;
    const shown = this.#names.filter((name) => apps.has(name));
    const rest = this.#names
      .filter((name) => !apps.has(name) && peak(name) >= 1)
      .map((name) => ({ name, mb: peak(name) }))
      .sort((a, b) => b.mb - a.mb);
    const room = Math.max(0, MOST_NAMES - shown.length);
    const chosen = rest.slice(0, room).map(({ name }) => name);
    return chosen.length < this.#names.length - shown.length ? [...chosen, ...shown, OTHERS] : [...chosen, ...shown];
  }
}

const MOST_NAMES = 20;

function others(resident: ReadonlyMap<string, number>, names: readonly string[]): number {
  let sum = 0;
  for (const [name, mb] of resident) if (!names.includes(name)) sum += mb;
  return sum;
}

function round(mb: number): number {
  return Math.round(mb * 10) / 10;
}

/** The value below which a share of the (unsorted) values lies; 0 without values. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
