import { Buffer } from 'node:buffer';
import { EINVAL, ENOSYS, ERANGE } from '../../util/errno.ts';
import type { HandlerRows } from './handler.ts';
import {
  FUSE_GETXATTR,
  FUSE_LISTXATTR,
  FUSE_REMOVEXATTR,
  FUSE_SETXATTR,
  GETXATTR_NAME_BYTE,
  GETXATTR_OUT_BYTES,
  GETXATTR_SIZE,
  IN_HEADER_BYTES,
  OUT_BODY,
  OUT_HEADER_BYTES,
  SETXATTR_FLAGS,
  SETXATTR_NAME_BYTE,
  SETXATTR_SIZE,
} from './protocol.ts';
import type { Session } from './session.ts';

/** Requests about extended attributes. Where the file system has none at all: one ENOSYS, and the kernel asks no more. */
export const xattrHandlers: HandlerRows = [
  [FUSE_SETXATTR, setxattr],
  [FUSE_GETXATTR, getxattr],
  [FUSE_LISTXATTR, listxattr],
  [FUSE_REMOVEXATTR, removexattr],
];

function setxattr(session: Session): number {
  const { request, fs } = session;
  if (fs.xattrs === undefined) return -ENOSYS;
  const name = request.name(SETXATTR_NAME_BYTE);
  if (typeof name === 'number') return name;
  const size = request.u32(SETXATTR_SIZE);
  const from = SETXATTR_NAME_BYTE + name.length + 1;
  if (from + size > request.length) return -EINVAL;
  const value = request.bytes.subarray(from, from + size);
  return fs.xattrs.set(session.swap(request.nodeid), name, value, request.u32(SETXATTR_FLAGS));
}

function getxattr(session: Session): number {
  const { request, fs } = session;
  if (fs.xattrs === undefined) return -ENOSYS;
  const name = request.name(GETXATTR_NAME_BYTE);
  if (typeof name === 'number') return name;
  const value = fs.xattrs.get(session.swap(request.nodeid), name);
  return typeof value === 'number' ? value : content(session, value);
}

function listxattr(session: Session): number {
  const { request, fs } = session;
  if (fs.xattrs === undefined) return -ENOSYS;
  const names = fs.xattrs.list(session.swap(request.nodeid), request);
  return content(session, Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1'));
}

function removexattr(session: Session): number {
  const { request, fs } = session;
  if (fs.xattrs === undefined) return -ENOSYS;
  const name = request.name(IN_HEADER_BYTES);
  return typeof name === 'number' ? name : fs.xattrs.set(session.swap(request.nodeid), name, undefined, 0);
}

/** The bytes, or how many there are where no room is offered. */
function content({ request, reply }: Session, bytes: Uint8Array): number {
  const room = request.u32(GETXATTR_SIZE);
  if (room === 0) {
    reply.words[OUT_BODY] = bytes.length;
    reply.words[OUT_BODY + 1] = 0;
    return GETXATTR_OUT_BYTES;
  }
  if (bytes.length > room) return -ERANGE;
  reply.bytes.set(bytes, OUT_HEADER_BYTES);
  return bytes.length;
}
