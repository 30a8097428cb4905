/**
 * The FUSE protocol as far as a synthetic tree needs it, after the kernel's include/uapi/linux/fuse.h (7.38).
 *
 * A message is a header and a body, all in the byte order of the host and aligned to 8 bytes, so both sides are read and
 * written through one Uint32Array. Offsets here count 32-bit words from the start of the message; a 64-bit field takes
 * two words, the low one first (the hosts Node runs on are little-endian).
 *
 *   request  0 len │ 1 opcode │ 2-3 unique │ 4-5 nodeid │ 6 uid │ 7 gid │ 8 pid │ 9 extensions │ 10… body
 *   reply    0 len │ 1 -errno │ 2-3 unique │ 4… body
 *   notice   0 len │ 1 code   │ 2-3 zero   │ 4… body
 */

export const FUSE_KERNEL_VERSION = 7;
/** The newest minor whose structures are laid out below; a newer kernel steps down to it. */
export const FUSE_KERNEL_MINOR_VERSION = 38;
/** The oldest minor we speak (Linux 5.4); before that some structures were shorter. */
export const FUSE_OLDEST_MINOR_VERSION = 31;
export const FUSE_ROOT_ID = 1;

/**
 * A regular file that is ours alone: the kernel has to know one, so that the kernel thread can be woken with a
 * FUSE_NOTIFY_RETRIEVE on it. Only its name can be looked up; its node id is above all inode numbers (2^53).
 */
export const POKE_NAME = '.reclaimfs-poke';
export const POKE_NODEID = 2 ** 63;
/** The number of the request with which the kernel thread pokes itself; those of the kernel begin at 2 and are even. */
export const OWN_POKE = 1;

export const FUSE_LOOKUP = 1;
export const FUSE_FORGET = 2;
export const FUSE_GETATTR = 3;
export const FUSE_SETATTR = 4;
export const FUSE_READLINK = 5;
export const FUSE_SYMLINK = 6;
export const FUSE_MKNOD = 8;
export const FUSE_MKDIR = 9;
export const FUSE_UNLINK = 10;
export const FUSE_RMDIR = 11;
export const FUSE_RENAME = 12;
export const FUSE_LINK = 13;
export const FUSE_OPEN = 14;
export const FUSE_READ = 15;
export const FUSE_WRITE = 16;
export const FUSE_STATFS = 17;
export const FUSE_RELEASE = 18;
export const FUSE_FSYNC = 20;
export const FUSE_SETXATTR = 21;
export const FUSE_GETXATTR = 22;
export const FUSE_LISTXATTR = 23;
export const FUSE_REMOVEXATTR = 24;
export const FUSE_FLUSH = 25;
export const FUSE_INIT = 26;
export const FUSE_OPENDIR = 27;
export const FUSE_READDIR = 28;
export const FUSE_RELEASEDIR = 29;
export const FUSE_FSYNCDIR = 30;
export const FUSE_ACCESS = 34;
export const FUSE_CREATE = 35;
export const FUSE_INTERRUPT = 36;
export const FUSE_DESTROY = 38;
export const FUSE_IOCTL = 39;
export const FUSE_POLL = 40;
/** The kernel's answer to FUSE_NOTIFY_RETRIEVE; we use it to wake the kernel thread. */
export const FUSE_NOTIFY_REPLY = 41;
export const FUSE_BATCH_FORGET = 42;
export const FUSE_RENAME2 = 45;
/** One more than the largest opcode with an entry in our table. */
export const FUSE_OPCODE_MAX = 64;

/** Notices, from us to the kernel. */
export const FUSE_NOTIFY_POLL = 1;
export const FUSE_NOTIFY_INVAL_INODE = 2;
export const FUSE_NOTIFY_INVAL_ENTRY = 3;
export const FUSE_NOTIFY_RETRIEVE = 5;

/** INIT flags that we ask for where the kernel offers them. */
export const FUSE_ATOMIC_O_TRUNC = 1 << 3;
export const FUSE_BIG_WRITES = 1 << 5;
export const FUSE_PARALLEL_DIROPS = 1 << 18;
export const FUSE_MAX_PAGES = 1 << 22;

/** OPEN: no page cache between the reader and us. */
export const FOPEN_DIRECT_IO = 1 << 0;
/** POLL: the kernel wants a notice when the file becomes ready. */
export const FUSE_POLL_SCHEDULE_NOTIFY = 1 << 0;

/** Bits of fuse_setattr_in.valid. */
export const FATTR_MODE = 1 << 0;
export const FATTR_UID = 1 << 1;
export const FATTR_GID = 1 << 2;
export const FATTR_SIZE = 1 << 3;
export const FATTR_ATIME = 1 << 4;
export const FATTR_MTIME = 1 << 5;
export const FATTR_ATIME_NOW = 1 << 7;
export const FATTR_MTIME_NOW = 1 << 8;
export const FATTR_CTIME = 1 << 10;

