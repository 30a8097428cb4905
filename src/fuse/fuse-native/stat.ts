import { type Attr, type Ino, S_IFDIR } from '../../vfs/types.ts';

export const HIGH = 2 ** 32;
/** 32-bit words of the addon's form of struct stat. */
export const STAT_WORDS = 18;
const STATFS_WORDS = 11;
const PAGE_SIZE = 4096;
const NAME_MAX = 255;
/** Knuth's multiplicative hash: spreads the high half of an inode number over the 32 bits that there are. */
const HASH = 2654435761;

/** An inode and a type, as an entry of a listing. */
export function entryStat(type: number, ino: Ino): Uint32Array {
  const stat = new Uint32Array(STAT_WORDS);
  stat[0] = type;
  stat[7] = shortIno(ino);
  return stat;
}

/** Fills in the addon's form of struct stat. */
export function encodeStat(words: Uint32Array, attr: Attr): void {
  words[0] = attr.mode;
  words[1] = attr.uid;
  words[2] = attr.gid;
  words[3] = attr.size;
  words[4] = attr.size / HIGH;
  words[6] = attr.nlink;
  words[7] = shortIno(attr.ino);
  words[8] = attr.rdev;
  words[9] = PAGE_SIZE;
  for (let at = 12; at < STAT_WORDS; at += 2) {
    words[at] = attr.timeMs;
    words[at + 1] = attr.timeMs / HIGH;
  }
}

/** The entry of a directory in a listing. */
export function directoryStat(): Uint32Array {
  return entryStat(S_IFDIR, 1);
}

/** An inode number in the 32 bits that fuse-native has: itself where it fits. */
function shortIno(ino: Ino): number {
  const high = Math.floor(ino / HIGH);
  return high === 0 ? ino : (ino ^ Math.imul(high, HASH)) >>> 0;
}

/** Pretend an empty file system. */
export function statfsWords(): Uint32Array {
  const words = new Uint32Array(STATFS_WORDS);
  words[0] = PAGE_SIZE;
  words[1] = PAGE_SIZE;
  words[10] = NAME_MAX;
  return words;
}
