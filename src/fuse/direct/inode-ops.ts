import { ENOENT, ENOSYS, EPERM } from '../../util/errno.ts';
import { type AttrChange, newAttr, Pending, S_IFMT, S_IFREG } from '../../vfs/types.ts';
import { type HandlerRows, NO_ANSWER } from './handler.ts';
import {
  ATTR_OUT_BYTES,
  ENTRY_OUT_BYTES,
  FATTR_ATIME,
  FATTR_CTIME,
  FATTR_GID,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_SIZE,
  FATTR_UID,
  FUSE_CREATE,
  FUSE_GETATTR,
  FUSE_LINK,
  FUSE_LOOKUP,
  FUSE_MKDIR,
  FUSE_MKNOD,
  FUSE_READLINK,
  FUSE_RENAME,
  FUSE_RENAME2,
  FUSE_RMDIR,
  FUSE_ROOT_ID,
  FUSE_SETATTR,
  FUSE_SYMLINK,
  FUSE_UNLINK,
  IN_BODY,
  IN_HEADER_BYTES,
  MKDIR_NAME_BYTE,
  MKNOD_NAME_BYTE,
  OUT_HEADER_BYTES,
  PAGE_SIZE,
  POKE_NAME,
  POKE_NODEID,
  SETATTR_GID,
  SETATTR_MODE,
  SETATTR_SIZE,
  SETATTR_UID,
  SETATTR_VALID,
} from './protocol.ts';
import type { Session } from './session.ts';

const FOREVER_MS = 1e12;

/** Requests about names and inodes. A new name is refused as procfs does (ENOENT), taking one away too (EPERM). */
export const inodeHandlers: HandlerRows = [
  [FUSE_LOOKUP, lookup],
  [FUSE_GETATTR, getattr],
  [FUSE_SETATTR, setattr],
  [FUSE_READLINK, readlink],
  [FUSE_MKDIR, mkdir],
  [FUSE_RMDIR, rmdir],
  // The kernel then makes the file (mknod) and opens it.
  [FUSE_CREATE, ({ fs }) => (fs.create ? -ENOSYS : -ENOENT)],
  [FUSE_MKNOD, mknod],
  [FUSE_SYMLINK, () => -ENOENT],
  [FUSE_LINK, () => -EPERM],
  [FUSE_UNLINK, unlink],
  [FUSE_RENAME, () => -EPERM],
  [FUSE_RENAME2, () => -EPERM],
];

function lookup(session: Session): number {
  const { request, fs } = session;
  const name = request.name(IN_HEADER_BYTES);
  if (typeof name === 'number') return name;
  if (name === POKE_NAME && request.nodeid === FUSE_ROOT_ID) return pokeEntry(session);
  return entry(session, fs.lookup(session.swap(request.nodeid), name, request));
}

/** The file that the main thread pokes us with: without content, permissions or end of validity. */
function pokeEntry({ attr, reply }: Session): number {
  Object.assign(attr, { ...newAttr(), ino: POKE_NODEID, mode: S_IFREG });
  reply.entry(POKE_NODEID, attr, FOREVER_MS, FOREVER_MS);
  return ENTRY_OUT_BYTES;
}

/** Answers with the entry of inode `ino`, or with the error that it is. */
function entry(session: Session, ino: number): number {
  if (ino <= 0) return ino || ENOENT;
  const { fs, attr } = session;
  const status = fs.getattr(ino, attr);
  if (status < 0) return status;
  const nodeid = session.swap(ino);
  session.reply.entry(nodeid, attr, fs.entryTimeoutMs(ino), fs.attrTimeoutMs(ino));
  return ENTRY_OUT_BYTES;
}

function getattr(session: Session): number {
  return attributes(session, session.swap(session.request.nodeid));
}

function attributes(session: Session, ino: number): number {
  const { fs, attr } = session;
  const status = fs.getattr(ino, attr);
  if (status < 0) return status;
  session.reply.attrOut(attr, fs.attrTimeoutMs(ino));
  return ATTR_OUT_BYTES;
}

function setattr(session: Session): number {
  const { request, fs } = session;
  const valid = request.u32(SETATTR_VALID);
  const change: AttrChange = {
    ...(valid & FATTR_MODE ? { mode: request.u32(SETATTR_MODE) } : {}),
    ...(valid & FATTR_UID ? { uid: request.u32(SETATTR_UID) } : {}),
    ...(valid & FATTR_GID ? { gid: request.u32(SETATTR_GID) } : {}),
    ...(valid & FATTR_SIZE ? { size: request.u64(SETATTR_SIZE) } : {}),
    ...(valid & (FATTR_ATIME | FATTR_MTIME | FATTR_CTIME) ? { times: true } : {}),
  };
  const ino = session.swap(request.nodeid);
  const status = fs.setattr(ino, change, request);
  if (status < 0) return status;
  return attributes(session, ino);
}

function readlink(session: Session): number {
  const { request, reply } = session;
  const target = session.fs.readlink(session.swap(request.nodeid), request);
  if (typeof target === 'number') return target;
  return reply.bytes.write(target, OUT_HEADER_BYTES, PAGE_SIZE - 1, 'latin1');
}

function mkdir(session: Session): number {
  const { request, fs } = session;
  const name = request.name(MKDIR_NAME_BYTE);
  if (typeof name === 'number') return name;
  if (!fs.mkdir) return -EPERM;
  const made = fs.mkdir(session.swap(request.nodeid), name, request.u32(IN_BODY), request);
  return made instanceof Pending ? whenDone(session, made, (ino) => entry(session, ino)) : entry(session, made);
}

function rmdir(session: Session): number {
  const { request, fs } = session;
  const name = request.name(IN_HEADER_BYTES);
  if (typeof name === 'number') return name;
  if (!fs.rmdir) return -EPERM;
  const removed = fs.rmdir(session.swap(request.nodeid), name, request);
  return removed instanceof Pending ? whenDone(session, removed, (status) => status) : removed;
}

function mknod(session: Session): number {
  const { request, fs } = session;
  const name = request.name(MKNOD_NAME_BYTE);
  if (typeof name === 'number') return name;
  if (!fs.create || (request.u32(IN_BODY) & S_IFMT) !== S_IFREG) return -ENOENT;
  const made = fs.create(session.swap(request.nodeid), name, request);
  return made instanceof Pending ? whenDone(session, made, (ino) => entry(session, ino)) : entry(session, made);
}

function unlink(session: Session): number {
  const { request, fs } = session;
  const name = request.name(IN_HEADER_BYTES);
  if (typeof name === 'number') return name;
  if (!fs.unlink) return -EPERM;
  const removed = fs.unlink(session.swap(request.nodeid), name, request);
  return removed instanceof Pending ? whenDone(session, removed, (status) => status) : removed;
}

/** Answers with what `encode` puts into the reply, or the error that it returns, when the work is done. */
function whenDone(session: Session, pending: Pending<number>, encode: (result: number) => number): number {
  const { uniqueLow, uniqueHigh } = session.request;
  session.answerWhenDone(pending, (result) => {
    const bodyBytes = result < 0 ? result : encode(result);
    if (bodyBytes < 0) {
      session.errorTo(-bodyBytes, uniqueLow, uniqueHigh);
      return;
    }
    session.reply.header(bodyBytes, 0, uniqueLow, uniqueHigh);
    session.device.send(session.reply, bodyBytes);
  });
  return NO_ANSWER;
}
