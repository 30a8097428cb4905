/** Quantities of the step language that are more than a size or a time: rates, growth, shares, spans. */
import { parseSize, parseTime } from './words.ts';

/** A rate a second of `2000/s` or `2000`; undefined where it is none. */
export function parseRate(text: string): number | undefined {
  const rate = Number(/^(\d+(?:\.\d+)?)(?:\/s)?$/.exec(text)?.[1]);
  return rate > 0 && rate <= 1e7 ? rate : undefined;
}

/** Pages a second of `4M/s`, `20M/min`; undefined where it is no growth. */
export function parseGrowth(text: string): number | undefined {
  const [, size = '', per] = /^(.+?)(?:\/(s|min))?$/.exec(text) ?? [];
  const bytes = parseSize(size);
  return bytes === undefined ? undefined : bytes / 4096 / (per === 'min' ? 60 : 1);
}

/** `30%` as a share of 1; undefined where it is none. */
export function parseShare(text: string): number | undefined {
  const percent = Number(/^(\d+(?:\.\d+)?)%?$/.exec(text)?.[1]);
  return percent >= 0 && percent <= 100 ? percent / 100 : undefined;
}

/** Microseconds from and to of `5s..15s`, `5s`; undefined where it is no span of time. */
export function parseSpan(text: string): [number, number] | undefined {
  const [from = '', to = from] = text.split('..');
  const low = parseTime(from);
  const high = parseTime(to);
  return low === undefined || high === undefined || high < low ? undefined : [low, high];
}
