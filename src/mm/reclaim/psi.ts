/**
 * Pressure stall information of one resource: for how much of the time somebody (`some`), and everybody (`full`), was
 * held up by the lack of it. Mirrors: kernel/sched/psi.c. Time comes from the caller, in microseconds.
 *
 * The share of time that is lost is a number from 0 to 1 that holds until it changes; averages are taken every two
 * seconds and decay as the kernel's do, in its fixed-point arithmetic.
 */

/** psi_period: 2 s and a jiffy (PSI_FREQ = 2 × HZ + 1, HZ = 250). */
export const PSI_PERIOD_US = 2_004_000;
const FIXED_SHIFT = 11;
const FIXED_ONE = 1 << FIXED_SHIFT;
/** exp(-2s/10s), exp(-2s/60s), exp(-2s/300s) in that arithmetic. */
const DECAY = [1677, 1981, 2034] as const;

/** Mirrors: include/linux/sched/loadavg.h:calc_load. */
function calcLoad(load: number, exp: number, active: number): number {
  let next = load * exp + active * (FIXED_ONE - exp);
  if (active >= load) next += FIXED_ONE - 1;
  return Math.floor(next / FIXED_ONE);
}

/** `some` or `full`: total and averages. */
export class PsiLine {
  /** Microseconds lost so far. */
  totalUs = 0;
  /** avg10, avg60, avg300 in percent × 2048. */
  readonly averages = [0, 0, 0];
  private averagedUs = 0;

  /** One average period of `periodUs`, `missed` idle ones before it. Mirrors: calc_avgs, update_averages. */
  average(periodUs: number, missed: number): void {
    for (let n = Math.min(missed, 1000); n > 0; n--) {
      for (let i = 0; i < 3; i++) this.averages[i] = calcLoad(this.averages[i]!, DECAY[i]!, 0);
    }
    const total = Math.floor(this.totalUs);
    const sample = Math.min(total - this.averagedUs, periodUs);
    this.averagedUs += sample;
    const percent = Math.floor((sample * 100) / periodUs) * FIXED_ONE;
    for (let i = 0; i < 3; i++) this.averages[i] = calcLoad(this.averages[i]!, DECAY[i]!, percent);
  }

  /** Stands as another line does. */
  take({ totalUs, averages, averagedUs }: PsiLine): void {
    this.totalUs = totalUs;
    for (let i = 0; i < 3; i++) this.averages[i] = averages[i]!;
    this.averagedUs = averagedUs;
  }

  /** Whether averages will still change without further stalls. */
  get isQuiet(): boolean {
    return this.averages.every((average) => average === 0) && Math.floor(this.totalUs) === this.averagedUs;
  }

  text(name: string): string {
    const [a, b, c] = this.averages.map(
      (average) =>
        `${average >> FIXED_SHIFT}.${String(Math.floor(((average & (FIXED_ONE - 1)) * 100) / FIXED_ONE)).padStart(2, '0')}`,
    );
    return `${name} avg10=${a} avg60=${b} avg300=${c} total=${Math.floor(this.totalUs)}\n`;
  }
}

export type PsiState = 'some' | 'full';

/** One resource. Invariant: full ≤ some. */
export class PsiGroup {
  readonly some = new PsiLine();
  readonly full = new PsiLine();
  private someShare = 0;
  private fullShare = 0;
  /** When the shares began to hold. */
  private sinceUs: number;
  private nextAverageUs: number;
  private lastAverageUs: number;

  constructor(nowUs: number) {
    this.sinceUs = nowUs;
    this.lastAverageUs = nowUs;
    this.nextAverageUs = nowUs + PSI_PERIOD_US;
  }

  /** From `nowUs` on these shares of time are lost, rounded to 1/1024 so that sums are exact however often they are taken. */
  setShares(nowUs: number, someShare: number, fullShare: number): void {
    const some = Math.round(someShare * 1024) / 1024;
    const full = Math.round(fullShare * 1024) / 1024;
    if (some === this.someShare && full === this.fullShare) return;
    this.settle(nowUs);
    this.someShare = some;
    this.fullShare = Math.min(some, full);
  }

  /** Whether time is being lost now. */
  get isStalling(): boolean {
    return this.someShare > 0;
  }

  /** When averages are due next; Infinity while they would not change. */
  get nextUs(): number {
    if (this.someShare > 0 || !this.some.isQuiet || !this.full.isQuiet) return this.nextAverageUs;
    return Number.POSITIVE_INFINITY;
  }

  /** Adds up what was lost until now, taking the averages that were due on the way. */
  settle(nowUs: number): void {
    while (this.nextAverageUs <= nowUs) {
      if (this.nextUs === Number.POSITIVE_INFINITY) {
        // Nothing happens in all of these periods.
        const skipped = Math.floor((nowUs - this.nextAverageUs) / PSI_PERIOD_US) + 1;
        this.nextAverageUs += skipped * PSI_PERIOD_US;
        this.lastAverageUs = this.nextAverageUs - PSI_PERIOD_US;
        break;
      }
      this.#accrue(this.nextAverageUs);
      const periodUs = this.nextAverageUs - this.lastAverageUs;
      this.some.average(periodUs, 0);
      this.full.average(periodUs, 0);
      this.lastAverageUs = this.nextAverageUs;
      this.nextAverageUs += PSI_PERIOD_US;
    }
    this.#accrue(nowUs);
  }

  /** Total of a line at a moment, without changing anything. */
  totalAt(state: PsiState, nowUs: number): number {
    const share = state === 'some' ? this.someShare : this.fullShare;
    return this[state].totalUs + share * Math.max(0, nowUs - this.sinceUs);
  }

  #accrue(toUs: number): void {
    const elapsed = toUs - this.sinceUs;
    if (elapsed <= 0) return;
    this.some.totalUs += elapsed * this.someShare;
    this.full.totalUs += elapsed * this.fullShare;
    this.sinceUs = toUs;
  }

  /** As /proc/pressure prints it at a moment; who looks changes nothing. Mirrors: psi_show. */
  textAt(nowUs: number, withFull = true): string {
    const then = this.#copy();
    then.settle(nowUs);
    return then.some.text('some') + (withFull ? then.full.text('full') : '');
  }

  #copy(): PsiGroup {
    const copy = new PsiGroup(this.sinceUs);
    copy.some.take(this.some);
    copy.full.take(this.full);
    copy.someShare = this.someShare;
    copy.fullShare = this.fullShare;
    copy.nextAverageUs = this.nextAverageUs;
    copy.lastAverageUs = this.lastAverageUs;
    return copy;
  }
}
