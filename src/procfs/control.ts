/** /proc/reclaimfs: driving the simulation through files. */
import { ScenarioError } from '../scenario/scenario-error.ts';
import { bytesOf, fromBuffer, textOf, trimBytes } from '../util/bytes.ts';
import { EINTR, EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { Cancelled, type Job } from '../util/job.ts';
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
import { lowMemoryKillerDirectory } from './lowmemorykiller.ts';

type Row = Entry<SystemContext>;

/** Why the last rejected step was rejected; kept by the mount, for it belongs to no machine. */
class LastError {
  #text = '';

  get text(): string {
    return this.#text;
  }

  set(error: ScenarioError | KernelError): void {
    if (error instanceof KernelError) {
      this.#text = `${bytesOf(textOf(error.message))}\n`;
      return;
    }
    const { line, column, reason, hint } = error;
    this.#text = bytesOf(`line ${line}, column ${column}: ${reason}${hint === '' ? '' : `\nhint: ${hint}`}\n`);
  }
}

function* writeControl({ host }: SystemContext, data: Uint8Array, lastError: LastError): Job<number> {
  const { length } = data;
  try {
    yield* host.apply(fromBuffer(data), 'control');
    return length;
  } catch (error) {
    if (error instanceof Cancelled) return -EINTR;
    if (!(error instanceof ScenarioError || error instanceof KernelError)) throw error;
    lastError.set(error);
    return -EINVAL;
  }
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

/** A saved machine, of the moment when it was opened. */
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
export function reclaimfsDirectory(streams: EventStreams): Row {
  const lastError = new LastError();
  const rows: readonly Row[] = [
    {
      name: 'control',
      mode: S_IFREG | 0o600,
      write: (ctx, data) => writeControl(ctx, data, lastError),
      mayCancel: true,
    },
    lowMemoryKillerDirectory,
    file('error', 0o400, (out) => void out.text(lastError.text)),
    file('clock', 0o600, (out, { host }) => void out.text(`${host.clockText()}\n`), {
      write: writeClock,
      mayCancel: true,
    }),
    stream('events', 0o400, streams, eventLine, 'start'),
    file('events?now', 0o400, (out, { host }) => void out.text(host.events.from(0).map(eventLine).join(''))),
    stream('vmpressure', 0o666, streams, pressureLine, 'end', pressureFilter),
    { name: 'disk', mode: S_IFDIR | 0o500, children: [] },
    { name: 'state', mode: S_IFREG | 0o400, open: ({ host }) => new LongFile(host, () => host.writingState()) },
    { name: 'snapshot', mode: S_IFREG | 0o400, open: ({ host }) => new SavedFile(host.save()) },
    { name: 'check', mode: S_IFREG | 0o400, open: ({ host }) => new LongFile(host, () => checked(host)) },
    file('settings', 0o400, (out, { host }) => void out.text(host.settings())),
  ];
  return {
    name: 'reclaimfs',
    mode: S_IFDIR | 0o555,
    children: rows.map((row) => ({ ...row, ownedByMounter: true })),
  };
}
