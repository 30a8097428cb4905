import { EBADF, EINVAL, ENOTTY } from '../../util/errno.ts';
import { Later, type OpenFile, Pending, POLLIN, POLLOUT, WAIT } from '../../vfs/types.ts';
import { type HandlerRows, NO_ANSWER } from './handler.ts';
import {
  FOPEN_DIRECT_IO,
  FUSE_FSYNC,
  FUSE_FSYNCDIR,
  FUSE_IOCTL,
  FUSE_OPEN,
  FUSE_OPENDIR,
  FUSE_POLL,
  FUSE_POLL_SCHEDULE_NOTIFY,
  FUSE_READ,
  FUSE_READDIR,
  FUSE_RELEASE,
  FUSE_RELEASEDIR,
  FUSE_WRITE,
  IN_BODY,
  IOCTL_COMMAND,
  IOCTL_OUT_BYTES,
  MAX_WRITE,
  OPEN_OUT_BYTES,
  OUT_BODY,
  POLL_FLAGS,
  POLL_KH,
  POLL_OUT_BYTES,
  RW_FH,
  RW_OFFSET,
  RW_SIZE,
  WRITE_DATA_BYTE,
} from './protocol.ts';
import type { Session } from './session.ts';

const POLLRDNORM = 0x40;
const POLLWRNORM = 0x100;
/** What a file that does not know poll is always ready for. Mirrors: include/linux/poll.h:DEFAULT_POLLMASK. */
const DEFAULT_POLLMASK = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

/** Requests about open files and directories. */
export const fileHandlers: HandlerRows = [
  [FUSE_OPEN, open],
  [FUSE_READ, read],
  [FUSE_WRITE, write],
  [FUSE_RELEASE, release],
  [FUSE_FSYNC, fsync],
  [FUSE_FSYNCDIR, () => -EINVAL],
  [FUSE_IOCTL, ioctl],
  [FUSE_POLL, poll],
  [FUSE_OPENDIR, opendir],
  [FUSE_READDIR, readdir],
  [FUSE_RELEASEDIR, releasedir],
];

function open(session: Session): number {
  const { request } = session;
  const file = session.fs.open(session.swap(request.nodeid), request.u32(IN_BODY), request);
  if (typeof file === 'number') return file;
  return opened(session, session.files.add(file), FOPEN_DIRECT_IO);
}

function opened(session: Session, fh: number, openFlags: number): number {
  const { words } = session.reply;
  words[OUT_BODY] = fh;
  words[OUT_BODY + 1] = 0;
  words[OUT_BODY + 2] = openFlags;
  words[OUT_BODY + 3] = 0;
  return OPEN_OUT_BYTES;
}

function read(session: Session): number {
  const { request } = session;
  const file = session.files.get(request.u32(RW_FH));
  if (!file) return -EBADF;
  const offset = request.u64(RW_OFFSET);
  const size = Math.min(request.u32(RW_SIZE), MAX_WRITE);
  const content = file.read(offset, size, request);
  if (content === WAIT) return parkRead(session, file, offset, size);
  if (content instanceof Later) return readLater(session, content, size);
  if (content instanceof Pending) return readWhenDone(session, content, size);
  session.contentTo(content, size, request.uniqueLow, request.uniqueHigh);
  return NO_ANSWER;
}

function readLater(session: Session, { result, ms }: Later, size: number): number {
  const { uniqueLow, uniqueHigh } = session.request;
  session.answerLater(ms, () => session.contentTo(result, size, uniqueLow, uniqueHigh));
  return NO_ANSWER;
}

function readWhenDone(session: Session, pending: Pending<Uint8Array | number>, size: number): number {
  const { uniqueLow, uniqueHigh } = session.request;
  session.answerWhenDone(pending, (result) => session.contentTo(result, size, uniqueLow, uniqueHigh));
  return NO_ANSWER;
}

function parkRead(session: Session, file: OpenFile, offset: number, size: number): number {
  const { uniqueLow, uniqueHigh, uid, gid, pid } = session.request;
  const caller = { uid, gid, pid };
  const retry = (): boolean => {
    const content = attempt(session, () => file.read(offset, size, caller));
    if (content === WAIT || content instanceof Pending) return false;
    session.contentTo(content instanceof Later ? content.result : content, size, uniqueLow, uniqueHigh);
    return true;
  };
  session.parking.park({ uniqueLow, uniqueHigh, file, retry });
  return NO_ANSWER;
}

