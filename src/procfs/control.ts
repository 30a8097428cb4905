/** /proc/reclaimfs: driving the simulation through files. */
import { bytesOf, fromBuffer, textOf, trimBytes } from '../util/bytes.ts';
import { EINVAL } from '../util/errno.ts';
import type { Job } from '../util/job.ts';
import { type OpenFile, type PendingRead, S_IFDIR, S_IFREG } from '../vfs/types.ts';
import { type Entry, file, type SystemContext } from './entry.ts';
import {
  type EventFilter,
  type EventStreams,
  type EventText,
  eventLine,
  pressureFilter,
  pressureLine,
} from './event-streams.ts';
import type { ProcHost } from './host.ts';
import type { KernelLogFiles } from './kmsg.ts';
import type { LastError } from './last-error.ts';
import { lowMemoryKillerDirectory } from './lowmemorykiller.ts';
import { showProcesses } from './process-table.ts';

type Row = Entry<SystemContext>;

function* writeControl({ host }: SystemContext, data: Uint8Array, lastError: LastError): Job<number> {
  const { length } = data;
  const status = yield* lastError.keeping(host.apply(fromBuffer(data), 'control'));
  return status < 0 ? status : length;
}

function* writeClock({ host }: SystemContext, data: Uint8Array): Job<number> {
  const { length } = data;
  const status = yield* host.setClock(trimBytes(fromBuffer(data)));
  return status < 0 ? status : length;
}

/** A text that may take long to make: of the moment when it is read from the start. */
class LongFile implements OpenFile {
  readonly #host: ProcHost;
  readonly #make: () => Job<Uint8Array>;
  #text: Uint8Array | undefined;

  constructor(host: ProcHost, make: () => Job<Uint8Array>) {
    this.#host = host;
    this.#make = make;
  }

  read(offset: number, size: number): Uint8Array | number | PendingRead {
    if (offset > 0 && this.#text !== undefined) return this.#text.subarray(offset, offset + size);
    return this.#host.run<Uint8Array | number>(() => this.#piece(offset, size), { mayCancel: true });
  }

  write(): number {
    return -EINVAL;
  }

  *#piece(offset: number, size: number): Job<Uint8Array> {
    this.#text = yield* this.#make();
    return this.#text.subarray(offset, offset + size);
  }
}

/** `ok`, or what is broken. */
function* checked(host: ProcHost): Job<Uint8Array> {
  const { failure } = host;
  const found = yield* host.machine.checking();
  const problems = failure === undefined ? found : [bytesOf(textOf(failure)), ...found];
  return Buffer.from(problems.length === 0 ? 'ok\n' : `${problems.join('\n')}\n`);
}

/** What it was at the moment when it was opened. */
class SavedFile implements OpenFile {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(offset: number, size: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + size);
  }

  write(): number {
    return -EINVAL;
  }
}

function stream(
  name: string,
  perm: number,
  streams: EventStreams,
  textOf: EventText,
  from: 'start' | 'end',
  filter?: EventFilter,
): Row {
  return { name, mode: S_IFREG | perm, open: (_ctx, flags) => streams.open(flags, textOf, from, filter) };
}

/** The rows of architecture §5. */
export function reclaimfsDirectory(streams: EventStreams, kernelLog: KernelLogFiles, lastError: LastError): Row {
  const rows: readonly Row[] = [
    {
      name: 'control',
      mode: S_IFREG | 0o600,
      write: (ctx, data) => writeControl(ctx, data, lastError),
      mayCancel: true,
    },
    lowMemoryKillerDirectory,
    // Not rendered: a rendering may be some milliseconds old.
    { name: 'error', mode: S_IFREG | 0o400, open: () => new SavedFile(Buffer.from(lastError.text, 'latin1')) },
    file('clock', 0o600, (out, { host }) => void out.text(`${host.clockText()}\n`), {
      write: writeClock,
      mayCancel: true,
    }),
    stream('events', 0o400, streams, eventLine, 'start'),
    file('events?now', 0o400, (out, { host }) => void out.text(host.events.from(0).map(eventLine).join(''))),
    { name: 'kmsg', mode: S_IFREG | 0o644, open: (_ctx, flags) => kernelLog.openRecords(flags) },
    stream('vmpressure', 0o666, streams, pressureLine, 'end', pressureFilter),
    { name: 'disk', mode: S_IFDIR | 0o500, children: [] },
    { name: 'state', mode: S_IFREG | 0o400, open: ({ host }) => new LongFile(host, () => host.writingState()) },
    { name: 'snapshot', mode: S_IFREG | 0o400, open: ({ host }) => new LongFile(host, () => host.saving()) },
    { name: 'snapshots', mode: S_IFDIR | 0o700, children: [] },
    { name: 'check', mode: S_IFREG | 0o400, open: ({ host }) => new LongFile(host, () => checked(host)) },
    file('processes', 0o400, showProcesses),
    file('settings', 0o400, (out, { host }) => void out.text(host.settings())),
  ];
  return {
    name: 'reclaimfs',
    mode: S_IFDIR | 0o555,
    children: rows.map((row) => ({ ...row, ownedByMounter: true })),
  };
}
