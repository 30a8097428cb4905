/** Memory over time, by process: a sample a second at first, ever fewer of a long run. */
import type { Machine, Ticker } from '../../machine/machine.ts';

/** Memory at one moment, in MB: resident by process (in the order of the names), free, page cache, and used swap. */
export interface MemorySample {
  readonly at: number;
  readonly resident: readonly number[];
  readonly free: number;
  readonly cached: number;
  readonly swap: number;
}

interface Raw {
  readonly at: number;
  readonly resident: ReadonlyMap<string, number>;
  readonly free: number;
  readonly cached: number;
  readonly swap: number;
}

const FIRST_US = 1_000_000;
/** When there are twice as many samples, every other one is forgotten and the rest come half as often. */
const KEPT = 120;
/** Processes with a name of their own: the largest; the others are summed up. */
const NAMED = 8;
export const OTHERS = 'other processes';

/** Goes with the time of a machine, as one of its tickers, or run by whoever lets time pass. */
export class MemorySampler implements Ticker {
  #machine: Machine;
  readonly #startUs: number;
  #samples: Raw[] = [];
  #everyUs = FIRST_US;
  #dueUs: number;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#startUs = machine.nowUs;
    this.#dueUs = machine.nowUs;
  }

  /** When it wants to look, in virtual microseconds since boot. */
  nextUs(): number {
    return this.#dueUs;
  }

  /** An equal machine has taken the place of the one that is looked at. */
  follow(machine: Machine): void {
    this.#machine = machine;
  }

  /** The samples, with the processes that held most memory over time first. */
  result(): { readonly names: readonly string[]; readonly samples: readonly MemorySample[] } {
    const totals = new Map<string, number>();
    for (const { resident } of this.#samples)
      for (const [name, mb] of resident) totals.set(name, (totals.get(name) ?? 0) + mb);
    const largest = [...totals]
      .filter(([, mb]) => mb >= 1)
      .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
      .map(([name]) => name);
    const shown = largest.slice(0, NAMED);
    const rest = largest.slice(NAMED);
    return {
      names: rest.length === 0 ? shown : [...shown, OTHERS],
      samples: this.#samples.map(({ at, resident, free, cached, swap }) => {
        const own = shown.map((name) => round(resident.get(name) ?? 0));
        const others = rest.reduce((sum, name) => sum + (resident.get(name) ?? 0), 0);
        return {
          at,
          resident: rest.length === 0 ? own : [...own, round(others)],
          free: round(free),
          cached: round(cached),
          swap: round(swap),
        };
      }),
    };
  }

  /** Looks. */
  run(nowUs: number): void {
    const { mem, tasks, named } = this.#machine;
    const resident = new Map<string, number>();
    for (const task of tasks.values()) {
      if (task.mm === null) continue;
      const family = task.name.split('.')[0]!;
      // A fork storm's children are counted with their parent.
      const shown = family !== task.name && named.has(family) ? family : task.name;
      resident.set(shown, (resident.get(shown) ?? 0) + (task.mm.rssAnon + task.mm.rssShmem) / 256);
    }
    this.#samples.push({
      at: (nowUs - this.#startUs) / 1e6,
      resident,
      free: mem.nrFree / 256,
      cached: (mem.nrFilePages - mem.nrShmem) / 256,
      swap: (mem.swap?.nrUsed ?? 0) / 256,
    });
    if (this.#samples.length >= 2 * KEPT) {
      this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
      this.#everyUs *= 2;
    }
    this.#dueUs = nowUs + this.#everyUs;
  }
}

function round(mb: number): number {
  return Math.round(mb * 10) / 10;
}
