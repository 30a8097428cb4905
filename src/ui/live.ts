/** Looks at a mount as long as a page is open, ten times a second, and tells what is not as it was. */
import type { ServerResponse } from 'node:http';
import { type ProcessRow, parseNumbers, parsePressure, Source } from './proc/source.ts';
import type { ClockReading, LiveMessage, PageEvent, Row } from './protocol.ts';

const LOOK_MS = 100;
/** Processes are read at every look; clock and events, what charts show, what changes seldom: every so many looks. */
const CLOCK_LOOKS = 2;
const MEMORY_LOOKS = 4;
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
  #rows = new Map<number, Row>();
  #processes: readonly unknown[] = [];
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
    this.#processes = [];
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
    const look = this.#nrLooks++;
    const isSlow = look % SLOW_LOOKS === 0;
    const isClock = look % CLOCK_LOOKS === 0;
    const isMemory = look % MEMORY_LOOKS === 0;
    const [processes, clock, lines, meminfo, pressure, vmstat, snapshots] = await Promise.all([
      source.processes(),
      isClock ? source.text('reclaimfs/clock') : undefined,
      isClock ? source.eventLines() : [],
      isMemory ? source.text('meminfo') : undefined,
      isMemory ? source.text('pressure/memory').catch(() => '') : undefined,
      isSlow ? source.text('vmstat') : undefined,
      isSlow ? source.kept() : undefined,
    ]);
    const events = lines.map((line) => JSON.parse(line) as PageEvent);
    this.#events.push(...events.slice(-MOST_EVENTS));
    this.#events.splice(0, this.#events.length - MOST_EVENTS);
    return {
      ...this.#changedRows(processes),
      ...(meminfo === undefined ? {} : this.#changed('meminfo', picked(meminfo, MEMINFO))),
      ...(pressure === undefined ? {} : this.#changed('pressure', averages(pressure))),
      ...(clock === undefined ? {} : this.#changed('clock', parseClock(clock))),
      ...(vmstat === undefined ? {} : this.#changed('vmstat', picked(vmstat, VMSTAT))),
      ...(snapshots === undefined ? {} : this.#changed('snapshots', snapshots)),
      ...(events.length === 0 ? {} : { events: events.slice(-MOST_EVENTS) }),
    };
  }

  #changedRows(processes: readonly (ProcessRow | undefined)[]): Pick<LiveMessage, 'rows' | 'gone'> {
    // The very rows of the last look: the file has not changed.
    if (processes === this.#processes) return {};
    this.#processes = processes;
    const before = this.#rows;
    const now = new Map<number, Row>();
    const rows: Row[] = [];
    for (const process of processes) {
      if (process === undefined) continue;
      const { pid, name, state, anonKb, fileKb, shmemKb, swapKb, nrMajorFaults } = process;
      const row: Row = [pid, name, state, anonKb, fileKb, shmemKb, swapKb, nrMajorFaults];
      const known = before.get(pid);
      if (known?.every((value, i) => value === row[i])) now.set(pid, known);
      else {
        now.set(pid, row);
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
    return { full: true, root: this.#root, ...this.#known, rows: [...this.#rows.values()], events: this.#events };
  }
}

/** PSI of memory: some and full, avg10. */
function averages(text: string): [number, number] {
  const { some = 0, full = 0 } = parsePressure(text) ?? {};
  return [some, full];
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
