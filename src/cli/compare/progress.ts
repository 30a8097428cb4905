/** How many of how many runs are done: on one line of a terminal; elsewhere a line now and then. */
import { notice } from '../output.ts';

/** Off a terminal, so long between two lines. */
const PAUSE_MS = 5_000;

export class Progress {
  readonly #total: number;
  readonly #startMs = performance.now();
  #done: number;
  #toldMs = Number.NEGATIVE_INFINITY;

  /** Tells at once how much there is to do. */
  constructor(total: number, done: number) {
    this.#total = total;
    this.#done = done;
    if (done > 0) notice(`${done} of ${total} runs were done before`);
    this.#tell('');
  }

  /** One more. */
  done(what: string): void {
    this.#done++;
    this.#tell(what);
  }

  /** Clears the line; off a terminal tells how long it took. */
  end(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    else if (this.#done === this.#total)
      notice(`${this.#total} of ${this.#total} runs, ${((performance.now() - this.#startMs) / 1000).toFixed(1)} s`);
  }

  #tell(what: string): void {
    const text = `${this.#done} of ${this.#total} runs${what === '' ? '' : `: ${what}`}`;
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${text}`);
      return;
    }
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < PAUSE_MS || this.#done === this.#total) return;
    this.#toldMs = nowMs;
    notice(text);
  }
}
