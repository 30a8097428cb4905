/**
 * Reclaim by generations (MGLRU), in the place of two lists: pages are evicted from the oldest generation, which is sorted
 * while it is looked at; what has been used meanwhile belongs to a younger one already. When there are too few generations
 * a younger one begins (aging.ts). Whether anonymous or file pages go, and which of those that were used through
 * descriptors are spared, follows from what comes back (lru-gen.ts).
 *
 *   fault ─► youngest … oldest ─► page out      read(2) ─► oldest but one … oldest ─► page out
 *               ▲ found young: walk, look around               ▲ tier that comes back: one younger
 *
 * Mirrors: mm/vmscan.c and mm/workingset.c of Linux 6.1 with CONFIG_LRU_GEN.
 */
import type { Memory } from '../memory.ts';
import { GEN_ANON, GEN_FILE, MAX_NR_GENS, MIN_NR_GENS, typeOf } from '../pages/generations.ts';
import {
  PG_ACTIVE,
  PG_ANON,
  PG_DIRTY,
  PG_RECLAIM,
  PG_REFERENCED,
  PG_REFS_MASK,
  PG_REFS_SHIFT,
  PG_SWAPBACKED,
  PG_UNEVICTABLE,
  PG_WORKINGSET,
  PG_WRITEBACK,
} from '../pages/page-flags.ts';
import { VM_RAND_READ, VM_SEQ_READ } from '../space/vm-flags.ts';
import {
  addYoungest,
  beginWalks,
  dropEmpty,
  endWalks,
  incrementGeneration,
  lookAround,
  lruGenOf,
  needsAging,
  swappinessNow,
} from './aging.ts';
import { countScan } from './count-scan.ts';
import {
  MAX_LRU_BATCH,
  MAX_NR_TIERS,
  MIN_LRU_BATCH,
  MOST_REFS,
  packShadow,
  refsOf,
  refsOfShadow,
  tierOf,
} from './lru-gen.ts';
import { type Memcg, nextInTree } from './memcg.ts';
import { REF_KEEP, type ReclaimPolicy } from './policy.ts';
import { isBelowMin } from './protection.ts';
import { DEF_PRIORITY, type ScanControl } from './scan-control.ts';
import { batch, putBack, shrinkBatch, walk } from './shrink-list.ts';
import { TWO_LIST_LRU } from './two-list-lru.ts';
import { countActivate, countRefault, countRestore } from './workingset.ts';

/** The eviction under way. Module state: reclaim does not nest. */
const pass = {
  maxSeq: 0,
  scanned: 0,
  reclaimedBefore: 0,
  needsAging: false,
  needsSwapping: false,
  /** Pages isolated by the last look at a list. */
  taken: 0,
};

/**
 * What becomes of a page at the old end; true: it has gone to another list. Mirrors: sort_folio.
 */
function sortPage(mem: Memory, memcg: Memcg, pfn: number, lastTier: number): boolean {
  const { frames } = mem;
  const flags = frames.flags[pfn]!;
  const type = typeOf(flags);
  const minSeq = frames.generations!.minSeq[memcg.id * 2 + type]!;
  if (flags & PG_UNEVICTABLE) return false;
  if (type === GEN_FILE && flags & PG_ANON && flags & PG_DIRTY) {
    frames.lruIsolate(pfn);
    frames.flags[pfn]! |= PG_SWAPBACKED;
    mem.nrLazyFree--;
    frames.lruAddTail(pfn);
    return true;
  }
  if (frames.generationOf(pfn) !== minSeq % MAX_NR_GENS) {
    frames.relink(pfn, false);
    return true;
  }
  const refs = refsOf(flags);
  const tier = tierOf(refs);
  if (tier > lastTier || refs === MOST_REFS) {
    incrementGeneration(mem, pfn, minSeq);
    frames.relink(pfn, true);
    lruGenOf(memcg).protected[type * MAX_NR_TIERS + tier]!++;
    countActivate(mem, memcg, type === GEN_FILE);
    return true;
  }
  if (flags & PG_WRITEBACK || (type === GEN_FILE && flags & PG_DIRTY)) {
    incrementGeneration(mem, pfn, minSeq);
    frames.flags[pfn]! |= PG_RECLAIM;
    frames.relink(pfn, false);
    return true;
  }
  return false;
}

