/** The machine as the notifier asks it: synchronously, through a file of the mount. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DeskAnswers, DeskRequest, TaskAnswer } from './desk-protocol.ts';

const ANSWER_BYTES = 4096;

export class Model {
  readonly #name: string;
  #fd = -1;
  #device = 0;
  readonly #answer = Buffer.alloc(ANSWER_BYTES);
  readonly mountpoint: string;

  /** `name`: of the hidden file below the mount point. It is opened when it is first needed: there may be no mount yet. */
  constructor(mountpoint: string, name: string) {
    this.mountpoint = mountpoint;
    this.#name = name;
  }

  /** Of the file system, as stat(2) tells it. */
  get device(): number {
    this.#open();
    return this.#device;
  }

  ask<A extends DeskRequest>(request: A): DeskAnswers[A['ask']] {
    this.#open();
    writeSync(this.#fd, JSON.stringify(request), 0);
    const length = readSync(this.#fd, this.#answer, 0, ANSWER_BYTES, 0);
    return JSON.parse(this.#answer.toString('latin1', 0, length)) as DeskAnswers[A['ask']];
  }

  /** The simulated process of which a number names a thread. */
  task(pid: number): TaskAnswer | undefined {
    return pid <= 0 ? undefined : (this.ask({ ask: 'task', pid }) ?? undefined);
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
  }

  #open(): void {
    if (this.#fd >= 0) return;
    this.#fd = openSync(join(this.mountpoint, this.#name), 'r+');
    this.#device = fstatSync(this.#fd).dev;
  }
}
