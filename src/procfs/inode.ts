/**
 * Inode numbers by formula, so that ten thousand processes need no table and no number comes back for something else:
 *
 *   [1, 2^22)           node of the fixed tree, in the order of its rows
 *   [2^22, 2^23)        link to a process of the host: 2^22 + pid
 *   [2^23, 2^24 − 2^16) directory of simulated files, counted as they are first seen
 *   [2^24 − 2^16, 2^24) a machine that is kept, by its serial
 *   [2^24, 2^30)        left to others: control groups (src/server/cgroup-tree.ts)
 *   [2^30, 2^52)        serial of the process (22 bits) · row of its tables (8 bits) · thread id, descriptor, index (22 bits)
 *                       but for [2^32 − 2^28 − 64, 2^32 − 2^28), where the kernel has the initial namespaces: a row that no table has
 *   [2^52, 2^52+2^51)   simulated file: 2^52 + its number
 *   [2^52+2^51, 2^53)   left to others: real processes of `run`, /sys
 *
 * Serials are counted over all processes ever made: the number of the four-millionth process is the first one's again.
 */
import type { Ino } from '../vfs/types.ts';

const SUB = 2 ** 22;
const ROWS = 2 ** 8;
const PER_TASK = SUB * ROWS;
const SERIALS = 2 ** 22 - 1;
const HOST_LINKS = SUB;
const DISK_DIRECTORIES = 2 * SUB;
const KEPT_MACHINES = 2 ** 16;
const FIRST_KEPT = 4 * SUB - KEPT_MACHINES;
/** Mirrors: PROC_DYNAMIC_FIRST, below which the initial namespaces have their fixed numbers. */
const NAMESPACES_END = 0xf0000000;
const FIRST_NAMESPACE = NAMESPACES_END - 64;
const DISK_FILES = 2 ** 52;
const BRANCHES = DISK_FILES + 2 ** 51;

/** Where other trees that hang in this one have their numbers. */
export const CGROUP_INODES = { first: 2 ** 24, end: 2 ** 30 } as const;
export const OWN_PROCESS_INODES = { first: BRANCHES, end: BRANCHES + 2 ** 32 } as const;
export const SYSFS_INODES = { first: BRANCHES + 2 ** 32, end: BRANCHES + 2 ** 33 } as const;

export type Place =
  | { readonly kind: 'fixed'; readonly index: number }
  | { readonly kind: 'host'; readonly pid: number }
  | { readonly kind: 'task'; readonly serial: number; readonly row: number; readonly sub: number }
  | { readonly kind: 'disk-directory'; readonly number: number }
  | { readonly kind: 'kept' }
  | { readonly kind: 'namespace' }
  | { readonly kind: 'disk-file'; readonly id: number };

export function isFixedIno(ino: Ino): boolean {
  return ino < HOST_LINKS;
}

export function fixedIno(index: number): Ino {
  return index;
}

export function hostLinkIno(pid: number): Ino {
  return HOST_LINKS + pid;
}

export function taskIno(serial: number, row: number, sub: number): Ino {
  return (((serial - 1) % SERIALS) + 1) * PER_TASK + row * SUB + sub;
}

export function diskDirectoryIno(number: number): Ino {
  return DISK_DIRECTORIES + number;
}

export function diskFileIno(id: number): Ino {
  return DISK_FILES + id;
}

/** By a serial that counts all machines ever kept: after 65,536 a number comes back. */
export function keptIno(serial: number): Ino {
  return FIRST_KEPT + (serial % KEPT_MACHINES);
}

/** What an inode number stands for. */
export function placeOf(ino: Ino): Place {
  if (ino >= DISK_FILES) return { kind: 'disk-file', id: ino - DISK_FILES };
  if (ino >= FIRST_NAMESPACE && ino < NAMESPACES_END) return { kind: 'namespace' };
  if (ino >= PER_TASK) {
    const serial = Math.floor(ino / PER_TASK);
    const rest = ino - serial * PER_TASK;
    const row = Math.floor(rest / SUB);
    return { kind: 'task', serial, row, sub: rest - row * SUB };
  }
  if (ino >= FIRST_KEPT) return { kind: 'kept' };
  if (ino >= DISK_DIRECTORIES) return { kind: 'disk-directory', number: ino - DISK_DIRECTORIES };
  if (ino >= HOST_LINKS) return { kind: 'host', pid: ino - HOST_LINKS };
  return { kind: 'fixed', index: ino };
}
