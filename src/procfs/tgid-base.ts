/** /proc/PID, one row a file. Mirrors: fs/proc/base.c:tgid_base_stuff. */
import { S_IFDIR, S_IFREG } from '../vfs/types.ts';
import { showTgidStat } from './array.ts';
import {
  onlyWithSysNice,
  showCoredumpFilter,
  showTimerslack,
  writeCoredumpFilter,
  writeTimerslack,
} from './base-files.ts';
import { writeReclaim, writeReclaimGone } from './clear-refs.ts';
import { type Child, type Directory, type Entry, file, inKernels, type TaskContext } from './entry.ts';
import { mapFilesDirectory } from './fd.ts';
import { taskIno } from './inode.ts';
import { showMountstats, withNamespaces } from './mounts.ts';
import { shared, tableDirectory } from './task-common.ts';
import { threadOf } from './task-context.ts';
import { MAP_FILES_ROW, TGID_ROWS, TID_DIRECTORY } from './task-rows.ts';

/** PID/task: one directory a thread. */
const taskDirectory: Directory<TaskContext> = {
  find: ({ task }, name) =>
    /^[1-9]\d*$/.test(name) && threadOf(task, Number(name)) !== undefined
      ? taskIno(task.serial, TID_DIRECTORY, Number(name))
      : undefined,
  list: ({ task }) =>
    task.threads.map(
      ({ tid }): Child => ({ name: String(tid), ino: taskIno(task.serial, TID_DIRECTORY, tid), type: S_IFDIR }),
    ),
};

export const tgidTable: readonly Entry<TaskContext>[] = [
  { name: 'task', mode: S_IFDIR | 0o555, dir: taskDirectory },
  ...shared('fd'),
  { name: 'map_files', mode: S_IFDIR | 0o500, dir: mapFilesDirectory(MAP_FILES_ROW), traced: 'mm' },
  ...shared('fdinfo ns net environ auxv status personality limits sched'),
  // Pretend: no sessions share their CPU time.
  file('autogroup', 0o644, () => {}, { write: (_ctx, data) => data.length }),
  file(
    'timens_offsets',
    0o644,
    (out) => void out.text('monotonic           0         0\nboottime            0         0\n'),
    { isThere: inKernels({ since: '5.10' }) },
  ),
  ...shared('comm syscall cmdline'),
  file('stat', 0o444, showTgidStat),
  ...shared('statm maps numa_maps mem cwd root exe mounts mountinfo'),
  file('mountstats', 0o400, withNamespaces(showMountstats)),
  ...shared('clear_refs'),
  { name: 'reclaim', mode: S_IFREG | 0o200, write: writeReclaim, writeGone: writeReclaimGone },
  ...shared('smaps smaps_rollup pagemap attr wchan stack schedstat cpuset cgroup'),
  ...shared('oom_score oom_adj oom_score_adj loginuid sessionid'),
  file('coredump_filter', 0o644, showCoredumpFilter, { write: writeCoredumpFilter }),
  ...shared('io uid_map gid_map projid_map setgroups'),
  // Pretend: no POSIX timers.
  file('timers', 0o444, () => {}),
  file('timerslack_ns', 0o666, showTimerslack, { write: writeTimerslack, refuse: onlyWithSysNice, privileged: true }),
  ...shared('arch_status ksm_merging_pages ksm_stat'),
];

export const tgidDirectory: Entry<TaskContext> = {
  name: '',
  mode: S_IFDIR | 0o555,
  dir: tableDirectory(tgidTable, TGID_ROWS),
};
