/** Apps mark their caches volatile while they are in the background. */
import type { Machine } from '../../../machine/machine.ts';
import type { Region } from '../../../machine/task.ts';
import { markTaskVolatile, unmarkTaskVolatile } from '../../../machine/volatile.ts';
import { type App, type AppListener, appsOf } from '../../../machine/workload/app.ts';

export class VolatileCaches implements AppListener {
  private readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
    appsOf(machine).listeners.push(this);
  }

  onBackground(app: App): void {
    const cache = cacheOf(app);
    if (cache !== undefined)
      markTaskVolatile(this.machine, app.task!, cache.start, cache.start + cache.nrPages, 'vrange');
  }

  onForeground(app: App): number {
    const cache = cacheOf(app);
    if (cache === undefined) return 0;
    const purged = unmarkTaskVolatile(this.machine, app.task!, cache.start, cache.start + cache.nrPages, 'vrange');
    return purged ? cache.nrPages : 0;
  }
}

function cacheOf(app: App): Region | undefined {
  return app.task?.mm === null ? undefined : app.task?.regions.get('cache');
}
