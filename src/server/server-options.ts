import { readFileSync } from 'node:fs';
import type { TransportName } from '../fuse/types.ts';
import type { ProfileName } from '../machine/profiles.ts';
import type { SwapKind } from '../mm/swap/swap.ts';
import type { ServerOptions } from './server.ts';

/** What the machine options come down to. */
export interface MachineFlags {
  readonly scenario?: string;
  readonly profile?: ProfileName;
  readonly swap?: SwapKind;
  /** How fast masim is on the user's machine, accesses per millisecond. */
  readonly masimRate?: number;
}

/** What the mount options come down to. */
export interface MountFlags extends MachineFlags {
  readonly transport: TransportName | 'auto';
  readonly clock: 'real' | 'manual';
  readonly speed: number;
  readonly hidepid: 0 | 1 | 2;
  readonly latency: 'none' | 'real';
  readonly allowOther: boolean;
  /** Where a trace for ui.perfetto.dev goes: an absolute path. */
  readonly perfetto?: string;
  /** All files belong to this user, who counts as root of the simulated machine. */
  readonly uid?: number;
}

/** A scenario to be played and the name that messages about it use: byte strings (util/bytes.ts). */
export interface ScenarioSource {
  readonly text: string;
  readonly file: string;
}

/** What the server is told, from a scenario and the command line. */
export function serverOptions(source: ScenarioSource, flags: MountFlags): ServerOptions {
  return {
    text: source.text,
    file: source.file,
    profile: flags.profile,
    swapKind: flags.swap,
    clock: flags.clock,
    speed: flags.speed,
    hidepid: flags.hidepid,
    latency: flags.latency,
    mappedIds: mappedIds(),
    filesOf: flags.uid,
    perfetto: flags.perfetto,
  };
}

const ALL_IDS = 4294967295;

/**
 * The user ids that this user namespace knows, as first-last pairs; undefined when it is all of them. A file that belongs
 * to any other id could not be written by anyone.
 */
export function mappedIds(uidMap: string = readFileSync('/proc/self/uid_map', 'utf8')): [number, number][] | undefined {
  const ranges = uidMap
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([first = 0, , count = 0]): [number, number] => [first, first + count - 1]);
  return ranges.some(([first, last]) => first === 0 && last >= ALL_IDS - 1) ? undefined : ranges;
}
