import { findMount, isOurs } from './mountinfo.ts';
import { canonicalPath, serverWithin } from './mountpoint.ts';
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
  if (path === '') throw new MountError('the mount point is empty: give a directory');
  const mountpoint = await canonicalPath(path);
  const mount = findMount(mountpoint);
  if (!mount) throw new MountError(`nothing is mounted on ${path}`);
  if (!isOurs(mount)) throw new MountError(`${path} is not a mount of reclaimfs (${mount.type}): use umount`);
  // A server that does not answer could not tell its users that the mount has gone: they are cut off.
  return unmount(mount, (await serverWithin(mountpoint, ANSWER_MS)) === 'hung');
}
