/**
 * Plays a scenario of memory pressure on a simulated machine, through the library, and counts what the worker counts on a
 * real kernel. One step at a time: the line at which the OOM killer takes a process is part of the result.
 */

import { createMachine, type ReclaimMachine, ScenarioError } from '../../../src/index.ts';
import type { Cgroup } from '../../../src/machine/cgroup.ts';
import { memcgStat } from '../../../src/machine/cgroup-stat.ts';
import type { Snap } from '../../../src/scenario/snap.ts';
import type { Runs } from './page-set.ts';

type Table = Record<string, number>;

/** A process at a snap. */
export interface PlayedProcess {
  readonly minflt: number;
  readonly majflt: number;
  readonly alive: 0 | 1;
  /** Line of the scenario at which it was killed; 0: it was not. */
  readonly killed_at_line: number;
  /** Page table states by mapping: 1 present, s in swap, z zero page, - nothing. */
  readonly maps: Record<string, Runs>;
}

/** Everything at a snap; counters of vmstat since the first process was made. */
export interface PlayedSnap {
  readonly snap: string;
  readonly vmstat: Table;
  readonly memcg: Table;
  /** Other groups, by path. */
  readonly groups: Record<string, Table>;
  readonly psi: string;
  readonly meminfo?: Table;
  readonly directUs: number;
  readonly kswapdUs: number;
  readonly vmpressure: Table;
  readonly procs: Record<string, PlayedProcess>;
  /** Cached pages of every object. */
  readonly objects: Record<string, Runs>;
}

export interface PlayedScenario {
  readonly scenario: string;
  readonly ms: number;
  /** Broken invariants. */
  readonly check: string[];
  readonly snaps: PlayedSnap[];
}

const PAGE = 4096;

/** Slab of an xarray node, which holds 64 pages of a file; bytes. Mirrors: radix_tree_node_cachep, 28 in four pages. */
const NODE_BYTES = 585;
/** Entries of a file's array that share one chunk here: eight nodes of the kernel. */
const CHUNK_PAGES = 512;
const NODES_IN_CHUNK = 8;
/**
 * Pages of its own that the worker and its child copy after a fork and that stay: they are locked. The group has six pages
 * more than the scenario says (memcg.rss of p21, p65), of which the others are soon swapped out.
 */
const COPIED_BY_FORK = 3;
/** Longer steps are played in pieces, if the kernel's own pages are counted. */
const PIECE_PAGES = 128;

/** What the kernel charged to /g for itself when a scenario was recorded, pages. */
export interface KernelMemory {
  /** What the recorder added to the limit of /g. */
  readonly extra: number;
  /** What was charged at each snap. */
  readonly atSnaps: readonly number[];
}

/** How a scenario is played. */
export interface PlayOptions {
  readonly fresh: boolean;
  readonly lru?: 'lists' | 'generations';
  readonly kernel?: KernelMemory | undefined;
}

/**
 * `fresh`: with statistics of groups that are no older than a step. `kernel`: the limit is higher by what the kernel had not
 * yet taken of the recorder's addition; when that was follows from a first play. Throws ScenarioError where the scenario
 * says what the language does not know.
 */
export function playPressure(text: string, file: string, { fresh, lru, kernel }: PlayOptions): PlayedScenario {
  const began = Date.now();
  const lines = text.split('\n');
  const found = lines.findIndex((line) => /^(proc|object) /.test(line));
  const start = found < 0 ? lines.length : found;
  // Recordings are made without readahead unless the scenario asks for some.
  const off = lines.some((line) => /^machine\b.* readahead=/.test(line)) ? '' : ' readahead=off';
  const machineMore = `${off}${fresh ? ' statflush=0s' : ''}${lru === 'generations' ? ' lru=generations' : ''}`;
  const head = lines.slice(0, start).map((line) => (/^machine\b/.test(line) ? `${line}${machineMore}` : line));
  const playAll = (others?: OtherKernelMemory) => {
    const machine = createMachine(head.join('\n'), { file });
    const player = new Player(machine, fresh, others);
    for (let at = start; at < lines.length; at++) player.step(lines[at] ?? '', at + 1, file);
    return { machine, player };
  };
  let { machine, player } = playAll();
  if (kernel !== undefined && kernel.extra > 0) {
    const { tables } = player;
    const others = kernel.atSnaps.map((pages, i) => pages - (tables[i] ?? 0));
    ({ machine, player } = playAll({ extra: kernel.extra, others }));
  }
  return { scenario: file, ms: Date.now() - began, check: machine.check(), snaps: player.snaps };
}

