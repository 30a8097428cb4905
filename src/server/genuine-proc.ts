/**
 * Where a caller finds the genuine procfs of its own pid namespace: on /proc, as a rule; elsewhere when our tree has been
 * bound over /proc (mount --bind, chroot, bwrap) and a procfs is still to be seen in some other place.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { type MountInfo, parseMountInfo } from '../fuse/mountinfo.ts';

const USUAL = '/proc';

/**
 * Our own way to the genuine procfs. The server of a mount has it as its directory (start-server.ts): nothing that comes
 * to lie over /proc changes that, and a path through our own tree would have us wait for ourselves.
 */
export function ownProc(): string {
  return process.cwd() === USUAL ? '.' : USUAL;
}

/** The path as the caller knows it; undefined where there is none. `proc`: our own way to the genuine procfs. */
export function genuineProcOf(tid: number, proc = ownProc()): string | undefined {
  try {
    const mounts = parseMountInfo(readFileSync(`${proc}/${tid}/mountinfo`, 'latin1'));
    if (topOf(mounts, USUAL)?.type !== 'fuse.reclaimfs') return USUAL;
    return mounts.find((mount) => isVisibleProc(mount, mounts) && isOf(tid, mount.mountpoint, proc))?.mountpoint;
  } catch {
    return USUAL;
  }
}

function topOf(mounts: readonly MountInfo[], path: string): MountInfo | undefined {
  return mounts.findLast(({ mountpoint }) => mountpoint === path);
}

/** The whole of a procfs, with nothing over it; and no FUSE on the way, which could be ours. */
function isVisibleProc(mount: MountInfo, mounts: readonly MountInfo[]): boolean {
  if (mount.type !== 'proc' || mount.root !== '/' || mount.mountpoint === USUAL) return false;
  const parts = mount.mountpoint.split('/');
  for (let length = 2; length < parts.length; length++) {
    const above = topOf(mounts, parts.slice(0, length).join('/'));
    if (above?.type.startsWith('fuse')) return false;
  }
  return topOf(mounts, mount.mountpoint) === mount;
}

/** Whether a procfs is of the caller's pid namespace: the caller is there under the number that it knows itself by. */
function isOf(tid: number, mountpoint: string, proc: string): boolean {
  const numbers = /^NStgid:\s*(.*)$/m.exec(readFileSync(`${proc}/${tid}/status`, 'latin1'))?.[1]?.split(/\s+/);
  const there = `${proc}/${tid}/root${mountpoint}/${numbers?.at(-1)}/ns/pid`;
  try {
    return readlinkSync(there) === readlinkSync(`${proc}/${tid}/ns/pid`);
  } catch {
    return false;
  }
}