export const IN_HEADER_BYTES = 40;
export const OUT_HEADER_BYTES = 16;
export const IN_LEN = 0;
export const IN_OPCODE = 1;
export const IN_UNIQUE = 2;
export const IN_NODEID = 4;
export const IN_UID = 6;
export const IN_GID = 7;
export const IN_PID = 8;
/** First word of the body of a request, and of a reply. */
export const IN_BODY = 10;
export const OUT_BODY = 4;

/** fuse_setattr_in */
export const SETATTR_VALID = IN_BODY;
export const SETATTR_SIZE = IN_BODY + 4;
export const SETATTR_MODE = IN_BODY + 17;
export const SETATTR_UID = IN_BODY + 19;
export const SETATTR_GID = IN_BODY + 20;
/** fuse_read_in, fuse_write_in; the fh of release, fsync and poll lies in the same place. */
export const RW_FH = IN_BODY;
export const RW_OFFSET = IN_BODY + 2;
export const RW_SIZE = IN_BODY + 4;
export const WRITE_DATA_BYTE = IN_HEADER_BYTES + 40;
/** fuse_setxattr_in without FUSE_SETXATTR_EXT; fuse_getxattr_in, of listxattr, too */
export const SETXATTR_SIZE = IN_BODY;
export const SETXATTR_FLAGS = IN_BODY + 1;
export const SETXATTR_NAME_BYTE = IN_HEADER_BYTES + 8;
export const GETXATTR_SIZE = IN_BODY;
export const GETXATTR_NAME_BYTE = IN_HEADER_BYTES + 8;
/** fuse_ioctl_in, fuse_ioctl_out */
export const IOCTL_COMMAND = IN_BODY + 3;
export const IOCTL_OUT_BYTES = 16;
/** fuse_poll_in */
export const POLL_KH = IN_BODY + 2;
export const POLL_FLAGS = IN_BODY + 4;
/** fuse_init_in */
export const INIT_MAJOR = IN_BODY;
export const INIT_MINOR = IN_BODY + 1;
export const INIT_READAHEAD = IN_BODY + 2;
export const INIT_FLAGS = IN_BODY + 3;
/** Byte where the name of mkdir begins (fuse_mkdir_in is 8 bytes). */
export const MKDIR_NAME_BYTE = IN_HEADER_BYTES + 8;
/** The same of mknod (fuse_mknod_in is 16 bytes). */
export const MKNOD_NAME_BYTE = IN_HEADER_BYTES + 16;

/** Sizes of the bodies of replies, in bytes. */
export const ENTRY_OUT_BYTES = 128;
export const ATTR_OUT_BYTES = 104;
export const OPEN_OUT_BYTES = 16;
export const WRITE_OUT_BYTES = 8;
export const POLL_OUT_BYTES = 8;
export const GETXATTR_OUT_BYTES = 8;
export const STATFS_OUT_BYTES = 80;
export const INIT_OUT_BYTES = 64;
/** fuse_dirent before its name. */
export const DIRENT_BYTES = 24;

/** The largest write that arrives in one piece, hence the size of a command; reads are cut by it too. */
export const MAX_WRITE = 1 << 20;
export const PAGE_SIZE = 4096;

/** Least bytes a request's body must have for us to read its fields; opcodes without a row have none. */
export const MIN_BODY_BYTES: readonly number[] = minBodyBytes();

function minBodyBytes(): number[] {
  const bytes = new Array<number>(FUSE_OPCODE_MAX).fill(0);
  bytes[FUSE_LOOKUP] = 2;
  bytes[FUSE_GETATTR] = 16;
  bytes[FUSE_SETATTR] = 88;
  bytes[FUSE_MKDIR] = 10;
  bytes[FUSE_MKNOD] = 18;
  bytes[FUSE_UNLINK] = 2;
  bytes[FUSE_RMDIR] = 2;
  bytes[FUSE_OPEN] = 8;
  bytes[FUSE_READ] = 40;
  bytes[FUSE_WRITE] = 40;
  bytes[FUSE_RELEASE] = 24;
  bytes[FUSE_FSYNC] = 16;
  bytes[FUSE_SETXATTR] = 10;
  bytes[FUSE_GETXATTR] = 10;
  bytes[FUSE_LISTXATTR] = 8;
  bytes[FUSE_REMOVEXATTR] = 2;
  bytes[FUSE_INIT] = 16;
  bytes[FUSE_OPENDIR] = 8;
  bytes[FUSE_READDIR] = 40;
  bytes[FUSE_RELEASEDIR] = 24;
  bytes[FUSE_INTERRUPT] = 8;
  bytes[FUSE_POLL] = 24;
  return bytes;
}
