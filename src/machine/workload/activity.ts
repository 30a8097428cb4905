/**
 * What a machine does by itself as time passes: workloads, app launches, the user. Activities work in quanta of virtual
 * time counted from their own start, so that their effect does not depend on how often anybody looks.
 */
import type { Machine, Ticker } from '../machine.ts';

/** One thing going on. */
export interface Activity {
  /** When it next wants to run, in virtual microseconds; Infinity: it waits for something else. */
  readonly nextUs: number;
  /** True when it is over; it is then forgotten. */
  readonly done: boolean;
  /** Does what is due. Precondition: nextUs ≤ nowUs. Postcondition: nextUs > nowUs, or done. */
  run(nowUs: number): void;
}

/** All activities of one machine, in the order of their start. */
export class Activities implements Ticker {
  private list: Activity[] = [];
  private started = 0;

  /** When the next of them wants to run. */
  nextUs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const activity of this.list) if (activity.nextUs < next) next = activity.nextUs;
    return next;
  }

  /** Number of a new activity: each gets its own stream of random numbers. */
  newStream(): number {
    return ++this.started;
  }

  start<T extends Activity>(activity: T): T {
    this.list.push(activity);
    return activity;
  }

  /** Those that are not over. */
  get running(): readonly Activity[] {
    return this.list.filter((activity) => !activity.done);
  }

  run(nowUs: number): void {
    // Activities started meanwhile are appended, and run in this turn if they are due.
    for (let i = 0; i < this.list.length; i++) {
      const activity = this.list[i]!;
      if (!activity.done && activity.nextUs <= nowUs) activity.run(nowUs);
    }
    if (this.list.some((activity) => activity.done)) this.list = this.list.filter((activity) => !activity.done);
  }
}

/** The activities of a machine. */
export function activitiesOf(machine: Machine): Activities {
  if (machine.activities === undefined) {
    machine.activities = new Activities();
    machine.tickers.push(machine.activities);
  }
  return machine.activities;
}
