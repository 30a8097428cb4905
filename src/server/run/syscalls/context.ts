import type { Libc } from '../../../util/libc.ts';
import type { Affinities } from './affinities.ts';
import type { TaskAnswer } from './desk-protocol.ts';
import type { Model } from './model.ts';
import type { Answer, Notification } from './notification.ts';
import type { Pidfds } from './pidfds.ts';

/** What a call is answered from. */
export interface Context {
  readonly libc: Libc;
  readonly model: Model;
  readonly pidfds: Pidfds;
  /** What has been set of processes and has no place in the machine: policies, I/O priorities. */
  readonly kept: Kept;
  readonly affinities: Affinities;
}

export type Handler = (call: Notification, context: Context) => Answer;

/** Values beside the machine, by process and by what they are. */
export class Kept {
  readonly #values = new Map<string, Buffer>();

  get(task: TaskAnswer, what: string): Buffer | undefined {
    return this.#values.get(`${task.serial} ${what}`);
  }

  set(task: TaskAnswer, what: string, value: Buffer): void {
    this.#values.set(`${task.serial} ${what}`, value);
  }
}
