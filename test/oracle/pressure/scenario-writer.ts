/** Writes scenarios of memory pressure as text: the same text for the worker on a real kernel and for the model. */

/** Pages in 1 MiB. */
export const MB = 256;
const SEED = 12345;

/** The machine and the group of a scenario. */
export interface PressureOptions {
  /** memory.max of /g, as in a cgroup file. */
  readonly limit: string;
  readonly swap?: string;
  readonly kind?: 'zram' | 'disk';
  readonly swappiness?: number;
  readonly pageCluster?: number;
  /** Readahead of files; absent: none, as most recordings were made. */
  readonly readahead?: string;
  /** Lines in place of the group /g with its limit. */
  readonly groups?: (w: ScenarioWriter) => void;
}

/** What a scenario does once its machine and groups are there. */
export type Body = (w: ScenarioWriter) => void;
export type Row = readonly [name: string, title: string, options: PressureOptions, body: Body];

/** One scenario in the making. Random numbers are those of one seed: the same scenario on every host. */
export class ScenarioWriter {
  readonly #lines: string[] = [];
  #pid = 1000;
  #seed = SEED;

  line(text: string): void {
    this.#lines.push(text);
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  /** A process, in the group /g unless told otherwise; '' leaves it in the root group. */
  proc(name: string, group = '/g'): void {
    this.line(`proc ${name} pid=${++this.#pid}`);
    if (group !== '') this.line(`cgroup write ${group}/cgroup.procs "${this.#pid}"`);
  }

  anon(proc: string, map: string, size: string, more = ''): void {
    this.line(`${proc} mmap ${map} size=${size} anon private${more}`);
  }

  file(proc: string, map: string, object: string, size: string, prot = 'r', how = 'shared'): void {
    this.line(`${proc} mmap ${map} obj=${object} size=${size} ${how} prot=${prot}`);
  }

  /** One access to each of so many pages. */
  touch(proc: string, map: string, page: number, nrPages: number, how: 'read' | 'write'): void {
    this.line(`${proc} touch ${map} ${page}p ${nrPages}p ${how}${how === 'write' ? ' fill=word' : ''}`);
  }

  snap(label: string): void {
    this.line(`snap ${label}`);
  }

  /** A number from 0 to below n. Mulberry32. */
  int(n: number): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
  }
}

/** Calls `f` for each piece of so many pages: where it begins, how many it has. */
export function pieces(nrPages: number, piece: number, f: (at: number, n: number) => void): void {
  for (let at = 0; at < nrPages; at += piece) f(at, Math.min(piece, nrPages - at));
}

/** A scenario whose processes live in a memory group /g with a limit. */
export function groupScenario(title: string, options: PressureOptions, body: (w: ScenarioWriter) => void): string {
  const { limit, swap = '512M', kind = 'zram', swappiness = 60, pageCluster = 0, readahead } = options;
  const w = new ScenarioWriter();
  w.line(`# ${title}`);
  w.line(
    `machine ram=1G swap=${swap} swapkind=${kind} profile=linux-6.18 cpus=2${readahead === undefined ? '' : ` readahead=${readahead}`}`,
  );
  w.line(`sysctl vm.swappiness ${swappiness}`);
  w.line(`sysctl vm.page-cluster ${pageCluster}`);
  w.line('cgroup write /cgroup.subtree_control "+memory"');
  w.line('cgroup mkdir /g');
  w.line(`cgroup write /g/memory.max "${limit}"`);
  options.groups?.(w);
  body(w);
  return w.text();
}

/** A simulated machine of so much memory has as much for its processes as the guest of 128 MB had (g05: who dies, when). */
export const GUEST = { ramKb: 60000, minFreeKb: 1200 } as const;

/** A scenario in which the whole machine is short of memory. */
export function guestScenario(
  title: string,
  options: { readonly swap?: string },
  body: (w: ScenarioWriter) => void,
): string {
  const w = new ScenarioWriter();
  w.line(`# ${title}`);
  w.line(`machine ram=${GUEST.ramKb}K swap=${options.swap ?? '256M'} swapkind=zram profile=linux-6.18 cpus=2`);
  w.line(`sysctl vm.min_free_kbytes ${GUEST.minFreeKb}`);
  w.line('sysctl vm.swappiness 60');
  w.line('sysctl vm.page-cluster 0');
  body(w);
  return w.text();
}
