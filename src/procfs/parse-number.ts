/** Numbers written into files, as the kernel takes them. */
import { EINVAL, ERANGE } from '../util/errno.ts';

/** What the kernel's white space is when a write is stripped. Mirrors: strstrip. */
const STRIPPED = /^[ \t\n\v\f\r\xa0]+|[ \t\n\v\f\r\xa0]+$/g;

/** At most `max` bytes of a write, up to the first NUL, without white space at its ends. */
export function writtenText(data: Uint8Array, max = data.length): string {
  const text = Buffer.from(data.buffer, data.byteOffset, Math.min(max, data.length)).toString('latin1');
  const nul = text.indexOf('\0');
  return (nul < 0 ? text : text.slice(0, nul)).replace(STRIPPED, '');
}

/** A whole number or undefined; one beyond 128 bits is that many. `base` 0: `0x` hexadecimal, `0` octal, else decimal. Mirrors: kstrtoll. */
export function parseWhole(text: string, base: 0 | 10 = 10): bigint | undefined {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(text);
  if (match === null) return undefined;
  const digits = match[2]!;
  if (base === 10 && !/^\d+$/.test(digits)) return undefined;
  const octal = base === 0 && /^0\d+$/.test(digits);
  if (octal && !/^[0-7]+$/.test(digits)) return undefined;
  const value = digits.length > MAX_DIGITS ? HUGE : BigInt(octal ? `0o${digits.slice(1)}` : digits);
  return match[1] === '-' ? -value : value;
}

/** Reading a megabyte of digits would take a second. */
const MAX_DIGITS = 64;
const HUGE = 1n << 128n;
const INT_MAX = 2147483647n;

/** An int: the number, or why not as { errno }. Mirrors: kstrtoint. */
export function parseInt32(text: string, base: 0 | 10 = 10): number | { readonly errno: number } {
  const value = parseWhole(text, base);
  if (value === undefined) return { errno: EINVAL };
  if (value > INT_MAX || value < -INT_MAX - 1n) return { errno: ERANGE };
  return Number(value);
}
