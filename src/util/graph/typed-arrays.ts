/**
 * Typed arrays in a graph: their used part, in blocks of which those that are all zeros are left out. Little-endian on
 * every host.
 *
 *   used bytes · (blocks of zeros · blocks of data · data)*
 */
import { endianness } from 'node:os';
import type { Job } from '../job.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

export type TypedArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** How many elements at the front and at the back of an array are in use; those between are zeros. */
export type UsedPart = readonly [front: number, back: number];

/** The two parts of an array that are in use. */
export function usedParts(array: TypedArray, used: UsedPart = [array.length, 0]): [TypedArray, TypedArray] {
  const front = Math.min(used[0], array.length);
  return [array.subarray(0, front), array.subarray(Math.max(front, array.length - used[1]))];
}

/** By their number in the format: only ever add to the end. */
const TYPES = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
] as const;

const BLOCK = 256;
/** Bytes that are looked at or copied in one piece of work: a millisecond, or some. */
const PIECE_BYTES = 1 << 22;
const SWAPS = endianness() === 'BE';

/** The number of an array's type; −1: not one of these. */
export function typeOf(array: object): number {
  const type = array.constructor;
  for (let i = 0; i < TYPES.length; i++) if (type === TYPES[i]) return i;
  return -1;
}

export function newTypedArray(type: number, length: number): TypedArray {
  const Type = TYPES[type];
  if (Type === undefined) throw new RangeError(`there is no array type ${type}`);
  return new Type(length);
}

/** Number of elements up to the last that is not zero. */
export function usedLength(array: TypedArray): number {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return Math.ceil(usedEnd(bytes) / array.BYTES_PER_ELEMENT);
}

/** Copies an array into another of its type, in pieces. */
export function* copyInPieces(from: TypedArray, to: TypedArray, at = 0): Job<void> {
  const step = PIECE_BYTES / from.BYTES_PER_ELEMENT;
  for (let i = 0; i < from.length; i += step) {
    to.set(from.subarray(i, i + step), at + i);
    if (i + step < from.length) yield;
  }
}

/** Writes what is in use, in pieces. */
export function* writeArray(out: ByteWriter, array: TypedArray, used?: UsedPart): Job<void> {
  const [front, back] = usedParts(array, used);
  yield* writePart(out, front);
  out.uint(back.length);
  if (back.length > 0) yield* writePart(out, back);
}

/** Into an array of zeros, in pieces. */
export function* readArray(from: ByteReader, array: TypedArray): Job<void> {
  yield* readPart(from, array);
  const back = from.uint();
  if (back > array.length) throw new RangeError('an array is longer than itself');
  if (back > 0) yield* readPart(from, array.subarray(array.length - back));
}

function* writePart(out: ByteWriter, array: TypedArray): Job<void> {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const ordered = SWAPS ? swapped(bytes, array.BYTES_PER_ELEMENT) : bytes;
  const end = usedEnd(ordered);
  out.uint(end);
  let pieceEnd = PIECE_BYTES;
  for (let at = 0; at < end; ) {
    if (at >= pieceEnd) {
      out.ease();
      yield;
      pieceEnd = at + PIECE_BYTES;
    }
    let zeros = 0;
    for (; at < end && isZero(ordered, at, Math.min(at + BLOCK, end)); at += BLOCK) zeros++;
    const from = at;
    // A long run is cut: what is read is the same.
    while (at < end && at - from < PIECE_BYTES && !isZero(ordered, at, Math.min(at + BLOCK, end))) at += BLOCK;
    out.uint(zeros);
    out.uint((at - from) / BLOCK);
    out.raw(ordered.subarray(from, Math.min(at, end)));
  }
}

function* readPart(from: ByteReader, array: TypedArray): Job<void> {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const end = from.uint();
  if (end > bytes.length) throw new RangeError('an array is longer than itself');
  for (let at = 0; at < end; ) {
    at += from.uint() * BLOCK;
    const length = from.uint() * BLOCK;
    if (length === 0 && at < end) throw new RangeError('an array makes no progress');
    yield* copyInPieces(from.raw(Math.max(0, Math.min(length, end - at))), bytes, at);
    at += length;
  }
  if (SWAPS) bytes.set(swapped(bytes, array.BYTES_PER_ELEMENT));
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Where the zeros at the end begin. */
function usedEnd(bytes: Uint8Array): number {
  let end = bytes.length;
  // Four bytes at a time as long as they are aligned: most of an array that has room to grow is zeros.
  if ((bytes.byteOffset & 3) === 0) {
    while (end & 3 && bytes[end - 1] === 0) end--;
    if ((end & 3) === 0) {
      const words = new Uint32Array(bytes.buffer, bytes.byteOffset, end / 4);
      let n = words.length;
      while (n > 0 && words[n - 1] === 0) n--;
      end = n * 4;
    }
  }
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const copy = Buffer.from(bytes);
  if (size === 2) copy.swap16();
  else if (size === 4) copy.swap32();
  else if (size === 8) copy.swap64();
  return copy;
}
