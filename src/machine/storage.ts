/**
 * The device behind swap and files: one queue, writes done in order, each after its latency. Times are configured, not
 * measured (native-notes/limits.md). Also the flusher: which dirty file pages are due.
 */
import type { Mapping } from '../mm/mapping.ts';
import type { Memory, WritebackDevice } from '../mm/memory.ts';
import { PG_DIRTY, PG_USED } from '../mm/page-flags.ts';
import { dirtyPages, endWriteback, startFileWrite } from '../mm/writeback.ts';

/** Pretend: how long a device operation takes, in microseconds for one page, and when the flusher comes. */
export interface StorageSettings {
  writeUs: number;
  readUs: number;
  zramWriteUs: number;
  zramReadUs: number;
  dirtyWritebackUs: number;
  dirtyExpireUs: number;
}

export function defaultStorageSettings(): StorageSettings {
  return {
    writeUs: 100,
    readUs: 100,
    zramWriteUs: 10,
    zramReadUs: 5,
    dirtyWritebackUs: 5_000_000,
    dirtyExpireUs: 30_000_000,
  };
}

export class Storage implements WritebackDevice {
  readonly settings: StorageSettings;
  readonly #mem: Memory;
  /** Frames under writeback and when each is done, in order of submission. */
  #queue: { pfn: number; doneUs: number }[] = [];
  #waiting = new Map<number, { pfn: number; doneUs: number }>();
  #requested: number[] = [];
  #busyUntilUs = 0;
  #nowUs: number;
  #nextFlushUs: number;
  #dirtySince = new Map<Mapping, number>();

  constructor(mem: Memory, settings: StorageSettings, nowUs: number) {
    this.#mem = mem;
    this.settings = settings;
    this.#nowUs = nowUs;
    this.#nextFlushUs = nowUs + settings.dirtyWritebackUs;
  }

  submit(pfn: number): void {
    this.#busyUntilUs = Math.max(this.#busyUntilUs, this.#nowUs) + this.settings.writeUs;
    const write = { pfn, doneUs: this.#busyUntilUs };
    this.#queue.push(write);
    this.#waiting.set(pfn, write);
  }

  cancel(pfn: number): void {
    const write = this.#waiting.get(pfn);
    if (write === undefined) return;
    write.pfn = 0;
    this.#waiting.delete(pfn);
  }

  requestFlush(pfn: number): void {
    this.#requested.push(pfn);
  }

  /** Writes under way. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** When the next thing happens by itself, in virtual microseconds; Infinity: never. */
  get nextEventUs(): number {
    if (this.#requested.length > 0) return this.#nowUs;
    const write = this.#queue[0]?.doneUs ?? Number.POSITIVE_INFINITY;
    return this.#mem.nrFileDirty > 0 ? Math.min(write, this.#nextFlushUs) : write;
  }

  /** Brings the device to a moment: starts requested writes, ends those that are due, lets the flusher come by. */
  advance(nowUs: number): void {
    for (;;) {
      this.#startRequested();
      const due = this.nextEventUs;
      if (due > nowUs) break;
      this.#nowUs = Math.max(this.#nowUs, due);
      if (this.#nextFlushUs <= due) this.#flush();
      this.#endDue();
    }
    this.#nowUs = Math.max(this.#nowUs, nowUs);
    while (this.#nextFlushUs <= nowUs) this.#nextFlushUs += this.settings.dirtyWritebackUs;
  }

  /** Ends every write at once, as a caller that waits for the device would see it. */
  drain(): void {
    this.#startRequested();
    for (const { pfn } of this.#queue.splice(0)) {
      if (pfn === 0) continue;
      this.#waiting.delete(pfn);
      endWriteback(this.#mem, pfn);
    }
  }

  #startRequested(): void {
    if (this.#requested.length === 0) return;
    for (const pfn of this.#requested.splice(0)) {
      const flags = this.#mem.frames.flags[pfn]!;
      if ((flags & (PG_USED | PG_DIRTY)) === (PG_USED | PG_DIRTY)) startFileWrite(this.#mem, pfn);
    }
  }

  #endDue(): void {
    let done = 0;
    while (done < this.#queue.length && this.#queue[done]!.doneUs <= this.#nowUs) {
      const { pfn } = this.#queue[done++]!;
      if (pfn === 0) continue;
      this.#waiting.delete(pfn);
      endWriteback(this.#mem, pfn);
    }
    if (done > 0) this.#queue = this.#queue.slice(done);
  }

  /** The periodic writeback: files that have been dirty for longer than the expiry time. Mirrors: wb_check_old_data_flush. */
  #flush(): void {
    this.#nextFlushUs += this.settings.dirtyWritebackUs;
    for (const mapping of this.#mem.mappings.values()) {
      if (mapping.isShmem || mapping.nrDirty === 0) {
        this.#dirtySince.delete(mapping);
        continue;
      }
      const since = this.#dirtySince.get(mapping) ?? this.#nowUs;
      this.#dirtySince.set(mapping, since);
      if (this.#nowUs - since < this.settings.dirtyExpireUs) continue;
      for (const pfn of dirtyPages(this.#mem, mapping)) startFileWrite(this.#mem, pfn);
      this.#dirtySince.delete(mapping);
    }
  }
}
