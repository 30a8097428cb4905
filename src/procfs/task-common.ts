/** Rows that /proc/PID and /proc/PID/task/TID share. Mirrors: the overlap of tgid_base_stuff and tid_base_stuff. */
import { isIn } from '../machine/kernels.ts';
import { S_IFDIR, S_IFREG } from '../vfs/types.ts';
import { showStatm } from './array.ts';
import { showAuxv } from './auxv.ts';
import {
  cwdLink,
  exeLink,
  onlyAdmins,
  onlyTracers,
  onlyTracersElsePerm,
  rootLink,
  showCgroup,
  showCmdline,
  showComm,
  showEnviron,
  showIo,
  showLimits,
  showOomAdj,
  showOomScore,
  showOomScoreAdj,
  showStack,
  showSyscall,
  showWchan,
  writeComm,
  writeOomAdj,
  writeOomScoreAdj,
} from './base-files.ts';
import { writeClearRefs, writeClearRefsGone } from './clear-refs.ts';
import {
  type Child,
  type Directory,
  type Entry,
  file,
  inKernels,
  isThere,
  symlink,
  type TaskContext,
} from './entry.ts';
import { descriptorDirectory, FD_TYPE, FDINFO_TYPE } from './fd.ts';
import { taskIno } from './inode.ts';
import { openMem } from './mem-file.ts';
import { showMountinfo, showMounts, withNamespaces } from './mounts.ts';
import { attrTable, namespaceDirectory, nsTable } from './namespaces.ts';
import { showNumaMaps } from './numa-maps.ts';
import { openPagemap } from './pagemap.ts';
import { showSched, showSchedstat } from './sched.ts';
import { showStatus } from './status.ts';
import { currentContext } from './task-context.ts';
import { isLong, showMaps, showSmaps, showSmapsRollup } from './task-mmu.ts';
import { ATTR_ROWS, FD_ROW, FDINFO_ROW, NS_ROWS } from './task-rows.ts';
import type { TextBuffer } from './text.ts';

type Row = Entry<TaskContext>;
const constant = (text: string) => (out: TextBuffer) => void out.text(text);

/** A directory that holds the rows of a table, numbered from `firstRow` on, for the thread of the directory itself. */
export function tableDirectory(table: readonly Row[], firstRow: number): Directory<TaskContext> {
  const rowOf = new Map(table.map((entry, i) => [entry.name, i]));
  return {
    find: ({ machine, task, thread }, name) => {
      const row = rowOf.get(name);
      if (row === undefined || !isThere(table[row]!, machine)) return undefined;
      return taskIno(task.serial, firstRow + row, thread.tid);
    },
    list: ({ machine, task, thread }) => {
      const children: Child[] = [];
      for (const [i, entry] of table.entries())
        if (isThere(entry, machine))
          children.push({
            name: entry.name,
            ino: taskIno(task.serial, firstRow + i, thread.tid),
            type: entry.mode & 0o170000,
          });
      return children;
    },
  };
}

/** The network of the machine, the same for all. Its files are those of /proc/net. */
const netDirectory: Directory<TaskContext> = {
  find: ({ tree }, name) => tree.find('net')?.children?.get(name)?.ino,
  list: ({ tree }) => tree.find('net')?.listed ?? [],
};

function dir(name: string, perm: number, directory: Directory<TaskContext>, more: Partial<Row> = {}): Row {
  return { name, mode: S_IFDIR | perm, dir: directory, ...more };
}

