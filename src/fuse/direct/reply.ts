import { Buffer } from 'node:buffer';
import { type Attr, type DirEntry, S_IFDIR } from '../../vfs/types.ts';
import {
  DIRENT_BYTES,
  FUSE_NOTIFY_INVAL_ENTRY,
  FUSE_NOTIFY_INVAL_INODE,
  FUSE_NOTIFY_POLL,
  FUSE_NOTIFY_RETRIEVE,
  MAX_WRITE,
  OUT_BODY,
  OUT_HEADER_BYTES,
  PAGE_SIZE,
} from './protocol.ts';

const HIGH = 2 ** 32;
const MS_PER_S = 1000;
const NS_PER_MS = 1_000_000;
/** st_blksize: what stdio reads at a time. procfs says 1024; here a bigger one saves requests. */
const BLOCK_SIZE = 4096;
/** st_ino of `..` where the parent is not known. */
const UNKNOWN_INO = 0xffffffff;

/**
 * The reply in hand: one buffer, written in place and sent with one write(2).
 *
 * Invariants: every word of a body that is sent has been written by the function that encodes it.
 */
export class Reply {
  readonly bytes = Buffer.from(new ArrayBuffer(MAX_WRITE + PAGE_SIZE * 2));
  readonly words = new Uint32Array(this.bytes.buffer);

  header(bodyBytes: number, errno: number, uniqueLow: number, uniqueHigh: number): void {
    const { words } = this;
    words[0] = OUT_HEADER_BYTES + bodyBytes;
    words[1] = -errno;
    words[2] = uniqueLow;
    words[3] = uniqueHigh;
  }

  u64(word: number, value: number): void {
    this.words[word] = value;
    this.words[word + 1] = value / HIGH;
  }

  /** struct fuse_entry_out */
  entry(nodeid: number, attr: Attr, entryTimeoutMs: number, attrTimeoutMs: number): void {
    const { words } = this;
    this.u64(OUT_BODY, nodeid);
    words[OUT_BODY + 2] = 0;
    words[OUT_BODY + 3] = 0;
    this.u64(OUT_BODY + 4, Math.floor(entryTimeoutMs / MS_PER_S));
    this.u64(OUT_BODY + 6, Math.floor(attrTimeoutMs / MS_PER_S));
    words[OUT_BODY + 8] = (entryTimeoutMs % MS_PER_S) * NS_PER_MS;
    words[OUT_BODY + 9] = (attrTimeoutMs % MS_PER_S) * NS_PER_MS;
    this.attr(OUT_BODY + 10, attr);
  }

  /** struct fuse_attr_out */
  attrOut(attr: Attr, timeoutMs: number): void {
    const { words } = this;
    this.u64(OUT_BODY, Math.floor(timeoutMs / MS_PER_S));
    words[OUT_BODY + 2] = (timeoutMs % MS_PER_S) * NS_PER_MS;
    words[OUT_BODY + 3] = 0;
    this.attr(OUT_BODY + 4, attr);
  }

  /** struct fuse_attr */
  attr(at: number, attr: Attr): void {
    const { words } = this;
    const seconds = Math.floor(attr.timeMs / MS_PER_S);
    const nanoseconds = Math.floor((attr.timeMs - seconds * MS_PER_S) * NS_PER_MS);
    this.u64(at, attr.ino);
    this.u64(at + 2, attr.size);
    words[at + 4] = 0;
    words[at + 5] = 0;
    this.u64(at + 6, seconds);
    this.u64(at + 8, seconds);
    this.u64(at + 10, seconds);
    words[at + 12] = nanoseconds;
    words[at + 13] = nanoseconds;
    words[at + 14] = nanoseconds;
    words[at + 15] = attr.mode;
    words[at + 16] = attr.nlink;
    words[at + 17] = attr.uid;
    words[at + 18] = attr.gid;
    words[at + 19] = attr.rdev;
    words[at + 20] = BLOCK_SIZE;
    words[at + 21] = 0;
  }

  /**
   * As many fuse_dirents as fit into `sizeBytes`, from the position `offset` on; returns the bytes of the body.
   * Positions: 0 is `.`, 1 is `..`, then the entries; an entry carries the position after it.
   */
  dirents(ino: number, entries: readonly DirEntry[], offset: number, sizeBytes: number): number {
    const end = OUT_HEADER_BYTES + Math.min(sizeBytes, MAX_WRITE);
    let at = OUT_HEADER_BYTES;
    for (let position = offset; position < entries.length + 2; position++) {
      const next =
        position > 1
          ? this.#dirent(at, end, entries[position - 2]!, position)
          : this.#dirent(
              at,
              end,
              { name: position ? '..' : '.', ino: position ? UNKNOWN_INO : ino, type: S_IFDIR },
              position,
            );
      if (next === 0) break;
      at = next;
    }
    return at - OUT_HEADER_BYTES;
  }

  /** Writes one entry at byte `at`; returns where the next one goes, 0 when it does not fit. */
  #dirent(at: number, end: number, entry: DirEntry, position: number): number {
    const { words, bytes } = this;
    const start = at + DIRENT_BYTES;
    const nameBytes = this.#writeName(entry.name, start);
    const next = (start + nameBytes + 7) & ~7;
    if (next > end) return 0;
    for (let i = start + nameBytes; i < next; i++) bytes[i] = 0;
    const word = at >>> 2;
    this.u64(word, entry.ino);
    this.u64(word + 2, position + 1);
    words[word + 4] = nameBytes;
    words[word + 5] = (entry.type >>> 12) & 15;
    return next;
  }

  /** Writes `name` without a terminator; returns its length in bytes. */
  #writeName(name: string, start: number): number {
    const { bytes } = this;
    const { length } = name;
    for (let i = 0; i < length; i++) bytes[start + i] = name.charCodeAt(i);
    return length;
  }
}

/** A notice that something came to be ready for the poll handle `kh`. */
export function pollNotice(khLow: number, khHigh: number): Uint8Array {
  return notice(FUSE_NOTIFY_POLL, [khLow, khHigh]);
}

/** A notice that `name` in the directory `parent` is no longer what the kernel believes. */
export function invalEntryNotice(parent: number, name: string): Uint8Array {
  const nameBytes = Buffer.from(`${name}\0`, 'latin1');
  return notice(FUSE_NOTIFY_INVAL_ENTRY, [parent, parent / HIGH, nameBytes.length - 1, 0], nameBytes);
}

/** A notice that the attributes of a node are no longer what the kernel believes; takes no lock (offset -1: no data). */
export function invalAttrNotice(nodeid: number): Uint8Array {
  return notice(FUSE_NOTIFY_INVAL_INODE, [nodeid, nodeid / HIGH, 0xffffffff, 0xffffffff, 0, 0]);
}

/**
 * Asks the kernel for zero bytes of a regular file's page cache: it answers with a request, which wakes the reader of the
 * device and goes by the number `unique`.
 */
export function retrieveNotice(nodeid: number, unique = 0): Uint8Array {
  return notice(FUSE_NOTIFY_RETRIEVE, [unique, 0, nodeid, nodeid / HIGH, 0, 0, 0, 0]);
}

function notice(code: number, body: readonly number[], tail: Uint8Array = new Uint8Array(0)): Uint8Array {
  const length = OUT_HEADER_BYTES + body.length * 4 + tail.length;
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer, 0, length >>> 2);
  words[0] = length;
  words[1] = code;
  words.set(body, OUT_BODY);
  bytes.set(tail, OUT_HEADER_BYTES + body.length * 4);
  return bytes;
}
