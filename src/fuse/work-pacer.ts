/** How long work waits for the next request of somebody who has just been answered, in milliseconds. */
export const LINGER_MS = 1;
/** Work goes on at the latest so long after its last slice, however many requests come. */
const PATIENCE_MS = 20;

/**
 * When the next slice of work is done between requests. A reader makes several, one after the other: were each followed
 * by a slice, it would wait for all of them.
 */
export class WorkPacer {
  #served = false;
  #lastSliceMs = 0;

  /** A request has been answered. */
  served(): void {
    this.#served = true;
  }

  /** Nobody has come for a while. */
  lingered(): void {
    this.#served = false;
  }

  /** Whether a slice may be done now; else in LINGER_MS, unless requests come. */
  mayWork(nowMs: number): boolean {
    return !this.#served || nowMs - this.#lastSliceMs >= PATIENCE_MS;
  }

  /** A slice has been done. */
  worked(nowMs: number): void {
    this.#lastSliceMs = nowMs;
    this.#served = false;
  }
}
