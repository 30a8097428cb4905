/**
 * What compression makes of a page, by the kind of its content. Measured, not invented: pages of each kind were written to a
 * zram device of Linux 6.18 one by one (zstd: libzstd at level 3), scripts/zram-contents. On average, lzo-rle and zstd:
 *
 *   text     1.8 : 1   2.4 : 1   sources and documents of this repository
 *   heap     2.8 : 1   3.8 : 1   anonymous memory of node, python and bash; one page in 55 is filled by one word
 *   bitmap    15 : 1    19 : 1   screenshots as RGBA rows; one page in 24 is filled by one word
 *   random     1 : 1     1 : 1   stored as it is
 *
 * `plain` is what has no kind: Pretend, all of it by the ratio of the settings whatever the algorithm.
 */
import { BugError } from '../../util/errors.ts';

export const PAGE_KINDS = ['plain', 'text', 'heap', 'bitmap', 'random'] as const;
export type PageKind = (typeof PAGE_KINDS)[number];

/** As the kernel lists them; the first is the default. */
export const ZRAM_ALGORITHMS = ['lzo-rle', 'lzo', 'lz4', 'zstd'] as const;
export type ZramAlgorithm = (typeof ZRAM_ALGORITHMS)[number];

/** The numbers of a kind as a small integer, and back. */
export function kindNumber(kind: PageKind): number {
  return PAGE_KINDS.indexOf(kind);
}

/** Sizes in bytes at the middles of sixteen equal parts of all pages in the order of their size. */
type Sizes = readonly number[];

const TEXT: Record<ZramAlgorithm, Sizes> = {
  'lzo-rle': [1687, 1970, 2064, 2145, 2196, 2223, 2263, 2290, 2326, 2354, 2372, 2411, 2451, 2508, 2606, 2904],
  lzo: [1685, 1968, 2062, 2143, 2194, 2221, 2261, 2288, 2324, 2352, 2370, 2409, 2449, 2506, 2604, 2902],
  lz4: [1734, 2080, 2197, 2266, 2312, 2342, 2373, 2410, 2442, 2466, 2488, 2514, 2568, 2609, 2690, 3006],
  zstd: [1235, 1447, 1531, 1577, 1609, 1641, 1660, 1694, 1714, 1738, 1760, 1784, 1804, 1846, 1924, 2089],
};

const HEAP: Record<ZramAlgorithm, Sizes> = {
  'lzo-rle': [74, 582, 812, 966, 1059, 1160, 1272, 1379, 1483, 1588, 1687, 1805, 1958, 2111, 2363, 2647],
  lzo: [78, 577, 799, 945, 1031, 1122, 1221, 1329, 1432, 1538, 1640, 1751, 1906, 2083, 2329, 2605],
  lz4: [58, 631, 883, 1060, 1169, 1276, 1388, 1503, 1609, 1712, 1820, 1943, 2086, 2225, 2434, 2685],
  zstd: [44, 385, 543, 649, 720, 798, 885, 972, 1089, 1196, 1279, 1393, 1529, 1693, 1882, 2270],
};

const BITMAP: Record<ZramAlgorithm, Sizes> = {
  'lzo-rle': [0, 60, 77, 85, 104, 120, 141, 161, 175, 191, 215, 298, 431, 579, 744, 1018],
  lzo: [0, 58, 75, 83, 102, 118, 139, 159, 173, 189, 213, 296, 429, 577, 742, 1016],
  lz4: [0, 42, 53, 62, 83, 101, 120, 141, 154, 172, 193, 278, 415, 577, 753, 1060],
  zstd: [0, 30, 44, 52, 68, 84, 102, 117, 129, 150, 169, 241, 348, 480, 605, 799],
};

const BY_KIND: readonly (Record<ZramAlgorithm, Sizes> | undefined)[] = [undefined, TEXT, HEAP, BITMAP, undefined];
const PARTS = 16;
const PAGE = 4096;
const RANDOM = kindNumber('random');

/**
 * Bytes that a page of a kind needs: 0 where one word fills it, 4096 where it is stored as it is. `version`, the number of the
 * write that made it, says which of the sixteen parts it belongs to, the same for every algorithm: a page that one
 * compresses badly the others do, too.
 */
export function storedBytes(kind: number, algorithm: ZramAlgorithm, version: number): number {
  if (kind === RANDOM) return PAGE;
  const sizes = BY_KIND[kind];
  if (sizes === undefined) throw new BugError(`there are no sizes of pages of kind ${kind}`);
  return sizes[algorithm][(Math.imul(version, 0x9e3779b1) >>> 16) % PARTS]!;
}
