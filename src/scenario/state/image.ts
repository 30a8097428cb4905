/**
 * A whole machine as bytes. What is put back goes on exactly as the one that was taken would have.
 *
 *   16 bytes   RECLAIMFS-STATE and a newline
 *    4 bytes   version of the format, little-endian
 *    8 bytes   length of the rest after the check sum
 *   32 bytes   SHA-256 of the rest
 *   the rest   the graph of the machine (util/graph)
 */
import { createHash } from 'node:crypto';
import { Machine } from '../../machine/machine.ts';
import { ArrayPool } from '../../util/graph/array-pool.ts';
import { Aside, decodingGraph, encodingGraph, GraphError } from '../../util/graph/graph.ts';
import { copyInPieces } from '../../util/graph/typed-arrays.ts';
import { finish, type Job } from '../../util/job.ts';
import { CATALOGUE } from './catalogue.ts';

const MAGIC = Buffer.from('RECLAIMFS-STATE\n', 'latin1');
/** Rises when what is saved means something else, though classes and fields are the same. */
const VERSION = 1;
const HEADER_BYTES = 60;

/** Bytes that are no saved machine, or not one of this version. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

/** Whether bytes begin as those of a saved machine do (and not as a scenario does). */
export function isImage(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

/** A machine as it was, for this process to come back to: as large as the machine, and quickly made. */
export interface Checkpoint {
  readonly graph: Uint8Array;
  readonly aside: Aside;
}

/** In pieces, between which the machine must not change. `spare`: a checkpoint that is no longer wanted. */
export function* takingCheckpoint(machine: Machine, spare?: Checkpoint): Job<Checkpoint> {
  const aside = new Aside(spare?.aside);
  return { graph: yield* encodingGraph(machine, CATALOGUE, aside), aside };
}

/**
 * Makes the machine of a checkpoint, as often as wanted; in pieces. `instead`: of which nobody makes use any more, its memory
 * is used again; then it must not be looked at between the pieces either.
 */
export function* machineAt({ graph, aside }: Checkpoint, instead?: Machine): Job<Machine> {
  const pool = instead === undefined ? undefined : new ArrayPool(instead, CATALOGUE);
  return (yield* decodingGraph(graph, CATALOGUE, aside, pool)) as Machine;
}

/** Another machine that is the same in everything, and goes on by itself from here. */
export function cloneMachine(machine: Machine): Machine {
  return finish(machineAt(finish(takingCheckpoint(machine))));
}

/** The machine that a graph stands for. Throws StateError. */
function* machineOf(image: Uint8Array): Job<Machine> {
  try {
    const root = yield* decodingGraph(image, CATALOGUE);
    if (root instanceof Machine) return root;
  } catch (error) {
    if (error instanceof GraphError) throw new StateError(`this saved machine is ${error.message}`);
    throw error;
  }
  throw new StateError('this is no saved machine');
}

/** The machine as bytes to be kept: with version and check sum. */
export function save(machine: Machine): Uint8Array {
  return finish(saving(machine));
}

/** The same in pieces, between which the machine must not change. */
export function* saving(machine: Machine): Job<Uint8Array> {
  const image = yield* encodingGraph(machine, CATALOGUE);
  const bytes = Buffer.alloc(HEADER_BYTES + image.length);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, 16);
  bytes.writeBigUInt64LE(BigInt(image.length), 20);
  bytes.set(yield* sha256(image), 28);
  yield* copyInPieces(image, bytes, HEADER_BYTES);
  return bytes;
}

/** The machine that was saved. Throws StateError: not one, of another version, cut short, damaged. */
export function load(saved: Uint8Array): Machine {
  return finish(loading(saved));
}

/** The same in pieces. */
export function* loading(saved: Uint8Array): Job<Machine> {
  const bytes = Buffer.from(saved.buffer, saved.byteOffset, saved.length);
  if (!isImage(bytes)) throw new StateError('this is no saved machine');
  if (bytes.length < HEADER_BYTES) throw new StateError('this saved machine is cut short');
  const version = bytes.readUInt32LE(16);
  if (version !== VERSION)
    throw new StateError(
      `this machine was saved by another version of reclaimfs (format ${version}, this one reads ${VERSION}): give its state as text instead`,
    );
  const image = bytes.subarray(HEADER_BYTES);
  const length = Number(bytes.readBigUInt64LE(20));
  if (image.length !== length)
    throw new StateError(`this saved machine is ${image.length < length ? 'cut short' : 'longer than it says'}`);
  if (!(yield* sha256(image)).equals(bytes.subarray(28, HEADER_BYTES)))
    throw new StateError('this saved machine is damaged: its check sum is wrong');
  return yield* machineOf(image);
}

const HASH_PIECE_BYTES = 1 << 21;

function* sha256(bytes: Uint8Array): Job<Buffer> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += HASH_PIECE_BYTES) {
    hash.update(bytes.subarray(at, at + HASH_PIECE_BYTES));
    yield;
  }
  return hash.digest();
}
