/**
 * Shortage of memory on a machine: who notices it, who is made to wait, who dies. Puts together what src/mm can do
 * (vmscan, workingset, vmpressure) with time, tasks and settings.
 *
 *   allocation ─ free ≤ low ─► kswapd woken; works while time passes
 *        │
 *        └─ free ≤ min ─► direct reclaim (a stall) ─ nothing to be had ─► OOM killer
 *
 *   each pass ─► volatile memory first ─► LRU lists ─► low-memory killer ─► vmpressure
 *
 * A process that is to die while it is itself asking for memory gets none and dies when its operation ends (`settle`).
 */

import { purgeVolatile, type VolatileRange } from '../mm/cache/volatile.ts';
import type { Memory } from '../mm/memory.ts';
import type { MemoryHooks } from '../mm/memory-hooks.ts';
import { LRU_ACTIVE_ANON, LRU_ACTIVE_FILE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE } from '../mm/pages/frames.ts';
import { ScanControl, SWAP_CLUSTER_MAX } from '../mm/reclaim/scan-control.ts';
import { tryToFreePages } from '../mm/reclaim/vmscan.ts';
import { computeWatermarks } from '../mm/reclaim/watermarks.ts';
import type { Mm } from '../mm/space/mm.ts';
import type { Job } from '../util/job.ts';
import { DirtyLimits } from './dirty-limits.ts';
import { KERN_ALERT } from './kernel-log.ts';
import { Kswapd } from './kswapd.ts';
import type { Machine } from './machine.ts';
import { outOfMemory } from './oom.ts';
import { Psi } from './psi.ts';
import { Reaper } from './reaper.ts';
import { reclaimCostUs } from './reclaim-costs.ts';
import type { Task } from './task.ts';
import { PressureEvents } from './vmpressure.ts';
import { logPurge } from './volatile.ts';

/** Attempts without a page freed before somebody is killed. */
const MAX_RECLAIM_RETRIES = 16;
/** Pretend: errors of the swap device are told once in five seconds (the kernel: ten in five seconds). */
const WRITE_ERRORS_US = 5_000_000;
const SECTORS_PER_PAGE = 8;
/** Attempts that free pages without the reserve filling up. */
const MAX_ATTEMPTS = 64;

export class Pressure implements MemoryHooks {
  private readonly machine: Machine;
  readonly kswapd: Kswapd;
  readonly psi: Psi;
  readonly vmpressure: PressureEvents;
  readonly dirty: DirtyLimits;
  /** Time that all tasks together have spent in direct reclaim. */
  directUs = 0;
  /** On whose behalf the operation under way is; set by steps and workloads. */
  current: Task | undefined;
  /** Errors of the swap device are told again from then on. */
  private nextWriteErrorUs = 0;
  /** Killed, and too large to go at once. */
  readonly reaper: Reaper;
  /** Killed, but still in an operation of their own. */
  private readonly dying = new Set<Task>();

  constructor(machine: Machine) {
    this.machine = machine;
    this.kswapd = new Kswapd(machine);
    this.vmpressure = new PressureEvents(machine);
    this.psi = new Psi(machine);
    this.dirty = new DirtyLimits(machine);
    this.reaper = new Reaper(machine);
    machine.mem.hooks = this;
    this.updateWatermarks();
  }

  /** Mirrors: end_swap_bio_write. */
  onSwapWriteError(_mem: Memory, slot: number): void {
    const { machine } = this;
    if (machine.nowUs < this.nextWriteErrorUs) return;
    this.nextWriteErrorUs = machine.nowUs + WRITE_ERRORS_US;
    machine.printk(KERN_ALERT, `Write-error on swap-device (253:0:${slot * SECTORS_PER_PAGE})`);
  }

  /** To be called when a setting has changed. */
  updateWatermarks(): void {
    const { mem, vm } = this.machine;
    mem.watermarks = computeWatermarks(mem.frames.total, vm.minFreeKbytes, vm.watermarkScaleFactor);
    mem.lowFreePages = this.kswapd.awake ? mem.watermarks.high : mem.watermarks.low;
    mem.pageCluster = vm.pageCluster;
    this.dirty.update();
  }

