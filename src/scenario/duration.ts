import { parseTime } from './words.ts';

/** How long a scenario goes on after its last step (`duration TIME`), in microseconds. */
export function durationUs(text: string): number {
  return parseTime(/^\s*duration\s+(\S+)/m.exec(text)?.[1] ?? '') ?? 0;
}
