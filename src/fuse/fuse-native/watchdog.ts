/**
 * A thread beside the one that serves a mount through fuse-native: when the mount has gone and that thread is so busy that it
 * does not notice, the process ends all the same. It is terminated where the mount ends in order.
 */
import { workerData } from 'node:worker_threads';
import { isPresent, type MountInfo } from '../mountinfo.ts';

const LOOK_MS = 400;
/** Looks in vain before the process is killed. */
const PATIENCE = 3;

const mount: MountInfo = workerData;
let nrInVain = 0;
setInterval(() => {
  nrInVain = isPresent(mount) ? 0 : nrInVain + 1;
  if (nrInVain >= PATIENCE) process.kill(process.pid, 'SIGKILL');
}, LOOK_MS);
