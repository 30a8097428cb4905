/** What `reclaimfs run` writes to its server, a JSON line each, on descriptor 3. */
import type { Isolation } from '../../fuse/namespace.ts';
import type { MountFlags, ScenarioSource } from '../server-options.ts';

export const CONTROL_FD = 3;

export interface RunStart {
  readonly kind: 'start';
  readonly mountpoint: string;
  readonly source: ScenarioSource;
  readonly flags: MountFlags;
  readonly pidns: boolean;
  /** Most placeholders; 0: none. */
  readonly maxPlaceholders: number;
  /** The first pid for the command and its children. */
  readonly commandPid: number;
  readonly command: readonly string[];
  readonly isolation: Isolation;
  readonly noNewPrivs: boolean;
}

/** A signal for the command. */
export interface RunSignal {
  readonly kind: 'signal';
  readonly signal: NodeJS.Signals;
}

export type RunMessage = RunStart | RunSignal;
