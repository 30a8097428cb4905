/**
 * The classical policy: an inactive and an active list of each kind of page. Mirrors: mm/vmscan.c without MGLRU.
 *
 *   new page ─► inactive ─ used again ─► active
 *                  │  ▲ second chance      │
 *                  ▼  └──── old ◄──────────┘  (when the inactive list is short)
 *               page out
 *
 * How many pages of each list a pass looks at follows from the priority (list >> 12 … list >> 0), swappiness, protection
 * and what reclaiming each kind has cost of late.
 */
import type { Memory } from '../memory.ts';
import { LRU_ACTIVE_ANON, LRU_ACTIVE_FILE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE, NR_LISTS } from '../pages/frames.ts';
import { PG_ACTIVE, PG_LRU, PG_REFERENCED, PG_SWAPBACKED, PG_UNEVICTABLE, PG_WORKINGSET } from '../pages/page-flags.ts';
import { VM_EXEC, VM_LOCKED } from '../space/vm-flags.ts';
import { countScan } from './count-scan.ts';
import { ACTIVATE_ANON, ACTIVATE_FILE, noteCost, pageState } from './lruvec.ts';
import { type Memcg, nextInTree, nrSwapPages } from './memcg.ts';
import { REF_ACTIVATE, REF_KEEP, REF_RECLAIM, type ReclaimPolicy } from './policy.ts';
import {
  DEACTIVATE_ANON,
  DEACTIVATE_FILE,
  DEF_PRIORITY,
  type ScanControl,
  SWAP_CLUSTER_MAX,
  SWAPPINESS_ANON_ONLY,
} from './scan-control.ts';
import { batch, putBack, shrinkBatch, walk } from './shrink-list.ts';
import { ageNonresident, evictionShadow, refault } from './workingset.ts';

/** Pages in one GiB, the unit of the inactive ratio. */
const GIB_PAGES = 262_144;

/** Whether an inactive list is too short next to its active one. Mirrors: inactive_is_low. */
export function inactiveIsLow(mem: Memory, memcg: Memcg, inactiveList: number): boolean {
  const inactive = pageState(mem, memcg, inactiveList);
  const active = pageState(mem, memcg, inactiveList + 1);
  const gib = Math.floor((inactive + active) / GIB_PAGES);
  const ratio = gib > 0 ? Math.floor(Math.sqrt(10 * gib)) : 1;
  return inactive * ratio < active;
}

/** How reclaim is shared out between anonymous and file pages. Mirrors: calculate_pressure_balance. */
export function pressureBalance(anonCost: number, fileCost: number, swappiness: number): [anon: number, file: number] {
  const sum = anonCost + fileCost;
  const anon = sum + anonCost;
  const file = sum + fileCost;
  const total = anon + file;
  return [
    Math.floor((swappiness * (total + 1)) / (anon + 1)),
    Math.floor(((200 - swappiness) * (total + 1)) / (file + 1)),
  ];
}

/** Pages of a list that protection leaves to be looked at. Mirrors: apply_proportional_protection. */
function unprotected(memcg: Memcg, sc: ScanControl, size: number, root: Memcg): number {
  if (memcg === root || memcg.parent === null) return size;
  const { effectiveMin: min, effectiveLow: low } = memcg;
  if (min === 0 && low === 0) return size;
  let kept = min;
  if (!sc.lowReclaim && low > min) {
    kept = low;
    sc.lowSkipped = true;
  }
  const groupSize = Math.max(memcg.usage, kept);
  return Math.max(size - Math.floor((size * kept) / (groupSize + 1)), SWAP_CLUSTER_MAX);
}

/** Pages to look at, by list. Module state: reclaim does not nest. */
const toScan = new Float64Array(4);
const targets = new Float64Array(4);
/** Pages freed from the group so far. */
let reclaimedHere = 0;

/** Mirrors: get_scan_count. */
function scanCount(mem: Memory, memcg: Memcg, sc: ScanControl): void {
  const swappiness = sc.swappinessOf(memcg);
  let anonShare = 1;
  let fileShare = 1;
  let whole = 1;
  if (nrSwapPages(mem, memcg) <= 0 || (swappiness === 0 && sc.isGroup)) anonShare = 0;
  else if (swappiness === SWAPPINESS_ANON_ONLY) fileShare = 0;
  else if (sc.priority === 0 && swappiness > 0) whole = 1;
  else if (sc.fileIsTiny) fileShare = 0;
  else if (sc.cacheTrimMode) anonShare = 0;
  else {
    [anonShare, fileShare] = pressureBalance(sc.anonCost, sc.fileCost, swappiness);
    whole = anonShare + fileShare;
  }
  const root = sc.target ?? mem.rootMemcg;
  for (let list = LRU_INACTIVE_ANON; list <= LRU_ACTIVE_FILE; list++) {
    const size = mem.listedPages(memcg.id, list);
    const scan = Math.floor(unprotected(memcg, sc, size, root) / (1 << sc.priority));
    const share = list >= LRU_INACTIVE_FILE ? fileShare : anonShare;
    toScan[list] = whole === 1 ? (share === 0 ? 0 : scan) : Math.floor((scan * share) / whole);
  }
}

