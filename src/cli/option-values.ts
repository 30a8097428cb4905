/** How values of options are read that several commands have. */
import { InvalidArgumentError } from 'commander';
import { parseSize } from '../scenario/words.ts';

/** `--pid N`, repeated. */
export function collectPid(text: string, before: readonly number[] | undefined): readonly number[] {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError('Give a process number.');
  return [...(before ?? []), Number(text)];
}

/** Bytes. */
export function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('Give a size such as 512M.');
  return bytes;
}
