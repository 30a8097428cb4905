/** A growing buffer that files are rendered into: digits and columns without a string per line. Mirrors: fs/seq_file.c. */

const ZERO = 0x30;
const SPACE = 0x20;
/** Six hexadecimal digits: a number that is written in two parts. */
const HEX_WORD = 0x1000000;
const HEX = Buffer.from('0123456789abcdef', 'latin1');
/** Above this, integer arithmetic of numbers leaves 32 bits. */
const SMALL = 0x7fffffff;

export class TextBuffer {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #length = 0;
  #lineStart = 0;

  get length(): number {
    return this.#length;
  }

  clear(): this {
    this.#length = 0;
    this.#lineStart = 0;
    return this;
  }

  /** Takes back everything from `length` on, which must be the start of a line. */
  truncate(length: number): this {
    this.#length = length;
    this.#lineStart = length;
    return this;
  }

  /** A copy of what has been written. */
  take(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  toString(): string {
    return this.#bytes.toString('latin1', 0, this.#length);
  }

  /** Room for `size` more bytes; returns the buffer, valid until the next call. */
  #reserve(size: number): Buffer {
    if (this.#length + size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + size));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    return this.#bytes;
  }

  /** A byte string. */
  text(text: string): this {
    const bytes = this.#reserve(text.length);
    if (text.length > 24) {
      this.#length += bytes.write(text, this.#length, 'latin1');
      return this;
    }
    for (let i = 0; i < text.length; i++) bytes[this.#length++] = text.charCodeAt(i);
    return this;
  }

  raw(data: Uint8Array): this {
    this.#reserve(data.length).set(data, this.#length);
    this.#length += data.length;
    return this;
  }

  byte(code: number): this {
    this.#reserve(1)[this.#length++] = code;
    return this;
  }

  newline(): this {
    this.#reserve(1)[this.#length++] = 10;
    this.#lineStart = this.#length;
    return this;
  }

  /** A whole number, right-aligned in `width` columns (more if it needs them). Negative numbers keep their sign. */
  dec(value: number, width = 0): this {
    if (value < 0) return this.text(String(value).padStart(width));
    const bytes = this.#reserve(Math.max(width, 20));
    const digits = countDigits(value);
    for (let pad = width - digits; pad > 0; pad--) bytes[this.#length++] = SPACE;
    this.#length += digits;
    putDigits(bytes, this.#length, value);
    return this;
  }

  /** Hexadecimal, filled with zeros to `width` digits. */
  hex(value: number, width = 0): this {
    if (value > SMALL) {
      const high = Math.floor(value / HEX_WORD);
      return this.hex(high, width - 6).hex(value - high * HEX_WORD, 6);
    }
    const bytes = this.#reserve(Math.max(width, 16));
    let digits = 1;
    for (let rest = value >> 4; rest > 0; rest >>= 4) digits++;
    if (digits < width) digits = width;
    this.#length += digits;
    let rest = value;
    for (let at = this.#length - 1; digits > 0; digits--) {
      bytes[at--] = HEX[rest & 15]!;
      rest >>= 4;
    }
    return this;
  }

  /** Spaces up to a column of the present line. */
  padTo(column: number): this {
    const end = this.#lineStart + column;
    if (end <= this.#length) return this;
    this.#reserve(end - this.#length).fill(SPACE, this.#length, end);
    this.#length = end;
    return this;
  }

  /** Writes a number over the spaces that end at `end` (an offset from the start of the buffer). */
  patchDec(end: number, value: number): void {
    putDigits(this.#bytes, end, value);
  }
}

/** Each character of `escaped` as a backslash and three octal digits. Mirrors: fs/seq_file.c:mangle_path, seq_escape. */
export function mangle(bytes: string, escaped: RegExp): string {
  return bytes.replace(escaped, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** Decimal digits of a whole number below 2^53. */
export function countDigits(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit && digits < 16; limit *= 10) digits++;
  return digits;
}

/** Writes the digits of `value` so that they end before `end`. */
function putDigits(bytes: Buffer, end: number, value: number): void {
  let at = end;
  let rest = value;
  while (rest > SMALL) {
    const tenth = Math.floor(rest / 10);
    bytes[--at] = ZERO + (rest - tenth * 10);
    rest = tenth;
  }
  let small = rest | 0;
  do {
    const tenth = (small / 10) | 0;
    bytes[--at] = ZERO + (small - tenth * 10);
    small = tenth;
  } while (small > 0);
}