function write(session: Session): number {
  const { request } = session;
  const file = session.files.get(request.u32(RW_FH));
  if (!file) return -EBADF;
  const offset = request.u64(RW_OFFSET);
  const end = WRITE_DATA_BYTE + request.u32(RW_SIZE);
  if (end > request.length) return -EINVAL;
  const data = request.bytes.subarray(WRITE_DATA_BYTE, end);
  const taken = file.write(data, offset, request);
  if (taken === WAIT) return parkWrite(session, file, data, offset);
  if (taken instanceof Later) return writtenLater(session, taken);
  if (taken instanceof Pending) return writtenWhenDone(session, taken);
  session.writtenTo(taken, request.uniqueLow, request.uniqueHigh);
  return NO_ANSWER;
}

function writtenLater(session: Session, { result, ms }: Later): number {
  const { uniqueLow, uniqueHigh } = session.request;
  session.answerLater(ms, () => session.writtenTo(Number(result), uniqueLow, uniqueHigh));
  return NO_ANSWER;
}

function writtenWhenDone(session: Session, pending: Pending<number>): number {
  const { uniqueLow, uniqueHigh } = session.request;
  session.answerWhenDone(pending, (taken) => session.writtenTo(taken, uniqueLow, uniqueHigh));
  return NO_ANSWER;
}

function parkWrite(session: Session, file: OpenFile, data: Uint8Array, offset: number): number {
  const { uniqueLow, uniqueHigh, uid, gid, pid } = session.request;
  const caller = { uid, gid, pid };
  const copy = Uint8Array.from(data);
  const retry = (): boolean => {
    const taken = attempt(session, () => file.write(copy, offset, caller));
    if (taken === WAIT || taken instanceof Pending) return false;
    session.writtenTo(Number(taken instanceof Later ? taken.result : taken), uniqueLow, uniqueHigh);
    return true;
  };
  session.parking.park({ uniqueLow, uniqueHigh, file, retry });
  return NO_ANSWER;
}

/** Asks a file again, with what it throws turned into an error number. */
function attempt<T>(session: Session, ask: () => T): T | number {
  try {
    return ask();
  } catch (error) {
    return -session.errnoOf(error);
  }
}

function release(session: Session): number {
  const file = session.files.remove(session.request.u32(RW_FH));
  if (!file) return 0;
  session.parking.disarmPoll(file);
  file.release?.();
  return 0;
}

function fsync(session: Session): number {
  const file = session.files.get(session.request.u32(RW_FH));
  if (!file) return -EBADF;
  return file.fsync?.() ?? -EINVAL;
}

/** Commands without an argument. Mirrors: fs/fuse/ioctl.c. */
function ioctl(session: Session): number {
  const { request, reply } = session;
  const file = session.files.get(request.u32(RW_FH));
  const result = file?.ioctl?.(request.u32(IOCTL_COMMAND)) ?? -ENOTTY;
  if (result < 0) return result;
  reply.words.fill(0, OUT_BODY, OUT_BODY + IOCTL_OUT_BYTES / 4);
  reply.words[OUT_BODY] = result;
  return IOCTL_OUT_BYTES;
}

/** Mirrors: fs/fuse/file.c:fuse_file_poll; the kernel asks again after each notice. */
function poll(session: Session): number {
  const { request, reply } = session;
  const file = session.files.get(request.u32(RW_FH));
  if (!file) return -EBADF;
  if (file.waitQueue && request.u32(POLL_FLAGS) & FUSE_POLL_SCHEDULE_NOTIFY)
    session.parking.armPoll(file, request.u32(POLL_KH), request.u32(POLL_KH + 1));
  reply.words[OUT_BODY] = file.poll ? file.poll() : DEFAULT_POLLMASK;
  reply.words[OUT_BODY + 1] = 0;
  return POLL_OUT_BYTES;
}

function opendir(session: Session): number {
  const ino = session.swap(session.request.nodeid);
  return opened(session, session.dirs.add({ ino, entries: undefined }), 0);
}

/** The snapshot is taken at position 0, so that rewinddir(3) sees what has come since. */
function readdir(session: Session): number {
  const { request } = session;
  const dir = session.dirs.get(request.u32(RW_FH));
  if (!dir) return -EBADF;
  const offset = request.u64(RW_OFFSET);
  if (offset === 0 || !dir.entries) {
    const entries = session.fs.readdir(dir.ino, request);
    if (typeof entries === 'number') return entries;
    dir.entries = entries;
  }
  return session.reply.dirents(dir.ino, dir.entries, offset, request.u32(RW_SIZE));
}

function releasedir(session: Session): number {
  session.dirs.remove(session.request.u32(RW_FH));
  return 0;
}
