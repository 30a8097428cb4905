/** Flags of a frame (`Frames.flags`), named as in include/linux/page-flags.h. */

/** Accessed since the flag was last cleared (second chance). */
export const PG_REFERENCED = 1 << 0;
/** On an active list. */
export const PG_ACTIVE = 1 << 1;
/** Content differs from its backing (file or swap slot). */
export const PG_DIRTY = 1 << 2;
/** A write to the backing is under way. */
export const PG_WRITEBACK = 1 << 3;
/** Backed by swap: anonymous and shmem pages. An anonymous page without it is lazily freeable (MADV_FREE). */
export const PG_SWAPBACKED = 1 << 4;
/** In the swap cache: `Frames.slot` names a swap slot that belongs to this page. */
export const PG_SWAPCACHE = 1 << 5;
/** Locked by mlock(2) through at least one VMA. */
export const PG_MLOCKED = 1 << 6;
/** On the unevictable list. */
export const PG_UNEVICTABLE = 1 << 7;
/** To be freed when its writeback ends. */
export const PG_RECLAIM = 1 << 8;
/** On one of the LRU lists (clear: isolated). */
export const PG_LRU = 1 << 9;
/** Owner is an anon root; clear: owner is a page-cache mapping. */
export const PG_ANON = 1 << 10;
/** Was part of a workingset when it was deactivated or evicted. */
export const PG_WORKINGSET = 1 << 11;
/** Allocated: neither free nor never used. */
export const PG_USED = 1 << 12;
/** Global reclaim waits for its write: it moves to the old end of its list then, instead of being freed at once. */
export const PG_VMSCAN = 1 << 13;
/** Read into the swap cache ahead of its fault. */
export const PG_READAHEAD = 1 << 14;
/** Room made in advance (fallocate) that nobody has filled: only a fault of its own maps it. The opposite of the kernel's PG_uptodate. */
export const PG_UNFILLED = 1 << 15;

/** Three bits: generation + 1 while the page is on a list of generations, 0 otherwise. Mirrors: LRU_GEN_MASK. */
export const PG_GEN_SHIFT = 16;
export const PG_GEN_MASK = 7 << PG_GEN_SHIFT;
/** Two bits: uses by other means than a mapping, beyond those that PG_REFERENCED and PG_WORKINGSET note. Mirrors: LRU_REFS_MASK. */
export const PG_REFS_SHIFT = 19;
export const PG_REFS_MASK = 3 << PG_REFS_SHIFT;

/** Letters of the flags for dumps, lowest bit first. */
export const PAGE_FLAG_NAMES = [
  'referenced',
  'active',
  'dirty',
  'writeback',
  'swapbacked',
  'swapcache',
  'mlocked',
  'unevictable',
  'reclaim',
  'lru',
  'anon',
  'workingset',
  'used',
  'vmscan',
  'readahead',
  'unfilled',
  'gen1',
  'gen2',
  'gen4',
  'refs1',
  'refs2',
] as const;
