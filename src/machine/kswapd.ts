/**
 * kswapd: a worker beside the processes that frees memory from the low to the high watermark. Mirrors: balance_pgdat.
 *
 * It works in passes, each a whole pass over the lists at one priority, done at one moment and followed by the time it
 * costs, in which it does nothing else. That time passes with the machine's clock, and also while somebody allocates or
 * reclaims within one moment: each allocation is worth a microsecond, each stall its length. A burst that outruns it
 * reaches the low reserve and has to reclaim for itself, as on a real machine; no step depends on how often time is told.
 */

import { DEF_PRIORITY, ScanControl, SWAP_CLUSTER_MAX } from '../mm/reclaim/scan-control.ts';
import { shrinkNode } from '../mm/reclaim/vmscan.ts';
import type { Machine } from './machine.ts';
import { MINOR_FAULT_US, reclaimCostUs } from './reclaim-costs.ts';

/** Runs in a row without a page freed, after which kswapd leaves it to those who allocate. */
const MAX_FAILURES = 16;
/** Sleep shorter than this counts as premature. */
const SHORT_SLEEP_US = 100_000;
/** Longest wait for a device before it looks again. */
const THROTTLE_US = 100_000;

export class Kswapd {
  private readonly machine: Machine;
  awake = false;
  priority = DEF_PRIORITY;
  /** CPU time used so far; shown by a kernel thread named kswapd0, if the scenario has one. */
  cpuUs = 0;
  failures = 0;
  private busyUntilUs = 0;
  private sleptUs = Number.NEGATIVE_INFINITY;
  private reclaimed = 0;
  /** All that a pass took off the lists was being written (PGDAT_WRITEBACK). */
  private metOnlyWriteback = false;
  /** Groups are to be aged before the next pass, of generations. */
  private needsAging = false;
  private pswpin = 0;
  private readTurns = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Mirrors: wakeup_kswapd. */
  wake(): void {
    if (this.awake || this.failures >= MAX_FAILURES) return;
    const { mem, nowUs, pressure } = this.machine;
    this.awake = true;
    this.priority = DEF_PRIORITY;
    this.reclaimed = 0;
    this.needsAging = false;
    this.busyUntilUs = Math.max(this.busyUntilUs, nowUs);
    mem.events.pageoutrun++;
    if (nowUs - this.sleptUs < SHORT_SLEEP_US) mem.events.kswapd_low_wmark_hit_quickly++;
    mem.lowFreePages = mem.watermarks.high;
    pressure.psi.refresh();
  }

  #sleep(): void {
    const { mem, nowUs, pressure } = this.machine;
    this.awake = false;
    this.sleptUs = nowUs;
    mem.lowFreePages = mem.watermarks.low;
    if (this.reclaimed === 0) this.failures++;
    if (mem.nrFree >= mem.watermarks.high) this.metOnlyWriteback = false;
    mem.policy.endReclaim(mem, null);
    pressure.psi.refresh();
  }

  /**
   * Time in which it can work passes within this moment: somebody waits for `us`, or allocates, which takes a fault and
   * what has been read since the last one. Returns whether it has done anything.
   */
  give(us: number = MINOR_FAULT_US + this.#readUs()): boolean {
    if (!this.awake) return false;
    this.busyUntilUs -= us;
    if (this.busyUntilUs > this.machine.nowUs) return false;
    this.run(this.machine.nowUs);
    return true;
  }

  /** Time that reading from swap and files has taken since it was last asked. */
  #readUs(): number {
    const { mem, storage } = this.machine;
    const { pswpin } = mem.events;
    const { readTurns } = mem;
    const swapUs = mem.swap?.synchronous ? storage.settings.zramReadUs : storage.settings.readUs;
    const us = (pswpin - this.pswpin) * swapUs + (readTurns - this.readTurns) * storage.settings.readUs;
    this.pswpin = pswpin;
    this.readTurns = readTurns;
    return us;
  }

  nextUs(): number {
    return this.awake ? Math.max(this.busyUntilUs, this.machine.nowUs) : Number.POSITIVE_INFINITY;
  }

  run(nowUs: number): void {
    while (this.awake && this.busyUntilUs <= nowUs) this.#pass();
  }

  #pass(): void {
    const { mem, pressure, storage, vm } = this.machine;
    pressure.reapUntilEnough();
    if (mem.nrFree >= mem.watermarks.high || this.priority < 1) {
      this.#sleep();
      return;
    }
    const sc = new ScanControl('kswapd', Math.max(mem.watermarks.high, SWAP_CLUSTER_MAX), vm.swappiness);
    sc.priority = this.priority;
    sc.stallsOnWriteback = this.metOnlyWriteback;
    sc.needsAging = this.needsAging;
    const swappedOut = mem.events.pswpout;
    mem.policy.ageNode(mem, sc);
    shrinkNode(mem, sc);
    this.needsAging = sc.needsAging;
    this.reclaimed += sc.nrReclaimed;
    if (sc.nrReclaimed > 0) this.failures = 0;
    const costUs = reclaimCostUs(mem, storage, sc, mem.events.pswpout - swappedOut);
    this.#charge(costUs);
    this.busyUntilUs += costUs;
    if (sc.nrWriteback > 0 && sc.nrWriteback === sc.nrScanned) this.metOnlyWriteback = true;
    // Pages come round before they are written, or everything found waits for a device: so does kswapd.
    if (sc.nrImmediate > 0) this.#waitUntil(storage.writesDoneUs(SWAP_CLUSTER_MAX + 1));
    if (sc.nrReclaimed === 0 && sc.nrWritten + sc.nrWriteback + sc.nrImmediate > 0) {
      this.#waitUntil(Math.max(storage.nextEventUs, this.machine.nowUs + storage.settings.writeUs));
      return;
    }
    if (sc.nrScanned < sc.nrToReclaim || sc.nrReclaimed === 0) this.priority--;
  }

  /** Mirrors: reclaim_throttle(VMSCAN_THROTTLE_WRITEBACK), __acct_reclaim_writeback. */
  #waitUntil(us: number): void {
    this.busyUntilUs = Math.max(this.busyUntilUs, Math.min(us, this.machine.nowUs + THROTTLE_US));
  }

  #charge(us: number): void {
    this.cpuUs += us;
    const thread = this.machine.named.get('kswapd0')?.leader;
    if (thread !== undefined) thread.stimeUs += us;
  }
}
