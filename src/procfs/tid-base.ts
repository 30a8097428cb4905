/** /proc/PID/task/TID, one row a file; there is no reclaim among them. Mirrors: fs/proc/base.c:tid_base_stuff. */
import { S_IFDIR } from '../vfs/types.ts';
import { showChildren, showTidStat } from './array.ts';
import { type Entry, file, type TaskContext } from './entry.ts';
import { shared, tableDirectory } from './task-common.ts';
import { TID_ROWS } from './task-rows.ts';

export const tidTable: readonly Entry<TaskContext>[] = [
  ...shared('fd fdinfo ns net environ auxv status personality limits sched comm syscall cmdline'),
  file('stat', 0o444, showTidStat),
  ...shared('statm maps'),
  file('children', 0o444, showChildren),
  ...shared('numa_maps mem cwd root exe mounts mountinfo clear_refs smaps smaps_rollup pagemap attr wchan stack'),
  ...shared('schedstat cpuset cgroup oom_score oom_adj oom_score_adj loginuid sessionid io uid_map gid_map'),
  ...shared('projid_map setgroups arch_status ksm_merging_pages ksm_stat'),
];

export const tidDirectory: Entry<TaskContext> = {
  name: '',
  mode: S_IFDIR | 0o555,
  dir: tableDirectory(tidTable, TID_ROWS),
};
