/** The processes that callers belong to: requests name threads. */

/** As long a number is believed: a thread that ends and another of its number take longer to come about. */
const KEPT_MS = 1000;
const MAX_KEPT = 256;

export class CallerProcesses {
  readonly #find: (tid: number) => number | undefined;
  readonly #nowMs: () => number;
  readonly #known = new Map<number, { readonly pid: number; readonly untilMs: number }>();

  constructor(find: (tid: number) => number | undefined, nowMs: () => number) {
    this.#find = find;
    this.#nowMs = nowMs;
  }

  /** The process of a thread; the thread itself where that cannot be said. */
  of(tid: number): number {
    const known = this.#known.get(tid);
    const nowMs = this.#nowMs();
    if (known !== undefined && known.untilMs > nowMs) return known.pid;
    const pid = this.#find(tid) ?? tid;
    if (this.#known.size >= MAX_KEPT) this.#known.clear();
    this.#known.set(tid, { pid, untilMs: nowMs + KEPT_MS });
    return pid;
  }
}
