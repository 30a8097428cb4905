/** The points in which the profiles of the reclaim interface differ (native-notes/memory-model.md, "Profiles"). */
export interface Rules {
  /** Pages mapped more than once: unmap this mapping only, leave them alone, or unmap them everywhere. */
  readonly sharedPages: 'this-mapping' | 'skip' | 'all-mappings';
  /** Carried out as madvise(MADV_PAGEOUT): locked VMAs are refused, lists are isolated table by table. */
  readonly asMadvise: boolean;
  /** Dirty pages of shared files are handed to the flusher at once and leave memory when they are written. */
  readonly startsFlusher: boolean;
  /** A swap-in from zram of a slot with one user bypasses the swap cache and frees the slot. */
  readonly zramFreesSlot: boolean;
  /** Swapped pages of shmem count in the Swap line of smaps. */
  readonly shmemInSmapsSwap: boolean;
  /** Pages of zeros take a slot without I/O. */
  readonly zeroPagesWithoutIo: boolean;
}
