import { parseTime } from './words.ts';

/** How long a scenario goes on after its last step (`duration TIME`), in microseconds. */
export function durationUs(text: string): number {
  return parseTime(/^\s*duration\s+(\S+)/m.exec(text)?.[1] ?? '') ?? 0;
}

/** How long it goes on under the kernel alone before policies begin (`warm TIME`), in microseconds. */
export function warmUs(text: string): number {
  return parseTime(/^\s*warm\s+(\S+)/m.exec(text)?.[1] ?? '') ?? 0;
}
