import type { Machine } from '../machine/machine.ts';
import type { Ino } from '../vfs/types.ts';

/**
 * How long a rendered file stays good while only time passes, so that the size in a stat is that of the next open. A tick:
 * what is older distorts the rates of tools that look twice (pidstat, vmstat 1).
 */
const FRESH_MS = 10;
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_FILES = 128;

/** The moment of a rendering. */
export interface Moment {
  readonly machine: Machine;
  readonly changes: number;
  readonly wallMs: number;
}

export interface Snapshot extends Moment {
  readonly bytes: Uint8Array;
}

export function isFresh(snapshot: Moment, now: Moment): boolean {
  return (
    snapshot.changes === now.changes &&
    snapshot.machine === now.machine &&
    now.wallMs - snapshot.wallMs <= FRESH_MS &&
    now.wallMs >= snapshot.wallMs
  );
}

/** The files rendered last, least recently used dropped first. */
export class Snapshots {
  #files = new Map<Ino, Snapshot>();
  #bytes = 0;

  get(ino: Ino, now: Moment): Snapshot | undefined {
    const found = this.#files.get(ino);
    if (found === undefined) return undefined;
    this.#files.delete(ino);
    if (isFresh(found, now)) {
      this.#files.set(ino, found);
      return found;
    }
    this.#bytes -= found.bytes.length;
    return undefined;
  }

  add(ino: Ino, snapshot: Snapshot): Snapshot {
    this.#files.set(ino, snapshot);
    this.#bytes += snapshot.bytes.length;
    if (this.#bytes <= MAX_BYTES && this.#files.size <= MAX_FILES) return snapshot;
    for (const [oldest, old] of this.#files) {
      if (this.#bytes <= MAX_BYTES && this.#files.size <= MAX_FILES) break;
      this.#files.delete(oldest);
      this.#bytes -= old.bytes.length;
    }
    return snapshot;
  }
}
