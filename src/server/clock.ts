import { MAX_ADVANCE_US } from '../machine/time-limits.ts';
import { MAX_TIME_US, parseTime } from '../scenario/words.ts';
import { EINVAL } from '../util/errno.ts';

/** Virtual seconds in a real one. */
export const MIN_SPEED = 0.001;
export const MAX_SPEED = 1e6;
/** Bytes of a command. */
const MAX_COMMAND = 100;

/**
 * The virtual clock of a mount: wall time × speed while it runs, else as told. All moments are virtual microseconds since
 * boot.
 *
 * Invariants: never goes back; `nowUs` is a whole number.
 */
export class Clock {
  #baseUs: number;
  #baseWallMs: number;
  #speed: number;
  #running: boolean;
  readonly #wallMs: () => number;

  /** `wallMs`: a monotonic clock in milliseconds. */
  constructor(startUs: number, speed: number, running: boolean, wallMs: () => number = () => performance.now()) {
    this.#wallMs = wallMs;
    this.#baseUs = startUs;
    this.#baseWallMs = wallMs();
    this.#speed = speed;
    this.#running = running;
  }

  get nowUs(): number {
    if (!this.#running) return this.#baseUs;
    const elapsedUs = Math.floor((this.#wallMs() - this.#baseWallMs) * 1000 * this.#speed);
    return Math.min(this.#baseUs + elapsedUs, MAX_TIME_US);
  }

  /** Goes on from this moment, be it an earlier one. */
  standAt(us: number): void {
    this.#rebase(us);
  }

  /** Puts the clock forward to a moment; an earlier one changes nothing. */
  forwardTo(us: number): void {
    if (us > this.nowUs) this.#rebase(us);
  }

  /**
   * `+5s`, `pause`, `run`, `speed 10`: 0, or -EINVAL. `fromUs`: the moment that it refers to, where the machine stands;
   * what a machine that could not keep up is behind is given up.
   */
  command(text: string, fromUs = this.nowUs): number {
    if (text.length > MAX_COMMAND) return -EINVAL;
    const [word = '', argument = '', ...rest] = text.trim().split(/\s+/);
    if (rest.length > 0) return -EINVAL;
    if (word.startsWith('+')) {
      const us = argument === '' ? parseTime(word.slice(1)) : undefined;
      if (us === undefined || us > MAX_ADVANCE_US || fromUs + us > MAX_TIME_US) return -EINVAL;
      this.#rebase(fromUs + us);
      return 0;
    }
    if (word === 'speed') {
      const speed = /^\d{1,10}(\.\d{1,10})?$/.test(argument) ? Number(argument) : 0;
      if (!(speed >= MIN_SPEED && speed <= MAX_SPEED)) return -EINVAL;
      this.#rebase(fromUs);
      this.#speed = speed;
      return 0;
    }
    if (argument !== '' || (word !== 'pause' && word !== 'run')) return -EINVAL;
    this.#rebase(fromUs);
    this.#running = word === 'run';
    return 0;
  }

  /** `12.345678 running speed 1`, with the time of the machine; and `behind 3600.000000` when it cannot keep up. */
  textAt(machineUs: number, behind: boolean): string {
    const state = this.#running ? 'running' : 'paused';
    const lag = behind ? ` behind ${seconds(Math.max(0, this.nowUs - machineUs))}` : '';
    return `${seconds(machineUs)} ${state} speed ${this.#speed}${lag}`;
  }

  #rebase(us: number): void {
    this.#baseUs = us;
    this.#baseWallMs = this.#wallMs();
  }
}

function seconds(us: number): string {
  return (us / 1e6).toFixed(6);
}
