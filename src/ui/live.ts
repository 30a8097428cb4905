/** Looks at a mount as long as a page is open, ten times a second, and tells what is not as it was. */
import type { ServerResponse } from 'node:http';
import { type ProcessRow, parseNumbers, parsePressure, Source } from './proc/source.ts';
import type { ClockReading, LiveMessage, PageEvent, Row } from './protocol.ts';

const LOOK_MS = 100;
/** What changes seldom, or is not watched closely, is read every so many looks. */
const SLOW_LOOKS = 10;
/** Events that a page which has just been opened is told. */
const MOST_EVENTS = 2000;
const MEMINFO = [
  'MemTotal MemFree MemAvailable Buffers Cached SwapCached SwapTotal SwapFree Dirty Writeback AnonPages Mapped Shmem',
  'Active(anon) Inactive(anon) Active(file) Inactive(file) Unevictable Mlocked Slab PageTables KernelStack',
].flatMap((line) => line.split(' '));
const VMSTAT =
  'pgfault pgmajfault pswpin pswpout pgscan_kswapd pgscan_direct pgsteal_kswapd pgsteal_direct workingset_refault_anon workingset_refault_file oom_kill'.split(
    ' ',
  );

interface Client {
  readonly response: ServerResponse;
  /** It has not taken what it was sent: it gets everything when it has. */
  isStale: boolean;
}

export class Live {
  readonly #root: string;
  readonly #source: Source;
  readonly #clients = new Set<Client>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isLooking = false;
  #nrLooks = 0;
  /** What the pages know. */
  #rows = new Map<number, { readonly row: Row; readonly text: string }>();
  #known: Record<string, unknown> = {};
  #events: PageEvent[] = [];

  constructor(root: string) {
    this.#root = root;
    this.#source = new Source(root);
  }

  /** Begins a stream of server-sent events. */
  add(response: ServerResponse): void {
    const client: Client = { response, isStale: true };
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write('retry: 1000\n\n');
    this.#clients.add(client);
    response.on('close', () => {
      this.#clients.delete(client);
      if (this.#clients.size === 0) void this.#rest();
    });
    if (!this.#isLooking) {
      this.#isLooking = true;
      this.#looking = this.#looking.then(() => this.#look());
    }
  }

  /** Ends all streams. */
  async close(): Promise<void> {
    for (const { response } of this.#clients) response.end();
    await this.#rest();
  }

  /** Nobody looks: nothing is read, no file is open. */
  async #rest(): Promise<void> {
    this.#isLooking = false;
    clearTimeout(this.#timer);
    await this.#looking;
    if (this.#isLooking) return;
    this.#rows = new Map();
    this.#known = {};
    this.#events = [];
    this.#nrLooks = 0;
    await this.#source.close();
  }

  async #look(): Promise<void> {
    const startedMs = performance.now();
    try {
      this.#tell(await this.#read());
    } catch {
      // The mount has gone: the pages try again until there is one.
      for (const { response } of this.#clients) response.end();
      return;
    }
    if (!this.#isLooking) return;
    const waitMs = Math.max(LOOK_MS / 4, LOOK_MS - (performance.now() - startedMs));
    this.#timer = setTimeout(() => {
      this.#looking = this.#look();
    }, waitMs);
  }

  async #read(): Promise<LiveMessage> {
    const source = this.#source;
    const isSlow = this.#nrLooks++ % SLOW_LOOKS === 0;
    const [processes, meminfo, pressure, clock, lines, vmstat, snapshots] = await Promise.all([
      source.processes(),
      source.text('meminfo'),
      source.text('pressure/memory').catch(() => ''),
      source.text('reclaimfs/clock'),
      source.eventLines(),
      isSlow ? source.text('vmstat') : undefined,
      isSlow ? source.kept() : undefined,
    ]);
    const { some = 0, full = 0 } = parsePressure(pressure) ?? {};
    const events = lines.map((line) => JSON.parse(line) as PageEvent);
    this.#events.push(...events.slice(-MOST_EVENTS));
    this.#events.splice(0, this.#events.length - MOST_EVENTS);
    return {
      ...this.#changedRows(processes.filter((row) => row !== undefined)),
      ...this.#changed('meminfo', picked(meminfo, MEMINFO)),
      ...this.#changed('pressure', [some, full]),
      ...this.#changed('clock', parseClock(clock)),
      ...(vmstat === undefined ? {} : this.#changed('vmstat', picked(vmstat, VMSTAT))),
      ...(snapshots === undefined ? {} : this.#changed('snapshots', snapshots)),
      ...(events.length === 0 ? {} : { events: events.slice(-MOST_EVENTS) }),
    };
  }

  #changedRows(processes: readonly ProcessRow[]): Pick<LiveMessage, 'rows' | 'gone'> {
    const before = this.#rows;
    const now = new Map<number, { row: Row; text: string }>();
    const rows: Row[] = [];
    for (const { pid, name, state, anonKb, fileKb, shmemKb, swapKb, nrMajorFaults } of processes) {
      const row: Row = [pid, name, state, anonKb, fileKb, shmemKb, swapKb, nrMajorFaults];
      const text = row.join('\0');
      const known = before.get(pid);
      if (known?.text === text) now.set(pid, known);
      else {
        now.set(pid, { row, text });
        rows.push(row);
      }
    }
    const gone = [...before.keys()].filter((pid) => !now.has(pid));
    this.#rows = now;
    return { ...(rows.length === 0 ? {} : { rows }), ...(gone.length === 0 ? {} : { gone }) };
  }

  #changed<K extends keyof LiveMessage>(key: K, value: LiveMessage[K]): LiveMessage {
    if (JSON.stringify(this.#known[key]) === JSON.stringify(value)) return {};
    this.#known[key] = value;
    return { [key]: value };
  }

  #tell(message: LiveMessage): void {
    const text = Object.keys(message).length === 0 ? undefined : frame(message);
    let everything: string | undefined;
    for (const client of this.#clients) {
      if (client.response.writableNeedDrain) client.isStale = true;
      else if (client.isStale) {
        everything ??= frame(this.#everything());
        client.response.write(everything);
        client.isStale = false;
      } else if (text !== undefined) client.response.write(text);
    }
  }

  #everything(): LiveMessage {
    const rows = [...this.#rows.values()].map(({ row }) => row);
    return { full: true, root: this.#root, ...this.#known, rows, events: this.#events };
  }
}

function frame(message: LiveMessage): string {
  return `data: ${JSON.stringify(message)}\n\n`;
}

function picked(text: string, keys: readonly string[]): Record<string, number> {
  const numbers = parseNumbers(text);
  return Object.fromEntries(keys.flatMap((key) => (numbers.has(key) ? [[key, numbers.get(key)!]] : [])));
}

/** `12.345678 running speed 1 behind 3.000000`. */
export function parseClock(text: string): ClockReading | undefined {
  const match = /^([\d.]+) (running|paused) speed (\S+)( behind)?/.exec(text);
  if (match === null) return undefined;
  return {
    now: Number(match[1]),
    running: match[2] === 'running',
    speed: Number(match[3]),
    behind: match[4] !== undefined,
  };
}
