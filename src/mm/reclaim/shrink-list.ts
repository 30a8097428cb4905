/** Working through one LRU list from its old end. Mirrors: mm/vmscan.c:shrink_inactive_list, shrink_active_list, folio_check_references. */

import type { Memory } from '../memory.ts';
import { LRU_ACTIVE_FILE, LRU_INACTIVE_FILE } from '../pages/frames.ts';
import {
  PG_ACTIVE,
  PG_ANON,
  PG_DIRTY,
  PG_RECLAIM,
  PG_REFERENCED,
  PG_VMSCAN,
  PG_WORKINGSET,
  PG_WRITEBACK,
} from '../pages/page-flags.ts';
import { mlockFrame } from '../space/mlock.ts';
import { VM_EXEC, VM_LOCKED } from '../space/vm-flags.ts';
import { noteCost } from './lruvec.ts';
import { PAGE_FREED, PAGE_STORED, PAGE_WRITTEN, pageoutFrame, pageoutMapped } from './pageout.ts';
import { ReferenceWalk } from './referenced.ts';
import type { ScanControl } from './scan-control.ts';

const walk = new ReferenceWalk();

/** Whether a group's limits keep the page from this reclaim; a page of a stranger is none of its business either. */
function passesOver(mem: Memory, sc: ScanControl, pfn: number): boolean {
  const group = mem.frames.memcg[pfn]!;
  if (sc.members !== null && sc.members[group] === 0) return true;
  const protection = sc.protection?.[group] ?? 0;
  if (protection === 0) return false;
  if (protection === 1) {
    if (sc.lowReclaim) return false;
    sc.lowSkipped = true;
  }
  return true;
}

/** Looks at `count` pages of an inactive list and frees what is old; returns pages freed. */
export function shrinkInactive(mem: Memory, sc: ScanControl, list: number, count: number): number {
  const { frames, events } = mem;
  const { flags: pageFlags, mapcount } = frames;
  const filtered = sc.members !== null || sc.protection !== null;
  const file = list === LRU_INACTIVE_FILE;
  let scanned = 0;
  let reclaimed = 0;
  let written = 0;
  let stored = 0;
  walk.reset();
  let next = 0;
  for (let pfn = frames.lruTail(list); pfn !== 0 && scanned < count; pfn = next) {
    next = frames.lruPrev(pfn);
    if (filtered && passesOver(mem, sc, pfn)) continue;
    scanned++;
    const flags = pageFlags[pfn]!;
    if (flags & PG_WRITEBACK) {
      // Out of the way until the write is done; then it comes to the old end of the inactive list.
      pageFlags[pfn] = flags | PG_RECLAIM | PG_VMSCAN;
      sc.nrWriteback++;
      activate(mem, pfn);
      continue;
    }
    const young = walk.referenced(mem, pfn);
    if (walk.vmFlags & VM_LOCKED) {
      mlockFrame(mem, pfn);
      events.unevictable_pgs_culled++;
      continue;
    }
    pageFlags[pfn] = flags & ~PG_REFERENCED;
    if (young > 0) {
      pageFlags[pfn] = flags | PG_REFERENCED;
      const again = (flags & PG_REFERENCED) !== 0 || young > 1;
      if (again || (file && (flags & PG_ANON) === 0 && walk.vmFlags & VM_EXEC)) activate(mem, pfn);
      else rotate(mem, pfn);
      continue;
    }
    // A file page that was read or written again, but is not mapped, is not worth a write.
    if (file && flags & PG_REFERENCED && flags & PG_DIRTY && (flags & PG_ANON) === 0) {
      rotate(mem, pfn);
      continue;
    }
    const { vma } = walk;
    const outcome =
      mapcount[pfn] === 1 && vma !== undefined ? pageoutMapped(mem, vma, walk.at) : pageoutFrame(mem, pfn);
    if (outcome === PAGE_FREED) reclaimed++;
    else if (outcome === PAGE_STORED) {
      reclaimed++;
      stored++;
    } else if (outcome === PAGE_WRITTEN) {
      written++;
      pageFlags[pfn]! |= PG_VMSCAN;
    } else if (pageFlags[pfn]! & PG_DIRTY && file) {
      sc.nrWriteback++;
      pageFlags[pfn]! |= PG_RECLAIM | PG_VMSCAN;
      if (!mem.rules.startsFlusher) mem.device?.requestFlush(pfn);
    }
  }
  sc.nrScanned += scanned;
  sc.nrWritten += written;
  countScan(mem, sc, file, scanned, reclaimed);
  noteCost(mem, file, written + stored, scanned - reclaimed);
  return reclaimed;
}

/** Mirrors: the vm events at the end of shrink_inactive_list. */
function countScan(mem: Memory, sc: ScanControl, file: boolean, scanned: number, reclaimed: number): void {
  const { events } = mem;
  if (sc.by === 'kswapd') {
    events.pgscan_kswapd += scanned;
    events.pgsteal_kswapd += reclaimed;
  } else if (sc.by === 'direct') {
    events.pgscan_direct += scanned;
    events.pgsteal_direct += reclaimed;
  } else {
    events.pgscan_proactive += scanned;
    events.pgsteal_proactive += reclaimed;
  }
  if (file) {
    events.pgscan_file += scanned;
    events.pgsteal_file += reclaimed;
  } else {
    events.pgscan_anon += scanned;
    events.pgsteal_anon += reclaimed;
  }
}

/** To the young end of the list it is on. */
function rotate(mem: Memory, pfn: number): void {
  mem.frames.lruDel(pfn);
  mem.frames.lruAdd(pfn);
}

function activate(mem: Memory, pfn: number): void {
  const { frames } = mem;
  frames.lruDel(pfn);
  frames.flags[pfn]! |= PG_ACTIVE;
  frames.lruAdd(pfn);
  mem.events.pgactivate++;
  mem.lruvec.nonresidentAge++;
}

/** Looks at `count` pages of an active list: code in use stays, everything else becomes inactive. */
export function shrinkActive(mem: Memory, sc: ScanControl, list: number, count: number): void {
  const { frames, events } = mem;
  const { flags: pageFlags } = frames;
  const filtered = sc.members !== null || sc.protection !== null;
  const file = list === LRU_ACTIVE_FILE;
  let scanned = 0;
  let rotated = 0;
  walk.reset();
  let next = 0;
  for (let pfn = frames.lruTail(list); pfn !== 0 && scanned < count; pfn = next) {
    next = frames.lruPrev(pfn);
    if (filtered && passesOver(mem, sc, pfn)) continue;
    scanned++;
    if (pageFlags[pfn]! & PG_WRITEBACK) {
      rotate(mem, pfn);
      continue;
    }
    const young = walk.referenced(mem, pfn);
    if (walk.vmFlags & VM_LOCKED) {
      mlockFrame(mem, pfn);
      events.unevictable_pgs_culled++;
      continue;
    }
    if (young > 0 && file && walk.vmFlags & VM_EXEC && (pageFlags[pfn]! & PG_ANON) === 0) {
      rotated++;
      rotate(mem, pfn);
      continue;
    }
    frames.lruDel(pfn);
    pageFlags[pfn] = (pageFlags[pfn]! & ~PG_ACTIVE) | PG_WORKINGSET;
    frames.lruAdd(pfn);
    events.pgdeactivate++;
  }
  events.pgrefill += scanned;
  noteCost(mem, file, 0, rotated);
}
