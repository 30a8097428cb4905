/** Under pressure, apps in the background are reclaimed whole, the longest unused first, until there is room again. */
import type { Machine } from '../../../machine/machine.ts';
import type { Task } from '../../../machine/task.ts';
import type { PressureListener } from '../../../machine/vmpressure.ts';
import { appsOf } from '../../../machine/workload/app.ts';
import type { PressureLevel } from '../../../mm/reclaim/vmpressure.ts';
import { Daemon } from './daemon.ts';

/** Pretend: how long a daemon takes to be scheduled after it has been woken. */
const WAKE_US = 2_000;
/** An event of each level is answered with so many apps; then nothing for a while, and an app is not asked again so soon. */
const APPS: Readonly<Record<PressureLevel, number>> = { low: 1, medium: 2, critical: 4 };
const PAUSE_US = 500_000;
const REST_US = 10_000_000;
/** An app with less than this is not worth a write. */
const LEAST_PAGES = 2_560;

export class PressureReclaimer extends Daemon implements PressureListener {
  private readonly asked = new Map<Task, number>();
  private wanted = 0;
  private pausedUntilUs = 0;

  constructor(machine: Machine) {
    super(machine, 'reclaimd');
    machine.vmpressure.listeners.push(this);
  }

  onPressure(level: PressureLevel): void {
    this.wanted = Math.max(this.wanted, APPS[level]);
    this.wakeAt(Math.max(this.machine.nowUs + WAKE_US, this.pausedUntilUs));
  }

  protected work(nowUs: number): void {
    this.forgetGone(this.asked);
    for (const { task } of appsOf(this.machine).background) {
      if (this.wanted === 0) break;
      if (task === undefined || task.mm === null || task.mm.rss < LEAST_PAGES) continue;
      if (nowUs - (this.asked.get(task) ?? Number.NEGATIVE_INFINITY) < REST_US) continue;
      this.asked.set(task, nowUs);
      this.write(task, 'all');
      this.wanted--;
    }
    this.wanted = 0;
    this.pausedUntilUs = nowUs + PAUSE_US;
  }
}
