/**
 * The generations of each control group's pages: which there are, and to which one a page comes. The lists themselves,
 * one for each generation and type of page, stand beside the other lists (frames.ts).
 *
 *   oldest                             youngest
 *   minSeq[anon], minSeq[file] … … … maxSeq        generation = sequence number modulo 4
 *
 * The two youngest count as active for those who know only two lists (meminfo, vmstat).
 * Mirrors: struct lru_gen_struct, include/linux/mm_inline.h.
 */
import { PG_ACTIVE, PG_DIRTY, PG_RECLAIM, PG_SWAPBACKED, PG_SWAPCACHE, PG_WRITEBACK } from './page-flags.ts';

export const MIN_NR_GENS = 2;
export const MAX_NR_GENS = 4;
/** Types of pages: those that swap backs, and those of files. */
export const GEN_ANON = 0;
export const GEN_FILE = 1;

/** The type of a page by its flags. Mirrors: folio_is_file_lru. */
export function typeOf(flags: number): number {
  return flags & PG_SWAPBACKED ? GEN_ANON : GEN_FILE;
}

export class Generations {
  /** Sequence number of the youngest generation of each group. */
  maxSeq = new Float64Array(0);
  /** Of the oldest, by `group × 2 + type`. */
  minSeq = new Float64Array(0);

  /** Makes room for groups below `nrGroups`; fresh ones begin with four generations that are empty. Mirrors: lru_gen_init_lruvec. */
  ensure(nrGroups: number): void {
    const before = this.maxSeq.length;
    if (nrGroups <= before) return;
    const maxSeq = new Float64Array(nrGroups).fill(MIN_NR_GENS + 1);
    const minSeq = new Float64Array(nrGroups * 2);
    maxSeq.set(this.maxSeq);
    minSeq.set(this.minSeq);
    this.maxSeq = maxSeq;
    this.minSeq = minSeq;
  }

  /** A group begins anew, as a fresh one does. */
  reset(group: number): void {
    if (group >= this.maxSeq.length) return;
    this.maxSeq[group] = MIN_NR_GENS + 1;
    this.minSeq.fill(0, group * 2, group * 2 + 2);
  }

  /** How many generations of a type there are. Mirrors: get_nr_gens. */
  count(group: number, type: number): number {
    return this.maxSeq[group]! - this.minSeq[group * 2 + type]! + 1;
  }

  /** Whether a generation is one of the two youngest. Mirrors: lru_gen_is_active. */
  isActive(group: number, generation: number): boolean {
    const maxSeq = this.maxSeq[group]!;
    return generation === maxSeq % MAX_NR_GENS || generation === (maxSeq - 1) % MAX_NR_GENS;
  }

  /**
   * The generation that a page with these flags comes to: the youngest if it is hot, the second youngest if it cannot go
   * soon, one of the two oldest otherwise. Mirrors: lru_gen_add_folio.
   */
  placeOf(group: number, flags: number, reclaiming: boolean): number {
    const type = typeOf(flags);
    const maxSeq = this.maxSeq[group]!;
    const minSeq = this.minSeq[group * 2 + type]!;
    const pending = (flags & PG_RECLAIM) !== 0 && (flags & (PG_DIRTY | PG_WRITEBACK)) !== 0;
    let seq = minSeq + 1;
    if (flags & PG_ACTIVE) seq = maxSeq;
    else if ((type === GEN_ANON && (flags & PG_SWAPCACHE) === 0) || pending) seq = maxSeq - 1;
    else if (reclaiming || minSeq + MIN_NR_GENS >= maxSeq) seq = minSeq;
    return seq % MAX_NR_GENS;
  }
}
