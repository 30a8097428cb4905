/** The machine's side of virtual time: it goes on when it is told to, until something happens that somebody may wait for. */
import type { Ticker } from '../../../machine/machine.ts';
import { WaitQueue } from '../../../vfs/types.ts';
import type { SessionHost } from '../../session-host.ts';
import type { DeskAnswers, DeskRequest } from '../syscalls/desk-protocol.ts';

/** At which moment a run is over, and what the notifier may ask about time. */
export class RunClock {
  readonly #host: SessionHost;
  readonly #sampler: Ticker;
  /** Virtual microseconds since boot. */
  endUs: number;
  /** Set while time passes: what happens then has not been done by the command. */
  passes = false;
  /** Called once, at the end of the run, before anybody can go on who has been woken at that very moment. */
  onOver: (() => void) | undefined;

  /** `sampler`: looks at the machine as time passes, and is no part of it. */
  constructor(host: SessionHost, endUs: number, sampler: Ticker) {
    this.#host = host;
    this.#sampler = sampler;
    this.endUs = endUs;
  }

  /** What time it is. */
  now(): DeskAnswers['time'] {
    const { nowUs, options } = this.#host.machine;
    return { nowUs, bootUs: options.bootTimeMs * 1000, busy: this.#host.busy, readers: WaitQueue.waiting };
  }

  /**
   * Goes on until the moment asked for, the end of the run, or when a reader of events has been woken; `watched`: somebody
   * polls, and is not seen by the files that he polls: then at whatever might have woken him.
   */
  advance({ toUs, watched }: DeskRequest & { readonly ask: 'advance' }): DeskAnswers['advance'] {
    const calls = () => (watched ? WaitQueue.calls : WaitQueue.reached);
    const before = calls();
    this.#pass(Math.min(this.endUs, toUs ?? this.endUs), () => calls() === before);
    const { nowUs } = this.#host.machine;
    return { nowUs, over: nowUs >= this.endUs || this.#host.failure !== undefined };
  }

  /** Lets what is left of the run pass, with nobody there to be woken. */
  finish(): void {
    this.#pass(this.endUs, () => true);
  }

  #sample(): void {
    const { nowUs } = this.#host.machine;
    if (this.#sampler.nextUs() <= nowUs) this.#sampler.run(nowUs);
  }

  #pass(toUs: number, goesOn: () => boolean): void {
    const host = this.#host;
    this.passes = true;
    try {
      this.#sample();
      while (host.machine.nowUs < toUs && goesOn() && host.failure === undefined) {
        host.advanceWhile(Math.min(toUs, this.#sampler.nextUs()), goesOn);
        this.#sample();
      }
    } finally {
      this.passes = false;
    }
    if (host.machine.nowUs < this.endUs && host.failure === undefined) return;
    this.onOver?.();
    this.onOver = undefined;
  }
}
