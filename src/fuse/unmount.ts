import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { logger } from '../util/log.ts';
import { isOnTop, type MountInfo } from './mountinfo.ts';
import { MountError } from './types.ts';

const log = logger('fuse:mount');
const COMMAND_MS = 5000;
const BUSY_RETRY_MS = 100;
const ANSWERS_MS = 500;
const ANSWERS_LOOK_MS = 20;
const CONNECTIONS = '/sys/fs/fuse/connections';
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
 * Takes a mount away: umount first, then (busy, or not ours to umount) fusermount, then by detaching. With `abort` those
 * who use a detached mount are cut off at once (ENOTCONN); without, its server goes on until the last has closed.
 *
 * Only this very mount: when it has gone by itself, nothing is done to whatever lies beneath it (the real /proc, maybe).
 *
 * Errors: MountError when even detaching fails.
 */
export async function unmount(mount: MountInfo, abort: boolean): Promise<Unmounted> {
  if (await takenAway(mount, 'umount', UMOUNT_OPTIONS)) return UNMOUNTED;
  await sleep(BUSY_RETRY_MS);
  if (await takenAway(mount, 'umount', UMOUNT_OPTIONS)) return UNMOUNTED;
  for (const helper of HELPERS) if (await takenAway(mount, helper, ['-u'])) return UNMOUNTED;
  return detach(mount, abort);
}

/** Detaches this mount at once, whoever uses it. Errors: MountError. */
export async function detach(mount: MountInfo, abort: boolean): Promise<Unmounted> {
  if (await takenAway(mount, 'umount', [...(abort ? ['-f', '-l'] : ['-l']), ...UMOUNT_OPTIONS])) return DETACHED;
  for (const helper of HELPERS) if (await takenAway(mount, helper, ['-uz'])) return DETACHED;
  throw new MountError(`${mount.mountpoint} cannot be unmounted: use "umount -l ${mount.mountpoint}" as root`);
}

/**
 * Waits until the answers that have been given have reached those who asked: a connection that is aborted takes them back
 * (libfuse's threads write them after us). At most half a second, for somebody may ask again and again.
 */
export async function answersDelivered({ device }: MountInfo): Promise<void> {
  for (let waited = 0, quiet = 0; waited < ANSWERS_MS && quiet < 2; waited += ANSWERS_LOOK_MS) {
    await sleep(ANSWERS_LOOK_MS);
    quiet = nrWaiting(device) === 0 ? quiet + 1 : 0;
  }
}

/** Requests of a connection that nobody has answered; undefined where the file system of connections is not mounted. */
function nrWaiting(device: string): number | undefined {
  try {
    return Number(readFileSync(`${CONNECTIONS}/${device.split(':')[1]}/waiting`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Ends a connection: whoever waits for its server gets ECONNABORTED. Never throws; needs root, or to have mounted. */
export function abortConnection({ device }: MountInfo): void {
  const number = device.split(':')[1];
  try {
    writeFileSync(`${CONNECTIONS}/${number}/abort`, '1');
    return;
  } catch (error) {
    log('abort: %s', error);
  }
  // The file system of connections may not be mounted: then we do so, for ourselves alone.
  const script = `mount -t fusectl none ${CONNECTIONS} && echo 1 > ${CONNECTIONS}/${number}/abort`;
  const options = { stdio: 'ignore', timeout: COMMAND_MS } as const;
  spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], options);
}

/** Detaches without waiting for the event loop, for the last moments of a process. Never throws. */
export function detachSync(mount: MountInfo): void {
  const options = { stdio: 'ignore', timeout: COMMAND_MS } as const;
  const { mountpoint } = mount;
  if (!isOnTop(mount) || spawnSync('umount', ['-f', '-l', ...UMOUNT_OPTIONS, mountpoint], options).status === 0) return;
  for (const helper of HELPERS)
    if (!isOnTop(mount) || spawnSync(helper, ['-uz', mountpoint], options).status === 0) return;
}

/** Runs a command that is to end this mount; true when it is gone, by the command or before it. */
async function takenAway(mount: MountInfo, command: string, args: readonly string[]): Promise<boolean> {
  if (!isOnTop(mount)) return true;
  const complaint = await run(command, [...args, mount.mountpoint]);
  if (complaint !== undefined) log('%s: %s', command, complaint);
  return !isOnTop(mount);
}

/** Runs a command without touching its output; undefined when it succeeds, else what it said. */
function run(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((settle) => {
    execFile(command, args, { timeout: COMMAND_MS }, (error, _stdout, stderr) => {
      settle(error ? stderr.trim() || error.message : undefined);
    });
  });
}
