import { ENOSYS, EPROTO } from '../../util/errno.ts';
import { logger } from '../../util/log.ts';
import { type HandlerRows, NO_ANSWER } from './handler.ts';
import {
  FUSE_ACCESS,
  FUSE_ATOMIC_O_TRUNC,
  FUSE_BATCH_FORGET,
  FUSE_BIG_WRITES,
  FUSE_DESTROY,
  FUSE_FLUSH,
  FUSE_FORGET,
  FUSE_INIT,
  FUSE_INTERRUPT,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  FUSE_MAX_PAGES,
  FUSE_NOTIFY_REPLY,
  FUSE_OLDEST_MINOR_VERSION,
  FUSE_PARALLEL_DIROPS,
  FUSE_STATFS,
  IN_BODY,
  INIT_FLAGS,
  INIT_MAJOR,
  INIT_MINOR,
  INIT_OUT_BYTES,
  INIT_READAHEAD,
  MAX_WRITE,
  OUT_BODY,
  PAGE_SIZE,
  STATFS_OUT_BYTES,
} from './protocol.ts';
import type { Session } from './session.ts';

const log = logger('fuse:direct');

const NAME_MAX = 255;
/** Requests the kernel may have under way without a caller waiting, and from which on it calls the device congested. */
const MAX_BACKGROUND = 64;
const CONGESTION_THRESHOLD = 48;
const WANTED_FLAGS = FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES;

/** Requests about the connection itself. */
export const sessionHandlers: HandlerRows = [
  [FUSE_INIT, init],
  [FUSE_DESTROY, () => 0],
  [FUSE_STATFS, statfs],
  // Inodes live as long as the file system says, whatever the kernel remembers: nothing to count.
  [FUSE_FORGET, noAnswer],
  [FUSE_BATCH_FORGET, noAnswer],
  [FUSE_INTERRUPT, interrupt],
  [FUSE_NOTIFY_REPLY, notifyReply],
  // Nothing is buffered; after one ENOSYS close(2) costs no request.
  [FUSE_FLUSH, () => -ENOSYS],
  // The kernel checks permissions itself (default_permissions); after one ENOSYS it never asks.
  [FUSE_ACCESS, () => -ENOSYS],
];

/** Agrees on a version and on what both sides can do. */
function init(session: Session): number {
  const { request, reply } = session;
  const { words, bytes } = reply;
  const major = request.u32(INIT_MAJOR);
  const minor = request.u32(INIT_MINOR);
  log('kernel speaks %d.%d', major, minor);
  if (major < FUSE_KERNEL_VERSION || (major === FUSE_KERNEL_VERSION && minor < FUSE_OLDEST_MINOR_VERSION)) {
    session.refusal = `the kernel speaks FUSE ${major}.${minor}; 7.31 (Linux 5.4) is needed: use --transport fuse-native`;
    return -EPROTO;
  }
  bytes.fill(0, OUT_BODY * 4, OUT_BODY * 4 + INIT_OUT_BYTES);
  words[OUT_BODY] = FUSE_KERNEL_VERSION;
  words[OUT_BODY + 1] = FUSE_KERNEL_MINOR_VERSION;
  // A kernel with a higher major sends a second INIT with ours.
  if (major === FUSE_KERNEL_VERSION) {
    words[OUT_BODY + 2] = request.u32(INIT_READAHEAD);
    words[OUT_BODY + 3] = request.u32(INIT_FLAGS) & WANTED_FLAGS;
    words[OUT_BODY + 4] = MAX_BACKGROUND | (CONGESTION_THRESHOLD << 16);
    words[OUT_BODY + 5] = MAX_WRITE;
    words[OUT_BODY + 6] = 1; // Times are exact to the nanosecond.
    words[OUT_BODY + 7] = MAX_WRITE / PAGE_SIZE;
  }
  return INIT_OUT_BYTES;
}

/** Pretend an empty file system of one block size. Also a way for the main thread to wake this one. */
function statfs(session: Session): number {
  session.poked();
  const { words, bytes } = session.reply;
  bytes.fill(0, OUT_BODY * 4, OUT_BODY * 4 + STATFS_OUT_BYTES);
  words[OUT_BODY + 10] = PAGE_SIZE;
  words[OUT_BODY + 11] = NAME_MAX;
  words[OUT_BODY + 12] = PAGE_SIZE;
  return STATFS_OUT_BYTES;
}

function interrupt(session: Session): number {
  session.interrupt(session.request.u32(IN_BODY), session.request.u32(IN_BODY + 1));
  return NO_ANSWER;
}

function notifyReply(session: Session): number {
  session.poked();
  return NO_ANSWER;
}

function noAnswer(): number {
  return NO_ANSWER;
}
