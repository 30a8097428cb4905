/**
 * A page table entry is one 32-bit number:
 *
 *   31 30 | 29        | 28        | 27    | 26    | 25    | 24 … 0
 *   kind  | exclusive | softdirty | write | dirty | young | frame or swap slot
 *
 *   kind 0 nothing · 1 present · 2 swap entry · 3 the shared zero page
 *
 * A swap entry keeps `exclusive` and `softdirty`; the zero page keeps `young`. 25 bits of frames are 128 GiB: no more is in use at once.
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

/** The frame or slot bits. */
export const PTE_NUMBER = (1 << 25) - 1;
/** Most frames, and most swap slots, that an entry can name. */
export const MAX_PTE_NUMBER = PTE_NUMBER;
/** Most frames, and most swap slots, of a machine: 4 TiB. No more than MAX_PTE_NUMBER of them are ever in use. */
export const MAX_PAGES = 2 ** 30;

export const KIND_NONE = 0;
export const KIND_PRESENT = 1;
export const KIND_SWAP = 2;
export const KIND_ZERO = 3;

/** The kind of an entry, KIND_NONE … KIND_ZERO. */
export function pteKind(pte: number): number {
  return pte >>> 30;
}
