/**
 * lmkd, the low-memory killer daemon of Android 11, with its new kill strategy. Mirrors: system/memory/lmkd, lmkd.cpp:
 * mp_event_psi, find_and_kill_process, call_handler.
 *
 * Woken by PSI triggers, it looks at reclaim, watermarks, free swap and refaults of the page cache, kills at most one
 * process, and then polls for a second: every 100 ms, every 10 ms after a kill or while swap is low.
 */
import type { Machine } from '../../../machine/machine.ts';
import type { PsiListener, PsiTrigger } from '../../../machine/psi-triggers.ts';
import type { Task } from '../../../machine/task.ts';
import { LRU_ACTIVE_FILE, LRU_INACTIVE_FILE } from '../../../mm/pages/frames.ts';
import type { PsiState } from '../../../mm/reclaim/psi.ts';
import { Daemon } from './daemon.ts';
import { type Properties, propertyOf, readFlag, readNumber } from './properties.ts';

/** The properties that the new strategy reads. What depends on ro.config.low_ram is empty here: see LOW_RAM_DEFAULTS. */
export const LMKD_PROPERTIES: Properties = {
  'ro.config.low_ram': { otherwise: 'auto', read: (text) => (text === 'auto' ? AUTO : readFlag(text)) },
  'ro.lmk.kill_heaviest_task': { otherwise: 'false', read: readFlag },
  'ro.lmk.kill_timeout_ms': { otherwise: '100', read: readNumber(0, 1e6) },
  'ro.lmk.swap_free_low_percentage': { otherwise: '10', read: readNumber(0, 100) },
  'ro.lmk.psi_partial_stall_ms': { otherwise: 'auto', read: automatic(readNumber(0, 1000)) },
  'ro.lmk.psi_complete_stall_ms': { otherwise: '700', read: readNumber(0, 1000) },
  'ro.lmk.thrashing_limit': { otherwise: 'auto', read: automatic(readNumber(0, 1e6)) },
  'ro.lmk.thrashing_limit_decay': { otherwise: 'auto', read: automatic(readNumber(0, 100)) },
};

const AUTO = -1;
function automatic(read: (text: string) => number | undefined): (text: string) => number | undefined {
  return (text) => (text === 'auto' ? AUTO : read(text));
}

/** Defaults for devices with little memory, and for the others. */
const LOW_RAM_DEFAULTS: Readonly<Record<string, readonly [low: number, high: number]>> = {
  'ro.lmk.psi_partial_stall_ms': [200, 70],
  'ro.lmk.thrashing_limit': [30, 100],
  'ro.lmk.thrashing_limit_decay': [50, 10],
};
/** Vendors set ro.config.low_ram; `auto` sets it up to this much memory, as Android Go does. */
const LOW_RAM_BYTES = 2 * 1024 ** 3;

const PSI_WINDOW_US = 1_000_000;
const POLL_SHORT_US = 10_000;
const POLL_LONG_US = 100_000;
const PERCEPTIBLE_APP_ADJ = 200;
const OOM_SCORE_ADJ_MAX = 1000;
const LOW_SWAP_MARGIN = 115;

export const LMKD_REASONS = [
  'pressure-after-kill',
  'not-responding',
  'low-swap-and-thrashing',
  'low-mem-and-swap',
  'low-mem-and-thrashing',
  'direct-reclaim-and-thrashing',
] as const;
export type LmkdReason = (typeof LMKD_REASONS)[number];

/** Watermarks in order: the lowest that is breached. */
const WMARK_MIN = 0;
const WMARK_LOW = 1;
const WMARK_HIGH = 2;
const WMARK_NONE = 3;

interface Decision {
  readonly reason: LmkdReason;
  readonly minAdj: number;
  readonly cutLimit: boolean;
}

/** What it sees at one look. */
interface Sight {
  /** Woken by the trigger for complete stalls, and not by a poll. */
  readonly critical: boolean;
  readonly cycleAfterKill: boolean;
  readonly swapIsLow: boolean;
  readonly directReclaim: boolean;
  readonly watermark: number;
  /** Refaulted pages of files since reclaim began, in per cent of the page cache then. */
  readonly thrashing: number;
  readonly limit: number;
  readonly limitProperty: number;
}

