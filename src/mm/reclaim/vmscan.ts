/**
 * Global reclaim over the LRU lists. Mirrors: mm/vmscan.c with two lists for each kind (no MGLRU).
 *
 *   new page ─► inactive ─ used again ─► active
 *                  │  ▲ second chance      │
 *                  ▼  └──── old ◄──────────┘  (when the inactive list is short)
 *               page out
 *
 * How many pages of each list a pass looks at follows from the priority (list >> 12 … list >> 0), swappiness and what
 * reclaiming each kind has cost of late. There is one set of lists for all cgroups: reclaim for a group passes over the
 * pages of others where they are (native-notes/limits.md).
 */

import type { Memory } from '../memory.ts';
import { LRU_ACTIVE_ANON, LRU_ACTIVE_FILE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE } from '../pages/frames.ts';
import {
  DEACTIVATE_ANON,
  DEACTIVATE_FILE,
  DEF_PRIORITY,
  type ScanControl,
  SWAP_CLUSTER_MAX,
  SWAPPINESS_ANON_ONLY,
} from './scan-control.ts';
import { shrinkActive, shrinkInactive } from './shrink-list.ts';

/** Pages in one GiB, the unit of the inactive ratio. */
const GIB_PAGES = 262_144;

/** Whether an inactive list is too short next to its active one. Mirrors: inactive_is_low. */
export function inactiveIsLow(mem: Memory, inactiveList: number): boolean {
  const inactive = mem.frames.nrOnList[inactiveList]!;
  const active = mem.frames.nrOnList[inactiveList + 1]!;
  const gib = Math.floor((inactive + active) / GIB_PAGES);
  const ratio = gib > 0 ? Math.floor(Math.sqrt(10 * gib)) : 1;
  return inactive * ratio < active;
}

/** Decides what the pass may do. Mirrors: prepare_scan_control. */
function prepareScan(mem: Memory, sc: ScanControl): void {
  const { lruvec, events } = mem;
  const on = mem.frames.nrOnList;
  if (sc.forceDeactivate) sc.mayDeactivate = DEACTIVATE_ANON | DEACTIVATE_FILE;
  else {
    sc.mayDeactivate = 0;
    if (events.workingset_activate_anon !== lruvec.activatesAnon || inactiveIsLow(mem, LRU_INACTIVE_ANON))
      sc.mayDeactivate |= DEACTIVATE_ANON;
    if (events.workingset_activate_file !== lruvec.activatesFile || inactiveIsLow(mem, LRU_INACTIVE_FILE))
      sc.mayDeactivate |= DEACTIVATE_FILE;
  }
  const inactiveFile = on[LRU_INACTIVE_FILE]!;
  sc.cacheTrimMode = Math.floor(inactiveFile / 2 ** sc.priority) > 0 && (sc.mayDeactivate & DEACTIVATE_FILE) === 0;
  sc.fileIsTiny = false;
  if (sc.members !== null) return;
  const file = on[LRU_ACTIVE_FILE]! + inactiveFile;
  sc.fileIsTiny =
    file + mem.nrFree <= mem.watermarks.high &&
    (sc.mayDeactivate & DEACTIVATE_ANON) === 0 &&
    Math.floor(on[LRU_INACTIVE_ANON]! / 2 ** sc.priority) > 0;
}

/** Pages to look at, by list. Module state: reclaim does not nest. */
const toScan = new Float64Array(4);
const targets = new Float64Array(4);

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

/** Mirrors: get_scan_count. */
function scanCount(mem: Memory, sc: ScanControl): void {
  const { lruvec } = mem;
  const canSwap = mem.swap !== null && mem.swap.nrFree > 0;
  let anonShare = 1;
  let fileShare = 1;
  let whole = 1;
  if (!canSwap || (sc.swappiness === 0 && sc.members !== null)) anonShare = 0;
  else if (sc.swappiness === SWAPPINESS_ANON_ONLY) fileShare = 0;
  else if (sc.priority === 0 && sc.swappiness > 0) whole = 1;
  else if (sc.fileIsTiny) fileShare = 0;
  else if (sc.cacheTrimMode) anonShare = 0;
  else {
    [anonShare, fileShare] = pressureBalance(lruvec.anonCost, lruvec.fileCost, sc.swappiness);
    whole = anonShare + fileShare;
  }
  for (let list = LRU_INACTIVE_ANON; list <= LRU_ACTIVE_FILE; list++) {
    const size = mem.frames.nrOnList[list]!;
    const scan = Math.floor(size / 2 ** sc.priority);
    const share = list >= LRU_INACTIVE_FILE ? fileShare : anonShare;
    toScan[list] = whole === 1 ? (share === 0 ? 0 : scan) : Math.floor((scan * share) / whole);
  }
}

