/** Files as they are open: a rendering that is served by offset, or one that is only written. */
import { EINVAL } from '../util/errno.ts';
import type { Caller, OpenFile, Pending, PendingRead } from '../vfs/types.ts';
import { isFresh, type Moment, type Snapshot } from './snapshots.ts';

/** Where the content comes from and writes go. */
export interface Content {
  /** Renders, or gives the rendering that others have just seen; -errno when it cannot be shown any more. */
  snapshot(): Snapshot | number;
  /** The same in pieces, where that takes long now; what `take` makes of it is the answer. */
  later?(take: (snapshot: Snapshot | number) => Uint8Array | number): Uint8Array | number | PendingRead | undefined;
  now(): Moment;
  write(data: Uint8Array, caller: Caller | undefined): number | Pending<number>;
  /** -errno for those to whom nothing is shown; absent: to all. */
  refuse?(caller: Caller | undefined): number;
}

/**
 * The text of one instant. A read from the beginning takes a fresh one when the old is out of date, as seq_file does for
 * programs that keep a file open and rewind it; everything else of it is the same text.
 */
export class RenderedFile implements OpenFile {
  readonly #content: Content;
  #snapshot: Snapshot | undefined;

  constructor(content: Content, opened?: Snapshot) {
    this.#content = content;
    this.#snapshot = opened;
  }

  read(offset: number, size: number, caller: Caller | undefined): Uint8Array | number | PendingRead {
    const refused = this.#content.refuse?.(caller) ?? 0;
    if (refused < 0) return refused;
    if (this.#snapshot === undefined || (offset === 0 && !isFresh(this.#snapshot, this.#content.now()))) {
      const later = this.#content.later?.((snapshot) => {
        if (typeof snapshot === 'number') return snapshot;
        this.#snapshot = snapshot;
        return snapshot.bytes.subarray(offset, offset + size);
      });
      if (later !== undefined) return later;
      const snapshot = this.#content.snapshot();
      if (typeof snapshot === 'number') return snapshot;
      this.#snapshot = snapshot;
    }
    return this.#snapshot.bytes.subarray(offset, offset + size);
  }

  write(data: Uint8Array, _offset: number, caller: Caller | undefined): number | Pending<number> {
    return this.#content.write(data, caller);
  }
}

/** A file that only takes commands: the offset means nothing, reading is EINVAL. */
export class CommandFile implements OpenFile {
  readonly #content: Pick<Content, 'write'>;

  constructor(content: Pick<Content, 'write'>) {
    this.#content = content;
  }

  read(): number {
    return -EINVAL;
  }

  write(data: Uint8Array, _offset: number, caller: Caller | undefined): number | Pending<number> {
    return this.#content.write(data, caller);
  }
}
