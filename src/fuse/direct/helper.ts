/**
 * Mounting as an ordinary user: fusermount, which is set-uid root, opens the device, mounts it, and sends it back over a
 * socket whose descriptor it finds in _FUSE_COMMFD. Mirrors: libfuse lib/mount.c:fuse_mount_fusermount, receive_fd.
 */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { type Libc, loadLibc } from '../../util/libc.ts';
import { SUBTYPE } from '../mountinfo.ts';
import { fusermountPath, mountObstacle } from '../obstacles.ts';
import { MountError } from '../types.ts';

const HELPER_MS = 10_000;
const SOCKET_FD = 3;
const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** struct msghdr, cmsghdr of 64-bit architectures. */
const MSGHDR_BYTES = 56;
const CMSG_BYTES = 24;
const CMSG_DATA = 16;

/** Why ordinary users cannot be helped here, in words; undefined when they can. */
export function helperObstacle(): string | undefined {
  if (fusermountPath() === undefined) return 'there is no fusermount (install fuse3 or fuse)';
  const libc = loadLibc();
  return 'obstacle' in libc ? libc.obstacle : undefined;
}

/** The device of a mount that has been made. Errors: MountError, with what the helper said. */
export async function mountByHelper(mountpoint: string, allowOther: boolean): Promise<number> {
  const helper = fusermountPath();
  const libc = loadLibc();
  if (helper === undefined || 'obstacle' in libc)
    throw new MountError(`${mountpoint} cannot be mounted: ${helperObstacle()}`);
  const pair = Buffer.alloc(8);
  const status = libc.call('socketpair', AF_UNIX, SOCK_STREAM_CLOEXEC, 0, libc.address(pair));
  if (status < 0) throw new MountError(`${mountpoint}: no sockets for fusermount (errno ${-status})`);
  const [ours, theirs] = [pair.readInt32LE(0), pair.readInt32LE(4)];
  try {
    const options = [
      ...['rw', 'nosuid', 'nodev', 'default_permissions', `subtype=${SUBTYPE}`, `fsname=${SUBTYPE}`],
      ...(allowOther ? ['allow_other'] : []),
    ].join(',');
    await runHelper(helper, ['-o', options, '--', mountpoint], theirs);
    const fd = receiveDescriptor(libc, ours);
    if (fd < 0) throw new MountError(`${mountpoint}: ${helper} has sent no device (errno ${-fd})`);
    return fd;
  } finally {
    closeSync(ours);
    closeSync(theirs);
  }
}

function runHelper(helper: string, args: readonly string[], socket: number): Promise<void> {
  const env = { ...process.env, _FUSE_COMMFD: String(SOCKET_FD) };
  const child = spawn(helper, args, { env, stdio: ['ignore', 'ignore', 'pipe', socket], timeout: HELPER_MS });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  return new Promise((settle, fail) => {
    child.once('error', (error) => fail(new MountError(`${helper} cannot be run (${error.message})`)));
    child.once('close', (code, signal) => {
      if (code === 0) settle();
      else {
        const said = complaint.trim().split('\n')[0] || `${helper} failed: ${signal ?? `status ${code}`}`;
        const obstacle = mountObstacle();
        fail(
          new MountError(
            `${args.at(-1)} cannot be mounted: ${obstacle === undefined ? said : `${obstacle} (${said})`}`,
          ),
        );
      }
    });
  });
}

/** Mirrors: lib/mount.c:receive_fd. The helper has ended: what it had to say is there. -errno where it was nothing. */
function receiveDescriptor(libc: Libc, socket: number): number {
  const [byte, vector, control, header] = [1, 16, CMSG_BYTES, MSGHDR_BYTES].map((size) => Buffer.alloc(size));
  vector!.writeBigUInt64LE(libc.address(byte!), 0);
  vector!.writeBigUInt64LE(1n, 8);
  header!.writeBigUInt64LE(libc.address(vector!), 16);
  header!.writeBigUInt64LE(1n, 24);
  header!.writeBigUInt64LE(libc.address(control!), 32);
  header!.writeBigUInt64LE(BigInt(CMSG_BYTES), 40);
  const length = libc.call('recvmsg', socket, libc.address(header!), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return length;
  const isRights = control!.readInt32LE(8) === SOL_SOCKET && control!.readInt32LE(12) === SCM_RIGHTS;
  return isRights ? control!.readInt32LE(CMSG_DATA) : -1;
}
