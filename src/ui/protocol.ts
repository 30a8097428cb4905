/** What server and page tell each other. Imported by both: types only. */

export type ReclaimKind = 'file' | 'anon' | 'all';

/** A process: pid, name, state, then kB of anonymous, file, shared, swapped memory, and its major faults. */
export type Row = readonly [
  pid: number,
  name: string,
  state: string,
  anonKb: number,
  fileKb: number,
  shmemKb: number,
  swapKb: number,
  nrMajorFaults: number,
];

/** What reclaimfs/clock says. */
export interface ClockReading {
  /** Virtual seconds since boot. */
  readonly now: number;
  readonly running: boolean;
  readonly speed: number;
  readonly behind: boolean;
}

/** An event as reclaimfs/events has it. */
export type PageEvent = Readonly<Record<string, unknown>> & { readonly type: string; readonly time?: number };

/** One look; what is absent is as it was. */
export interface LiveMessage {
  /** What came before no longer counts: all there is follows. */
  readonly full?: true;
  readonly root?: string;
  readonly clock?: ClockReading | undefined;
  /** Processes that are new or not as they were. */
  readonly rows?: readonly Row[];
  readonly gone?: readonly number[];
  /** kB by key. */
  readonly meminfo?: Readonly<Record<string, number>>;
  readonly vmstat?: Readonly<Record<string, number>>;
  /** PSI of memory, avg10 in per cent: some, full. */
  readonly pressure?: readonly [number, number];
  readonly events?: readonly PageEvent[];
  /** Names of kept machines. */
  readonly snapshots?: readonly string[];
}

/** The address space of a process, cut into equal cells, and its mappings. */
export interface SpaceAnswer {
  readonly pid: number;
  /** A letter each, as `reclaimfs top` draws them; small: less than half of the pages is there. */
  readonly letters: string;
  /** First and last address of each cell. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly mappings: readonly MappingAnswer[];
}

export interface MappingAnswer {
  readonly start: number;
  readonly end: number;
  readonly perms: string;
  readonly name: string;
  readonly rssKb: number;
  readonly dirtyKb: number;
  readonly swapKb: number;
  readonly lockedKb: number;
}

/** What a button does. */
export type Action =
  | { readonly act: 'reclaim'; readonly pid: number; readonly kind: ReclaimKind }
  | { readonly act: 'range'; readonly pid: number; readonly start: number; readonly end: number }
  | { readonly act: 'steps'; readonly text: string }
  | { readonly act: 'clock'; readonly text: string }
  | { readonly act: 'keep' | 'restore' | 'forget'; readonly name: string };

export type ActionAnswer =
  | { readonly done: string }
  /** Line and column, from 1, where steps were refused. */
  | { readonly refused: string; readonly line?: number | undefined; readonly column?: number | undefined };

/** For completion: a step, who it is a step of, how it is written. */
export interface StepHelp {
  readonly word: string;
  readonly subject: 'machine' | 'process' | 'app';
  readonly usage: string;
  readonly about: string;
  readonly keys: readonly string[];
}
