import { readdir, realpath, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { logger } from '../util/log.ts';
import { findMount, isOurs } from './mountinfo.ts';
import { MountError } from './types.ts';
import { detach } from './unmount.ts';

const log = logger('fuse:mount');
const ANSWER_MS = 3000;

/**
 * The absolute path of a mount point with links resolved, without touching the mount itself: a server that does not
 * answer must not hang us.
 */
export async function canonicalPath(path: string): Promise<string> {
  const absolute = resolve(path);
  if (absolute === '/') return absolute;
  if (findMount(absolute)) return absolute;
  try {
    const parent = join(await realpath(dirname(absolute)), basename(absolute));
    return findMount(parent) ? parent : await realpath(parent);
  } catch {
    return absolute;
  }
}

/**
 * Makes sure that we can mount on `path` and returns its canonical form. A mount left behind by a server that was killed
 * is taken away. With `cover` only the existence of the directory is asked for.
 *
 * Errors: MountError, in one line that says what to do.
 */
export async function prepareMountpoint(path: string, cover: boolean, notice: (line: string) => void): Promise<string> {
  const mountpoint = await canonicalPath(path);
  const mount = findMount(mountpoint);
  if (mount && isOurs(mount)) {
    const state = await serverWithin(mountpoint, ANSWER_MS);
    if (state === 'ok' && !cover)
      throw new MountError(`${path} is already mounted: use "reclaimfs umount ${path}" first`);
    if (state === 'hung')
      throw new MountError(`${path} is mounted, but its server does not answer: use "reclaimfs umount ${path}" first`);
    if (state !== 'ok') {
      log('stale mount on %s (%s)', mountpoint, state);
      await detach(mount, true);
      notice(`recovered ${path}: the mount of a server that was killed has been taken away`);
      return prepareMountpoint(path, cover, notice);
    }
  } else if (mount && !cover) {
    throw new MountError(`${path} is a mount point already (${mount.type}, ${mount.source}): choose another directory`);
  }
  await checkDirectory(path, mountpoint, cover);
  return mountpoint;
}

async function checkDirectory(path: string, mountpoint: string, cover: boolean): Promise<void> {
  const state = await statWithin(mountpoint, ANSWER_MS);
  if (state === 'ENOENT') throw new MountError(`${path} does not exist: create it with "mkdir -p ${path}"`);
  if (state === 'hung') throw new MountError(`${path} does not answer: choose another directory`);
  if (state === 'ENOTCONN')
    throw new MountError(`${path} is the mount of a FUSE server that has died: use "umount -l ${path}" first`);
  if (state !== 'ok') throw new MountError(`${path} cannot be used: ${state}`);
  if (!(await stat(mountpoint)).isDirectory())
    throw new MountError(`${path} is not a directory: choose an empty directory`);
  if (cover) return;
  const entries = await readdir(mountpoint);
  if (entries.length > 0) throw new MountError(`${path} is not empty (${entries[0]}…): choose an empty directory`);
}

/** 'ok', the error's code, or 'hung' when there is no answer within `ms`. */
export function statWithin(path: string, ms: number): Promise<string> {
  return outcomeWithin(stat(path), ms);
}

/** The same of the server of a mount: its attributes may outlive it in the kernel's cache, statfs always asks. */
function serverWithin(path: string, ms: number): Promise<string> {
  return outcomeWithin(statfs(path), ms);
}

async function outcomeWithin(asked: Promise<unknown>, ms: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<string>((settle) => {
    timer = setTimeout(settle, ms, 'hung');
  });
  const answer = asked.then(
    () => 'ok',
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
  const state = await Promise.race([answer, hung]);
  clearTimeout(timer);
  return state;
}
