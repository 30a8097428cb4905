/** `user`: somebody who goes from app to app, at a pace and in an order that the seed decides. */
import { KernelError } from '../../util/errors.ts';
import type { Random } from '../../util/random.ts';
import type { Machine } from '../machine.ts';
import type { Activity } from './activity.ts';
import { type App, type Apps, type AppWaiter, appsOf } from './app.ts';

export const USER_ORDERS = ['cycle', 'shuffle', 'random', 'favourites'] as const;
export type UserOrder = (typeof USER_ORDERS)[number];

export interface UserOptions {
  readonly apps: readonly string[];
  /** Times that an app is opened. */
  readonly turns: number;
  readonly useMinUs: number;
  readonly useMaxUs: number;
  /** Time between leaving one app and opening the next. */
  readonly gapUs: number;
  readonly order: UserOrder;
}

/** Opens an app, waits until it is ready, uses it, opens the next. */
export class User implements Activity, AppWaiter {
  nextUs: number;
  done = false;
  turns = 0;
  private readonly machine: Machine;
  private readonly apps: Apps;
  private readonly options: UserOptions;
  private readonly random: Random;
  private round: App[] = [];
  private last: App | undefined;
  /** How long the app that is being opened will be used. */
  private useUs = 0;

  constructor(machine: Machine, options: UserOptions, random: Random) {
    this.machine = machine;
    this.apps = appsOf(machine);
    this.options = options;
    this.random = random;
    this.nextUs = machine.nowUs + 1;
    for (const name of options.apps) this.apps.get(name);
  }

  run(_nowUs: number): void {
    if (this.turns >= this.options.turns) {
      this.done = true;
      this.machine.log('user', { turns: this.turns });
      return;
    }
    this.turns++;
    const app = this.#choose();
    this.last = app;
    this.useUs = this.random.between(this.options.useMinUs, this.options.useMaxUs);
    this.nextUs = Number.POSITIVE_INFINITY;
    try {
      this.apps.resume(app, this);
    } catch (error) {
      // An app that cannot be started now (no memory, its name is taken) is left for the next turn.
      if (!(error instanceof KernelError)) throw error;
      this.machine.log('launch-failed', { app: app.spec.name, reason: error.message });
      this.nextUs = this.machine.nowUs + this.options.gapUs + 1;
    }
  }

  onReady(app: App): void {
    if (this.apps.foreground === app && this.apps.isRunning(app)) this.apps.use(app, this.useUs);
    this.nextUs = this.machine.nowUs + this.useUs + this.options.gapUs + 1;
  }

  stop(): void {
    this.done = true;
  }

  #choose(): App {
    const { apps, order } = this.options;
    if (order === 'random' || order === 'favourites') {
      for (let tries = 0; tries < 16; tries++) {
        const at = order === 'random' ? this.random.below(apps.length) : this.#favourite(apps.length);
        const app = this.apps.get(apps[at]!);
        if (app !== this.last || apps.length === 1) return app;
      }
    }
    if (this.round.length === 0) {
      this.round = apps.map((name) => this.apps.get(name));
      if (order !== 'cycle') this.random.shuffle(this.round);
      // Nobody opens the app that is open.
      if (this.round[0] === this.last && this.round.length > 1) this.round.push(this.round.shift()!);
    }
    return this.round.shift()!;
  }

  /** The first apps more often than the last: of two throws the smaller one. */
  #favourite(n: number): number {
    return Math.min(this.random.below(n), this.random.below(n));
  }
}
