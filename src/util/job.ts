/**
 * Work in pieces: it stops at moments where everything is consistent, so that whoever carries it out can let others in.
 * Between two pieces nothing else may change what it works on. What it came to is its return value.
 */
export type Job<T> = Generator<void, T, void>;

/** Thrown into a job that nobody wants any more. */
export class Cancelled extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Cancelled';
  }
}

/** Carries a job out to its end. */
export function finish<T>(job: Job<T>): T {
  for (;;) {
    const { done, value } = job.next();
    if (done === true) return value;
  }
}

/** So long others wait at most, in milliseconds. */
const PIECE_MS = 10;

/** Carries a job out with pauses in which timers and callbacks run. `signal` ends it: rejects with its reason. */
export async function inPieces<T>(job: Job<T>, signal: AbortSignal | undefined): Promise<T> {
  for (;;) {
    const until = performance.now() + PIECE_MS;
    do {
      if (signal?.aborted === true) job.throw(signal.reason);
      const { done, value } = job.next();
      if (done === true) return value;
    } while (performance.now() < until);
    await new Promise(setImmediate);
  }
}

/** A job that goes on to its end whatever is thrown into it: what it does half could not be taken back. */
export function* undivided<T>(job: Job<T>): Job<T> {
  for (;;) {
    const { done, value } = job.next();
    if (done === true) return value;
    try {
      yield;
    } catch (error) {
      if (!(error instanceof Cancelled)) throw error;
    }
  }
}

/** Reads the property at once: `in` is slow for the many shapes that results have. */
export function isJob<T>(result: T | Job<T>): result is Job<T> {
  return typeof result === 'object' && result !== null && typeof (result as Partial<Job<T>>).next === 'function';
}
