import { openSync, readSync } from 'node:fs';

/** One mount, as a line of /proc/self/mountinfo tells it (Documentation/filesystems/proc.rst §3.5). */
export interface MountInfo {
  readonly id: number;
  /** major:minor of the super block; for FUSE the minor is the number of the connection. */
  readonly device: string;
  readonly root: string;
  readonly mountpoint: string;
  readonly type: string;
  readonly source: string;
  /** Of the super block: rw,user_id=0,… */
  readonly superOptions: string;
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
      superOptions: fields[separator + 3] ?? '',
    });
  }
  return mounts;
}

/** The topmost mount on exactly this path; undefined where there is none. The path is not touched. */
export function findMount(path: string, text = readMountInfo()): MountInfo | undefined {
  return parseMountInfo(text).findLast((mount) => mount.mountpoint === path);
}

/** Whether this very mount is what is to be seen on its mount point: neither gone nor covered by another. */
export function isOnTop(mount: MountInfo): boolean {
  const top = findMount(mount.mountpoint);
  return top?.id === mount.id && top.device === mount.device;
}

/** Whether this very mount is still there, be it covered by another. */
export function isPresent(mount: MountInfo): boolean {
  const mounts = parseMountInfo(readMountInfo());
  return mounts.some(({ id, device }) => id === mount.id && device === mount.device);
}

/** Whether it is one of ours, of whichever transport. */
export function isOurs(mount: MountInfo): boolean {
  return mount.type === MOUNT_TYPE || (mount.type === 'fuse' && mount.source === SUBTYPE);
}

const CHUNK_BYTES = 65_536;
let descriptor: number | undefined;

/**
 * The kernel's list of the mounts that this process sees. It is read through one descriptor, opened before anything of
 * ours is mounted: our own tree may come to lie over /proc, and asking it would tell nonsense, or never return.
 */
function readMountInfo(): string {
  descriptor ??= openSync('/proc/self/mountinfo', 'r');
  const chunks: Buffer[] = [];
  for (let position = 0; ; ) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const length = readSync(descriptor, chunk, 0, CHUNK_BYTES, position);
    if (length === 0) return Buffer.concat(chunks).toString();
    chunks.push(chunk.subarray(0, length));
    position += length;
  }
}

/** Undoes the kernel's escaping of space, tab, newline and backslash (\040, \011, \012, \134). */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
