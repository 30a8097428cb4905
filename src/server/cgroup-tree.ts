import { type CgroupHost, createCgroupFs } from '../procfs/cgroupfs.ts';
import { CGROUP_INODES } from '../procfs/inode.ts';
import type { FileSystem } from '../vfs/types.ts';
import { addBranch, byName, type Owner } from './branch.ts';

/** The directory below the root that holds the control groups; listed nowhere, made to be bind-mounted elsewhere. */
export const CGROUP_NAME = '.cgroup';

/** Hangs the control groups of the machine into the tree. */
export function addCgroupTree(fs: FileSystem, host: CgroupHost, owner: Owner): FileSystem {
  const groups = createCgroupFs(host);
  return addBranch(fs, { fs: groups, ...CGROUP_INODES, enter: byName(CGROUP_NAME, groups), owner });
}
