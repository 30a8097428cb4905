/** What the page knows of the machine, and its history as far as it was seen. Survives a reload of the tab. */
import type { ClockReading, LiveMessage, PageEvent, Row } from '../protocol.ts';

/** A moment that was seen. Memory in kB. */
export interface Sample {
  readonly t: number;
  /** Resident memory of the largest processes, by pid. */
  readonly rss: Readonly<Record<number, number>>;
  /** That of all others together. */
  readonly rest: number;
  readonly free: number;
  readonly swap: number;
  readonly some: number;
  readonly full: number;
}

const MOST_SAMPLES = 1200;
const MOST_EVENTS = 2000;
const NR_LARGEST = 24;
const KEPT = 'reclaimfs-seen';

export class Store {
  root = '';
  connected = false;
  clock: ClockReading | undefined;
  rows = new Map<number, Row>();
  meminfo: Readonly<Record<string, number>> = {};
  vmstat: Readonly<Record<string, number>> = {};
  pressure: readonly [number, number] = [0, 0];
  snapshots: readonly string[] = [];
  events: PageEvent[] = [];
  samples: Sample[] = [];
  /** Names of all processes that were ever seen, by pid. */
  names: Record<number, string> = {};
  /** Rises with everything that is told. */
  version = 0;
  readonly #listeners = new Set<() => void>();
  #isDue = false;

  constructor() {
    this.#recall();
    addEventListener('pagehide', () => this.#remember());
  }

  /** Is told at most once a frame. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setConnected(connected: boolean): void {
    if (this.connected === connected) return;
    this.connected = connected;
    this.#changed();
  }

  take(message: LiveMessage): void {
    if (message.full) {
      this.rows = new Map();
      this.events = [];
      if (message.root !== undefined && message.root !== this.root) {
        if (this.root !== '') this.samples = [];
        this.root = message.root;
      }
    }
    for (const row of message.rows ?? []) {
      this.rows.set(row[0], row);
      this.names[row[0]] = row[1];
    }
    for (const pid of message.gone ?? []) this.rows.delete(pid);
    this.meminfo = message.meminfo ?? this.meminfo;
    this.vmstat = message.vmstat ?? this.vmstat;
    this.pressure = message.pressure ?? this.pressure;
    this.snapshots = message.snapshots ?? this.snapshots;
    this.clock = message.clock ?? this.clock;
    if (message.events !== undefined) this.events = [...this.events, ...message.events].slice(-MOST_EVENTS);
    this.#sample();
    this.#changed();
  }

  #sample(): void {
    if (this.clock === undefined) return;
    const t = this.clock.now;
    // Time that went back: a kept machine was put back, or another one mounted.
    while (this.samples.length > 0 && this.samples.at(-1)!.t >= t) this.samples.pop();
    const sizes = [...this.rows.values()].map((row): [number, number] => [row[0], rssOf(row)]);
    sizes.sort((a, b) => b[1] - a[1]);
    this.samples.push({
      t,
      rss: Object.fromEntries(sizes.slice(0, NR_LARGEST)),
      rest: sizes.slice(NR_LARGEST).reduce((sum, [, kb]) => sum + kb, 0),
      free: this.meminfo['MemFree'] ?? 0,
      swap: (this.meminfo['SwapTotal'] ?? 0) - (this.meminfo['SwapFree'] ?? 0),
      some: this.pressure[0],
      full: this.pressure[1],
    });
    // The older half is thinned out.
    if (this.samples.length > MOST_SAMPLES)
      this.samples = this.samples.filter((_, i) => i > MOST_SAMPLES / 2 || i % 2 === 0);
  }

  #changed(): void {
    this.version++;
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      for (const listener of this.#listeners) listener();
    });
  }

  #remember(): void {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ root: this.root, samples: this.samples, names: this.names }));
    } catch {
      // There is no room: it begins anew.
    }
  }

  #recall(): void {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') as Partial<Store> | null;
      this.root = kept?.root ?? '';
      this.samples = kept?.samples ?? [];
      this.names = kept?.names ?? {};
    } catch {
      // Nothing was kept.
    }
  }
}

/** Resident, kB. */
export function rssOf([, , , anon, file, shmem]: Row): number {
  return anon + file + shmem;
}

/** A setting of the page that survives a reload. */
export function remembered(key: string, otherwise: string): string {
  return sessionStorage.getItem(`reclaimfs-${key}`) ?? otherwise;
}

export function remember(key: string, value: string): void {
  sessionStorage.setItem(`reclaimfs-${key}`, value);
}
