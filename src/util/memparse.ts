/** Numbers as the kernel reads them. */

const MASK = (1n << 64n) - 1n;
/** 10^64 is a multiple of 2^64: digits before the last 64 change nothing modulo 2^64. */
const MAX_DIGITS = 64;
const SHIFTS: Readonly<Record<string, bigint>> = { K: 10n, M: 20n, G: 30n, T: 40n, P: 50n, E: 60n };

/**
 * A size or address: `0x` hexadecimal, leading `0` octal, else decimal; one optional suffix K M G T P E of either case;
 * whatever follows is ignored. No digits: 0. Arithmetic wraps at 2^64. Mirrors: lib/cmdline.c:memparse.
 */
export function memparse(text: string): bigint {
  const match = /^(0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]*))/.exec(text);
  if (match === null) return 0n;
  const digits = match[0];
  let value: bigint;
  if (match[2] !== undefined) value = BigInt(`0x${match[2].slice(-16)}`);
  else if (match[3] !== undefined) value = match[3] === '' ? 0n : BigInt(`0o${match[3].slice(-22)}`);
  else value = BigInt(digits.slice(-MAX_DIGITS));
  value &= MASK;
  const shift = SHIFTS[(text[digits.length] ?? '').toUpperCase()];
  return shift === undefined ? value : (value << shift) & MASK;
}
