import { closeSync, openSync, writeSync } from 'node:fs';

const BUFFER_BYTES = 64 * 1024;

/** A file that takes a trace piece by piece. */
export class TraceFile {
  readonly #fd: number;
  readonly #bufferBytes: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  /** `atOnce`: nothing is held back, for a process that may be ended at any time. Throws what open(2) gives. */
  constructor(path: string, atOnce = false) {
    this.#fd = openSync(path, 'w');
    this.#bufferBytes = atOnce ? 0 : BUFFER_BYTES;
  }

  /** Throws what write(2) gives. */
  add(bytes: Uint8Array): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes > this.#bufferBytes) this.#flush();
  }

  /** Writes what is left and closes the file. */
  end(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush(): void {
    const all = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    for (let written = 0; written < all.length; ) written += writeSync(this.#fd, all, written);
  }
}
