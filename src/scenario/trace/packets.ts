/**
 * Packets of a trace as ui.perfetto.dev opens it: protobuf messages perfetto.protos.Trace, TracePacket, TrackDescriptor,
 * TrackEvent (protos/perfetto/trace). Times are microseconds since boot.
 */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { packageOnUse } from '../../util/package-on-use.ts';

const wire = packageOnUse<typeof import('@bufbuild/protobuf/wire')>('@bufbuild/protobuf/wire');

const TRACE_PACKET = 1;
const PACKET = { timestamp: 8, trustedSequence: 10, trackEvent: 11, sequenceFlags: 13, trackDescriptor: 60 } as const;
const TRACK = { uuid: 1, name: 2, process: 3, parent: 5, counter: 8 } as const;
const PROCESS = { pid: 1, name: 6 } as const;
const COUNTER_UNIT = 3;
const EVENT = { annotation: 4, type: 9, track: 11, category: 22, name: 23, value: 30, real: 44 } as const;
const ANNOTATION = { bool: 2, int: 4, real: 5, text: 6, name: 10 } as const;
const SEQUENCE = 1;
const INCREMENTAL_STATE_CLEARED = 1;
/** CounterDescriptor.Unit. */
const UNITS = { count: 2, bytes: 3 } as const;
/** TrackEvent.Type. */
const TYPES = { begin: 1, end: 2, instant: 3, counter: 4 } as const;

export interface Track {
  readonly uuid: number;
  readonly name: string;
  readonly parent?: number;
  readonly pid?: number;
  readonly unit?: keyof typeof UNITS;
}

export interface TrackEvent {
  readonly track: number;
  readonly type: keyof typeof TYPES;
  readonly name?: string;
  readonly category?: string;
  /** Of a counter. */
  readonly value?: number;
  /** What the event tells, as its arguments. */
  readonly members?: Readonly<Record<string, string | number | boolean | null>>;
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, wire().WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, wire().WireType.LengthDelimited).string(value);
}

function number(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, wire().WireType.Varint).int64(BigInt(value));
}

function real(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, wire().WireType.Bit64).double(value);
}

function packet(write: (writer: BinaryWriter) => void, first = false): Uint8Array {
  const writer = new (wire().BinaryWriter)();
  message(writer, TRACE_PACKET, () => {
    number(writer, PACKET.trustedSequence, SEQUENCE);
    if (first) number(writer, PACKET.sequenceFlags, INCREMENTAL_STATE_CLEARED);
    write(writer);
  });
  return writer.finish();
}

/** What a trace begins with. */
export function firstPacket(): Uint8Array {
  return packet(() => {}, true);
}

export function trackPacket({ uuid, name, parent, pid, unit }: Track): Uint8Array {
  return packet((writer) =>
    message(writer, PACKET.trackDescriptor, () => {
      number(writer, TRACK.uuid, uuid);
      if (parent !== undefined) number(writer, TRACK.parent, parent);
      if (pid === undefined) text(writer, TRACK.name, name);
      else
        message(writer, TRACK.process, () => {
          number(writer, PROCESS.pid, pid);
          text(writer, PROCESS.name, name);
        });
      if (unit !== undefined) message(writer, TRACK.counter, () => number(writer, COUNTER_UNIT, UNITS[unit]));
    }),
  );
}

export function eventPacket(timeUs: number, { track, type, name, category, value, members }: TrackEvent): Uint8Array {
  return packet((writer) => {
    number(writer, PACKET.timestamp, Math.round(timeUs * 1000));
    message(writer, PACKET.trackEvent, () => {
      number(writer, EVENT.type, TYPES[type]);
      number(writer, EVENT.track, track);
      if (category !== undefined) text(writer, EVENT.category, category);
      if (name !== undefined) text(writer, EVENT.name, name);
      if (value !== undefined && Number.isInteger(value)) number(writer, EVENT.value, value);
      else if (value !== undefined) real(writer, EVENT.real, value);
      for (const [key, member] of Object.entries(members ?? {})) annotate(writer, key, member);
    });
  });
}

function annotate(writer: BinaryWriter, name: string, member: string | number | boolean | null): void {
  if (member === null) return;
  message(writer, EVENT.annotation, () => {
    text(writer, ANNOTATION.name, name);
    if (typeof member === 'boolean') number(writer, ANNOTATION.bool, member ? 1 : 0);
    else if (typeof member === 'string') text(writer, ANNOTATION.text, member);
    else if (Number.isInteger(member)) number(writer, ANNOTATION.int, member);
    else real(writer, ANNOTATION.real, member);
  });
}