  /** Makes sure that the kernel can take so many pages for itself; false: it cannot. */
  reserve(pages: number): boolean {
    const { mem } = this.machine;
    for (let tries = 0; tries < MAX_ATTEMPTS && mem.nrFree - pages <= mem.watermarks.min; tries++) {
      if (this.#directReclaim(mem) === 0) break;
    }
    return mem.nrFree - pages > 0;
  }

  /** A task waits: seen in the pressure of the machine and of its control groups. */
  stall(resource: 'memory' | 'io', task: Task, us: number): void {
    this.psi.stall(resource, task, us);
    for (let group = this.machine.cgroups.of(task); group.psi !== null && group.parent !== null; group = group.parent)
      group.psi.stall(resource, task, us);
  }

  /** Mirrors: struct lru_gen_mm_list of a group. */
  addressSpaces(group: number): Mm[] {
    const found = new Set<Mm>();
    for (const { mm } of this.machine.tasks.values()) if (mm !== null && mm.memcg === group) found.add(mm);
    return [...found].sort((a, b) => a.id - b.id);
  }

  now(): number {
    return this.machine.nowUs;
  }

  onTooYoung(): void {
    outOfMemory(this.machine, { among: this.machine.tasks.values() });
  }

  /** Who is asking for memory. */
  currentTask(): Task | undefined {
    const mm = this.machine.mem.faultingMm;
    if (mm === null || this.current?.mm === mm) return this.current;
    for (const task of this.machine.tasks.values()) if (task.mm === mm) return task;
    return undefined;
  }

  /** Somebody has been killed and still holds its memory (TIF_MEMDIE). */
  get deathPending(): boolean {
    return this.dying.size > 0 || !this.reaper.isIdle;
  }

  isDying(task: Task): boolean {
    return this.dying.has(task) || this.reaper.has(task);
  }

  /** SIGKILL that cannot be waited out: the process goes at once, or, when it is in the middle of something, at its end. */
  kill(task: Task): void {
    if (!this.#isBeyondKilling(task)) this.reaper.end(task);
  }

  /** The same in pieces. */
  *killing(task: Task): Job<void> {
    if (!this.#isBeyondKilling(task)) yield* this.machine.exiting(task, 9);
  }

  /** It is dead, or dies anyway: in the reaper's hands, or when its operation ends. */
  #isBeyondKilling(task: Task): boolean {
    if (task.isZombie || this.reaper.has(task)) return true;
    const { mem } = this.machine;
    if (task !== this.current && (mem.faultingMm === null || task.mm !== mem.faultingMm)) return false;
    this.dying.add(task);
    if (task.mm !== null) task.mm.dying = true;
    return true;
  }

  /** An operation has ended: whoever was to die in it dies. */
  settle(): void {
    if (this.dying.size === 0) return;
    const dying = [...this.dying];
    this.dying.clear();
    for (const task of dying) if (task.mm !== null) task.mm.dying = false;
    for (const task of dying) if (this.machine.tasks.get(task.pid) === task) this.reaper.end(task);
  }

  /** The same, and those who die are gone at its end. */
  *settling(): Job<void> {
    this.settle();
    if (!this.reaper.isIdle) yield* this.reaper.finishing();
  }

  /** Carries an operation out on behalf of a task; who was to die in it dies at its end. */
  runAs<T>(task: Task, operation: () => T): T {
    const outer = this.current;
    this.current = task;
    try {
      return operation();
    } finally {
      this.current = outer;
      if (outer === undefined) this.settle();
    }
  }

  /** The same for work in pieces. Precondition: nothing else changes the machine between them. */
  *runInPiecesAs<T>(task: Task, job: Job<T>): Job<T> {
    const outer = this.current;
    this.current = task;
    try {
      return yield* job;
    } finally {
      this.current = outer;
      if (outer === undefined) this.settle();
    }
  }

  beforeAdvance(): void {
    this.settle();
    this.psi.beforeAdvance();
  }

  nextUs(): number {
    return Math.min(this.kswapd.nextUs(), this.psi.nextUs());
  }

  run(nowUs: number): void {
    if (this.kswapd.nextUs() <= nowUs) {
      this.machine.generation++;
      this.kswapd.run(nowUs);
    }
    if (this.psi.nextUs() <= nowUs) this.psi.run(nowUs);
  }

  onDirtyLimit(): void {
    this.dirty.balance();
  }

  purgeVolatile(mem: Memory, wanted: number): number {
    return purgeVolatile(mem, wanted);
  }

  onPurged(range: VolatileRange, pages: number): void {
    logPurge(this.machine, range, pages);
  }

  shrinkers(_mem: Memory, sc: ScanControl): void {
    if (!sc.isGroup && sc.by !== 'proactive') this.machine.lmk.shrink();
  }

  onScanned(_mem: Memory, sc: ScanControl, scanned: number, reclaimed: number): void {
    if (!sc.isGroup && sc.by !== 'proactive') this.vmpressure.note(scanned, reclaimed);
  }

  onCongested(): void {
    this.#waitForDevice(SWAP_CLUSTER_MAX);
  }

  onPriority(_mem: Memory, priority: number): void {
    this.vmpressure.notePriority(priority);
  }

  /** Mirrors: __alloc_pages_slowpath. Returns whether the allocation may go on. */
  onLowMemory(mem: Memory): boolean {
    const free = mem.nrFree;
    if (free <= mem.watermarks.low) this.kswapd.wake();
    if ((this.kswapd.give() ? mem.nrFree : free) > mem.watermarks.min) return true;
    if (this.#mayNotAllocate(mem)) return false;
    if (this.reapUntilEnough() && mem.nrFree > mem.watermarks.min) return true;
    let fruitless = 0;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const reclaimed = this.#directReclaim(mem);
      if (mem.nrFree > mem.watermarks.min) return true;
      if (mem.triesOnce) return false;
      if (reclaimed > 0) fruitless = 0;
      else if (++fruitless >= MAX_RECLAIM_RETRIES || !this.#worthRetrying(mem)) {
        if (!outOfMemory(this.machine, { among: this.machine.tasks.values() })) return false;
        if (this.#mayNotAllocate(mem)) return false;
        if (mem.nrFree > mem.watermarks.min) return true;
        fruitless = 0;
      }
    }
    return mem.nrFree > 0;
  }

  /** What those who have been killed still have is taken before anything else; whether there was any. */
  reapUntilEnough(): boolean {
    if (this.reaper.isIdle) return false;
    const { mem } = this.machine;
    return this.reaper.freeWhile(() => mem.nrFree < mem.watermarks.high);
  }

  #mayNotAllocate(mem: Memory): boolean {
    if (this.machine.panicked) return true;
    if (mem.faultingMm !== null) return mem.faultingMm.dying;
    return this.current !== undefined && this.dying.has(this.current);
  }

  /** One try of the allocating task itself, which waits meanwhile. Mirrors: __alloc_pages_direct_reclaim. */
  #directReclaim(mem: Memory): number {
    const { storage, vm } = this.machine;
    mem.events.allocstall_normal++;
    const swappedOut = mem.events.pswpout;
    const sc = new ScanControl('direct', SWAP_CLUSTER_MAX, vm.swappiness);
    const reclaimed = tryToFreePages(mem, sc);
    if (reclaimed > 0) this.kswapd.failures = 0;
    const us = reclaimCostUs(mem, storage, sc, mem.events.pswpout - swappedOut);
    // Pages that are being written are free only when the device is done with them.
    if (reclaimed === 0 && mem.nrFree <= mem.watermarks.min) this.#waitForDevice(SWAP_CLUSTER_MAX);
    mem.stalledUs += us;
    this.directUs += us;
    this.kswapd.give(us);
    this.machine.generation++;
    return reclaimed;
  }

  /** Mirrors: reclaim_throttle. */
  #waitForDevice(writes: number): void {
    const us = this.machine.storage.waitForWrites(writes);
    this.machine.mem.stalledUs += us;
    this.directUs += us;
    this.kswapd.give(us);
  }

  /** Whether all that could be reclaimed would suffice. Mirrors: should_reclaim_retry. */
  #worthRetrying(mem: Memory): boolean {
    const on = mem.frames.nrOnList;
    let reclaimable = on[LRU_INACTIVE_FILE]! + on[LRU_ACTIVE_FILE]! + mem.nrWriteback;
    if (mem.swap !== null && mem.swap.nrFree > 0) reclaimable += on[LRU_INACTIVE_ANON]! + on[LRU_ACTIVE_ANON]!;
    return reclaimable + mem.nrFree > mem.watermarks.min;
  }
}
