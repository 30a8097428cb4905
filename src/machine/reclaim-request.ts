/** The text written to /proc/PID/reclaim. Mirrors: reclaim_write of the 2013 series (reclaim-interface.md §1.3, §1.4). */

import type { ReclaimKind } from '../mm/reclaim/process-reclaim.ts';
import { EINVAL, ERANGE } from '../util/errno.ts';
import { memparse } from '../util/memparse.ts';
import type { Grammar } from './profiles.ts';

/** What is asked for: kinds of VMAs, within a range in pages (absent: everywhere). */
export interface ReclaimRequest {
  readonly kind: ReclaimKind;
  /** [start, end) in pages; start === end: nothing to do. */
  readonly range?: { readonly start: number; readonly end: number };
}

/** A parsed write: how many bytes count as taken, and the request; or a negative error number. */
export type ParsedWrite = { readonly taken: number; readonly request: ReclaimRequest } | number;

const NUMBERED: Readonly<Record<number, ReclaimKind>> = { 1: 'file', 2: 'anon', 3: 'all' };
const NUMBERED_RANGE: Readonly<Record<number, ReclaimKind>> = { 4: 'file', 5: 'anon', 6: 'all' };

/** Parses one write. Bytes are Latin-1; text ends at a NUL; leading and trailing white space (and 0xA0) does not count. */
export function parseReclaim(data: Uint8Array, grammar: Grammar): ParsedWrite {
  if (grammar.refuseLong && data.length > grammar.maxBytes) return -EINVAL;
  const taken = Math.min(data.length, grammar.maxBytes);
  const text = strip(Buffer.from(data.buffer, data.byteOffset, taken).toString('latin1'));
  if (grammar.words && (text === 'file' || text === 'anon' || text === 'all'))
    return { taken, request: { kind: text } };
  if (grammar.shmem && text === 'shmem') return { taken, request: { kind: 'shmem' } };
  if (grammar.numberedRange && /^[456] /.test(text)) {
    const kind = NUMBERED_RANGE[Number(text[0])]!;
    const range = parseRange(text.slice(2), grammar.decimalOnly);
    return typeof range === 'number' ? range : { taken, request: { kind, range } };
  }
  // In a grammar with both, a lone 1, 2 or 3 can only be a number: it is no page-aligned address with a length.
  if (grammar.numbers && (!grammar.range || /^[+-]?\d+$/.test(text))) {
    const value = parseInteger(text);
    if (value < 0) return value;
    const kind = NUMBERED[value];
    return kind === undefined ? -EINVAL : { taken, request: { kind } };
  }
  if (grammar.range && /^\d/.test(text)) {
    const range = parseRange(text, false);
    return typeof range === 'number' ? range : { taken, request: { kind: 'all', range } };
  }
  return -EINVAL;
}

/** Up to the first NUL, without the kernel's white space at both ends. */
function strip(text: string): string {
  const nul = text.indexOf('\0');
  const upToNul = nul < 0 ? text : text.slice(0, nul);
  return upToNul.replace(/^[ \t\n\v\f\r\xa0]+/, '').replace(/[ \t\n\v\f\r\xa0]+$/, '');
}

/** Mirrors: kstrtoint(…, 10, …): -EINVAL for anything but digits with a sign, -ERANGE beyond int; negative values have no meaning: -EINVAL. */
function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) return -EINVAL;
  const value = BigInt(text.replace(/^\+/, ''));
  if (value > 2147483647n || value < -2147483648n) return -ERANGE;
  return value < 0n ? -EINVAL : Number(value);
}

const MASK = (1n << 64n) - 1n;
const PAGE = 4096n;

/** `ADDR LEN`: tokens end at single spaces; further tokens are ignored; the length is rounded up to pages. */
function parseRange(text: string, decimalOnly: boolean): { start: number; end: number } | number {
  const [first, second] = text.split(' ');
  if (first === undefined || second === undefined) return -EINVAL;
  if (decimalOnly && (!/^\d+$/.test(first) || !/^\d+$/.test(second))) return -EINVAL;
  const address = decimalOnly ? BigInt(first) & MASK : memparse(first);
  const length = decimalOnly ? BigInt(second) & MASK : memparse(second);
  // A separator that is no space leaves rubbish behind the only number: `4096\t8192`.
  if (/[\t\n\v\f\r]/.test(first)) return -EINVAL;
  if (address % PAGE !== 0n) return -EINVAL;
  const rounded = (length + PAGE - 1n) & MASK & ~(PAGE - 1n) & MASK;
  if (length !== 0n && rounded === 0n) return -EINVAL;
  const end = (address + rounded) & MASK;
  if (end < address) return -EINVAL;
  return { start: Number(address / PAGE), end: Number(end / PAGE) };
}