/** Mirrors: isolate_folio. */
function isolatePage(mem: Memory, pfn: number): void {
  const { frames } = mem;
  if ((frames.flags[pfn]! & PG_REFERENCED) === 0) frames.flags[pfn]! &= ~(PG_REFS_MASK | PG_WORKINGSET);
  frames.flags[pfn]! &= ~(PG_RECLAIM | PG_REFERENCED);
  frames.lruIsolate(pfn);
}

/** Takes a batch off the oldest generation of a type; returns how many pages were looked at, 0 where that led to nothing. Mirrors: scan_folios. */
function scanPages(mem: Memory, memcg: Memcg, sc: ScanControl, type: number, lastTier: number): number {
  const { frames } = mem;
  const generations = frames.generations!;
  pass.taken = 0;
  if (generations.count(memcg.id, type) === MIN_NR_GENS) return 0;
  const own = frames.ownList(memcg.id, generations.minSeq[memcg.id * 2 + type]! % MAX_NR_GENS, type);
  let scanned = 0;
  let sorted = 0;
  for (let pfn = frames.lruTail(own); pfn !== 0; pfn = frames.lruTail(own)) {
    scanned++;
    if (sortPage(mem, memcg, pfn, lastTier)) sorted++;
    else {
      isolatePage(mem, pfn);
      batch[pass.taken++] = pfn;
    }
    if (scanned >= MAX_LRU_BATCH || pass.taken >= MIN_LRU_BATCH) break;
  }
  if (!sc.isGroup) mem.events.pgrefill += sorted;
  memcg.counts.pgrefill += sorted;
  return pass.taken > 0 || scanned >= MAX_LRU_BATCH ? scanned : 0;
}

/** The type that the last batch came from. */
let typeScanned = GEN_FILE;

/** Mirrors: isolate_folios. */
function isolateBatch(mem: Memory, memcg: Memcg, sc: ScanControl, swappiness: number): number {
  const { minSeq } = mem.frames.generations!;
  const gen = lruGenOf(memcg);
  let lastTier = -1;
  let type: number;
  if (swappiness === 0) type = GEN_FILE;
  else if (minSeq[memcg.id * 2]! < minSeq[memcg.id * 2 + 1]!) type = GEN_ANON;
  else if (swappiness === 1) type = GEN_FILE;
  else if (swappiness === 200) type = GEN_ANON;
  else {
    type = gen.typeToScan(swappiness);
    lastTier = gen.lastTierOf(type, swappiness);
  }
  let scanned = 0;
  for (let tries = swappiness === 0 ? 1 : 2; tries > 0; tries--) {
    if (lastTier < 0) lastTier = gen.lastTier(type);
    typeScanned = type;
    scanned = scanPages(mem, memcg, sc, type, lastTier);
    if (scanned > 0) break;
    type = 1 - type;
    lastTier = -1;
  }
  return scanned;
}

/** Evicts a batch; returns how many pages were looked at, 0 when there is nothing (more) to be had. Mirrors: evict_folios. */
function evictBatch(mem: Memory, memcg: Memcg, sc: ScanControl, swappiness: number): number {
  let scanned = isolateBatch(mem, memcg, sc, swappiness);
  if (dropEmpty(mem, memcg, swappiness > 0)) scanned++;
  if (mem.frames.generations!.count(memcg.id, swappiness > 0 ? GEN_ANON : GEN_FILE) === MIN_NR_GENS) scanned = 0;
  const isolated = pass.taken;
  if (isolated === 0) return scanned;
  const file = typeScanned === GEN_FILE;
  let counted = isolated;
  walk.onYoung = lookAround;
  for (let left = isolated, again = false; left > 0; again = true) {
    const { kept, reclaimed } = shrinkBatch(mem, sc, left);
    sc.nrReclaimed += reclaimed;
    left = again ? 0 : rejected(mem, kept);
    countScan(mem, memcg, sc, file, counted, reclaimed);
    counted = 0;
  }
  walk.onYoung = null;
  if (!file) pass.needsSwapping = true;
  return scanned;
}

/**
 * Puts back the first `count` pages of the batch, which could not go; those that could by now (their write has ended) stay
 * in the batch, and are counted. Mirrors: evict_folios.
 */
