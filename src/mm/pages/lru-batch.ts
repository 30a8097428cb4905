/**
 * Pages that are new and that no list counts yet. The kernel collects 31 of a CPU before it takes the lock of the lists
 * (struct cpu_fbatches.lru_add); reclaim, which reckons by the lengths of lists, does not see them until then.
 *
 * Here a page stands on its list from the beginning, where it will be when the batch is handed over; only the lengths that
 * reclaim goes by are without it. There is one batch, as if all processes ran on one CPU.
 */
import { NR_LISTS } from './frames.ts';

/** Mirrors: PAGEVEC_SIZE. */
const BATCH_PAGES = 31;

export class LruBatch {
  /** Where each one stands: `group × NR_LISTS + LRU_*`. */
  readonly lists = new Uint16Array(BATCH_PAGES);
  /** How many there are, and how many of each kind of list (LRU_*). */
  count = 0;
  readonly byKind = new Float64Array(NR_LISTS);

  /** A page has come to a list. Mirrors: folio_batch_add_and_move. */
  add(list: number): void {
    if (this.count + 1 === BATCH_PAGES) {
      this.drain();
      return;
    }
    this.lists[this.count++] = list;
    this.byKind[list % NR_LISTS]!++;
  }

  /** The lists count all that there is. Mirrors: lru_add_drain. */
  drain(): void {
    if (this.count === 0) return;
    this.count = 0;
    this.byKind.fill(0);
  }

  /** Pages that one list does not count yet. */
  notYetOn(list: number): number {
    let pages = 0;
    for (let i = 0; i < this.count; i++) if (this.lists[i] === list) pages++;
    return pages;
  }
}
