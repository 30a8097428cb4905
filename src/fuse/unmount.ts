import { execFile, spawnSync } from 'node:child_process';
import { logger } from '../util/log.ts';
import { findMount } from './mountinfo.ts';
import { MountError } from './types.ts';

const log = logger('fuse:mount');
const COMMAND_MS = 5000;
const BUSY_RETRY_MS = 100;
const UNMOUNTED = { lazy: false };
const DETACHED = { lazy: true };

/** How a mount was taken away: `lazy` when it was in use and had to be detached from under its users. */
export interface Unmounted {
  readonly lazy: boolean;
}

/** Nobody resolves the path again (-c: a server may be dead or busy), no helper is called (-i). */
const UMOUNT_OPTIONS = ['-c', '-i'];
/** What users without the right to unmount have; libfuse 2 and 3 name it differently. */
const HELPERS = ['fusermount', 'fusermount3'];

/**
 * Takes a mount away: umount first, then (busy, or not ours to umount) fusermount, then by detaching. The path must be
 * canonical. Nothing is done when nothing is mounted there. With `abort` those who use a detached mount are cut off at
 * once (ENOTCONN); without, its server goes on until the last of them has closed.
 *
 * Errors: MountError when even detaching fails.
 */
export async function unmount(mountpoint: string, abort: boolean): Promise<Unmounted> {
  if (await takenAway(mountpoint, ['umount', ...UMOUNT_OPTIONS, mountpoint])) return UNMOUNTED;
  await new Promise((settle) => setTimeout(settle, BUSY_RETRY_MS));
  if (await takenAway(mountpoint, ['umount', ...UMOUNT_OPTIONS, mountpoint])) return UNMOUNTED;
  for (const helper of HELPERS) if (await takenAway(mountpoint, [helper, '-u', mountpoint])) return UNMOUNTED;
  return detach(mountpoint, abort);
}

/** Detaches a mount at once, whoever uses it. Errors: MountError. */
export async function detach(mountpoint: string, abort: boolean): Promise<Unmounted> {
  const how = abort ? ['-f', '-l'] : ['-l'];
  if (await takenAway(mountpoint, ['umount', ...how, ...UMOUNT_OPTIONS, mountpoint])) return DETACHED;
  for (const helper of HELPERS) if (await takenAway(mountpoint, [helper, '-uz', mountpoint])) return DETACHED;
  throw new MountError(`${mountpoint} cannot be unmounted: use "umount -l ${mountpoint}" as root`);
}

/** Detaches without waiting for the event loop, for the last moments of a process. Never throws. */
export function detachSync(mountpoint: string): void {
  const options = { stdio: 'ignore', timeout: COMMAND_MS } as const;
  if (spawnSync('umount', ['-f', '-l', ...UMOUNT_OPTIONS, mountpoint], options).status === 0) return;
  for (const helper of HELPERS) if (spawnSync(helper, ['-uz', mountpoint], options).status === 0) return;
}

/** Runs a command that is to end the topmost mount on this path; true when that mount is gone. */
async function takenAway(mountpoint: string, [command, ...args]: readonly string[]): Promise<boolean> {
  const before = findMount(mountpoint)?.id;
  if (before === undefined) return true;
  const complaint = await run(command ?? '', args);
  if (complaint !== undefined) log('%s: %s', command, complaint);
  return findMount(mountpoint)?.id !== before;
}

/** Runs a command without touching its output; undefined when it succeeds, else what it said. */
function run(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((settle) => {
    execFile(command, args, { timeout: COMMAND_MS }, (error, _stdout, stderr) => {
      settle(error ? stderr.trim() || error.message : undefined);
    });
  });
}
