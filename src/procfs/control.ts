/** /proc/reclaimfs: driving the simulation through files. */
import { ScenarioError } from '../scenario/scenario-error.ts';
import { bytesOf, fromBuffer, textOf, trimBytes } from '../util/bytes.ts';
import { EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { S_IFDIR, S_IFREG } from '../vfs/types.ts';
import { type Entry, file, type SystemContext } from './entry.ts';
import {
  type EventFilter,
  type EventStreams,
  type EventText,
  eventLine,
  pressureFilter,
  pressureLine,
} from './event-streams.ts';
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

function writeControl({ host }: SystemContext, data: Uint8Array, lastError: LastError): number {
  try {
    host.apply(fromBuffer(data), 'control');
    return data.length;
  } catch (error) {
    if (!(error instanceof ScenarioError || error instanceof KernelError)) throw error;
    lastError.set(error);
    return -EINVAL;
  }
}

function writeClock({ host }: SystemContext, data: Uint8Array): number {
  const status = host.setClock(trimBytes(fromBuffer(data)));
  return status < 0 ? status : data.length;
}

/** `ok`, or what is broken. */
function checkText({ host, machine }: SystemContext): string {
  const failure = host.failure === undefined ? [] : [bytesOf(textOf(host.failure))];
  const problems = [...failure, ...machine.check()];
  return problems.length === 0 ? 'ok\n' : `${problems.join('\n')}\n`;
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

/** The rows of architecture §5. `check` walks all of memory: it is rendered like any file, so a stat pays for it too. */
export function reclaimfsDirectory(streams: EventStreams): Row {
  const lastError = new LastError();
  const rows: readonly Row[] = [
    { name: 'control', mode: S_IFREG | 0o600, write: (ctx, data) => writeControl(ctx, data, lastError) },
    lowMemoryKillerDirectory,
    file('error', 0o400, (out) => void out.text(lastError.text)),
    file('clock', 0o600, (out, { host }) => void out.text(`${host.clockText()}\n`), { write: writeClock }),
    stream('events', 0o400, streams, eventLine, 'start'),
    stream('vmpressure', 0o666, streams, pressureLine, 'end', pressureFilter),
    { name: 'disk', mode: S_IFDIR | 0o500, children: [] },
    file('state', 0o400, (out, { host }) => void out.text(host.state())),
    file('check', 0o400, (out, ctx) => void out.text(checkText(ctx))),
    file('settings', 0o400, (out, { host }) => void out.text(host.settings())),
  ];
  return {
    name: 'reclaimfs',
    mode: S_IFDIR | 0o555,
    children: rows.map((row) => ({ ...row, ownedByMounter: true })),
  };
}
