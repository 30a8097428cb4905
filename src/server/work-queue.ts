import { Cancelled, finish, isJob, type Job } from '../util/job.ts';
import { Pending } from '../vfs/types.ts';

/** How long a job may go on inside the request that began it, and in one slice between requests, in milliseconds. */
const FIRST_SLICE_MS = 4;
export const SLICE_MS = 20;
/** The same while others are being served: a reader makes several requests, and may wait for a slice at each. */
export const SHORT_SLICE_MS = 2;

/** What is done around every piece of a job: see `run`. */
export type Around = (piece: () => void) => void;

interface Entry {
  /** Goes on with it; true when it has ended. */
  goOn(untilMs: number): boolean;
}

/**
 * Work on one machine, one job after the other: the first is under way, the others wait. A job that is short is carried
 * out at once, as if there were no queue; else its writer waits while others are served.
 */
export class WorkQueue {
  #entries: Entry[] = [];
  readonly #nowMs: () => number;
  /** False: everything is carried out at once, however long it takes. */
  readonly #inSlices: boolean;

  constructor(inSlices: boolean, nowMs: () => number) {
    this.#inSlices = inSlices;
    this.#nowMs = nowMs;
  }

  get busy(): boolean {
    return this.#entries.length > 0;
  }

  /**
   * Begins a job, or queues it: what it came to, or Pending. `around` is wrapped about each piece. A job that may be
   * cancelled has Cancelled thrown into it when its writer is interrupted; others go on to their end.
   */
  run<T>(begin: () => T | Job<T>, mayCancel: boolean, around: Around = (piece) => piece()): T | Pending<T> {
    if (!this.busy) {
      let begun: T | Job<T> | undefined;
      around(() => {
        begun = begin();
      });
      if (!isJob(begun)) return begun as T;
      return this.#runJob(begun, mayCancel, around);
    }
    return this.#enqueue(atLast(begin), mayCancel, around).pending;
  }

  /** Goes on with what is under way for so long. */
  slice(ms: number): void {
    const untilMs = this.#nowMs() + ms;
    for (let entry = this.#entries[0]; entry?.goOn(untilMs); entry = this.#entries[0]) {
      this.#entries.shift();
      if (this.#nowMs() >= untilMs) return;
    }
  }

  #runJob<T>(job: Job<T>, mayCancel: boolean, around: Around): T | Pending<T> {
    if (!this.#inSlices) {
      let result: T | undefined;
      around(() => {
        result = finish(job);
      });
      return result as T;
    }
    const { pending, entry } = this.#enqueue(job, mayCancel, around);
    if (!entry.goOn(this.#nowMs() + FIRST_SLICE_MS)) return pending;
    this.#entries.shift();
    return pending.take();
  }

  #enqueue<T>(job: Job<T>, mayCancel: boolean, around: Around): { pending: Pending<T>; entry: Entry } {
    let cancelled = false;
    const pending = new Pending<T>(() => {
      cancelled = mayCancel;
    });
    const entry = {
      goOn: (untilMs: number): boolean => {
        try {
          around(() => {
            do {
              const { done, value } = cancelled ? job.throw(new Cancelled()) : job.next();
              cancelled = false;
              if (done === true) pending.settle({ result: value });
            } while (!pending.settled && this.#nowMs() < untilMs);
          });
        } catch (error) {
          pending.settle({ error });
        }
        return pending.settled;
      },
    };
    this.#entries.push(entry);
    return { pending, entry };
  }
}

/** A job that begins when it is its turn. */
function* atLast<T>(begin: () => T | Job<T>): Job<T> {
  yield;
  const begun = begin();
  return isJob(begun) ? yield* begun : begun;
}
