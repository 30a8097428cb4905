import { findMount, isOurs } from './mountinfo.ts';
import { canonicalPath, serverWithin } from './mountpoint.ts';
import { resumeServers } from './stopped-server.ts';
import { MountError } from './types.ts';
import { type Unmounted, unmount } from './unmount.ts';

const ANSWER_MS = 1500;

/**
 * Unmounts one of our mounts, served by whichever process, which then ends by itself. `lazy` in the answer means that the
 * mount was in use and has been detached; the caller should say so.
 *
 * Errors: MountError when nothing (of ours) is mounted there, or when it cannot be unmounted.
 */
export async function unmountPath(path: string): Promise<Unmounted> {
  const mountpoint = await canonicalPath(path);
  const mount = findMount(mountpoint);
  if (!mount) throw new MountError(`nothing is mounted on ${path}`);
  if (!isOurs(mount)) throw new MountError(`${path} is not a mount of reclaimfs (${mount.type}): use umount`);
  // A server that does not answer could not tell its users that the mount has gone: they are cut off.
  if ((await serverWithin(mountpoint, ANSWER_MS)) !== 'hung') return unmount(mount, false);
  const unmounted = await unmount(mount, true);
  resumeServers(mountpoint);
  return unmounted;
}