/** Whether to kill, why, and from which adj on. Mirrors: the cascade of mp_event_psi. */
export function decide(sight: Sight): Decision | undefined {
  const { watermark, swapIsLow, thrashing } = sight;
  const sparing = watermark > WMARK_MIN ? PERCEPTIBLE_APP_ADJ + 1 : 0;
  if (sight.cycleAfterKill && watermark < WMARK_LOW)
    return { reason: 'pressure-after-kill', minAdj: 0, cutLimit: false };
  if (sight.critical) return { reason: 'not-responding', minAdj: 0, cutLimit: false };
  if (swapIsLow && thrashing > sight.limitProperty)
    return { reason: 'low-swap-and-thrashing', minAdj: sparing, cutLimit: false };
  if (swapIsLow && watermark < WMARK_HIGH) return { reason: 'low-mem-and-swap', minAdj: sparing, cutLimit: false };
  if (watermark < WMARK_HIGH && thrashing > sight.limit)
    return { reason: 'low-mem-and-thrashing', minAdj: PERCEPTIBLE_APP_ADJ + 1, cutLimit: true };
  if (sight.directReclaim && thrashing > sight.limit)
    return { reason: 'direct-reclaim-and-thrashing', minAdj: PERCEPTIBLE_APP_ADJ + 1, cutLimit: true };
  return undefined;
}

export class Lmkd extends Daemon implements PsiListener {
  kills = 0;
  private refaultsAtStart = 0;
  private fileAtStart = 0;
  private seenKswapd = 0;
  private seenDirect = 0;
  private killing = false;
  private limit: number;
  private inReclaim = false;
  private victim: Task | undefined;
  private killedUs = 0;
  private woken: 'partial' | 'complete' | undefined;
  private pollUs = Number.POSITIVE_INFINITY;
  private pollUntilUs = 0;

  constructor(machine: Machine) {
    super(machine, 'lmkd');
    this.limit = this.setting('ro.lmk.thrashing_limit');
    this.monitor('some', this.setting('ro.lmk.psi_partial_stall_ms'));
    this.monitor('full', this.setting('ro.lmk.psi_complete_stall_ms'));
  }

  private setting(name: string): number {
    const value = propertyOf(this.machine, LMKD_PROPERTIES, name);
    if (value !== AUTO) return value;
    const lowRam = propertyOf(this.machine, LMKD_PROPERTIES, 'ro.config.low_ram');
    const isLow = lowRam === AUTO ? this.machine.options.ramBytes <= LOW_RAM_BYTES : lowRam === 1;
    return LOW_RAM_DEFAULTS[name]![isLow ? 0 : 1];
  }

  private monitor(state: PsiState, stallMs: number): void {
    if (stallMs === 0) return;
    const { triggers } = this.machine.psi;
    triggers.register('memory', `${state} ${stallMs * 1000} ${PSI_WINDOW_US}`, true, false, this);
  }

  onTrigger(trigger: PsiTrigger): void {
    this.machine.psi.triggers.poll(trigger);
    if (this.woken !== 'complete') this.woken = trigger.state === 'full' ? 'complete' : 'partial';
    this.wakeAt(this.machine.nowUs);
  }

  protected work(nowUs: number): void {
    const { woken } = this;
    this.woken = undefined;
    if (woken === undefined && nowUs < this.pollUs) {
      this.wakeAt(this.pollUs);
      return;
    }
    this.pollUs = Number.POSITIVE_INFINITY;
    if (this.victim !== undefined && this.machine.tasks.get(this.victim.pid) === this.victim) {
      const timeoutUs = this.setting('ro.lmk.kill_timeout_ms') * 1000;
      if (timeoutUs === 0 || nowUs - this.killedUs < timeoutUs) {
        this.poll(nowUs, POLL_SHORT_US, true);
        return;
      }
    }
    this.victim = undefined;
    this.look(nowUs, woken);
  }

