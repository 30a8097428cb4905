/** PID/fd, PID/fdinfo, PID/map_files. Mirrors: fs/proc/fd.c, fs/proc/base.c:proc_map_files_readdir. */
import { isIn } from '../machine/kernels.ts';
import { dPath } from '../machine/paths.ts';
import type { Task } from '../machine/task.ts';
import type { Vma } from '../mm/space/vma.ts';
import { ENOENT } from '../util/errno.ts';
import { S_IFLNK, S_IFREG } from '../vfs/types.ts';
import type { Child, Directory, TaskContext } from './entry.ts';
import { taskIno } from './inode.ts';
import type { TextBuffer } from './text.ts';

/** Pretend: every process with memory has standard input, output and error on /dev/null, and nothing else open. */
const OPEN_FILES = 3;
const TARGET = '/dev/null';
const O_RDWR_LARGEFILE = '0100002';

export function nrOpenFiles(task: Task): number {
  return task.mm === null ? 0 : OPEN_FILES;
}

/** The directory of descriptors whose entries stand in a row of the tables. */
export function descriptorDirectory(row: number, type: number): Directory<TaskContext> {
  return {
    find: ({ task }, name) =>
      /^(0|[1-9]\d*)$/.test(name) && Number(name) < nrOpenFiles(task)
        ? taskIno(task.serial, row, Number(name))
        : undefined,
    list: ({ task }) => {
      const children: Child[] = [];
      for (let fd = 0; fd < nrOpenFiles(task); fd++)
        children.push({ name: String(fd), ino: taskIno(task.serial, row, fd), type });
      return children;
    },
  };
}

export const FD_TYPE = S_IFLNK;
export const FDINFO_TYPE = S_IFREG;

export function fdLink({ task, sub }: TaskContext): string | number {
  return sub < nrOpenFiles(task) ? TARGET : -ENOENT;
}

export function showFdinfo(out: TextBuffer, { machine }: TaskContext): void {
  out.text(`pos:\t0\nflags:\t${O_RDWR_LARGEFILE}\nmnt_id:\t25\n`);
  if (isIn(machine.options.kernel, { since: '6.1' })) out.text('ino:\t4\n');
}

/** Names of the mappings of files, `start-end` in hexadecimal; the index among all mappings stands in the inode. */
export function mapFilesDirectory(row: number): Directory<TaskContext> {
  return {
    find: ({ task }, name) => {
      const start = Number.parseInt(name, 16) / 4096;
      const index = task.mm?.indexAfter(start) ?? -1;
      const vma = task.mm?.vmas[index];
      return vma?.mapping && mapName(vma) === name ? taskIno(task.serial, row, index) : undefined;
    },
    list: ({ task }) => {
      const children: Child[] = [];
      task.mm?.vmas.forEach((vma, index) => {
        if (vma.mapping) children.push({ name: mapName(vma), ino: taskIno(task.serial, row, index), type: S_IFLNK });
      });
      return children;
    },
  };
}

function mapName(vma: Vma): string {
  return `${vma.start.toString(16)}000-${vma.end.toString(16)}000`;
}

export function mapFileLink({ task, sub }: TaskContext): string | number {
  const vma = task.mm?.vmas[sub];
  return vma?.mapping ? dPath(vma.mapping) : -ENOENT;
}
