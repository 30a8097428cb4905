/** Lines of Android's log, in the formats of logcat that have a time: threadtime, time, epoch, with or without year, zone, uid. */

/** A line: when, and what its tag says. */
export interface LogLine {
  /** Of the text, from 1. */
  readonly line: number;
  /** Milliseconds, from wherever the log begins to count. */
  readonly timeMs: number;
  readonly tag: string;
  readonly message: string;
}

const DAY_MS = 86_400_000;
/** A step back by more than this is the turn of the year, where lines do not say which year. */
const TURN_MS = 180 * DAY_MS;
/** Longer lines are no log of Android's (LOGGER_ENTRY_MAX_PAYLOAD is 4068). */
const MOST_CHARACTERS = 16_384;

const DATE = String.raw`(?:(?<year>\d{4})-)?(?<month>\d\d)-(?<day>\d\d) (?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)\.(?<part>\d{3,9})(?: [+-]\d{4})?`;
const EPOCH = String.raw`\s*(?<epoch>\d{6,11})\.(?<epochPart>\d{3,9})`;
const WHO = String.raw`\s+(?:[\w.]+\s+)?\d+\s+\d+ [VDIWEF] (?<tag>[^:]+?)\s*: (?<message>.*)$`;
/** `-v time`: the letter stands before the tag, the pid behind it. */
const OLD = String.raw` [VDIWEF]\/(?<tag>[^(]+?)\s*\(\s*\d+\): (?<message>.*)$`;
const FORMATS = [`^${DATE}${WHO}`, `^${EPOCH}${WHO}`, `^${DATE}${OLD}`].map((source) => new RegExp(source, 's'));

/** The lines that are of a log, in order; others (headers, other sections of a bug report) are passed over. */
export function* logLines(text: string): Generator<LogLine> {
  let number = 0;
  let beforeMs = Number.NEGATIVE_INFINITY;
  let turnsMs = 0;
  for (const raw of text.split('\n')) {
    number++;
    if (raw.length > MOST_CHARACTERS) continue;
    const groups = FORMATS.map((format) => format.exec(raw)?.groups).find((found) => found !== undefined);
    if (groups === undefined) continue;
    const own = timeOf(groups);
    if (Number.isNaN(own)) continue;
    if (groups['year'] === undefined && groups['epoch'] === undefined && own + turnsMs < beforeMs - TURN_MS)
      turnsMs += 366 * DAY_MS;
    beforeMs = own + turnsMs;
    yield { line: number, timeMs: beforeMs, tag: groups['tag']!, message: groups['message']!.trimEnd() };
  }
}

function timeOf(groups: Readonly<Record<string, string | undefined>>): number {
  const { epoch, epochPart, year, month, day, hour, minute, second, part } = groups;
  if (epoch !== undefined) return Number(epoch) * 1000 + Number(`0.${epochPart}`) * 1000;
  // A leap year stands for one that is not known.
  const ms = Date.UTC(
    Number(year ?? 2000),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  return ms + Number(`0.${part}`) * 1000;
}

/** The values of `[0,4567,10042,com.example.mail,activity,{com.example.mail/.Main}]`; undefined where it is no list. */
export function listOf(message: string): string[] | undefined {
  const match = /^\[(.*)\]$/s.exec(message);
  return match?.[1]?.split(',');
}