  private look(nowUs: number, woken: 'partial' | 'complete' | undefined): void {
    const { mem } = this.machine;
    const { events } = mem;
    const cycleAfterKill = this.killing;
    this.killing = false;
    const file = mem.frames.nrOnList[LRU_INACTIVE_FILE]! + mem.frames.nrOnList[LRU_ACTIVE_FILE]!;
    if (cycleAfterKill) this.begin(file);
    const total = mem.swap?.total ?? 0;
    const lowSwap = Math.floor((total * this.setting('ro.lmk.swap_free_low_percentage')) / 100);
    const swapIsLow = (mem.swap?.nrFree ?? 0) < lowSwap;
    const directReclaim = events.pgscan_direct > this.seenDirect;
    const reclaiming = directReclaim || events.pgscan_kswapd > this.seenKswapd;
    this.seenDirect = events.pgscan_direct;
    this.seenKswapd = events.pgscan_kswapd;
    if (reclaiming) {
      const thrashing = this.thrashing(file);
      const watermark = this.watermark(swapIsLow);
      const { limit } = this;
      const limitProperty = this.setting('ro.lmk.thrashing_limit');
      const critical = woken === 'complete';
      const decision = decide({
        critical,
        cycleAfterKill,
        swapIsLow,
        directReclaim,
        watermark,
        thrashing,
        limit,
        limitProperty,
      });
      if (decision !== undefined) this.kill(decision, nowUs, thrashing);
    } else {
      this.inReclaim = false;
    }
    this.poll(
      nowUs,
      swapIsLow || this.killing ? POLL_SHORT_US : POLL_LONG_US,
      woken !== undefined || this.killing || directReclaim,
    );
  }

  private begin(file: number): void {
    this.fileAtStart = file;
    this.refaultsAtStart = this.machine.mem.events.workingset_refault_file;
  }

  private thrashing(file: number): number {
    if (!this.inReclaim) {
      this.begin(file);
      this.limit = this.setting('ro.lmk.thrashing_limit');
      this.inReclaim = true;
      return 0;
    }
    const refaults = this.machine.mem.events.workingset_refault_file - this.refaultsAtStart;
    return Math.floor((refaults * 100) / Math.max(1, this.fileAtStart));
  }

  /** Mirrors: get_lowest_watermark. */
  private watermark(swapIsLow: boolean): number {
    const { nrFree, watermarks } = this.machine.mem;
    if (nrFree < watermarks.min) return WMARK_MIN;
    if (nrFree < watermarks.low) return WMARK_LOW;
    return nrFree < (watermarks.high * (swapIsLow ? LOW_SWAP_MARGIN : 100)) / 100 ? WMARK_HIGH : WMARK_NONE;
  }

  private kill({ reason, minAdj, cutLimit }: Decision, nowUs: number, thrashing: number): void {
    const victim = this.choose(minAdj);
    if (victim === undefined) return;
    const { machine } = this;
    this.kills++;
    this.killing = true;
    this.victim = victim;
    this.killedUs = nowUs;
    if (cutLimit) this.limit = Math.floor((this.limit * (100 - this.setting('ro.lmk.thrashing_limit_decay'))) / 100);
    machine.log('lmkd-kill', {
      pid: victim.pid,
      comm: victim.comm,
      uid: victim.ids.uid,
      adj: victim.oomScoreAdj,
      rssKb: victim.mm!.rss * 4,
      swapKb: victim.mm!.swapents * 4,
      minAdj,
      reason,
      thrashing,
    });
    machine.pressure.kill(victim);
  }

  /**
   * The process with the highest adj; of several the heaviest (kill_heaviest_task), or the one that got that adj first:
   * the longest unused. Mirrors: find_and_kill_process, proc_get_heaviest, proc_adj_lru.
   */
  private choose(minAdj: number): Task | undefined {
    const heaviest = this.setting('ro.lmk.kill_heaviest_task') === 1;
    let chosen: Task | undefined;
    for (const task of this.machine.tasks.values()) {
      const rss = task.mm?.rss ?? 0;
      if (rss === 0 || task.oomScoreAdj < minAdj || task.oomScoreAdj > OOM_SCORE_ADJ_MAX) continue;
      if (chosen !== undefined) {
        if (task.oomScoreAdj < chosen.oomScoreAdj) continue;
        if (task.oomScoreAdj === chosen.oomScoreAdj && (!heaviest || rss <= chosen.mm!.rss)) continue;
      }
      chosen = task;
    }
    return chosen;
  }

  /** Looks again after so long, for a second from the last `extend` on. Mirrors: call_handler. */
  private poll(nowUs: number, periodUs: number, extend: boolean): void {
    if (extend) this.pollUntilUs = nowUs + PSI_WINDOW_US;
    if (nowUs > this.pollUntilUs) return;
    this.pollUs = nowUs + periodUs;
    this.wakeAt(this.pollUs);
  }
}
