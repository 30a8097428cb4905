import { parseTime } from '../scenario/words.ts';
import { UsageError } from '../util/errors.ts';

/** Seconds, or text with a unit: 5, '200ms', '5s', '2m'. */
export type Duration = number | string;

/** Whole microseconds. Throws UsageError. */
export function microseconds(time: Duration): number {
  const us = typeof time === 'number' ? Math.round(time * 1e6) : parseTime(time);
  if (us === undefined || !(us >= 0)) throw new UsageError(`"${time}" is no time: give seconds, or 200ms 5s 2m 1h`);
  return us;
}
