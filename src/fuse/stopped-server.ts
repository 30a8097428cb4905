import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { logger } from '../util/log.ts';
import { DEVICE } from './obstacles.ts';

const log = logger('fuse:mount');

/**
 * Lets servers go on that somebody has stopped (SIGSTOP, Ctrl-Z), so that they see that their mount has gone, and end. A
 * server has its mount point among its arguments and the device open; those of other users are left alone.
 */
export function resumeServers(mountpoint: string): void {
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name) || !isStoppedServer(name, mountpoint)) continue;
    log('server %s is stopped: it is to go on', name);
    process.kill(Number(name), 'SIGCONT');
  }
}

function isStoppedServer(pid: string, mountpoint: string): boolean {
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(mountpoint)) return false;
    if (!/^State:\tT /m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))) return false;
    const descriptors = `/proc/${pid}/fd`;
    return readdirSync(descriptors).some((fd) => readlinkSync(`${descriptors}/${fd}`) === DEVICE);
  } catch {
    return false; // It has gone, or it is somebody else's.
  }
}
