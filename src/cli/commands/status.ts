import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { canonicalPath, serverWithin } from '../../fuse/mountpoint.ts';
import { CliError, type CommandRow } from '../command.ts';
import { ourMounts } from '../mounts.ts';
import { print, printJson } from '../output.ts';

const HELP = `
Examples:
  reclaimfs status
  reclaimfs status /tmp/proc --json

state: ok, hung (its server does not answer), or why it cannot be asked.`;

const ANSWER_MS = 3000;

/** Published as schemas/status.schema.json, in an array. */
export interface MountStatus {
  readonly mountpoint: string;
  /** `ok`; `hung`; or an error's code. What follows is null where it cannot be asked, or belongs to somebody else. */
  readonly state: string;
  /** As /proc/reclaimfs/clock: `12.5 running speed 1`. */
  readonly clock: string | null;
  readonly profile: string | null;
  readonly nrThreads: number | null;
  readonly memTotalKb: number | null;
  readonly memAvailableKb: number | null;
  readonly swapTotalKb: number | null;
  readonly swapFreeKb: number | null;
}

export const statusCommand: CommandRow = {
  name: 'status',
  register(program: Command): void {
    program
      .command('status [mountpoint]')
      .description('the mounts that there are, and how their machines are')
      .option('--json', 'one JSON array')
      .addHelpText('after', HELP)
      .action(status);
  },
};

async function status(mountpoint: string | undefined, flags: { readonly json?: boolean }): Promise<void> {
  const mounts = ourMounts();
  const wanted = mountpoint === undefined ? undefined : await canonicalPath(mountpoint);
  if (wanted !== undefined && !mounts.includes(wanted))
    throw new CliError(`nothing of reclaimfs is mounted on ${mountpoint}`);
  const found: MountStatus[] = [];
  for (const path of wanted === undefined ? mounts : [wanted]) found.push(await lookAt(path));
  if (flags.json === true) printJson(found);
  else print(found.length === 0 ? 'nothing is mounted' : found.map(toLine).join('\n'));
}

async function lookAt(mountpoint: string): Promise<MountStatus> {
  const state = await serverWithin(mountpoint, ANSWER_MS);
  const read = (name: string): string | undefined =>
    state === 'ok' ? textOrNothing(join(mountpoint, name)) : undefined;
  const meminfo = read('meminfo');
  const kb = (key: string): number | null => numberOf(meminfo, new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm'));
  return {
    mountpoint,
    state,
    clock: read('reclaimfs/clock')?.trim() ?? null,
    profile: /^profile (.*)$/m.exec(read('reclaimfs/settings') ?? '')?.[1] ?? null,
    nrThreads: numberOf(read('loadavg'), /\/(\d+)/),
    memTotalKb: kb('MemTotal'),
    memAvailableKb: kb('MemAvailable'),
    swapTotalKb: kb('SwapTotal'),
    swapFreeKb: kb('SwapFree'),
  };
}

function textOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function numberOf(text: string | undefined, pattern: RegExp): number | null {
  const match = pattern.exec(text ?? '');
  return match === null ? null : Number(match[1]);
}

function toLine({ mountpoint, state, clock, nrThreads, memTotalKb, memAvailableKb }: MountStatus): string {
  if (state !== 'ok') return `${mountpoint}: ${state}`;
  if (memTotalKb === null) return `${mountpoint}: may not be read: ask the user who mounted it`;
  const memory = `${mib(memAvailableKb)} of ${mib(memTotalKb)} MiB available`;
  return `${mountpoint}: ${nrThreads} threads, ${memory}${clock === null ? '' : `, clock ${clock}`}`;
}

function mib(kb: number | null): number {
  return Math.round((kb ?? 0) / 1024);
}
