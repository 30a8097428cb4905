/** A growing run of bytes, and reading from one: numbers in as few bytes as they need, little-endian on every host. */

import type { Job } from '../job.ts';

const FLOAT = new DataView(new ArrayBuffer(8));
const FLOAT_BYTES = new Uint8Array(FLOAT.buffer);

/** From here on what has been written is set aside where `ease` is called: growing further would copy all of it at once. */
const EASE_BYTES = 1 << 22;

export class ByteWriter {
  private bytes: Uint8Array;
  private aside: Uint8Array[] = [];
  private asideBytes = 0;
  /** Bytes written since the last that were set aside. */
  private length = 0;

  constructor(room = 1 << 16) {
    this.bytes = new Uint8Array(room);
  }

  /** What has been written; shares memory with the writer. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** How many bytes have been written. */
  get total(): number {
    return this.asideBytes + this.length;
  }

  /** Everything that has been written, to another place, in pieces. */
  *copyTo(out: Uint8Array, at: number): Job<void> {
    let to = at;
    for (const part of [...this.aside, this.written]) {
      out.set(part, to);
      to += part.length;
      yield;
    }
  }

  /** To be called between pieces of work. */
  ease(): void {
    if (this.length < EASE_BYTES) return;
    this.aside.push(this.bytes.slice(0, this.length));
    this.asideBytes += this.length;
    this.length = 0;
  }

  /** Begins anew, in the room that it has. */
  clear(): this {
    this.length = 0;
    this.aside = [];
    this.asideBytes = 0;
    return this;
  }

  /** Makes room for so many bytes more. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const next = new Uint8Array(Math.max(this.length + more, this.bytes.length * 2));
    next.set(this.written);
    this.bytes = next;
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** A whole number from 0 to 2^53 − 1, seven bits a byte, lowest first. */
  uint(value: number): void {
    this.reserve(8);
    let rest = value;
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) this.bytes[this.length++] = (rest % 128) | 0x80;
    for (; rest > 0x7f; rest >>>= 7) this.bytes[this.length++] = (rest & 0x7f) | 0x80;
    this.bytes[this.length++] = rest;
  }

  float(value: number): void {
    FLOAT.setFloat64(0, value, true);
    this.raw(FLOAT_BYTES);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Any string of UTF-16 units: as bytes where all are below 256. */
  string(text: string): void {
    const { length } = text;
    let narrow = true;
    for (let i = 0; i < length && narrow; i++) narrow = text.charCodeAt(i) < 256;
    this.uint(length * 2 + (narrow ? 0 : 1));
    this.reserve(length * 2);
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      this.bytes[this.length++] = unit;
      if (!narrow) this.bytes[this.length++] = unit >>> 8;
    }
  }
}

export class ByteReader {
  private readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  byte(): number {
    if (this.at >= this.bytes.length) throw new RangeError('the data ends too early');
    return this.bytes[this.at++]!;
  }

  uint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  float(): number {
    const value = this.bytes.readDoubleLE(this.at);
    this.at += 8;
    return value;
  }

  raw(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw new RangeError('the data ends too early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  string(): string {
    const coded = this.uint();
    const bytes = this.raw(Math.floor(coded / 2) * (1 + (coded % 2)));
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(coded % 2 === 0 ? 'latin1' : 'utf16le');
  }
}