function rejected(mem: Memory, count: number): number {
  const { flags, mapcount } = mem.frames;
  const clean: number[] = [];
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const pfn = batch[i]!;
    const before = flags[pfn]!;
    if (before & PG_UNEVICTABLE) batch[kept++] = pfn;
    else if (before & PG_RECLAIM && before & (PG_DIRTY | PG_WRITEBACK)) {
      if (before & PG_WORKINGSET) flags[pfn]! |= PG_REFERENCED;
      batch[kept++] = pfn;
    } else if (before & (PG_ACTIVE | PG_REFERENCED | PG_DIRTY | PG_WRITEBACK) || mapcount[pfn]! > 0) {
      flags[pfn] = (before & ~(PG_REFS_MASK | PG_REFERENCED | PG_WORKINGSET)) | PG_ACTIVE;
      batch[kept++] = pfn;
    } else clean.push(pfn);
  }
  putBack(mem, kept);
  batch.set(clean);
  return clean.length;
}

/** How many pages are to be looked at; a younger generation begins if one is due. Mirrors: get_nr_to_scan. */
function nrToScan(mem: Memory, memcg: Memcg, sc: ScanControl, canSwap: boolean): number {
  const { due, nrToScan: pages } = needsAging(mem, memcg, sc, canSwap);
  pass.needsAging = due;
  if (!due) return pages;
  if (sc.priority !== DEF_PRIORITY) {
    if (sc.by === 'kswapd') return 0;
    addYoungest(mem, memcg, canSwap, false);
    return pages;
  }
  return mem.frames.generations!.count(memcg.id, canSwap ? GEN_ANON : GEN_FILE) > MIN_NR_GENS ? pages : 0;
}

/** Mirrors: should_abort_scan. */
function abortsScan(mem: Memory, memcg: Memcg, sc: ScanControl): boolean {
  if (sc.by !== 'kswapd') {
    if (mem.frames.generations!.maxSeq[memcg.id]! - pass.maxSeq > 1) return true;
    if (sc.nrReclaimed >= sc.nrToReclaim && pass.needsSwapping) return true;
    if (sc.isGroup) return false;
  } else if (sc.nrReclaimed - sc.lastReclaimed < sc.nrToReclaim) return false;
  if (sc.priority > DEF_PRIORITY - 2) return false;
  if (mem.nrFree < (sc.by === 'kswapd' ? mem.watermarks.high : mem.watermarks.low)) return false;
  sc.nrReclaimed += MIN_LRU_BATCH;
  return true;
}

/** A group is aged by kswapd; false: it may not be reclaimed from yet. Mirrors: age_lruvec. */
function ageGroup(mem: Memory, memcg: Memcg, sc: ScanControl): boolean {
  const generations = mem.frames.generations!;
  const swappiness = swappinessNow(mem, memcg, sc);
  if (isBelowMin(mem.rootMemcg, memcg)) return false;
  const { due, nrToScan: pages } = needsAging(mem, memcg, sc, swappiness > 0);
  const { minTtlMs } = mem.settings;
  if (minTtlMs > 0) {
    const oldest = generations.minSeq[memcg.id * 2 + GEN_FILE]! % MAX_NR_GENS;
    if ((mem.hooks.now?.() ?? 0) < lruGenOf(memcg).bornUs[oldest]! + minTtlMs * 1000) return false;
    if (pages === 0 && sc.priority !== DEF_PRIORITY) return false;
  }
  if (due) addYoungest(mem, memcg, swappiness > 0, false);
  return true;
}

/** The same for who has asked for it. Mirrors: run_eviction. */
export function evictFrom(mem: Memory, memcg: Memcg, sc: ScanControl, swappiness: number): number {
  beginWalks(sc);
  const scanned = evictBatch(mem, memcg, sc, swappiness);
  endWalks();
  return scanned;
}

export class GenerationsLru implements ReclaimPolicy {
  prepareScan(): void {
    // What the two lists decide by does not matter.
  }

  beginLruvec(mem: Memory, memcg: Memcg, sc: ScanControl): void {
    mem.lruBatch.drain();
    beginWalks(sc);
    pass.maxSeq = mem.frames.generations!.maxSeq[memcg.id]!;
    pass.scanned = 0;
    pass.reclaimedBefore = sc.nrReclaimed;
    pass.needsAging = false;
    pass.needsSwapping = false;
  }