/** Up to each snap: pages of the kernel that are no page tables or nodes of files. */
interface OtherKernelMemory {
  readonly extra: number;
  readonly others: readonly number[];
}

class Player {
  readonly snaps: PlayedSnap[] = [];
  readonly #machine: ReclaimMachine;
  readonly #before: Table;
  readonly #killed = new Map<string, number>();
  /** Processes that have exited, as they were then. */
  readonly #exited: Record<string, PlayedProcess> = {};
  #alive = new Set<string>();
  /** Page tables and nodes of files at each snap. */
  readonly tables: number[] = [];
  readonly #fresh: boolean;
  readonly #kernel: OtherKernelMemory | undefined;
  /** memory.max and memory.high of /g as the scenario has them, pages. */
  #max = Number.POSITIVE_INFINITY;
  #high = Number.POSITIVE_INFINITY;
  /** Pages of the worker itself that are charged to /g, and that the scenario does not know. */
  #own = 0;

  constructor(machine: ReclaimMachine, fresh: boolean, kernel: OtherKernelMemory | undefined) {
    this.#machine = machine;
    this.#fresh = fresh;
    this.#kernel = kernel;
    this.#noteLimits(['cgroup', 'write', '/g/memory.max']);
    this.#noteLimits(['cgroup', 'write', '/g/memory.high']);
    this.#leaveRoomForKernel();
    this.#before = table(machine.read('/proc/vmstat'));
  }

