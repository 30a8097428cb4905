/**
 * `self` and `thread-self` where the transport cannot tell who asks (fuse-native): the genuine links, mounted over ours, so
 * that the kernel fills in the caller's number and the path leads back into the tree.
 */

import { type Libc, loadLibc } from '../../util/libc.ts';
import { logger } from '../../util/log.ts';

const log = logger('run');

const LINKS = ['self', 'thread-self'];
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const OPEN_TREE_CLONE = 1;
const O_CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/**
 * Binds them from the genuine procfs on `.host`; returns how to take them away again. Without koffi, or before Linux 5.2,
 * `self` stays a link to `.host/self`.
 */
export async function bindOwnLinks(mountpoint: string): Promise<() => Promise<void>> {
  const libc = loadLibc();
  if ('obstacle' in libc) return async () => {};
  const bound: Buffer[] = [];
  for (const name of LINKS) {
    const target = pathOf(`${mountpoint}/${name}`);
    if (await bind(libc, pathOf(`${mountpoint}/.host/${name}`), target)) bound.push(target);
    else log('%s is not bound', name);
  }
  return async () => {
    for (const target of bound) await libc.callBeside('umount2', libc.address(target), MNT_DETACH | UMOUNT_NOFOLLOW);
  };
}

/** mount(8) follows links; these calls need not. The paths lie in the tree, which this process serves: never on its main thread. */
async function bind(libc: Libc, from: Buffer, over: Buffer): Promise<boolean> {
  const flags = OPEN_TREE_CLONE | AT_SYMLINK_NOFOLLOW | O_CLOEXEC;
  const fd = await libc.callBeside('open_tree', AT_FDCWD, libc.address(from), flags);
  if (fd < 0) return false;
  const nothing = pathOf('');
  const how = [AT_FDCWD, libc.address(over), MOVE_MOUNT_F_EMPTY_PATH];
  const status = await libc.callBeside('move_mount', fd, libc.address(nothing), ...how);
  libc.call('close', fd);
  return status === 0;
}

/** As the kernel takes it: ends with a zero byte. */
function pathOf(path: string): Buffer {
  return Buffer.from(`${path}\0`);
}
