/** Clearing away what earlier processes have left in the directory for temporary files. */
import { lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findMount } from '../fuse/mountinfo.ts';
import { logger } from '../util/log.ts';

const log = logger('sweep');
/** A directory that was made for a mount is empty for a moment before it is mounted on. */
const DIRECTORY_MS = 10 * 60_000;
/** What a server that crashed had to say may be wanted for a while. */
const LOG_MS = 7 * 24 * 3_600_000;
/** mkdtemp's: of `run`, and of mounts that a library made. */
const DIRECTORY = /^reclaimfs-(run-)?[A-Za-z0-9]{6}$/;

/**
 * Removes empty directories of ours on which nothing is mounted, and old logs: those who made them were killed. Only what
 * belongs to this user; never throws.
 */
export function sweepTemporary(directory = tmpdir(), nowMs = Date.now()): void {
  const uid = process.geteuid?.() ?? 0;
  for (const name of attempt(() => readdirSync(directory)) ?? []) {
    const path = join(directory, name);
    if (name === `reclaimfs-${uid}`) sweepLogs(path, uid, nowMs);
    else if (DIRECTORY.test(name) && findMount(path) === undefined && isOld(path, uid, nowMs - DIRECTORY_MS, 'dir'))
      attempt(() => rmdirSync(path));
  }
}

function sweepLogs(directory: string, uid: number, nowMs: number): void {
  for (const name of attempt(() => readdirSync(directory)) ?? []) {
    const path = join(directory, name);
    if (name.endsWith('.log') && isOld(path, uid, nowMs - LOG_MS, 'file')) attempt(() => rmSync(path));
  }
  attempt(() => rmdirSync(directory));
}

function isOld(path: string, uid: number, beforeMs: number, kind: 'dir' | 'file'): boolean {
  const stats = attempt(() => lstatSync(path));
  if (stats === undefined || stats.uid !== uid || stats.mtimeMs > beforeMs) return false;
  return kind === 'dir' ? stats.isDirectory() : stats.isFile();
}

/** What is in use, or somebody else's, stays. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    log('%s', error);
    return undefined;
  }
}
