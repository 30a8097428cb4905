/** Pretend: what the work of reclaim and of faults costs, in microseconds (native-notes/limits.md). */
import type { Memory } from '../mm/memory.ts';
import type { ScanControl } from '../mm/reclaim/scan-control.ts';
import type { Storage } from './storage.ts';

/** Ten pages looked at in one microsecond. */
const SCANNED_PER_US = 10;
/** Two pages freed in one microsecond. */
const FREED_PER_US = 2;
/** Handing one page to a device. */
const SUBMIT_US = 1;
/** A fault that finds what it needs, and the time in which another CPU may work for kswapd. */
export const MINOR_FAULT_US = 1;

/** CPU time of what `sc` has done; `swappedOut`: pages written to swap by it. At least one microsecond. */
export function reclaimCostUs(mem: Memory, storage: Storage, sc: ScanControl, swappedOut: number): number {
  const perPage = mem.swap?.synchronous ? storage.settings.zramWriteUs : SUBMIT_US;
  const us = sc.nrScanned / SCANNED_PER_US + sc.nrReclaimed / FREED_PER_US + swappedOut * perPage;
  return Math.max(1, Math.ceil(us));
}
