import { type CgroupHost, createCgroupFs, type Guests, type Owner } from '../procfs/cgroupfs.ts';
import { GroupNumbers } from '../procfs/group-numbers.ts';
import { CGROUP_INODES } from '../procfs/inode.ts';
import type { FileSystem } from '../vfs/types.ts';
import { addBranch, byName } from './branch.ts';
import { CGROUP_NAME } from './branch-names.ts';

/** Hangs the control groups of the machine into the tree. */
export function addCgroupTree(
  fs: FileSystem,
  host: CgroupHost,
  owner: Owner,
  numbers = new GroupNumbers(),
  guests: Guests | undefined = undefined,
): FileSystem {
  const groups = createCgroupFs(host, { owner, numbers, guests });
  return addBranch(fs, { fs: groups, ...CGROUP_INODES, enter: byName(CGROUP_NAME, groups) });
}
