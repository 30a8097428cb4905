/**
 * A page table entry is one 32-bit number:
 *
 *   31 30 | 29        | 28        | 27    | 26    | 25    | 24 … 0
 *   kind  | exclusive | softdirty | write | dirty | young | frame or swap slot, its lower bits
 *
 *   kind 0 nothing · 1 present · 2 swap entry · 3 the shared zero page
 *
 * A swap entry keeps `exclusive` and `softdirty`; the zero page keeps `young`. 25 bits are the frames of 128 GiB; what a larger
 * number has above them stands beside the entry (PageTables.upper). So numbers are read and written by PageTables alone.
 */

export const PTE_NONE = 0;
export const PTE_PRESENT = 1 << 30;
export const PTE_SWAP = 2 << 30;
export const PTE_ZERO = 3 << 30;

/** Of kind "nothing": there was a page of a volatile range, and it has been thrown away. */
export const PTE_PURGED = 1;

export const PTE_YOUNG = 1 << 25;
export const PTE_DIRTY = 1 << 26;
export const PTE_WRITE = 1 << 27;
export const PTE_SOFTDIRTY = 1 << 28;
/** The anonymous page belongs to this mapping alone (PageAnonExclusive, pte_swp_exclusive): a write needs no copy. */
export const PTE_EXCLUSIVE = 1 << 29;

/** Bits of a frame or slot number in the entry itself. */
export const PTE_LOW_BITS = 25;
export const PTE_LOW = (1 << PTE_LOW_BITS) - 1;
/** The largest frame or slot number: page caches keep two bits beside it (mapping.ts), as does the answer of getCachePage. */
export const MAX_NUMBER = 2 ** 30 - 1;
/** Most frames, and most swap slots, of a machine: 4 TiB. The very last one is never used. */
export const MAX_PAGES = 2 ** 30;

export const KIND_NONE = 0;
export const KIND_PRESENT = 1;
export const KIND_SWAP = 2;
export const KIND_ZERO = 3;

/** The kind of an entry, KIND_NONE … KIND_ZERO. */
export function pteKind(pte: number): number {
  return pte >>> 30;
}
