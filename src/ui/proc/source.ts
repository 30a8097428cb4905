/** What the views (`top`, the page of `--ui`) know: the texts of one /proc (a mount's, or the kernel's), parsed. Nothing here writes. */
import fs, { constants, existsSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

// Not those of node:fs/promises: a look ten times a second is to cost next to nothing.
const openFile = promisify(fs.open);
const readFrom = promisify(fs.read);
const closeFile = promisify(fs.close);
const BUFFER_BYTES = 1 << 17;

/** One process that has memory: numbers of PID/status and PID/stat. */
export interface ProcessRow {
  readonly pid: number;
  readonly name: string;
  /** One letter: R S D T t Z X I. */
  readonly state: string;
  readonly rssKb: number;
  readonly anonKb: number;
  readonly fileKb: number;
  readonly shmemKb: number;
  readonly swapKb: number;
  readonly nrMajorFaults: number;
}

/** A line of reclaimfs/processes; without an address space there are no sizes. */
interface TableLine {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly majflt: number;
  readonly anonKb?: number;
  readonly fileKb: number;
  readonly shmemKb: number;
  readonly swapKb: number;
}

/** Of reclaimfs/processes: undefined for a process without memory, as above. */
export function parseTable(text: string): (ProcessRow | undefined)[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const { pid, name, state, majflt, anonKb, fileKb, shmemKb, swapKb } = JSON.parse(line) as TableLine;
      if (anonKb === undefined) return undefined;
      const rssKb = anonKb + fileKb + shmemKb;
      return { pid, name: printable(name), state, rssKb, anonKb, fileKb, shmemKb, swapKb, nrMajorFaults: majflt };
    });
}

/** avg10 of pressure/memory, in per cent. */
export interface MemoryPressure {
  readonly some: number;
  readonly full: number;
}

export interface SwapArea {
  readonly name: string;
  readonly sizeKb: number;
  readonly usedKb: number;
}

/** One look at a /proc. */
export interface Reading {
  /** The largest (resident and swapped) first. */
  readonly processes: readonly ProcessRow[];
  /** Kernel threads and zombies: they have no memory. */
  readonly nrWithout: number;
  /** kB, or a number where meminfo has no unit. */
  readonly meminfo: ReadonlyMap<string, number>;
  readonly vmstat: ReadonlyMap<string, number>;
  /** Absent where the kernel has no PSI. */
  readonly pressure: MemoryPressure | undefined;
  readonly swaps: readonly SwapArea[];
  /** The line of reclaimfs/clock; undefined: none, or it may not be read. */
  readonly clock: string | undefined;
}

/** `Key: 12 kB` and `key 12` lines; others do not count. */
export function parseNumbers(text: string): Map<string, number> {
  const lines = text.matchAll(/^([^\s:]+):?[ \t]+(\d+)(?: kB)?$/gm);
  return new Map([...lines].map(([, key, value]) => [key!, Number(value)]));
}

/** Of PID/status and PID/stat; undefined for a process without memory (kernel thread, zombie). */
export function parseProcess(status: string, stat: string): ProcessRow | undefined {
  const numbers = parseNumbers(status);
  const rssKb = numbers.get('VmRSS');
  if (rssKb === undefined) return undefined;
  const kb = (key: string): number => numbers.get(key) ?? 0;
  // After the name, which may hold anything: state, ppid, pgrp, session, tty, tpgid, flags, minflt, cminflt, majflt.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid: kb('Pid'),
    name: printable(/^Name:\t(.*)$/m.exec(status)?.[1] ?? '?'),
    state: /^State:\s+(\S)/m.exec(status)?.[1] ?? '?',
    rssKb,
    anonKb: kb('RssAnon'),
    fileKb: kb('RssFile'),
    shmemKb: kb('RssShmem'),
    swapKb: kb('VmSwap'),
    nrMajorFaults: Number(fields[9] ?? 0),
  };
}

export function parsePressure(text: string | undefined): MemoryPressure | undefined {
  const average = (kind: string): number | undefined => {
    const match = new RegExp(`^${kind} avg10=([\\d.]+)`, 'm').exec(text ?? '');
    return match === null ? undefined : Number(match[1]);
  };
  const some = average('some');
  return some === undefined ? undefined : { some, full: average('full') ?? 0 };
}

export function parseSwaps(text: string): SwapArea[] {
  const rows = text.matchAll(/^(\/\S*)\s+\S+\s+(\d+)\s+(\d+)/gm);
  return [...rows].map(([, name, size, used]) => ({
    name: printable(name!),
    sizeKb: Number(size),
    usedKb: Number(used),
  }));
}

