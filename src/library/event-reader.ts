import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { ReclaimEvent } from '../machine/event-types.ts';

const CHUNK_BYTES = 1 << 16;

/** Reads /proc/reclaimfs/events without waiting; from the first event that is kept on. */
export class EventReader {
  readonly #path: string;
  #fd: number | undefined;
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** The events since the last call. */
  take(): ReclaimEvent[] {
    this.#fd ??= openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const chunks: Buffer[] = [];
    for (;;) {
      const read = readSome(this.#fd, chunk);
      if (read === 0) break;
      chunks.push(Buffer.from(chunk.subarray(0, read)));
    }
    const lines = (this.#rest + Buffer.concat(chunks).toString('utf8')).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.map((line) => JSON.parse(line) as ReclaimEvent);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#rest = '';
  }
}

function readSome(fd: number, chunk: Buffer): number {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}