  step(line: string, number: number, file: string): void {
    const words = line.trim().split(/\s+/);
    const subject = words[0] ?? '';
    if (subject === '' || subject.startsWith('#') || this.#killed.has(subject)) return;
    if (subject === 'snap') {
      this.snaps.push(this.#snap(line, words[1] ?? ''));
      this.tables.push(this.#tables());
      return;
    }
    if (words[1] === 'exit')
      this.#exited[subject] = { ...this.#faultsOf(subject), alive: 0, killed_at_line: 0, maps: {} };
    // The worker has slept until it was told.
    this.#machine.machine.mem.running = null;
    try {
      for (const part of this.#inPieces(line)) {
        this.#machine.apply(part);
        this.#noteLimits(words);
        if (words[1] === 'fork') this.#own += COPIED_BY_FORK;
        this.#leaveRoomForKernel();
      }
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      throw new ScenarioError(file, number, error.column, error.reason, error.hint);
    }
    const alive = this.#living();
    if (words[1] !== 'exit') for (const name of this.#alive) if (!alive.has(name)) this.#killed.set(name, number);
    this.#alive = alive;
  }

  #first(): Cgroup | undefined {
    return this.#machine.machine.cgroups.at('/').children.get('g');
  }

  /** A limit of /g is what the scenario has just written. */
  #noteLimits([subject, , file]: readonly string[]): void {
    const memcg = this.#first()?.memcg;
    if (subject !== 'cgroup' || memcg === undefined) return;
    if (file === '/g/memory.max') this.#max = memcg.max;
    if (file === '/g/memory.high') this.#high = memcg.high;
  }

  /**
   * The recorder raised the limit by what the kernel took for itself at most. Until it has taken all of that, processes and
   * files have more room than the scenario says: by so much the limit is higher here, where page tables and nodes of files
   * are charged to nobody.
   */
  #leaveRoomForKernel(): void {
    const group = this.#first();
    if (group === undefined || (this.#kernel === undefined && this.#own === 0)) return;
    const { extra, others } = this.#kernel ?? { extra: 0, others: [] };
    const kernel = extra === 0 ? 0 : this.#tables() + (others[this.snaps.length] ?? others.at(-1) ?? 0);
    const left = extra - kernel - this.#own;
    group.memcg.max = this.#max + left;
    group.memcg.high = this.#high + left;
  }

  /** Page tables come while a long step goes on; with statistics as fresh as the last step it must stay one. */
  #inPieces(line: string): string[] {
    const [, begin, from, nrPages, rest] = /^(\S+ touch \S+) (\d+)p (\d+)p (.*)$/.exec(line) ?? [];
    if (this.#kernel === undefined || this.#fresh || begin === undefined || Number(nrPages) <= PIECE_PAGES)
      return [line];
    const pieces: string[] = [];
    for (let at = 0; at < Number(nrPages); at += PIECE_PAGES)
      pieces.push(`${begin} ${Number(from) + at}p ${Math.min(PIECE_PAGES, Number(nrPages) - at)}p ${rest}`);
    return pieces;
  }

  /** Page tables and nodes of files, in pages, about. */
  #tables(): number {
    const { mem, tasks } = this.#machine.machine;
    let tables = 0;
    for (const { mm } of tasks.values()) if (mm !== null && mm.memcg !== 0) tables += mm.pageDirectory.size;
    let chunks = 0;
    for (const { pages, nrPages } of mem.mappings.values())
      for (let key = 0; key * CHUNK_PAGES < nrPages; key++) if (pages.chunk(key) !== undefined) chunks++;
    return tables + Math.ceil((chunks * NODES_IN_CHUNK * NODE_BYTES) / PAGE);
  }

  #living(): Set<string> {
    const { named, tasks } = this.#machine.machine;
    const names = new Set<string>();
    for (const [name, task] of named) if (task.mm !== null && tasks.has(task.pid)) names.add(name);
    return names;
  }

  #snap(line: string, label: string): PlayedSnap {
    const snap = this.#machine.apply(line).at(-1)?.result as unknown as Snap;
    const { machine } = this.#machine;
    const vmstat = table(this.#machine.read('/proc/vmstat'));
    for (const key of Object.keys(vmstat)) vmstat[key] = (vmstat[key] ?? 0) - (this.#before[key] ?? 0);
    const [first, ...others] = [...groupsBelow(machine.cgroups.at('/'), '')];
    const meminfo = first === undefined ? table(this.#machine.read('/proc/meminfo').replaceAll(':', '')) : undefined;
    return {
      snap: label,
      vmstat,
      memcg: first === undefined ? wholeMachine(meminfo ?? {}) : this.#group(first[1]),
      groups: Object.fromEntries(others.map(([path, group]) => [path, this.#group(group)])),
      psi: this.#machine.read('/proc/pressure/memory'),
      ...(meminfo === undefined ? {} : { meminfo }),
      directUs: machine.pressure.directUs,
      kswapdUs: machine.pressure.kswapd.cpuUs,
      vmpressure: { ...machine.pressure.vmpressure.counts },
      procs: this.#processes(snap),
      objects: Object.fromEntries(Object.entries(snap.objects).map(([name, { mincore }]) => [name, merged(mincore)])),
    };
  }

  #processes(snap: Snap): Record<string, PlayedProcess> {
    const procs: Record<string, PlayedProcess> = { ...this.#exited };
    for (const [name, { maps }] of Object.entries(snap.procs)) {
      procs[name] = {
        ...this.#faultsOf(name),
        alive: 1,
        killed_at_line: 0,
        maps: Object.fromEntries(Object.entries(maps).map(([map, { pages }]) => [map, merged(pages ?? [])])),
      };
    }
    for (const [name, line] of this.#killed)
      procs[name] = { minflt: 0, majflt: 0, alive: 0, killed_at_line: line, maps: {} };
    return procs;
  }

  #faultsOf(name: string): { minflt: number; majflt: number } {
    const { minflt = 0, majflt = 0 } = this.#machine.machine.named.get(name) ?? {};
    return { minflt, majflt };
  }

  #group(group: Cgroup): Table {
    const { usage, swapUsage, events } = group.memcg;
    return {
      ...table(memcgStat(this.#machine.machine, group)),
      usage: usage * PAGE,
      swap: swapUsage * PAGE,
      max_events: events.max,
      oom_kill: events.oom_kill,
    };
  }
}

/** Every group but the root: a parent before its children, in the order of their making. */
function* groupsBelow(group: Cgroup | undefined, path: string): Generator<[string, Cgroup]> {
  for (const [name, child] of group?.children ?? []) {
    yield [`${path}/${name}`, child];
    yield* groupsBelow(child, `${path}/${name}`);
  }
}

/** What stands in for a group's figures where there is none. */
function wholeMachine(meminfo: Table): Table {
  const bytes = (key: string) => (meminfo[key] ?? 0) * 1024;
  return {
    rss: bytes('AnonPages'),
    cache: bytes('Cached'),
    swap: bytes('SwapTotal') - bytes('SwapFree'),
    inactive_anon: bytes('Inactive(anon)'),
    active_anon: bytes('Active(anon)'),
    inactive_file: bytes('Inactive(file)'),
    active_file: bytes('Active(file)'),
  };
}

function table(text: string): Table {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/));
  return Object.fromEntries(rows.map(([key = '', value]) => [key, Number(value)]));
}

const LETTERS: Record<string, string> = { '-': '-', none: '-', swap: 's', zero: 'z' };

/** The worker's letters, equal neighbours in one run. */
function merged(runs: Runs): Runs {
  const out: [string, number][] = [];
  for (const [state, length] of runs) {
    const letter = LETTERS[state] ?? '1';
    const last = out.at(-1);
    if (last?.[0] === letter) last[1] += length;
    else out.push([letter, length]);
  }
  return out;
}