/** An event as one line: `93.812 vmpressure level=medium percent=68`. */
export function eventText(json: string): string {
  try {
    const { type, time, ...rest } = JSON.parse(json) as Record<string, unknown>;
    const words = Object.entries(rest).map(
      ([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`,
    );
    return printable([...(typeof time === 'number' ? [time.toFixed(3)] : []), type, ...words].join(' '));
  } catch {
    return printable(json);
  }
}

/** Without anything that a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

/** One /proc. */
export class Source {
  readonly root: string;
  /** Whether it is a simulated machine's: only that can be driven. */
  readonly isMount: boolean;
  /** To read into. */
  readonly #buffers: Buffer[] = [];
  #events: FileHandle | undefined;
  readonly #eventBuffer = Buffer.allocUnsafe(1 << 16);
  #rest = '';
  /** reclaimfs/processes as it was read last, and what it says. */
  #table = '';
  #rows: (ProcessRow | undefined)[] = [];

  constructor(root: string) {
    this.root = root;
    this.isMount = existsSync(join(root, 'reclaimfs/clock'));
  }

  /** Errors: ENODEV, ENOTCONN, ENOENT when the mount has gone. */
  async read(): Promise<Reading> {
    const [rows, meminfo, vmstat, pressure, swaps, clock] = await Promise.all([
      this.processes(),
      this.text('meminfo'),
      this.#textIfAny('vmstat'),
      this.#textIfAny('pressure/memory'),
      this.#textIfAny('swaps'),
      this.isMount ? this.#textIfAny('reclaimfs/clock') : undefined,
    ]);
    const processes = rows.filter((row) => row !== undefined);
    return {
      processes: processes.sort((a, b) => b.rssKb + b.swapKb - a.rssKb - a.swapKb || a.pid - b.pid),
      nrWithout: rows.length - processes.length,
      meminfo: parseNumbers(meminfo),
      vmstat: parseNumbers(vmstat ?? ''),
      pressure: parsePressure(pressure),
      swaps: parseSwaps(swaps ?? ''),
      clock: clock?.trim(),
    };
  }

  async text(name: string): Promise<string> {
    const fd = await openFile(join(this.root, name), 'r');
    const pieces: Buffer[] = [];
    try {
      for (;;) {
        const buffer = this.#buffers.pop() ?? Buffer.allocUnsafe(BUFFER_BYTES);
        const { bytesRead } = await readFrom(fd, buffer, 0, BUFFER_BYTES, null);
        // A mount gives all that there is; the kernel's /proc gives as much as it likes.
        const isAll = bytesRead === 0 || (this.isMount && bytesRead < BUFFER_BYTES);
        if (isAll && pieces.length === 0) {
          const text = buffer.toString('utf8', 0, bytesRead);
          this.#buffers.push(buffer);
          return text;
        }
        pieces.push(buffer.subarray(0, bytesRead));
        if (isAll) return Buffer.concat(pieces).toString('utf8');
      }
    } finally {
      await closeFile(fd);
    }
  }

  /** Every process; undefined: one without memory. A mount tells it in one file, to those who may read that. */
  async processes(): Promise<(ProcessRow | undefined)[]> {
    const table = this.isMount ? await this.#textIfAny('reclaimfs/processes') : undefined;
    if (table !== undefined) {
      if (table !== this.#table) this.#rows = parseTable(table);
      this.#table = table;
      return this.#rows;
    }
    const pids = (await readdir(this.root)).filter((name) => /^\d+$/.test(name));
    const rows = await Promise.all(pids.map((pid) => this.#process(pid)));
    return rows.filter((row) => row !== 'gone');
  }

  /** Names of the machines that are kept; none where they may not be seen. */
  async kept(): Promise<string[]> {
    return (await readdir(join(this.root, 'reclaimfs/snapshots')).catch(() => [])).sort();
  }

  /** The events since the last call as text, oldest first; at first those that are kept. None where they may not be read. */
  async newEvents(): Promise<string[]> {
    return (await this.eventLines()).map(eventText);
  }

  /** The same as JSON. */
  async eventLines(): Promise<string[]> {
    if (!this.isMount) return [];
    try {
      this.#events ??= await open(join(this.root, 'reclaimfs/events'), constants.O_RDONLY | constants.O_NONBLOCK);
      const buffer = this.#eventBuffer;
      for (;;) {
        const { bytesRead } = await this.#events.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) break;
        this.#rest += buffer.toString('latin1', 0, bytesRead);
      }
    } catch (error) {
      // EAGAIN: that was all. Anything else shows in what is read next.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.map((line) => Buffer.from(line, 'latin1').toString('utf8'));
  }

  /** It may be used again after that: events begin anew with those that are kept. */
  async close(): Promise<void> {
    const events = this.#events;
    this.#events = undefined;
    this.#rest = '';
    await events?.close();
  }

  async #process(pid: string): Promise<ProcessRow | undefined | 'gone'> {
    const [status, stat] = await Promise.all([this.#textIfAny(`${pid}/status`), this.#textIfAny(`${pid}/stat`)]);
    if (status === undefined || stat === undefined) return 'gone';
    return parseProcess(status, stat);
  }

  async #textIfAny(name: string): Promise<string | undefined> {
    try {
      return await this.text(name);
    } catch {
      return undefined;
    }
  }
}