  /** Mirrors: lru_gen_shrink_lruvec. */
  stepLruvec(mem: Memory, memcg: Memcg, sc: ScanControl): boolean {
    const swappiness = swappinessNow(mem, memcg, sc);
    const wanted = nrToScan(mem, memcg, sc, swappiness > 0);
    const scanned = wanted === 0 ? 0 : evictBatch(mem, memcg, sc, swappiness);
    pass.scanned += scanned;
    if (scanned > 0) {
      if (pass.scanned < wanted && !abortsScan(mem, memcg, sc)) return true;
      if (sc.nrReclaimed - pass.reclaimedBefore >= MIN_LRU_BATCH && !pass.needsAging) sc.needsAging = false;
    }
    endWalks();
    return false;
  }

  /** Mirrors: lru_gen_age_node. */
  ageNode(mem: Memory, sc: ScanControl): void {
    sc.lastReclaimed = sc.nrReclaimed;
    if (!sc.needsAging) {
      sc.needsAging = true;
      return;
    }
    beginWalks(sc);
    let success = false;
    for (let group = nextInTree(null, mem.rootMemcg); group !== null; group = nextInTree(group, mem.rootMemcg))
      if (ageGroup(mem, group, sc)) success = true;
    endWalks();
    if (!success && mem.settings.minTtlMs > 0) mem.hooks.onTooYoung?.(mem);
  }

  checkReferences(mem: Memory, sc: ScanControl, pfn: number): number {
    const { flags, mapcount } = mem.frames;
    // Found young beside another page of its batch (lookAround): it is kept, and comes to the youngest generation.
    if (mapcount[pfn]! > 0 && flags[pfn]! & PG_REFERENCED) return REF_KEEP;
    return TWO_LIST_LRU.checkReferences(mem, sc, pfn);
  }

  endReclaim(): void {
    // Nothing is decided by refaults between two reclaims.
  }

  /** Mirrors: lru_gen_eviction. */
  evict(mem: Memory, pfn: number): number {
    const flags = mem.frames.flags[pfn]!;
    const memcg = mem.memcgOf(pfn);
    const type = typeOf(flags);
    const refs = refsOf(flags);
    lruGenOf(memcg).evicted[type * MAX_NR_TIERS + tierOf(refs)]!++;
    return packShadow(memcg.id, mem.frames.generations!.minSeq[memcg.id * 2 + type]!, refs);
  }

  /** Mirrors: lru_gen_refault. */
  refault(mem: Memory, pfn: number, shadow: number): void {
    const { frames } = mem;
    const memcg = mem.memcgOf(pfn);
    const type = typeOf(frames.flags[pfn]!);
    const refs = refsOfShadow(shadow, memcg.id, frames.generations!.minSeq[memcg.id * 2 + type]!);
    if (refs < 0) return;
    lruGenOf(memcg).refaulted[type * MAX_NR_TIERS + tierOf(refs)]!++;
    const file = type === GEN_FILE;
    countRefault(mem, memcg, file);
    if (!isFault(mem) && refs < MOST_REFS - 1) return;
    frames.flags[pfn]! |= PG_REFS_MASK | PG_WORKINGSET;
    countRestore(mem, memcg, file);
  }

  /** Mirrors: folio_inc_refs. */
  markAccessed(mem: Memory, pfn: number): void {
    const { flags } = mem.frames;
    const before = flags[pfn]!;
    if (before & PG_UNEVICTABLE) return;
    if ((before & PG_REFERENCED) === 0) flags[pfn] = before | PG_REFERENCED;
    else if ((before & PG_WORKINGSET) === 0) flags[pfn] = before | PG_WORKINGSET;
    else if ((before & PG_REFS_MASK) !== PG_REFS_MASK) flags[pfn] = before + (1 << PG_REFS_SHIFT);
  }

  /** A page that is new in a fault belongs to the youngest generation. Mirrors: folio_add_lru. */
  addNew(mem: Memory, pfn: number): void {
    if (isFault(mem)) mem.frames.flags[pfn]! |= PG_ACTIVE;
  }
}

/** Whether a fault is under way whose VMA is not read once and never again. Mirrors: lru_gen_in_fault. */
function isFault(mem: Memory): boolean {
  return mem.faultingMm !== null && (mem.faultingFlags & (VM_SEQ_READ | VM_RAND_READ)) === 0;
}

export const GENERATIONS_LRU: ReclaimPolicy = new GenerationsLru();
