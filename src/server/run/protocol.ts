/** What `reclaimfs run` writes to its server, a JSON line each, on descriptor 3. */
import type { Isolation } from '../../fuse/namespace.ts';
import type { TransportName } from '../../fuse/types.ts';
import type { EventType, ReclaimEvent } from '../../machine/event-types.ts';
import type { Experiment, PlannedRun } from '../../scenario/compare/experiment.ts';
import type { FrontWish } from '../front.ts';
import type { MountFlags, ScenarioSource } from '../server-options.ts';

export const CONTROL_FD = 3;
/** Where events are written, if they are wanted. */
export const EVENTS_FD = 4;

export interface RunStart {
  readonly kind: 'start';
  readonly mountpoint: string;
  readonly source: ScenarioSource;
  readonly flags: MountFlags;
  readonly pidns: boolean;
  /** Most placeholders; 0: none. Where system calls are answered they are made only if `placeholdersAsked`. */
  readonly maxPlaceholders: number;
  readonly placeholdersAsked: boolean;
  /** Answer system calls from the machine, where that is possible. */
  readonly syscalls: boolean;
  /** The first pid for the command and its children. */
  readonly commandPid: number;
  readonly command: readonly string[];
  readonly isolation: Isolation;
  readonly noNewPrivs: boolean;
  readonly wishes: RunWishes;
  /** A run of `compare` that programs take part in, instead of a command; its figures go to EVENTS_FD as JSON. */
  readonly compared?: { readonly experiment: Experiment; readonly planned: PlannedRun } | undefined;
  /** Show the machine in the browser. */
  readonly ui?: FrontWish | undefined;
}

/** What is to be told of a run, beside the command's own output. Paths are absolute. */
export interface RunWishes {
  /** Where events go as they happen, a JSON line each. */
  readonly eventsFile?: string | undefined;
  /** Where the machine goes that the command has left, as a scenario. */
  readonly stateFile?: string | undefined;
  /** Types of event that make the run fail. */
  readonly failOn: readonly EventType[];
  /** A summary as one JSON object: in this file, or as the last line of stderr. */
  readonly summaryFile?: string | undefined;
  readonly json: boolean;
}

/** How a run has ended. Published as schemas/run.schema.json. */
export interface RunSummary {
  readonly command: readonly string[];
  /** That of `reclaimfs run`. */
  readonly exitStatus: number;
  /** That of the command: 128 + n when signal n has ended it. */
  readonly commandStatus: number;
  /** The first event that --fail-on names. */
  readonly failedOn: ReclaimEvent | null;
  /** How many events there were of each type. */
  readonly events: Readonly<Record<string, number>>;
  /** Virtual seconds since boot. */
  readonly time: number;
  readonly transport: TransportName;
}

/** A signal for the command. */
export interface RunSignal {
  readonly kind: 'signal';
  readonly signal: NodeJS.Signals;
}

export type RunMessage = RunStart | RunSignal;
