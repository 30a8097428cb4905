/**
 * What reclaim by generations remembers of one control group beside the sequence numbers (pages/generations.ts): how many
 * pages of each tier have gone and come back, and where page tables are worth being walked.
 *
 * Tiers: a page that was used N times by other means than a mapping is in tier log2(N). Pages of a tier that come back
 * more often than those of the first are protected. Mirrors: struct lru_gen_struct, read_ctrl_pos, reset_ctrl_pos.
 */
import { MAX_NR_GENS } from '../pages/generations.ts';
import { PG_REFS_MASK, PG_REFS_SHIFT, PG_WORKINGSET } from '../pages/page-flags.ts';

/** Mirrors: MIN_LRU_BATCH, MAX_LRU_BATCH. */
export const MIN_LRU_BATCH = 64;
export const MAX_LRU_BATCH = MIN_LRU_BATCH * 64;
export const MAX_NR_TIERS = 4;
/** LRU_REFS_WIDTH: uses that are counted, by so many bits. */
const REFS_WIDTH = 2;
/** Uses of a page that is protected whatever the tiers say. */
export const MOST_REFS = 1 << REFS_WIDTH;
const REFS_MASK = MOST_REFS - 1;

/** Uses of a page beyond the first. Mirrors: folio_lru_refs. */
export function refsOf(flags: number): number {
  return ((flags & PG_REFS_MASK) >>> PG_REFS_SHIFT) + (flags & PG_WORKINGSET ? 1 : 0);
}

/** Mirrors: lru_tier_from_refs (order_base_2). */
export function tierOf(refs: number): number {
  return 32 - Math.clz32(refs);
}

/** How a tier stands. Mirrors: struct ctrl_pos. */
interface Position {
  readonly refaulted: number;
  readonly total: number;
  readonly gain: number;
}

/** Whether the second refaults little, absolutely or next to the first. Mirrors: positive_ctrl_err. */
function isBelow(first: Position, second: Position): boolean {
  return (
    second.refaulted < MIN_LRU_BATCH ||
    second.refaulted * (first.total + MIN_LRU_BATCH) * first.gain <= (first.refaulted + 1) * second.total * second.gain
  );
}

export class LruGen {
  /** By `type × 4 + tier`: moving averages over the generations that have gone, and counts of the oldest. */
  readonly avgRefaulted = new Float64Array(2 * MAX_NR_TIERS);
  readonly avgTotal = new Float64Array(2 * MAX_NR_TIERS);
  readonly refaulted = new Float64Array(2 * MAX_NR_TIERS);
  readonly evicted = new Float64Array(2 * MAX_NR_TIERS);
  readonly protected = new Float64Array(2 * MAX_NR_TIERS);
  /** When each generation began, virtual microseconds. */
  readonly bornUs = new Float64Array(MAX_NR_GENS);
  /** The youngest address space that a walk has been through: those after it are walked whole. */
  walkedMm = 0;
  /**
   * Tables that are worth a walk, by sequence number modulo 2; null: all are. Mirrors: the Bloom filters, but without
   * their mistakes.
   */
  readonly filters: (Set<number> | null)[] = [null, null];
  /** What the last walk saw: entries, old ones, young ones; tables, those walked, those worth it again. Mirrors: enum MM_LEAF_TOTAL …. */
  readonly mmStats = new Float64Array(6);

  /** The oldest generation of a type has gone. Mirrors: reset_ctrl_pos with carryover. */
  carryOver(type: number): void {
    for (let at = type * MAX_NR_TIERS; at < (type + 1) * MAX_NR_TIERS; at++) {
      this.avgRefaulted[at] = Math.floor((this.avgRefaulted[at]! + this.refaulted[at]!) / 2);
      this.avgTotal[at] = Math.floor((this.avgTotal[at]! + this.evicted[at]! + this.protected[at]!) / 2);
      this.refaulted[at] = 0;
      this.evicted[at] = 0;
      this.protected[at] = 0;
    }
  }

  #position(type: number, tier: number, gain: number): Position {
    const at = type * MAX_NR_TIERS + tier;
    return {
      refaulted: this.avgRefaulted[at]! + this.refaulted[at]!,
      total: this.avgTotal[at]! + this.evicted[at]! + this.protected[at]!,
      gain,
    };
  }

  /** The last tier of a type that goes. Mirrors: get_tier_idx. */
  lastTier(type: number): number {
    const first = this.#position(type, 0, 1);
    let tier = 1;
    while (tier < MAX_NR_TIERS && isBelow(first, this.#position(type, tier, 2))) tier++;
    return tier - 1;
  }

  /** Which type goes, by what comes back of each: files if they refault no more than anonymous memory. Mirrors: get_type_to_scan. */
  typeToScan(swappiness: number): number {
    return isBelow(this.#position(0, 0, swappiness), this.#position(1, 0, 200 - swappiness)) ? 1 : 0;
  }

  /** The last tier of that type that goes, next to the other type. Mirrors: get_type_to_scan. */
  lastTierOf(type: number, swappiness: number): number {
    const gains = [swappiness, 200 - swappiness];
    const first = this.#position(1 - type, 0, gains[1 - type]!);
    let tier = 1;
    while (tier < MAX_NR_TIERS && isBelow(first, this.#position(type, tier, gains[type]!))) tier++;
    return tier - 1;
  }
}

const AGE_BITS = 18;
const SEQ_MASK = 2 ** (AGE_BITS - REFS_WIDTH) - 1;
const GROUP_SHIFT = AGE_BITS + 1;

/** The shadow of a page that leaves: its group, the oldest generation, its uses. Mirrors: lru_gen_eviction, pack_shadow. */
export function packShadow(group: number, minSeq: number, refs: number): number {
  const token = ((minSeq & SEQ_MASK) << REFS_WIDTH) | Math.max(refs - 1, 0);
  return ((group << GROUP_SHIFT) | (token << 1) | (refs > 0 ? 1 : 0)) >>> 0;
}

/** What a shadow says of a page of this group; -1 where it is of another or of an older generation, else its uses. Mirrors: lru_gen_refault. */
export function refsOfShadow(shadow: number, group: number, minSeq: number): number {
  const token = (shadow >>> 1) & (2 ** AGE_BITS - 1);
  if (shadow >>> GROUP_SHIFT !== group || token >>> REFS_WIDTH !== (minSeq & SEQ_MASK)) return -1;
  return (token & REFS_MASK) + (shadow & 1);
}
