/** Files whose reader waits for what happens: /proc/reclaimfs/events and vmpressure. */
import type { MachineEvent } from '../machine/event-log.ts';
import { PRESSURE_LEVELS } from '../mm/reclaim/vmpressure.ts';
import { fromBuffer, jsonOf, toBuffer, trimBytes } from '../util/bytes.ts';
import { EAGAIN, EINVAL } from '../util/errno.ts';
import { type OpenFile, POLLIN, WAIT, type Wait, WaitQueue } from '../vfs/types.ts';
import type { ProcHost } from './host.ts';

const O_NONBLOCK = 0o4000;

/** The text of an event, or undefined where it is not for this file. */
export type EventText = (event: MachineEvent) => string | undefined;

/** What a reader hears of from now on, as it has written; undefined: that makes no sense. */
export type EventFilter = (written: string) => EventText | undefined;

export function eventLine(event: MachineEvent): string {
  return `${jsonOf(event)}\n`;
}

/** `low`, `medium` or `critical`. */
export function pressureLine(event: MachineEvent): string | undefined {
  return event.type === 'vmpressure' ? `${String(event['level'])}\n` : undefined;
}

const LEVELS: readonly string[] = PRESSURE_LEVELS;

/** A level written to vmpressure: events of at least that level, as a listener of the kernel's is registered. */
export function pressureFilter(written: string): EventText | undefined {
  const least = LEVELS.indexOf(written);
  if (least < 0) return undefined;
  return (event) =>
    event.type === 'vmpressure' && LEVELS.indexOf(String(event['level'])) >= least ? pressureLine(event) : undefined;
}

export class EventStreams {
  readonly #host: ProcHost;
  readonly #queue = new WaitQueue();
  ended = false;

  constructor(host: ProcHost) {
    this.#host = host;
  }

  wake(): void {
    this.#queue.wake();
  }

  /** Nothing more will happen: readers come to the end of the file. */
  end(): void {
    this.ended = true;
    this.#queue.wake();
  }

  /** From the oldest event that is kept, or only from now on. */
  open(flags: number, textOf: EventText, from: 'start' | 'end', filter?: EventFilter): OpenFile {
    const { events } = this.#host;
    return new EventFile(
      this.#host,
      this,
      this.#queue,
      textOf,
      from === 'start' ? events.start : events.end,
      flags,
      filter,
    );
  }
}

/** One reader: it has a position in the log, whatever offset it asks for. */
class EventFile implements OpenFile {
  readonly waitQueue: WaitQueue;
  readonly #host: ProcHost;
  readonly #streams: EventStreams;
  #textOf: EventText;
  readonly #filter: EventFilter | undefined;
  readonly #nonblocking: boolean;
  /** Whether a reader that has been too slow is told how many events it has missed: `{"type":"lost","count":N}`. */
  readonly #tellsLost: boolean;
  #position: number;
  /** Bytes of the last events that did not fit into the last read. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(
    host: ProcHost,
    streams: EventStreams,
    queue: WaitQueue,
    textOf: EventText,
    position: number,
    flags: number,
    filter: EventFilter | undefined,
  ) {
    this.#host = host;
    this.#streams = streams;
    this.#filter = filter;
    this.waitQueue = queue;
    this.#textOf = textOf;
    this.#position = position;
    this.#nonblocking = (flags & O_NONBLOCK) !== 0;
    this.#tellsLost = textOf === eventLine;
  }

  read(_offset: number, size: number): Uint8Array | number | Wait {
    this.#host.advanceToNow();
    this.#fill();
    if (this.#rest.length === 0 && !this.#streams.ended) return this.#nonblocking ? -EAGAIN : WAIT;
    const bytes = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }

  write(data: Uint8Array): number {
    const textOf = this.#filter?.(trimBytes(fromBuffer(data)));
    if (textOf === undefined) return -EINVAL;
    this.#textOf = textOf;
    return data.length;
  }

  poll(): number {
    this.#host.advanceToNow();
    this.#fill();
    return this.#rest.length > 0 || this.#streams.ended ? POLLIN : 0;
  }

  #fill(): void {
    const { events } = this.#host;
    if (this.#rest.length > 0) return;
    // A machine that replaces another has a log of its own, which may be shorter.
    const start = Math.min(this.#position, events.end);
    const lost = Math.max(0, events.start - start);
    const texts = events.from(start).map(this.#textOf);
    this.#position = events.end;
    const text = texts.filter((line) => line !== undefined).join('');
    if (lost > 0 && this.#tellsLost) this.#rest = toBuffer(`${JSON.stringify({ type: 'lost', count: lost })}\n${text}`);
    else if (text !== '') this.#rest = toBuffer(text);
  }
}
