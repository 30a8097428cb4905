import { readFileSync } from 'node:fs';

/** One mount, as a line of /proc/self/mountinfo tells it (Documentation/filesystems/proc.rst §3.5). */
export interface MountInfo {
  readonly id: number;
  /** major:minor of the super block; for FUSE the minor is the number of the connection. */
  readonly device: string;
  readonly root: string;
  readonly mountpoint: string;
  readonly type: string;
  readonly source: string;
}

/** What our mounts look like: `fuse.reclaimfs` with the source `reclaimfs`. */
export const SUBTYPE = 'reclaimfs';
export const MOUNT_TYPE = `fuse.${SUBTYPE}`;

/** Parses the text of a mountinfo file; lines that are none are skipped. */
export function parseMountInfo(text: string): MountInfo[] {
  const mounts: MountInfo[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    if (separator < 0) continue;
    mounts.push({
      id: Number(fields[0]),
      device: fields[2] ?? '',
      root: unescapeOctal(fields[3] ?? ''),
      mountpoint: unescapeOctal(fields[4] ?? ''),
      type: unescapeOctal(fields[separator + 1] ?? ''),
      source: unescapeOctal(fields[separator + 2] ?? ''),
    });
  }
  return mounts;
}

/** The topmost mount on exactly this path; undefined where there is none. The path is not touched. */
export function findMount(path: string, text = readFileSync('/proc/self/mountinfo', 'utf8')): MountInfo | undefined {
  return parseMountInfo(text).findLast((mount) => mount.mountpoint === path);
}

/** Whether it is one of ours, of whichever transport. */
export function isOurs(mount: MountInfo): boolean {
  return mount.type === MOUNT_TYPE || (mount.type === 'fuse' && mount.source === SUBTYPE);
}

/** Undoes the kernel's escaping of space, tab, newline and backslash (\040, \011, \012, \134). */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