/** By name; each table picks its own in its own order. Mirrors: fs/proc/base.c. */
const ROWS: readonly Row[] = [
  // Pretend: no thread has used AVX-512 lately.
  file('arch_status', 0o444, constant('AVX512_elapsed_ms:\t-1\n'), { isThere: inKernels({ since: '5.10' }) }),
  dir('attr', 0o555, tableDirectory(attrTable, ATTR_ROWS)),
  file('auxv', 0o400, showAuxv, { needsMm: true, traced: 'mm' }),
  file('cgroup', 0o444, showCgroup),
  {
    name: 'clear_refs',
    mode: S_IFREG | 0o200,
    write: writeClearRefs,
    writeGone: writeClearRefsGone,
  },
  file('cmdline', 0o444, showCmdline),
  file('comm', 0o644, showComm, { write: writeComm }),
  file('cpuset', 0o444, constant('/\n')),
  symlink('cwd', cwdLink, { traced: true }),
  file('environ', 0o400, showEnviron, { needsMm: true, traced: 'mm' }),
  symlink('exe', exeLink, { traced: true }),
  dir('fd', 0o500, descriptorDirectory(FD_ROW, FD_TYPE), { traced: true }),
  dir('fdinfo', 0o555, descriptorDirectory(FDINFO_ROW, FDINFO_TYPE), { traced: true }),
  // Pretend: one user namespace for all.
  file('gid_map', 0o644, constant('         0          0 4294967295\n')),
  file('io', 0o400, showIo, { refuse: onlyTracers }),
  file('ksm_merging_pages', 0o400, constant('0\n'), { traced: true, isThere: inKernels({ since: '6.1' }) }),
  file(
    'ksm_stat',
    0o400,
    (out, { machine }) => {
      out.text('ksm_rmap_items 0\n');
      if (isIn(machine.options.kernel, { since: '6.18' }))
        out.text('ksm_zero_pages 0\nksm_merging_pages 0\nksm_process_profit 0\nksm_merge_any: no\nksm_mergeable: no\n');
    },
    { traced: true, isThere: inKernels({ since: '6.1' }) },
  ),
  file('limits', 0o444, showLimits),
  // Pretend: nobody has logged in.
  file('loginuid', 0o644, constant('4294967295')),
  file('maps', 0o444, showMaps, { traced: 'mm', isLong: (ctx) => isLong(ctx, false) }),
  { name: 'mem', mode: S_IFREG | 0o600, open: (ctx) => openMem(ctx, currentContext(ctx)), traced: true },
  file('mountinfo', 0o444, withNamespaces(showMountinfo)),
  file('mounts', 0o444, withNamespaces(showMounts)),
  dir('net', 0o555, netDirectory),
  dir('ns', 0o511, namespaceDirectory(tableDirectory(nsTable, NS_ROWS)), { traced: true }),
  file('numa_maps', 0o444, showNumaMaps, { traced: 'mm', isLong: (ctx) => isLong(ctx, true) }),
  file('oom_adj', 0o644, showOomAdj, { write: writeOomAdj }),
  file('oom_score', 0o444, showOomScore),
  file('oom_score_adj', 0o644, showOomScoreAdj, { write: writeOomScoreAdj }),
  { name: 'pagemap', mode: S_IFREG | 0o400, open: (ctx) => openPagemap(ctx, currentContext(ctx)), traced: 'mm' },
  file('personality', 0o400, constant('00000000\n'), { refuse: onlyTracersElsePerm }),
  file('projid_map', 0o644, constant('         0          0 4294967295\n')),
  symlink('root', rootLink, { traced: true }),
  file('sched', 0o644, showSched, { write: (_ctx, data) => data.length }),
  file('schedstat', 0o444, showSchedstat),
  file('sessionid', 0o444, constant('4294967295')),
  file('setgroups', 0o644, constant('allow\n')),
  file('smaps', 0o444, showSmaps, { traced: 'mm', isLong: (ctx) => isLong(ctx, true) }),
  file('smaps_rollup', 0o444, showSmapsRollup, {
    needsMm: true,
    traced: 'mm',
    isLong: (ctx) => isLong(ctx, true),
  }),
  file('stack', 0o400, showStack, { refuse: onlyAdmins, privileged: true }),
  file('statm', 0o444, showStatm),
  file('status', 0o444, showStatus),
  file('syscall', 0o400, showSyscall, { refuse: onlyTracersElsePerm }),
  file('uid_map', 0o644, constant('         0          0 4294967295\n')),
  file('wchan', 0o444, showWchan),
];

const BY_NAME = new Map(ROWS.map((row) => [row.name, row]));

/** The shared rows of these names. */
export function shared(names: string): readonly Row[] {
  return names.split(/\s+/).map((name) => BY_NAME.get(name)!);
}
