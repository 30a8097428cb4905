/** Numbers as the kernel reads them from what is written to its files. Mirrors: lib/kstrtox.c, lib/string_helpers.c. */
import { EINVAL, ERANGE } from './errno.ts';

/** What the kernel calls white space. Mirrors: isspace. */
const STRIPPED = /^[ \t\n\v\f\r\xa0]+|[ \t\n\v\f\r\xa0]+$/g;

/** Why a text is no number of the wanted kind. */
export interface NoNumber {
  readonly errno: number;
}

/** Up to the first NUL, without white space at its ends. Mirrors: strstrip. */
export function strstrip(text: string): string {
  return untilNul(text).replace(STRIPPED, '');
}

/** A text of C ends with its first NUL. */
export function untilNul(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}

/**
 * A whole number, one newline behind it allowed; undefined where it is none; one beyond 128 bits is that many. `base` 0: `0x`
 * hexadecimal, `0` octal, else decimal. Mirrors: _kstrtoull.
 */
export function parseWhole(text: string, base: 0 | 10 = 10): bigint | undefined {
  const [, sign, digits = ''] = /^([+-]?)(0[xX][0-9a-fA-F]+|\d+)\n?$/.exec(text) ?? [];
  if (digits === '' || (base === 10 && !/^\d+$/.test(digits))) return undefined;
  const octal = base === 0 && /^0\d+$/.test(digits);
  if (octal && !/^[0-7]+$/.test(digits)) return undefined;
  const plain = digits.replace(/^0+(?=\d)/, '');
  const value = plain.length > MAX_DIGITS ? HUGE : BigInt(octal ? `0o${plain}` : plain.length === 0 ? '0' : plain);
  return sign === '-' ? -value : value;
}

/** Reading a megabyte of digits would take a second. */
const MAX_DIGITS = 64;
const HUGE = 1n << 128n;

/** A number of a range: EINVAL where it is none, ERANGE where it lies beyond. Mirrors: kstrtoint, kstrtouint, kstrtoull. */
function within(text: string, base: 0 | 10, min: bigint, max: bigint): bigint | NoNumber {
  const value = parseWhole(text, base);
  if (value === undefined || (min === 0n && /^-/.test(text))) return { errno: EINVAL };
  return value < min || value > max ? { errno: ERANGE } : value;
}

/** Mirrors: kstrtoint. */
export function kstrtoint(text: string, base: 0 | 10 = 10): number | NoNumber {
  const value = within(text, base, -(1n << 31n), (1n << 31n) - 1n);
  return typeof value === 'bigint' ? Number(value) : value;
}

/** Mirrors: kstrtouint. */
export function kstrtouint(text: string, base: 0 | 10 = 10): number | NoNumber {
  const value = within(text, base, 0n, (1n << 32n) - 1n);
  return typeof value === 'bigint' ? Number(value) : value;
}

/** Mirrors: kstrtoull. */
export function kstrtoull(text: string, base: 0 | 10 = 10): bigint | NoNumber {
  return within(text, base, 0n, (1n << 64n) - 1n);
}
