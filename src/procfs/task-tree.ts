/** All rows of a process by their number in its inodes. */
import { S_IFLNK } from '../vfs/types.ts';
import { type Entry, file, type TaskContext } from './entry.ts';
import { fdLink, mapFileLink, showFdinfo } from './fd.ts';
import { attrTable, nsTable } from './namespaces.ts';
import {
  ATTR_ROWS,
  FD_ROW,
  FDINFO_ROW,
  MAP_FILES_ROW,
  NS_ROWS,
  TGID_DIRECTORY,
  TGID_ROWS,
  TID_DIRECTORY,
  TID_ROWS,
} from './task-rows.ts';
import { tgidDirectory, tgidTable } from './tgid-base.ts';
import { tidDirectory, tidTable } from './tid-base.ts';

const BLOCKS: readonly (readonly [firstRow: number, rows: readonly Entry<TaskContext>[]])[] = [
  [TGID_DIRECTORY, [tgidDirectory]],
  [TID_DIRECTORY, [tidDirectory]],
  [FD_ROW, [{ name: '', mode: S_IFLNK | 0o700, link: fdLink, traced: true }]],
  [FDINFO_ROW, [file('', 0o444, showFdinfo, { traced: true })]],
  [MAP_FILES_ROW, [{ name: '', mode: S_IFLNK | 0o400, link: mapFileLink, traced: true }]],
  [NS_ROWS, nsTable],
  [ATTR_ROWS, attrTable],
  [TGID_ROWS, tgidTable],
  [TID_ROWS, tidTable],
];

const rows: (Entry<TaskContext> | undefined)[] = [];
for (const [firstRow, block] of BLOCKS) {
  for (const [i, entry] of block.entries()) rows[firstRow + i] = entry;
}

/** The row of a number, undefined for one that no table has. */
export function taskEntry(row: number): Entry<TaskContext> | undefined {
  return rows[row];
}

/** Rows whose number in the inode is a descriptor or an index; with all others it is a thread. */
export function countsThings(row: number): boolean {
  return row === FD_ROW || row === FDINFO_ROW || row === MAP_FILES_ROW;
}
