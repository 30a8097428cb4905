import type { ProcHost } from '../procfs/host.ts';
import { SYSFS_INODES } from '../procfs/inode.ts';
import { createSysFs } from '../sysfs/sys-fs.ts';
import type { FileSystem } from '../vfs/types.ts';
import { addBranch, byName } from './branch.ts';
import { SYSFS_NAME } from './branch-names.ts';

/** Hangs /sys of the machine into the tree. */
export function addSysfsTree(fs: FileSystem, host: ProcHost): FileSystem {
  const sys = createSysFs(host);
  return addBranch(fs, { fs: sys, ...SYSFS_INODES, enter: byName(SYSFS_NAME, sys) });
}
