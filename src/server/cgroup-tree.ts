import { type CgroupHost, createCgroupFs } from '../procfs/cgroupfs.ts';
import { CGROUP_INODES } from '../procfs/inode.ts';
import type { FileSystem } from '../vfs/types.ts';
import { addBranch, byName, type Owner } from './branch.ts';
import { CGROUP_NAME } from './branch-names.ts';

/** Hangs the control groups of the machine into the tree. */
export function addCgroupTree(fs: FileSystem, host: CgroupHost, owner: Owner): FileSystem {
  const groups = createCgroupFs(host);
  return addBranch(fs, { fs: groups, ...CGROUP_INODES, enter: byName(CGROUP_NAME, groups), owner });
}
