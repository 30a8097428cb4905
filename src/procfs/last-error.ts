import { ScenarioError } from '../scenario/scenario-error.ts';
import { bytesOf, textOf } from '../util/bytes.ts';
import { EINTR, EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { Cancelled, type Job } from '../util/job.ts';

/** Why the last rejected step was rejected; kept by the mount, for it belongs to no machine. */
export class LastError {
  #text = '';

  get text(): string {
    return this.#text;
  }

  say(reason: string): void {
    this.#text = bytesOf(`${reason}\n`);
  }

  /** Carries steps out; 0, or the error number of what was rejected or given up. */
  *keeping(steps: Job<unknown>): Job<number> {
    try {
      yield* steps;
      return 0;
    } catch (error) {
      if (error instanceof Cancelled) return -EINTR;
      if (!(error instanceof ScenarioError || error instanceof KernelError)) throw error;
      this.#set(error);
      return -EINVAL;
    }
  }

  #set(error: ScenarioError | KernelError): void {
    if (error instanceof KernelError) {
      this.#text = `${bytesOf(textOf(error.message))}\n`;
      return;
    }
    const { line, column, reason, hint } = error;
    this.#text = bytesOf(`line ${line}, column ${column}: ${reason}${hint === '' ? '' : `\nhint: ${hint}`}\n`);
  }
}
