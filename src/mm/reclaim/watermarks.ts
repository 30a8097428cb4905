/** How much memory the kernel keeps free. Mirrors: mm/page_alloc.c:__setup_per_zone_wmarks. */

/** Marks of free memory, in pages. */
export interface Watermarks {
  /** Below it, who allocates has to reclaim. */
  readonly min: number;
  /** At or below it, kswapd is woken. */
  readonly low: number;
  /** At it, kswapd goes back to sleep. */
  readonly high: number;
}

const SMALLEST_KB = 128;
const LARGEST_KB = 262_144;

/** The default of vm.min_free_kbytes: int_sqrt(kB of memory × 16), from 128 to 262144. Mirrors: calculate_min_free_kbytes. */
export function defaultMinFreeKbytes(totalPages: number): number {
  return Math.min(LARGEST_KB, Math.max(SMALLEST_KB, Math.floor(Math.sqrt(totalPages * 4 * 16))));
}

/**
 * The marks of a machine with one zone. `minFreeKbytes` 0: the default. `scaleFactor`: vm.watermark_scale_factor, in
 * ten-thousandths of memory.
 */
export function computeWatermarks(totalPages: number, minFreeKbytes: number, scaleFactor: number): Watermarks {
  const min = Math.floor((minFreeKbytes > 0 ? minFreeKbytes : defaultMinFreeKbytes(totalPages)) / 4);
  const step = Math.max(Math.floor(min / 4), Math.floor((totalPages * scaleFactor) / 10_000));
  return { min, low: min + step, high: min + 2 * step };
}
