/** The load averages. Mirrors: kernel/sched/loadavg.c, with its fixed-point arithmetic. */
import type { Machine } from './machine.ts';
import { isStill } from './task.ts';

const FSHIFT = 11;
const FIXED_1 = 1 << FSHIFT;
const EXP = [1884, 2014, 2037] as const;
const PERIOD_US = 5_000_000;

/**
 * Averages over 1, 5 and 15 minutes of the threads that run or wait for a disk, taken every five seconds of virtual time.
 * A thread that uses a part of a CPU counts as that part: what sampling it would come to.
 */
export class LoadAverage {
  private readonly machine: Machine;
  private readonly load = [0, 0, 0];
  private dueUs: number;

  constructor(machine: Machine) {
    this.machine = machine;
    this.dueUs = machine.nowUs + PERIOD_US;
  }

  nextUs(): number {
    return this.dueUs;
  }

  run(nowUs: number): void {
    for (; this.dueUs <= nowUs; this.dueUs += PERIOD_US) {
      const active = Math.round(this.#countActive() * FIXED_1);
      for (let i = 0; i < 3; i++) this.load[i] = calcLoad(this.load[i]!, EXP[i]!, active);
    }
  }

  /** The three averages in hundredths, as loadavg prints them. */
  get hundredths(): readonly number[] {
    return this.load.map((load) => Math.floor(((load + FIXED_1 / 200) * 100) / FIXED_1));
  }

  #countActive(): number {
    let active = 0;
    for (const task of this.machine.tasks.values()) {
      for (const thread of task.threads) {
        if (isStill(thread)) continue;
        const { state, userRate, systemRate } = thread;
        const rate = userRate + systemRate;
        active += state === 'D' || (state === 'R' && rate === 0) ? 1 : rate;
      }
    }
    return active;
  }
}

function calcLoad(load: number, exp: number, active: number): number {
  const sum = load * exp + active * (FIXED_1 - exp) + (active >= load ? FIXED_1 - 1 : 0);
  return Math.floor(sum / FIXED_1);
}
