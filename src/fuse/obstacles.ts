/** What mounting through /dev/fuse depends on: asked by `doctor`, and by a mount that has failed. */
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

/** What does not work, and what to do about it. */
export interface Obstacle {
  readonly found: string;
  readonly advice: string;
}

export const DEVICE = '/dev/fuse';

/** Why this user cannot open the device; undefined when nothing speaks against it. */
export function deviceObstacle(): Obstacle | undefined {
  try {
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT')
      return { found: 'missing', advice: 'as root: modprobe fuse (in a container: --device /dev/fuse)' };
    return { found: `may not be opened (${code})`, advice: `as root: chmod 666 ${DEVICE}` };
  }
}

/** Where the helper of ordinary users is. */
export function fusermountPath(): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/bin', '/usr/bin', '/usr/local/bin'];
  return ['fusermount', 'fusermount3']
    .flatMap((name) => directories.map((directory) => join(directory || '.', name)))
    .find(existsSync);
}

/** Why an ordinary user cannot have the helper mount; undefined for root, who does not need it. */
export function fusermountObstacle(): Obstacle | undefined {
  if (process.geteuid?.() === 0) return undefined;
  const path = fusermountPath();
  if (path === undefined)
    return { found: 'missing', advice: 'for mounts by ordinary users: apt-get install fuse (or fuse3), as root' };
  if (!hasName())
    return {
      found: `refuses user ${process.geteuid?.()}, who has no name`,
      advice: 'add a line to /etc/passwd (in a container: useradd)',
    };
  if ((statSync(path).mode & 0o4000) !== 0) return undefined;
  return { found: `${path} is not set-uid root`, advice: `as root: chmod u+s ${path}` };
}

/** The first thing that keeps this process from mounting, in one line: `/dev/fuse is missing: as root: modprobe fuse`. */
export function mountObstacle(): string | undefined {
  const device = deviceObstacle();
  if (device !== undefined) return `${DEVICE} ${verb(device.found)}: ${device.advice}`;
  const helper = fusermountObstacle();
  return helper === undefined ? undefined : `fusermount ${verb(helper.found)}: ${helper.advice}`;
}

function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}

function verb(found: string): string {
  return found === 'missing' ? 'is missing' : found;
}

/** fusermount lets an ordinary user pass allow_other only if /etc/fuse.conf says so. */
export function mayAllowOther(): boolean {
  if (process.geteuid?.() === 0) return true;
  try {
    return /^\s*user_allow_other\b/m.test(readFileSync('/etc/fuse.conf', 'utf8'));
  } catch {
    return false;
  }
}
