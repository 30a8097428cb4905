import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { logger } from '../../util/log.ts';
import { factoryUrl } from '../factory.ts';
import { Guardian } from '../guardian.ts';
import { MOUNT_TYPE, SUBTYPE } from '../mountinfo.ts';
import { statWithin } from '../mountpoint.ts';
import { DEVICE, mayAllowOther, mountObstacle } from '../obstacles.ts';
import { MountError, type MountHandle, type MountOptions } from '../types.ts';
import { errorCode } from './device.ts';
import { DirectMount } from './direct-mount.ts';
import { mountByHelper } from './helper.ts';

const log = logger('fuse:mount');
const CAP_SYS_ADMIN = 21n;
const MOUNT_COMMAND_MS = 10_000;
const ANSWER_MS = 10_000;
/** rootmode is octal: the mount point is a directory. */
const ROOT_MODE = '40000';

/** Why this process cannot mount by itself, in words; undefined when it can. */
export function directObstacle(): string | undefined {
  if (!hasCapability(CAP_SYS_ADMIN)) return 'mounting needs CAP_SYS_ADMIN (root, or "unshare -Urm")';
  try {
    closeSync(openSync(DEVICE, 'r+'));
    return undefined;
  } catch (error) {
    return `${DEVICE} cannot be opened: ${errorCode(error)}`;
  }
}

/** Whether a capability is in the effective set of this process, in its own user namespace. */
function hasCapability(bit: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n;
}

/**
 * Mounts on a prepared mount point, by fusermount where this process may not mount: makes the file system in the kernel thread, opens the device, has mount(8) mount it,
 * and returns when the mount answers. Errors: MountError, or what createFileSystem threw.
 */
export async function mountDirect(mountpoint: string, options: MountOptions): Promise<MountHandle> {
  const guardian = options.guarded === true ? new Guardian(mountpoint) : undefined;
  const helped = !hasCapability(CAP_SYS_ADMIN);
  const allowOther = options.allowOther ?? (!helped || mayAllowOther());
  const fd = helped ? await mountByHelper(mountpoint, allowOther) : openDevice(mountpoint);
  const mount = new DirectMount(fd, mountpoint, factoryUrl(options.factory), options, guardian);
  try {
    if (helped) mount.mounted();
    await mount.ready;
    mount.serve();
    if (!helped) {
      await mountCommand(fd, mountpoint, allowOther);
      mount.mounted();
    }
    const state = await Promise.race([statWithin(mountpoint, ANSWER_MS), mount.closed.then(closedEarly)]);
    if (state !== 'ok') throw new MountError(`${mountpoint} was mounted, but does not answer: ${state}`);
    await mount.introduce();
  } catch (error) {
    await mount.abandon();
    throw error;
  }
  log('serving %s', mountpoint);
  return mount;
}

function openDevice(mountpoint: string): number {
  try {
    return openSync(DEVICE, 'r+');
  } catch (error) {
    throw new MountError(
      `${mountpoint} cannot be mounted: ${mountObstacle() ?? `${DEVICE} cannot be opened (${errorCode(error)}): allow the device to this container`}`,
    );
  }
}

function closedEarly(reason: { kind: string; error?: Error }): string {
  return reason.error?.message ?? `it ended at once (${reason.kind})`;
}

/** mount(2) by util-linux, which inherits the device as descriptor 3. */
function mountCommand(fd: number, mountpoint: string, allowOther: boolean): Promise<void> {
  const options = [
    'fd=3',
    `rootmode=${ROOT_MODE}`,
    `user_id=${process.geteuid?.() ?? 0}`,
    `group_id=${process.getegid?.() ?? 0}`,
    'default_permissions',
    'nosuid',
    'nodev',
    ...(allowOther ? ['allow_other'] : []),
  ].join(',');
  const args = ['-i', '-t', MOUNT_TYPE, '-o', options, SUBTYPE, mountpoint];
  return new Promise((settle, fail) => {
    const child = spawn('mount', args, { stdio: ['ignore', 'ignore', 'pipe', fd], timeout: MOUNT_COMMAND_MS });
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    child.on('error', (error) => fail(new MountError(`mount(8) cannot be run (${error.message}): install util-linux`)));
    child.on('close', (code, signal) => {
      if (code === 0) settle();
      else
        fail(
          new MountError(
            `mount on ${mountpoint} failed: ${complaint.trim().split('\n')[0] || (signal ?? `status ${code}`)}`,
          ),
        );
    });
  });
}