/** Mirrors: shrink_lruvec. */
function shrinkLruvec(mem: Memory, sc: ScanControl): void {
  scanCount(mem, sc);
  targets.set(toScan);
  const proportional = sc.members === null && sc.by === 'direct' && sc.priority === DEF_PRIORITY;
  let reclaimed = 0;
  while (toScan[LRU_INACTIVE_ANON]! > 0 || toScan[LRU_ACTIVE_FILE]! > 0 || toScan[LRU_INACTIVE_FILE]! > 0) {
    for (let list = LRU_INACTIVE_ANON; list <= LRU_ACTIVE_FILE; list++) {
      if (toScan[list]! <= 0) continue;
      const count = Math.min(toScan[list]!, SWAP_CLUSTER_MAX);
      toScan[list]! -= count;
      reclaimed += shrinkList(mem, sc, list, count);
    }
    if (reclaimed < sc.nrToReclaim || proportional) continue;
    // Enough: the kind with less left is done; the other is scanned only as far as the same proportion asks for.
    const file = toScan[LRU_INACTIVE_FILE]! + toScan[LRU_ACTIVE_FILE]!;
    const anon = toScan[LRU_INACTIVE_ANON]! + toScan[LRU_ACTIVE_ANON]!;
    if (file === 0 || anon === 0) break;
    const done = file > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
    const other = file > anon ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
    const target = targets[done]! + targets[done + 1]! + 1;
    const percentage = Math.floor((Math.min(file, anon) * 100) / target);
    toScan[done] = toScan[done + 1] = 0;
    for (const list of [other, other + 1]) {
      const scanned = targets[list]! - toScan[list]!;
      const wanted = Math.floor((targets[list]! * (100 - percentage)) / 100);
      toScan[list] = Math.max(0, wanted - Math.min(wanted, scanned));
    }
  }
  sc.nrReclaimed += reclaimed;
  const canSwap = mem.swap !== null && mem.swap.nrFree > 0;
  if (canSwap && inactiveIsLow(mem, LRU_INACTIVE_ANON)) shrinkActive(mem, sc, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX);
}

/** Mirrors: shrink_list. */
function shrinkList(mem: Memory, sc: ScanControl, list: number, count: number): number {
  if (list === LRU_INACTIVE_ANON || list === LRU_INACTIVE_FILE) return shrinkInactive(mem, sc, list, count);
  const which = list === LRU_ACTIVE_FILE ? DEACTIVATE_FILE : DEACTIVATE_ANON;
  if (sc.mayDeactivate & which) shrinkActive(mem, sc, list, count);
  else sc.skippedDeactivate = true;
  return 0;
}

/**
 * One pass over the lists at the priority of `sc`. Returns pages freed. Volatile memory goes first; if that suffices,
 * nothing else happens. Otherwise, after the lists, the low-memory killer has its turn, as shrinkers have, and listeners
 * hear how hard it was.
 * Mirrors: shrink_node.
 */
export function shrinkNode(mem: Memory, sc: ScanControl): number {
  const before = sc.nrReclaimed;
  const scannedBefore = sc.nrScanned;
  if (sc.members === null) sc.nrReclaimed += mem.hooks.purgeVolatile?.(mem, sc.nrToReclaim - before) ?? 0;
  if (sc.nrReclaimed < sc.nrToReclaim || before === sc.nrReclaimed) {
    prepareScan(mem, sc);
    shrinkLruvec(mem, sc);
    mem.hooks.shrinkers?.(mem, sc);
  }
  const reclaimed = sc.nrReclaimed - before;
  mem.hooks.onScanned?.(mem, sc, sc.nrScanned - scannedBefore, reclaimed);
  return reclaimed;
}

/** Notes how many refaults there have been, so that the next reclaim sees new ones. Mirrors: snapshot_refaults. */
export function snapshotRefaults(mem: Memory): void {
  mem.lruvec.activatesAnon = mem.events.workingset_activate_anon;
  mem.lruvec.activatesFile = mem.events.workingset_activate_file;
}

/**
 * Reclaims until `nrToReclaim` pages are free or priority 0 has been tried; returns pages freed.
 * Mirrors: do_try_to_free_pages.
 */
export function tryToFreePages(mem: Memory, sc: ScanControl): number {
  let waiting = 0;
  for (;;) {
    for (sc.priority = DEF_PRIORITY; sc.priority >= 0; sc.priority--) {
      if (sc.members === null) mem.hooks.onPriority?.(mem, sc.priority);
      shrinkNode(mem, sc);
      if (sc.nrReclaimed >= sc.nrToReclaim) break;
      // What was found is being written: better to wait for it than to look at everything else.
      if (sc.nrWritten + sc.nrWriteback > waiting) mem.hooks.onCongested?.(mem);
      waiting = sc.nrWritten + sc.nrWriteback;
    }
    snapshotRefaults(mem);
    if (sc.nrReclaimed > 0) return sc.nrReclaimed;
    if (sc.skippedDeactivate && !sc.forceDeactivate) sc.forceDeactivate = true;
    else if (sc.lowSkipped && !sc.lowReclaim) sc.lowReclaim = true;
    else return 0;
  }
}