/** A batch of each list; false: there is no more to look at, or it is enough. */
function shrinkRound(mem: Memory, memcg: Memcg, sc: ScanControl): boolean {
  if (!leftToScan()) return false;
  for (let list = LRU_INACTIVE_ANON; list <= LRU_ACTIVE_FILE; list++) {
    if (toScan[list]! <= 0) continue;
    const count = Math.min(toScan[list]!, SWAP_CLUSTER_MAX);
    toScan[list]! -= count;
    reclaimedHere += shrinkList(mem, memcg, sc, list, count);
  }
  const proportional = !sc.isGroup && sc.by !== 'kswapd' && sc.priority === DEF_PRIORITY;
  if (reclaimedHere < sc.nrToReclaim || proportional) return leftToScan();
  // Enough: the kind with less left is done; the other is scanned only as far as the same proportion asks for.
  const file = toScan[LRU_INACTIVE_FILE]! + toScan[LRU_ACTIVE_FILE]!;
  const anon = toScan[LRU_INACTIVE_ANON]! + toScan[LRU_ACTIVE_ANON]!;
  if (file === 0 || anon === 0) return false;
  const done = file > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
  const other = file > anon ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
  const target = targets[done]! + targets[done + 1]! + 1;
  const percentage = Math.floor((Math.min(file, anon) * 100) / target);
  toScan[done] = 0;
  toScan[done + 1] = 0;
  for (let list = other; list <= other + 1; list++) {
    const scanned = targets[list]! - toScan[list]!;
    const wanted = Math.floor((targets[list]! * (100 - percentage)) / 100);
    toScan[list] = wanted - Math.min(wanted, scanned);
  }
  return leftToScan();
}

/** Active anonymous pages alone are no reason to go on. */
function leftToScan(): boolean {
  return toScan[LRU_INACTIVE_ANON]! > 0 || toScan[LRU_ACTIVE_FILE]! > 0 || toScan[LRU_INACTIVE_FILE]! > 0;
}

/** Mirrors: shrink_list. */
function shrinkList(mem: Memory, memcg: Memcg, sc: ScanControl, list: number, count: number): number {
  if (list === LRU_INACTIVE_ANON || list === LRU_INACTIVE_FILE) return shrinkInactive(mem, memcg, sc, list, count);
  const which = list === LRU_ACTIVE_FILE ? DEACTIVATE_FILE : DEACTIVATE_ANON;
  if (sc.mayDeactivate & which) shrinkActive(mem, memcg, sc, list, count);
  else sc.skippedDeactivate = true;
  return 0;
}

/** Looks at `count` pages of an inactive list and frees what is old; returns pages freed. Mirrors: shrink_inactive_list. */
function shrinkInactive(mem: Memory, memcg: Memcg, sc: ScanControl, list: number, count: number): number {
  mem.lruBatch.drain();
  const taken = mem.frames.isolate(memcg.id * NR_LISTS + list, count, batch);
  if (taken === 0) return 0;
  const file = list === LRU_INACTIVE_FILE;
  const outcome = shrinkBatch(mem, sc, taken);
  const activated = putBack(mem, outcome.kept);
  if (activated > 0) ageNonresident(memcg, activated);
  countScan(mem, memcg, sc, file, taken, outcome.reclaimed);
  noteCost(mem, memcg, file, outcome.written, taken - outcome.reclaimed);
  if (outcome.unqueuedDirty === taken) mem.device?.wakeFlusher();
  return outcome.reclaimed;
}

/** Looks at `count` pages of an active list: code in use stays, everything else becomes inactive. Mirrors: shrink_active_list. */
function shrinkActive(mem: Memory, memcg: Memcg, sc: ScanControl, list: number, count: number): void {
  const { frames, events } = mem;
  const { flags } = frames;
  mem.lruBatch.drain();
  const taken = frames.isolate(memcg.id * NR_LISTS + list, count, batch);
  const file = list === LRU_ACTIVE_FILE;
  let rotated = 0;
  let deactivated = 0;
  walk.reset();
  for (let i = 0; i < taken; i++) {
    const pfn = batch[i]!;
    if (flags[pfn]! & PG_UNEVICTABLE) {
      frames.lruAdd(pfn);
      continue;
    }
    const young = walk.referenced(mem, pfn, sc.target);
    if (walk.vmFlags & VM_LOCKED) {
      events.unevictable_pgs_culled++;
      frames.lruAdd(pfn);
      continue;
    }
    if (young > 0 && walk.vmFlags & VM_EXEC && (flags[pfn]! & PG_SWAPBACKED) === 0) {
      rotated++;
      frames.lruAdd(pfn);
      continue;
    }
    flags[pfn] = (flags[pfn]! & ~PG_ACTIVE) | PG_WORKINGSET;
    frames.lruAdd(pfn);
    deactivated++;
  }
  if (rotated > 0) ageNonresident(memcg, rotated);
  if (!sc.isGroup) events.pgrefill += taken;
  memcg.counts.pgrefill += taken;
  events.pgdeactivate += deactivated;
  memcg.counts.pgdeactivate += deactivated;
  noteCost(mem, memcg, file, 0, rotated);
}

