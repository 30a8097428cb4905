/**
 * The device behind swap and files: one queue, writes done in order, each after its latency. Times are configured, not
 * measured (native-notes/limits.md). Also the flusher: which dirty file pages are due.
 */
import type { Mapping } from '../mm/cache/mapping.ts';
import { endWriteback, startFileWrite, startFileWrites } from '../mm/cache/writeback.ts';
import type { Memory } from '../mm/memory.ts';
import type { WritebackDevice } from '../mm/memory-hooks.ts';
import { PG_DIRTY, PG_USED } from '../mm/pages/page-flags.ts';
import { WriteQueue } from './write-queue.ts';

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

/** What of that a machine may be made with, and how many requests a disk works on at once. */
export interface DeviceOptions
  extends Partial<Pick<StorageSettings, 'readUs' | 'writeUs' | 'zramReadUs' | 'zramWriteUs'>> {
  readonly queueDepth?: number;
}

/**
 * Dirty pages that the flusher gives to the device in one go (64 MiB); then others have their turn. Mirrors: wb_writeback,
 * which writes in chunks (writeback_chunk_size, by the device's bandwidth).
 */
const FLUSH_CHUNK = 1 << 14;

export class Storage implements WritebackDevice {
  readonly settings: StorageSettings;
  private readonly mem: Memory;
  /** Frames under writeback and when each is done. */
  private readonly writes: WriteQueue;
  /** Frames to be put under writeback as soon as possible. */
  private readonly requested: WriteQueue;
  /** Times of the device run ahead of the machine's by what callers have waited for it within single moments. */
  private aheadUs = 0;
  private busyUntilUs = 0;
  private nowUs: number;
  private nextFlushUs: number;
  private dirtySince = new Map<Mapping, number>();

  constructor(mem: Memory, settings: StorageSettings, nowUs: number) {
    this.mem = mem;
    this.writes = new WriteQueue(mem.frames.total);
    this.requested = new WriteQueue(mem.frames.total);
    this.settings = settings;
    this.nowUs = nowUs;
    this.nextFlushUs = nowUs + settings.dirtyWritebackUs;
  }

  submit(pfn: number): void {
    const { writeUs } = this.settings;
    const sinceUs = Math.max(this.busyUntilUs, this.nowUs + this.aheadUs);
    // So many writes at a time: each takes its time, and the next begins when one of them is done.
    this.busyUntilUs = sinceUs + this.#stepUs();
    this.writes.push(pfn, sinceUs + writeUs);
  }

  /** From the end of one write to that of the next, while there are enough of them. */
  #stepUs(): number {
    return Math.max(1, Math.round(this.settings.writeUs / this.mem.settings.deviceQueueDepth));
  }

  cancel(pfn: number): void {
    if (this.requested.length > 0) this.requested.remove(pfn);
    if (this.writes.length > 0) this.writes.remove(pfn);
  }

  requestFlush(pfn: number): void {
    if (!this.requested.has(pfn)) this.requested.push(pfn, this.nowUs);
  }

  wakeFlusher(): void {
    this.writeBack(0);
  }

  /** Writes under way. */
  get pending(): number {
    return this.writes.length;
  }

  /** When the next thing happens by itself, in virtual microseconds; Infinity: never. */
  get nextEventUs(): number {
    if (this.requested.length > 0) return this.nowUs;
    const write = this.writes.firstTurnUs - this.aheadUs;
    return this.mem.nrFileDirty > 0 ? Math.min(write, this.nextFlushUs) : write;
  }

  /** Brings the device to a moment: starts requested writes, ends those that are due, lets the flusher come by. */
  advance(nowUs: number): void {
    for (;;) {
      this.#startRequested();
      const due = this.nextEventUs;
      if (due > nowUs) break;
      this.nowUs = Math.max(this.nowUs, due);
      if (this.nextFlushUs <= due) this.#flush();
      this.#endDue();
    }
    this.nowUs = Math.max(this.nowUs, nowUs);
    while (this.nextFlushUs <= nowUs) this.nextFlushUs += this.settings.dirtyWritebackUs;
  }

  /** Ends every write at once, as a caller that waits for the device would see it. */
  drain(): void {
    this.#startRequested();
    const lastUs = this.busyUntilUs - this.#stepUs() + this.settings.writeUs;
    while (this.writes.firstTurnUs <= lastUs) this.#endFirst();
  }

  /** Waits until `count` writes are done (fewer if there are fewer); returns how long that takes, in microseconds. */
  waitForWrites(count: number): number {
    this.#startRequested();
    const since = this.nowUs + this.aheadUs;
    const untilUs = this.writes.length === 0 ? since : Math.max(since, this.writes.turnOf(count));
    this.aheadUs += untilUs - since;
    this.#endDue();
    return untilUs - since;
  }

  /** When so many of the writes under way are done, or all if there are fewer, in virtual microseconds. */
  writesDoneUs(count: number): number {
    return this.writes.length === 0 ? this.nowUs : this.writes.turnOf(count) - this.aheadUs;
  }

  /** Starts writing a chunk of dirty file pages, file by file, until at most `least` are dirty. Mirrors: wb_over_bg_thresh. */
  writeBack(least: number): void {
    const keep = Math.max(least, this.mem.nrFileDirty - FLUSH_CHUNK);
    for (const mapping of this.mem.mappings.values()) {
      if (this.mem.nrFileDirty <= keep) return;
      if (mapping.isShmem || mapping.nrDirty === 0) continue;
      startFileWrites(this.mem, mapping, keep);
    }
  }

  #startRequested(): void {
    while (!this.requested.isEmpty) {
      const pfn = this.requested.shift();
      const flags = this.mem.frames.flags[pfn]!;
      if ((flags & (PG_USED | PG_DIRTY)) === (PG_USED | PG_DIRTY)) startFileWrite(this.mem, pfn);
    }
  }

  #endDue(): void {
    const untilUs = this.nowUs + this.aheadUs;
    while (this.writes.firstTurnUs <= untilUs) this.#endFirst();
  }

  #endFirst(): void {
    const pfn = this.writes.shift();
    if (pfn !== 0) endWriteback(this.mem, pfn);
  }

  /** The periodic writeback: files that have been dirty for longer than the expiry time. Mirrors: wb_check_old_data_flush. */
  #flush(): void {
    this.nextFlushUs += this.settings.dirtyWritebackUs;
    const keep = Math.max(0, this.mem.nrFileDirty - FLUSH_CHUNK);
    for (const mapping of this.mem.mappings.values()) {
      if (mapping.isShmem || mapping.nrDirty === 0) {
        this.dirtySince.delete(mapping);
        continue;
      }
      const since = this.dirtySince.get(mapping) ?? this.nowUs;
      this.dirtySince.set(mapping, since);
      if (this.nowUs - since < this.settings.dirtyExpireUs) continue;
      startFileWrites(this.mem, mapping, keep);
      if (mapping.nrDirty > 0 && keep > 0 && this.mem.nrFileDirty <= keep) {
        // The rest when the device is through with these.
        this.nextFlushUs = this.nowUs + FLUSH_CHUNK * this.#stepUs();
        return;
      }
      this.dirtySince.delete(mapping);
    }
  }
}
