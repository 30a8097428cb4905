/**
 * Compaction on switching away, with the throttles of Android Q's AppCompactor (reclaim-interface.md §5.1): an app that
 * has just left the front gives up its file pages ("some"), one that is cached everything ("full").
 */
import type { Machine } from '../../../machine/machine.ts';
import type { Task } from '../../../machine/task.ts';
import { type App, type AppListener, appsOf } from '../../../machine/workload/app.ts';
import { isAlive } from '../../../machine/workload/touching.ts';
import { Daemon } from './daemon.ts';

type Action = 'some' | 'full';
const TEXT: Readonly<Record<Action, string>> = { some: 'file', full: 'all' };

/** Least time between two compactions of one process, by what comes after what, in microseconds. */
const THROTTLE_US: Readonly<Record<`${Action}-after-${Action}`, number>> = {
  'some-after-some': 5_000_000,
  'some-after-full': 10_000_000,
  'full-after-some': 500_000,
  'full-after-full': 10_000_000,
};
const FULL_RSS_THROTTLE_PAGES = 12_000 / 4;
const FULL_DELTA_THROTTLE_PAGES = 8_000 / 4;
/** Pretend: the handler thread gets to it so long after the switch. */
const DELAY_US = 200_000;

interface Last {
  readonly action: Action;
  readonly us: number;
  readonly rss: readonly [file: number, anon: number, swap: number];
}

export class Compactor extends Daemon implements AppListener {
  private readonly pending: { readonly app: App; readonly action: Action; readonly us: number }[] = [];
  private readonly last = new Map<Task, Last>();
  private previous: App | undefined;

  constructor(machine: Machine) {
    super(machine, 'compactd');
    appsOf(machine).listeners.push(this);
  }

  onBackground(app: App): void {
    const us = this.machine.nowUs + DELAY_US;
    this.pending.push({ app, action: 'some', us });
    if (this.previous !== undefined && this.previous !== app)
      this.pending.push({ app: this.previous, action: 'full', us });
    this.previous = app;
    this.wakeAt(us);
  }

  protected work(nowUs: number): void {
    while (this.pending.length > 0 && this.pending[0]!.us <= nowUs) {
      const { app, action } = this.pending.shift()!;
      if (app.state !== 'background' || app.task === undefined || !isAlive(this.machine, app.task)) continue;
      this.#compact(app.task, action, nowUs);
    }
    if (this.pending.length > 0) this.wakeAt(this.pending[0]!.us);
  }

  #compact(task: Task, action: Action, nowUs: number): void {
    const mm = task.mm!;
    if (mm.rss === 0) return;
    const last = this.last.get(task);
    if (last !== undefined && nowUs - last.us < THROTTLE_US[`${action}-after-${last.action}`]) return;
    if (action === 'full') {
      if (mm.rssAnon < FULL_RSS_THROTTLE_PAGES) return;
      if (last?.action === 'full') {
        const [file, anon, swap] = last.rss;
        const moved = Math.abs(mm.rssFile - file) + Math.abs(mm.rssAnon - anon) + Math.abs(mm.swapents - swap);
        if (moved <= FULL_DELTA_THROTTLE_PAGES) return;
      }
    }
    this.write(task, TEXT[action]);
    this.forgetGone(this.last);
    this.last.set(task, { action, us: nowUs, rss: [mm.rssFile, mm.rssAnon, mm.swapents] });
  }
}
