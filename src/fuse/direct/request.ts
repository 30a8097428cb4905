import { Buffer } from 'node:buffer';
import { EINVAL, ENAMETOOLONG } from '../../util/errno.ts';
import type { Caller } from '../../vfs/types.ts';
import {
  IN_GID,
  IN_HEADER_BYTES,
  IN_LEN,
  IN_NODEID,
  IN_OPCODE,
  IN_PID,
  IN_UID,
  IN_UNIQUE,
  MAX_WRITE,
  MIN_BODY_BYTES,
  PAGE_SIZE,
} from './protocol.ts';

/** Multiplier of the high word of a 64-bit field; exact up to 2^53. */
const HIGH = 2 ** 32;
const NAME_CACHE_SLOTS = 4096;
const NAME_MAX = 255;

/**
 * The request in hand: one buffer into which the device is read, and its fields read in place. Nothing is allocated per
 * request but strings of names not seen lately.
 *
 * Invariants: fields are valid only after `check` returned undefined, and only until the next read of the device.
 */
export class Request implements Caller {
  /** Room for the largest request: header, body and MAX_WRITE bytes of data. */
  readonly bytes = Buffer.from(new ArrayBuffer(MAX_WRITE + PAGE_SIZE * 2));
  readonly words = new Uint32Array(this.bytes.buffer);
  /** Bytes of the request in hand. */
  length = 0;

  #names = new Array<string>(NAME_CACHE_SLOTS).fill('');

  get opcode(): number {
    return this.words[IN_OPCODE]!;
  }

  get nodeid(): number {
    return this.u64(IN_NODEID);
  }

  get uniqueLow(): number {
    return this.words[IN_UNIQUE]!;
  }

  get uniqueHigh(): number {
    return this.words[IN_UNIQUE + 1]!;
  }

  get uid(): number {
    return this.words[IN_UID]!;
  }

  get gid(): number {
    return this.words[IN_GID]!;
  }

  /** A thread id, as the kernel gives it. */
  get pid(): number {
    return this.words[IN_PID]!;
  }

  u32(word: number): number {
    return this.words[word]!;
  }

  u64(word: number): number {
    return this.words[word]! + this.words[word + 1]! * HIGH;
  }

  /** Why the `length` bytes in the buffer are no request, in words; undefined when its fields may be read. */
  check(): string | undefined {
    if (this.length < IN_HEADER_BYTES) return `${this.length} bytes are too short for a header`;
    if (this.words[IN_LEN] !== this.length) return `length field says ${this.words[IN_LEN]}, got ${this.length} bytes`;
    const least = MIN_BODY_BYTES[this.opcode] ?? 0;
    if (this.length < IN_HEADER_BYTES + least)
      return `opcode ${this.opcode} needs a body of ${least} bytes, got ${this.length - IN_HEADER_BYTES}`;
    return undefined;
  }

  /**
   * The NUL-terminated name at byte `start`, as a byte string; -EINVAL when it is empty or unterminated, -ENAMETOOLONG.
   *
   * Recent names are kept in a direct-mapped table: the same few names come again and again, and a string found there
   * costs no call into C++ and is already hashed.
   */
  name(start: number): string | number {
    const { bytes, length } = this;
    let end = start;
    let hash = 0;
    for (; end < length; end++) {
      const byte = bytes[end]!;
      if (byte === 0) break;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (end === length || end === start) return -EINVAL;
    if (end - start > NAME_MAX) return -ENAMETOOLONG;

    const slot = (hash ^ (hash >>> 12)) & (NAME_CACHE_SLOTS - 1);
    const known = this.#names[slot]!;
    if (this.#sameName(known, start, end)) return known;
    const name = bytes.toString('latin1', start, end);
    this.#names[slot] = name;
    return name;
  }

  #sameName(known: string, start: number, end: number): boolean {
    if (known.length !== end - start) return false;
    for (let i = 0; i < known.length; i++) if (known.charCodeAt(i) !== this.bytes[start + i]) return false;
    return true;
  }
}
