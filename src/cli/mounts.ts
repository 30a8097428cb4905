/** The mounts of reclaimfs that this process sees. */
import { readFileSync } from 'node:fs';
import { isOnTop, isOurs, type MountInfo, parseMountInfo } from '../fuse/mountinfo.ts';

/** Where a tree is mounted and can be seen, in the order of mounting; its control groups are no tree of their own. */
export function ourMounts(): string[] {
  return trees().map(({ mountpoint }) => mountpoint);
}

/** Those that this user may unmount: root all of them, others their own. */
export function mountsToUnmount(): string[] {
  const uid = process.geteuid?.() ?? 0;
  return trees()
    .filter(({ superOptions }) => uid === 0 || new RegExp(`(^|,)user_id=${uid}(,|$)`).test(superOptions))
    .map(({ mountpoint }) => mountpoint);
}

function trees(): MountInfo[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).filter(
    (mount) => isOurs(mount) && mount.root === '/' && isOnTop(mount),
  );
}
