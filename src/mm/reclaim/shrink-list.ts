/** A batch of pages taken off a list: what becomes of each, and putting back those that stay. Mirrors: mm/vmscan.c:shrink_folio_list, move_folios_to_lru. */
import type { Memory } from '../memory.ts';
import {
  PG_ACTIVE,
  PG_ANON,
  PG_DIRTY,
  PG_MLOCKED,
  PG_RECLAIM,
  PG_SWAPBACKED,
  PG_UNEVICTABLE,
  PG_VMSCAN,
  PG_WRITEBACK,
} from '../pages/page-flags.ts';
import { MIN_LRU_BATCH } from './lru-gen.ts';
import { activate, PAGE_FREED, PAGE_STORED, PAGE_WRITTEN, pageoutIsolated } from './pageout.ts';
import { REF_ACTIVATE, REF_KEEP } from './policy.ts';
import { ReferenceWalk } from './referenced.ts';
import { type ScanControl, SWAP_CLUSTER_MAX } from './scan-control.ts';

/** The pages under consideration, oldest first: SWAP_CLUSTER_MAX from two lists, MIN_LRU_BATCH from generations. Module state: reclaim does not nest. */
export const batch = new Uint32Array(Math.max(SWAP_CLUSTER_MAX, MIN_LRU_BATCH));
export const walk = new ReferenceWalk();

/** What has become of a batch, in pages. Mirrors: struct reclaim_stat. */
export interface BatchOutcome {
  reclaimed: number;
  /** Pages that stay: the first so many of the batch. */
  kept: number;
  /** Handed to swap, freed by that or not. */
  written: number;
  /** Dirty file pages that nobody is writing. */
  unqueuedDirty: number;
}

const outcome: BatchOutcome = { reclaimed: 0, kept: 0, written: 0, unqueuedDirty: 0 };

/** Works through the first `count` isolated pages of the batch. The answer holds until the next call. */
export function shrinkBatch(mem: Memory, sc: ScanControl, count: number): BatchOutcome {
  outcome.reclaimed = 0;
  outcome.kept = 0;
  outcome.written = 0;
  outcome.unqueuedDirty = 0;
  sc.nrScanned += count;
  walk.reset();
  for (let i = 0; i < count; i++) if (!shrinkPage(mem, sc, batch[i]!)) batch[outcome.kept++] = batch[i]!;
  return outcome;
}

/** Returns whether the page was freed. */
function shrinkPage(mem: Memory, sc: ScanControl, pfn: number): boolean {
  const { flags: pageFlags } = mem.frames;
  const flags = pageFlags[pfn]!;
  if (flags & PG_UNEVICTABLE) {
    activate(mem, pfn);
    return false;
  }
  const fileDirty = (flags & (PG_DIRTY | PG_SWAPBACKED | PG_ANON)) === PG_DIRTY;
  if (fileDirty && (flags & PG_WRITEBACK) === 0) outcome.unqueuedDirty++;
  if (flags & PG_WRITEBACK) {
    // Out of the way until the write is done; then it comes to the old end of the inactive list.
    if (sc.stallsOnWriteback && flags & PG_RECLAIM) sc.nrImmediate++;
    else {
      pageFlags[pfn] = flags | PG_RECLAIM | PG_VMSCAN;
      sc.nrWriteback++;
    }
    activate(mem, pfn);
    return false;
  }
  const reference = mem.policy.checkReferences(mem, sc, pfn);
  if (reference === REF_KEEP) return false;
  if (reference === REF_ACTIVATE) {
    if (pageFlags[pfn]! & PG_MLOCKED) mem.events.unevictable_pgs_culled++;
    activate(mem, pfn);
    return false;
  }
  const what = pageoutIsolated(mem, pfn, walk.vma, walk.at);
  if (what === PAGE_FREED || what === PAGE_STORED) {
    outcome.reclaimed++;
    if (what === PAGE_STORED) outcome.written++;
    return true;
  }
  if (what === PAGE_WRITTEN) {
    outcome.written++;
    sc.nrWritten++;
    pageFlags[pfn]! |= PG_VMSCAN;
  }
  return false;
}

/** Puts the first `count` pages of the batch back on the lists that their flags say; returns how many became active. */
export function putBack(mem: Memory, count: number): number {
  const { frames } = mem;
  let active = 0;
  for (let i = 0; i < count; i++) {
    const pfn = batch[i]!;
    frames.lruAdd(pfn);
    if (frames.flags[pfn]! & PG_ACTIVE) active++;
  }
  return active;
}
