/** Triggers on pressure: `some 150000 1000000` fires when 150 ms within a second are lost. Mirrors: kernel/sched/psi.c:psi_trigger_create. */
import type { PsiState } from '../mm/reclaim/psi.ts';
import { EBUSY, EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Psi, PsiResource } from './psi.ts';

const WINDOW_MIN_US = 500_000;
const WINDOW_MAX_US = 10_000_000;
/** A trigger is looked at ten times in its window. */
const UPDATES_PER_WINDOW = 10;
/** Windows of those without privilege must be whole averaging periods. */
const UNPRIVILEGED_STEP_US = 2_000_000;

/** A daemon that waits for a trigger. The call comes while time passes: it may note things down and change them later. */
export interface PsiListener {
  onTrigger(trigger: PsiTrigger): void;
}

/** One trigger, bound to an open file. */
export interface PsiTrigger {
  readonly resource: PsiResource;
  readonly state: PsiState;
  readonly thresholdUs: number;
  readonly windowUs: number;
  /** Set when it has fired; whoever polls sees it once. */
  event: boolean;
  /** Called as it fires. */
  onEvent: (() => void) | undefined;
  /** Told as it fires: a daemon of the machine. */
  readonly listener: PsiListener | undefined;
  windowStartUs: number;
  windowTotalUs: number;
  previousGrowthUs: number;
  lastEventUs: number;
}

/** A trigger of an open file, and how it stood at a moment. */
export interface Watched {
  readonly trigger: PsiTrigger;
  readonly was: Pick<PsiTrigger, 'event' | 'windowStartUs' | 'windowTotalUs' | 'previousGrowthUs' | 'lastEventUs'>;
}

/** What a write registers. Throws EINVAL. `full` of cpu is accepted and never fires. */
export function parseTrigger(
  text: string,
  privileged: boolean,
): { state: PsiState; thresholdUs: number; windowUs: number } {
  const match = /^(some|full)\s*(\d+)\s+(\d+)/.exec(text);
  if (match === null) throw new KernelError(EINVAL, 'a trigger is: some|full THRESHOLD_US WINDOW_US');
  const thresholdUs = Number(match[2]);
  const windowUs = Number(match[3]);
  if (windowUs === 0 || windowUs < WINDOW_MIN_US || windowUs > WINDOW_MAX_US)
    throw new KernelError(EINVAL, 'the window must be from 500000 to 10000000 microseconds');
  if (!privileged && windowUs % UNPRIVILEGED_STEP_US !== 0)
    throw new KernelError(EINVAL, 'without privilege the window must be a multiple of 2000000 microseconds');
  if (thresholdUs === 0 || thresholdUs > windowUs)
    throw new KernelError(EINVAL, 'the threshold must be from 1 to the window');
  return { state: match[1] as PsiState, thresholdUs, windowUs };
}

export class PsiTriggers {
  private readonly psi: Psi;
  /** Those of daemons of the machine, and those of open files, which are no part of it. */
  private readonly triggers = new Set<PsiTrigger>();
  private readonly watched = new Set<PsiTrigger>();
  private dueUs = Number.POSITIVE_INFINITY;

  constructor(psi: Psi) {
    this.psi = psi;
  }

  /**
   * Registers what a write to /proc/pressure/NAME says. `has`: the open file has one already (EBUSY); `listener`: it is no
   * file but a daemon of the machine. Throws EINVAL, EBUSY.
   */
  register(resource: PsiResource, text: string, privileged = true, has = false, listener?: PsiListener): PsiTrigger {
    const parsed = parseTrigger(text, privileged);
    if (has) throw new KernelError(EBUSY, 'this open file has a trigger already');
    const { nowUs } = this.psi;
    const trigger: PsiTrigger = {
      resource,
      ...parsed,
      event: false,
      onEvent: undefined,
      listener,
      windowStartUs: nowUs,
      windowTotalUs: this.psi.groups[resource].totalAt(parsed.state, nowUs),
      previousGrowthUs: 0,
      lastEventUs: nowUs - parsed.windowUs,
    };
    (listener === undefined ? this.watched : this.triggers).add(trigger);
    this.#schedule(nowUs);
    return trigger;
  }

  unregister(trigger: PsiTrigger): void {
    this.triggers.delete(trigger);
    this.watched.delete(trigger);
    this.#schedule(this.psi.nowUs);
  }

  /** The triggers of open files, and how they stand: for a machine that takes the place of this one. */
  watching(): readonly Watched[] {
    return [...this.watched].map((trigger) => {
      const { event, windowStartUs, windowTotalUs, previousGrowthUs, lastEventUs } = trigger;
      return { trigger, was: { event, windowStartUs, windowTotalUs, previousGrowthUs, lastEventUs } };
    });
  }

  /** Goes on with the triggers of open files as they stood when this machine was at this moment before. */
  goOnWith(watched: readonly Watched[]): void {
    for (const { trigger, was } of watched) this.watched.add(Object.assign(trigger, was));
    this.#schedule(this.psi.nowUs);
  }

  isWatching(trigger: PsiTrigger): boolean {
    return this.watched.has(trigger);
  }

  /** Whether it has fired since last asked. Mirrors: psi_trigger_poll. */
  poll(trigger: PsiTrigger): boolean {
    const fired = trigger.event;
    trigger.event = false;
    return fired;
  }

  get nextUs(): number {
    return this.dueUs;
  }

  run(nowUs: number): void {
    if (nowUs < this.dueUs) return;
    for (const triggers of [this.triggers, this.watched]) for (const trigger of triggers) this.#update(trigger, nowUs);
    this.#schedule(nowUs);
  }

  /** Mirrors: update_triggers, window_update. */
  #update(trigger: PsiTrigger, nowUs: number): void {
    const total = this.psi.groups[trigger.resource].totalAt(trigger.state, nowUs);
    const elapsed = nowUs - trigger.windowStartUs;
    let growth = total - trigger.windowTotalUs;
    if (elapsed > trigger.windowUs) {
      trigger.previousGrowthUs = growth;
      trigger.windowStartUs = nowUs;
      trigger.windowTotalUs = total;
    } else {
      const remaining = trigger.windowUs - elapsed;
      growth += Math.floor((trigger.previousGrowthUs * remaining) / trigger.windowUs);
    }
    if (growth < trigger.thresholdUs || nowUs < trigger.lastEventUs + trigger.windowUs) return;
    trigger.lastEventUs = nowUs;
    if (trigger.event) return;
    trigger.event = true;
    trigger.onEvent?.();
    trigger.listener?.onTrigger(trigger);
  }

  /** The next moment of a fixed grid at which triggers are looked at. */
  #schedule(nowUs: number): void {
    let step = Number.POSITIVE_INFINITY;
    for (const triggers of [this.triggers, this.watched])
      for (const { windowUs } of triggers) step = Math.min(step, Math.floor(windowUs / UPDATES_PER_WINDOW));
    this.dueUs = step === Number.POSITIVE_INFINITY ? step : (Math.floor(nowUs / step) + 1) * step;
  }
}
