import { spawn } from 'node:child_process';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { logger } from '../util/log.ts';
import { findMount, isOurs } from './mountinfo.ts';
import { MountError } from './types.ts';
import { detach } from './unmount.ts';

const log = logger('fuse:mount');
/** Who is mounted over is asked for so long; one that says nothing is not mounted over in any case. */
const ANSWER_MS = 1000;
/** What node makes of bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * The absolute path of a mount point with links resolved, without touching the mount itself: a server that does not
 * answer must not hang us. Errors: MountError for the empty path, which is not the current directory.
 */
export async function canonicalPath(path: string): Promise<string> {
  if (path === '') throw new MountError('the mount point is empty: give a directory');
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
    const state = await refuseServed(path, mountpoint, cover);
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

/**
 * Refuses a mount point where a server of ours answers, or does not answer; gives its state where it has ended. To be asked
 * before a server process is started, too: that takes long enough on a busy machine.
 */
export async function refuseServed(path: string, mountpoint: string, cover = false): Promise<string | undefined> {
  const mount = findMount(mountpoint);
  if (!mount || !isOurs(mount)) return undefined;
  const state = await serverWithin(mountpoint, ANSWER_MS);
  if (state === 'ok' && !cover)
    throw new MountError(`${path} is already mounted: use "reclaimfs umount ${path}" first`);
  if (state === 'hung')
    throw new MountError(`${path} is mounted, but its server does not answer: use "reclaimfs umount ${path}" first`);
  return state;
}

async function checkDirectory(path: string, mountpoint: string, cover: boolean): Promise<void> {
  const state = await statWithin(mountpoint, ANSWER_MS);
  if (state === 'ENOENT') throw new MountError(`${path} does not exist: ${adviceForMissing(path)}`);
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

/** Arguments that are no UTF-8 have been changed before we see them: the name that is there is none that we can give. */
export function adviceForMissing(path: string): string {
  if (path.includes(REPLACEMENT)) return 'names that are no UTF-8 cannot be used: choose another directory';
  return `create it with "mkdir -p ${path}"`;
}

/** 'ok', the error's code, or 'hung' when there is no answer within `ms`. */
export function statWithin(path: string, ms: number): Promise<string> {
  return outcomeWithin(stat(path), ms);
}

const ERRORS: readonly (readonly [string, string])[] = [
  ['Transport endpoint is not connected', 'ENOTCONN'],
  ['Software caused connection abort', 'ECONNABORTED'],
  ['Permission denied', 'EACCES'],
  ['Operation not permitted', 'EPERM'],
];

/**
 * The same of the server of a mount: its attributes may outlive it in the kernel's cache, statfs always asks. Another
 * process asks: whoever waits for a server that is stopped cannot be ended, and a thread of ours would keep us from it, too.
 */
export function serverWithin(path: string, ms: number): Promise<string> {
  return new Promise((settle) => {
    const child = spawn('stat', ['-f', '--', path], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    let complaint = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.stderr.destroy();
      child.unref();
      settle('hung');
    }, ms);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    const end = (state: string): void => {
      clearTimeout(timer);
      settle(state);
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code) => {
      const known = ERRORS.find(([text]) => complaint.includes(text))?.[1];
      end(code === 0 ? 'ok' : (known ?? complaint.trim()));
    });
  });
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