export class TwoListLru implements ReclaimPolicy {
  prepareScan(mem: Memory, sc: ScanControl): void {
    const target = sc.target ?? mem.rootMemcg;
    const { lruvec } = target;
    sc.anonCost = lruvec.anonCost;
    sc.fileCost = lruvec.fileCost;
    if (sc.forceDeactivate) sc.mayDeactivate = DEACTIVATE_ANON | DEACTIVATE_FILE;
    else {
      sc.mayDeactivate = 0;
      if (
        pageState(mem, target, ACTIVATE_ANON) !== lruvec.refaultsAnon ||
        inactiveIsLow(mem, target, LRU_INACTIVE_ANON)
      )
        sc.mayDeactivate |= DEACTIVATE_ANON;
      if (
        pageState(mem, target, ACTIVATE_FILE) !== lruvec.refaultsFile ||
        inactiveIsLow(mem, target, LRU_INACTIVE_FILE)
      )
        sc.mayDeactivate |= DEACTIVATE_FILE;
    }
    const inactiveFile = pageState(mem, target, LRU_INACTIVE_FILE);
    sc.cacheTrimMode =
      Math.floor(inactiveFile / (1 << sc.priority)) > 0 &&
      (sc.mayDeactivate & DEACTIVATE_FILE) === 0 &&
      !sc.noCacheTrim;
    sc.fileIsTiny = false;
    if (sc.isGroup) return;
    sc.fileIsTiny =
      mem.listedPagesOfAll(LRU_ACTIVE_FILE) + mem.listedPagesOfAll(LRU_INACTIVE_FILE) + mem.nrFree <=
        mem.watermarks.high &&
      (sc.mayDeactivate & DEACTIVATE_ANON) === 0 &&
      Math.floor(mem.listedPagesOfAll(LRU_INACTIVE_ANON) / (1 << sc.priority)) > 0;
  }

  beginLruvec(mem: Memory, memcg: Memcg, sc: ScanControl): void {
    scanCount(mem, memcg, sc);
    targets.set(toScan);
    reclaimedHere = 0;
  }

  stepLruvec(mem: Memory, memcg: Memcg, sc: ScanControl): boolean {
    if (shrinkRound(mem, memcg, sc)) return true;
    sc.nrReclaimed += reclaimedHere;
    if (canAgeAnon(mem) && inactiveIsLow(mem, memcg, LRU_INACTIVE_ANON))
      shrinkActive(mem, memcg, sc, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX);
    return false;
  }

  ageNode(mem: Memory, sc: ScanControl): void {
    const root = mem.rootMemcg;
    if (!canAgeAnon(mem) || !inactiveIsLow(mem, root, LRU_INACTIVE_ANON)) return;
    for (let group = nextInTree(null, root); group !== null; group = nextInTree(group, root))
      shrinkActive(mem, group, sc, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX);
  }

  checkReferences(mem: Memory, sc: ScanControl, pfn: number): number {
    const { flags } = mem.frames;
    const young = walk.referenced(mem, pfn, sc.target);
    if (walk.vmFlags & VM_LOCKED) return REF_ACTIVATE;
    const before = flags[pfn]!;
    flags[pfn] = before & ~PG_REFERENCED;
    if (young === 0) return REF_RECLAIM;
    flags[pfn] = before | PG_REFERENCED;
    if (before & PG_REFERENCED || young > 1) return REF_ACTIVATE;
    return walk.vmFlags & VM_EXEC && (before & PG_SWAPBACKED) === 0 ? REF_ACTIVATE : REF_KEEP;
  }

  endReclaim(mem: Memory, target: Memcg | null): void {
    const group = target ?? mem.rootMemcg;
    group.lruvec.refaultsAnon = pageState(mem, group, ACTIVATE_ANON);
    group.lruvec.refaultsFile = pageState(mem, group, ACTIVATE_FILE);
  }

  evict(mem: Memory, pfn: number, target: Memcg): number {
    return evictionShadow(mem, pfn, target);
  }

  refault(mem: Memory, pfn: number, shadow: number): void {
    refault(mem, pfn, shadow);
  }

  markAccessed(mem: Memory, pfn: number): void {
    const { frames, events } = mem;
    const flags = frames.flags[pfn]!;
    if ((flags & PG_REFERENCED) === 0) {
      frames.flags[pfn]! |= PG_REFERENCED;
      return;
    }
    if (flags & (PG_UNEVICTABLE | PG_ACTIVE) || (flags & PG_LRU) === 0) return;
    frames.changeFlags(pfn, PG_REFERENCED, PG_ACTIVE);
    const memcg = mem.memcgOf(pfn);
    events.pgactivate++;
    memcg.counts.pgactivate++;
    ageNonresident(memcg);
  }
}

/** Mirrors: can_age_anon_pages. */
function canAgeAnon(mem: Memory): boolean {
  return mem.swap?.active === true;
}

export const TWO_LIST_LRU: ReclaimPolicy = new TwoListLru();
