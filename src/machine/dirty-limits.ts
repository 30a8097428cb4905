/** How much of the page cache may be dirty. Mirrors: mm/page-writeback.c:domain_dirty_limits, balance_dirty_pages. */
import { LRU_ACTIVE_FILE, LRU_INACTIVE_FILE } from '../mm/pages/frames.ts';
import type { Machine } from './machine.ts';

/** Longest pause of a writer at once. */
const MAX_PAUSE_US = 200_000;

export class DirtyLimits {
  private readonly machine: Machine;
  /** Pages: beyond it the flusher writes. */
  background = 0;
  /** Pages: beyond it writers wait. */
  threshold = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Brings the limits up to date with memory that could be dirty: free and file pages beyond the reserves. */
  update(): void {
    const { mem, vm } = this.machine;
    const on = mem.frames.nrOnList;
    const available = Math.max(0, mem.nrFree - mem.watermarks.high + on[LRU_INACTIVE_FILE]! + on[LRU_ACTIVE_FILE]!);
    const pages = (ratio: number, bytes: number) =>
      bytes > 0 ? Math.ceil(bytes / 4096) : Math.floor((available * ratio) / 100);
    this.threshold = Math.max(1, pages(vm.dirtyRatio, vm.dirtyBytes));
    this.background = pages(vm.dirtyBackgroundRatio, vm.dirtyBackgroundBytes);
    if (this.background >= this.threshold) this.background = Math.floor(this.threshold / 2);
    mem.dirtyLimitPages = this.background;
  }

  /** A writer has gone past the limit known last: the flusher starts; past the threshold the writer waits for it. */
  balance(): void {
    this.update();
    const { mem, storage } = this.machine;
    if (mem.nrFileDirty <= this.background) return;
    storage.writeBack(Math.floor(this.background / 2));
    const excess = mem.nrFileDirty + mem.nrWriteback - this.threshold;
    if (excess <= 0) return;
    const us = storage.waitForWrites(excess);
    mem.stalledUs += Math.min(us, MAX_PAUSE_US);
    this.machine.generation++;
  }
}
