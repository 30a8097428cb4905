/** What a Memory is told by those around it, and whom it tells: settings, devices, global reclaim, control groups. */
import type { VolatileRange } from './cache/volatile.ts';
import type { Memory } from './memory.ts';
import type { ScanControl } from './reclaim/scan-control.ts';
import type { Mm } from './space/mm.ts';

/** Bits of /sys/kernel/mm/lru_gen/enabled. Mirrors: enum LRU_GEN_CORE …. */
export const LRU_GEN_CORE = 1;
export const LRU_GEN_MM_WALK = 2;
export const LRU_GEN_NONLEAF_YOUNG = 4;

/** Tunables of the model that are not part of a profile. */
export interface MemorySettings {
  /** Pages mapped around a read fault on cached file pages, a power of two; 1 = off. */
  faultAroundPages: number;
  /** Most pages of a file that are read ahead at once (read_ahead_kb of its device); 0: none. */
  readaheadPages: number;
  /** Pretend: pages that the device of files takes in one request (max_sectors_kb); what is asked for by name is read up to that at once. */
  deviceRequestPages: number;
  /** Reads of the device of files that go on at the same time. */
  deviceQueueDepth: number;
  /** Pretend: how well zram compresses a page that is neither zero nor one word. */
  zramRatio: number;
  /** How old the statistics may be that reclaim from a control group decides by, in microseconds; 0: no older than a step. */
  statFlushUs: number;
  /**
   * LRU_GEN_MM_WALK: ageing walks page tables; without, only what reclaim looks at is known to be in use.
   * LRU_GEN_NONLEAF_YOUNG: such a walk leaves out tables that have not been used, which saves time and finds the same.
   */
  lruGenCaps: number;
  /** Generations younger than this are not reclaimed from, milliseconds; 0: it does not matter (lru_gen/min_ttl_ms). */
  minTtlMs: number;
  /** 0 heuristic, 1 always, 2 never beyond the limit. */
  overcommitMemory: number;
  overcommitRatio: number;
  maxMapCount: number;
}

export function defaultMemorySettings(): MemorySettings {
  return {
    faultAroundPages: 16,
    readaheadPages: 0,
    deviceRequestPages: 320,
    deviceQueueDepth: 1,
    zramRatio: 3,
    statFlushUs: 2_000_000,
    lruGenCaps: 0,
    minTtlMs: 0,
    overcommitMemory: 0,
    overcommitRatio: 50,
    maxMapCount: 65530,
  };
}

/** Where writes go that take time. The machine behind it calls `endWriteback` when one is done. */
export interface WritebackDevice {
  /** A frame has been put under writeback; its content has already been copied to the backing. */
  submit(pfn: number): void;
  /** The write of this frame no longer matters. */
  cancel(pfn: number): void;
  /** A dirty page of a shared file that reclaim has unmapped: to be written as soon as possible. */
  requestFlush(pfn: number): void;
  /** Reclaim has met nothing but dirty file pages: all of them are to be written. Mirrors: wakeup_flusher_threads. */
  wakeFlusher(): void;
}

/** Told of what global memory management needs to know; absent members are not called. */
export interface MemoryHooks {
  /** Free memory is at or below `lowFreePages`; returns when something has been tried. False: the allocation is to fail. */
  onLowMemory?(mem: Memory): boolean;
  /** A page has been dirtied by an access that is complete, and more than `dirtyLimitPages` are dirty. */
  onDirtyLimit?(mem: Memory): void;
  /** Throws away volatile memory, oldest first, up to about `wanted` pages; returns pages freed. */
  purgeVolatile?(mem: Memory, wanted: number): number;
  /** A pass over the lists is done: caches that are no pages may shrink, processes may die. */
  shrinkers?(mem: Memory, sc: ScanControl): void;
  /** What a pass looked at and freed. */
  onScanned?(mem: Memory, sc: ScanControl, scanned: number, reclaimed: number): void;
  /** A direct reclaimer has found pages that wait for a device; returns when some of them are done. */
  onCongested?(mem: Memory): void;
  /** Reclaim goes on at this priority. */
  onPriority?(mem: Memory, priority: number): void;
  /** The swap device could not take the page of a slot. */
  onSwapWriteError?(mem: Memory, slot: number): void;
  /** The address spaces of processes in this very group, oldest first. */
  addressSpaces?(group: number): readonly Mm[];
  /** Virtual time, microseconds. */
  now?(): number;
  /** Nothing may be reclaimed that is older than it has to be: somebody is to be killed. Mirrors: lru_gen_age_node, out_of_memory. */
  onTooYoung?(mem: Memory): void;
  /** A volatile range has lost pages. */
  onPurged?(range: VolatileRange, pages: number): void;
}

/** Counts frames and slots by control group; absent while there are no groups. */
export interface MemcgCharger {
  /** The group to be charged for a new frame, or -1 when its limit forbids it. */
  charge(mem: Memory): number;
  uncharge(group: number): void;
  chargeSwap(group: number): boolean;
  unchargeSwap(group: number): void;
}
