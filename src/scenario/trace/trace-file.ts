import { closeSync, openSync, writeSync } from 'node:fs';
import { PerfettoTrace } from './perfetto.ts';

const BUFFER_BYTES = 64 * 1024;

/** A trace that goes into a file. */
export class TraceFile {
  readonly trace: PerfettoTrace;
  readonly #fd: number;
  readonly #bufferBytes: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  /** `atOnce`: nothing is held back, for a process that may be ended at any time. Throws what open(2) and write(2) give. */
  constructor(path: string, atOnce = false) {
    this.#fd = openSync(path, 'w');
    this.#bufferBytes = atOnce ? 0 : BUFFER_BYTES;
    this.trace = new PerfettoTrace((bytes) => this.#add(bytes));
  }

  /** Writes what is left and closes the file. */
  end(): void {
    this.trace.end();
    this.#flush();
    closeSync(this.#fd);
  }

  #add(bytes: Uint8Array): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes > this.#bufferBytes) this.#flush();
  }

  #flush(): void {
    const all = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    for (let written = 0; written < all.length; ) written += writeSync(this.#fd, all, written);
  }
}
