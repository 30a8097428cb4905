/**
 * Ageing: a younger generation begins, and what has been used since the last one belongs to it. Who has used what is
 * found by walking the page tables of the group's processes; reclaim itself adds what it sees beside a page that turns
 * out to be in use. Mirrors: mm/vmscan.c, "the aging".
 */
import type { Memory } from '../memory.ts';
import { LRU_GEN_MM_WALK } from '../memory-hooks.ts';
import { GEN_FILE, MAX_NR_GENS, MIN_NR_GENS, typeOf } from '../pages/generations.ts';
import {
  PG_ACTIVE,
  PG_GEN_MASK,
  PG_LRU,
  PG_REFERENCED,
  PG_REFS_MASK,
  PG_UNEVICTABLE,
  PG_WORKINGSET,
} from '../pages/page-flags.ts';
import { PTRS_PER_TABLE } from '../pages/page-table.ts';
import { KIND_PRESENT, PTE_YOUNG } from '../pages/pte.ts';
import type { Mm } from '../space/mm.ts';
import {
  VM_EXEC,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_READ,
  VM_SEQ_READ,
  VM_WRITE,
} from '../space/vm-flags.ts';
import type { Vma } from '../space/vma.ts';
import { LruGen, MIN_LRU_BATCH } from './lru-gen.ts';
import { type Memcg, nrSwapPages } from './memcg.ts';
import type { ScanControl } from './scan-control.ts';

/** Young entries that a cache line of eight holds on average where a table is worth a walk. */
const ENTRIES_PER_LINE = 8;
/** Mirrors: PAGEVEC_SIZE. */
const PAGEVEC_SIZE = 15;

/** What is remembered of a group, made when it is asked for first. */
export function lruGenOf(memcg: Memcg): LruGen {
  memcg.lruvec.gen ??= new LruGen();
  return memcg.lruvec.gen;
}

/** swappiness of a group; 0 where there is not enough swap to be worth it. Mirrors: get_swappiness. */
export function swappinessNow(mem: Memory, memcg: Memcg, sc: ScanControl): number {
  return nrSwapPages(mem, memcg) < MIN_LRU_BATCH ? 0 : sc.swappinessOf(memcg);
}

/** The page table walk of the reclaim under way; null: it has none yet. `canSwap` outlives the walks of kswapd. Mirrors: reclaim_state.mm_walk. */
let walking: { canSwap: boolean } | null = null;
const kswapdWalk = { canSwap: false };

/** Reclaim from a group, or ageing by kswapd, begins. Mirrors: set_mm_walk. */
export function beginWalks(sc: ScanControl): void {
  walking = sc.by === 'kswapd' ? kswapdWalk : null;
}

/** Mirrors: clear_mm_walk. */
export function endWalks(): void {
  walking = null;
}

/** A table, among those of all processes. */
function tableKey(mm: Mm, vpn: number): number {
  return mm.id * 2 ** 27 + Math.floor(vpn / PTRS_PER_TABLE);
}

/** Whether so many young entries make a table worth another walk. Mirrors: suitable_to_scan. */
function isSuitable(total: number, young: number): boolean {
  return young * ENTRIES_PER_LINE >= total;
}

/** A page has been used: it belongs to this generation now. Mirrors: folio_update_gen. */
function promote(mem: Memory, pfn: number, generation: number): void {
  const { frames } = mem;
  const flags = frames.flags[pfn]!;
  if ((flags & PG_GEN_MASK) === 0) {
    frames.flags[pfn] = flags | PG_REFERENCED;
    return;
  }
  frames.flags[pfn] = flags & ~(PG_REFS_MASK | PG_REFERENCED | PG_WORKINGSET);
  frames.setGeneration(pfn, generation);
}

/** Mirrors: get_pfn_folio. */
function concerns(mem: Memory, pfn: number, memcg: Memcg, canSwap: boolean): boolean {
  return mem.frames.memcg[pfn] === memcg.id && (canSwap || typeOf(mem.frames.flags[pfn]!) === GEN_FILE);
}

/** Mirrors: should_skip_vma. */
function skipsVma(vma: Vma, canSwap: boolean): boolean {
  if ((vma.flags & (VM_READ | VM_WRITE | VM_EXEC)) === 0) return true;
  if (vma.flags & (VM_HUGETLB | VM_LOCKED | VM_IO | VM_PFNMAP | VM_SEQ_READ | VM_RAND_READ)) return true;
  return !canSwap && (vma.mapping === null || vma.mapping.isShmem);
}

/** Mirrors: should_skip_mm. */
function skipsMm(mm: Mm, canSwap: boolean, force: boolean): boolean {
  if (!force && !mm.hasRun) return true;
  mm.hasRun = false;
  return mm.rssFile + (canSwap ? mm.rssAnon + mm.rssShmem : 0) < MIN_LRU_BATCH;
}

/** One walk over the page tables of a group's processes. Mirrors: struct lru_gen_mm_walk, walk_mm. */
class Walk {
  private readonly mem: Memory;
  private readonly memcg: Memcg;
  private readonly gen: LruGen;
  private readonly canSwap: boolean;
  private readonly maxSeq: number;
  private force: boolean;

  constructor(mem: Memory, memcg: Memcg, maxSeq: number, canSwap: boolean, force: boolean) {
    this.mem = mem;
    this.memcg = memcg;
    this.gen = lruGenOf(memcg);
    this.maxSeq = maxSeq;
    this.canSwap = canSwap;
    this.force = force;
  }

  /** Mirrors: iterate_mm_list, try_to_inc_max_seq. */
  run(): void {
    const { gen, mem, memcg, maxSeq } = this;
    gen.mmStats.fill(0);
    let begun = false;
    for (const mm of mem.hooks.addressSpaces?.(memcg.id) ?? []) {
      if (mm.id > gen.walkedMm) {
        gen.walkedMm = mm.id;
        this.force = true;
      }
      if (skipsMm(mm, this.canSwap, this.force)) continue;
      if (!begun) gen.filters[(maxSeq + 1) % 2] = new Set();
      begun = true;
      this.#walkMm(mm);
    }
  }

  #walkMm(mm: Mm): void {
    const { gen, maxSeq } = this;
    const { vmas } = mm;
    const filter = gen.filters[maxSeq % 2]!;
    // What lies under the table of its end has been walked with a VMA.
    let walked = 0;
    for (let i = 0; i < vmas.length; i++) {
      const vma = vmas[i]!;
      if (skipsVma(vma, this.canSwap)) continue;
      for (let vpn = Math.max(vma.start, walked); vpn < vma.end; ) {
        const pmd = Math.floor(vpn / PTRS_PER_TABLE);
        if (!mm.pageDirectory.has(pmd)) {
          vpn += this.mem.tables.run(mm.pageDirectory, vpn, vma.end);
          continue;
        }
        walked = (pmd + 1) * PTRS_PER_TABLE;
        gen.mmStats[3]!++;
        const key = tableKey(mm, vpn);
        if (this.force || filter === null || filter.has(key)) {
          gen.mmStats[4]!++;
          if (this.#walkTable(mm, i, vpn, walked)) {
            gen.mmStats[5]!++;
            gen.filters[(maxSeq + 1) % 2]?.add(key);
          }
        }
        vpn = walked;
      }
    }
  }

  /** All that is mapped under one table from a page on; whether it is worth another walk. Mirrors: walk_pte_range. */
  #walkTable(mm: Mm, from: number, start: number, end: number): boolean {
    const { mem, memcg, canSwap, gen, maxSeq } = this;
    const { tables } = mem;
    const youngest = maxSeq % MAX_NR_GENS;
    let total = 0;
    let young = 0;
    for (let i = from; i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
      const vma = mm.vmas[i]!;
      if (skipsVma(vma, canSwap)) continue;
      const last = Math.min(end, vma.end);
      for (let vpn = Math.max(start, vma.start); vpn < last; ) {
        const side = Math.max(1, Math.min(tables.run(mm.pageDirectory, vpn, last), last - vpn));
        const at = tables.find(mm.pageDirectory, vpn);
        total += side;
        if (at !== 0) young += this.#walkEntries(at, side, memcg, youngest);
        vpn += side;
      }
    }
    gen.mmStats[0]! += total;
    gen.mmStats[2]! += young;
    return isSuitable(total, young);
  }

  #walkEntries(at: number, count: number, memcg: Memcg, youngest: number): number {
    const { mem, canSwap, gen } = this;
    const { tables } = mem;
    let young = 0;
    for (let i = at; i < at + count; i++) {
      const entry = tables.pte[i]!;
      if (entry >>> 30 !== KIND_PRESENT) continue;
      if ((entry & PTE_YOUNG) === 0) {
        gen.mmStats[1]!++;
        continue;
      }
      const pfn = tables.numberOf(i, entry);
      if (!concerns(mem, pfn, memcg, canSwap)) continue;
      tables.pte[i] = entry & ~PTE_YOUNG;
      young++;
      promote(mem, pfn, youngest);
    }
    return young;
  }
}

/** The entries around one that has been found young. Mirrors: lru_gen_look_around. */
export function lookAround(mem: Memory, vma: Vma, vpn: number, own: number): void {
  const { frames, tables } = mem;
  if (vma.flags & (VM_IO | VM_PFNMAP)) return;
  const memcg = mem.memcgOf(own);
  const maxSeq = frames.generations!.maxSeq[memcg.id]!;
  const youngest = maxSeq % MAX_NR_GENS;
  const canSwap = walking === null || walking.canSwap;
  const table = Math.floor(vpn / PTRS_PER_TABLE) * PTRS_PER_TABLE;
  let start = Math.max(table, vma.start);
  let end = Math.min(table + PTRS_PER_TABLE, vma.end);
  if (end - start > MIN_LRU_BATCH) {
    if (vpn - start < MIN_LRU_BATCH / 2) end = start + MIN_LRU_BATCH;
    else if (end - vpn < MIN_LRU_BATCH / 2) start = end - MIN_LRU_BATCH;
    else {
      start = vpn - MIN_LRU_BATCH / 2;
      end = vpn + MIN_LRU_BATCH / 2;
    }
  }
  let young = 0;
  let nrOld = 0;
  for (let page = start; page < end; page++) {
    const at = tables.find(vma.mm.pageDirectory, page);
    const entry = at === 0 ? 0 : tables.pte[at]!;
    if (entry >>> 30 !== KIND_PRESENT || (entry & PTE_YOUNG) === 0) continue;
    const pfn = tables.numberOf(at, entry);
    if (!concerns(mem, pfn, memcg, canSwap)) continue;
    tables.pte[at] = entry & ~PTE_YOUNG;
    young++;
    const generation = frames.generationOf(pfn);
    if (generation < 0) frames.flags[pfn]! |= PG_REFERENCED;
    else if (generation !== youngest) around[nrOld++] = pfn;
  }
  if (isSuitable(end - start, young)) lruGenOf(memcg).filters[maxSeq % 2]?.add(tableKey(vma.mm, vpn));
  if (walking === null && nrOld < PAGEVEC_SIZE) for (let i = 0; i < nrOld; i++) makeYoungest(mem, around[i]!);
  else for (let i = 0; i < nrOld; i++) promote(mem, around[i]!, youngest);
}

/** Pages that lookAround has found. */
const around = new Uint32Array(MIN_LRU_BATCH);

/** Mirrors: folio_activate. */
function makeYoungest(mem: Memory, pfn: number): void {
  const { frames } = mem;
  const flags = frames.flags[pfn]!;
  if ((flags & PG_LRU) === 0 || flags & (PG_UNEVICTABLE | PG_ACTIVE)) return;
  frames.changeFlags(pfn, 0, PG_ACTIVE);
  mem.events.pgactivate++;
  mem.memcgOf(pfn).counts.pgactivate++;
}

/** A page of the oldest generation goes to the next one. Returns the generation that it belongs to then. Mirrors: folio_inc_gen. */
export function incrementGeneration(mem: Memory, pfn: number, minSeq: number): number {
  const { frames } = mem;
  const oldest = minSeq % MAX_NR_GENS;
  const generation = frames.generationOf(pfn);
  if (generation >= 0 && generation !== oldest) return generation;
  const next = (oldest + 1) % MAX_NR_GENS;
  frames.flags[pfn]! &= ~(PG_REFS_MASK | PG_REFERENCED | PG_WORKINGSET);
  frames.setGeneration(pfn, next);
  return next;
}

/** Gives up the oldest generation of a type; what is in it goes to the next. Mirrors: inc_min_seq. */
function dropOldest(mem: Memory, memcg: Memcg, type: number, canSwap: boolean): void {
  const { frames } = mem;
  const { minSeq } = frames.generations!;
  const at = memcg.id * 2 + type;
  if (type === GEN_FILE || canSwap) {
    const own = frames.ownList(memcg.id, minSeq[at]! % MAX_NR_GENS, type);
    for (let pfn = frames.lruTail(own); pfn !== 0; pfn = frames.lruTail(own)) {
      incrementGeneration(mem, pfn, minSeq[at]!);
      frames.relink(pfn, true);
    }
  }
  lruGenOf(memcg).carryOver(type);
  minSeq[at]!++;
}

/** Gives up oldest generations that are empty. Returns whether there were any. Mirrors: try_to_inc_min_seq. */
export function dropEmpty(mem: Memory, memcg: Memcg, canSwap: boolean): boolean {
  const { frames } = mem;
  const { maxSeq, minSeq } = frames.generations!;
  const base = memcg.id * 2;
  const wanted = [minSeq[base]!, minSeq[base + 1]!];
  const first = canSwap ? 0 : GEN_FILE;
  for (let type = first; type <= GEN_FILE; type++) {
    while (
      wanted[type]! + MIN_NR_GENS <= maxSeq[memcg.id]! &&
      frames.lruTail(frames.ownList(memcg.id, wanted[type]! % MAX_NR_GENS, type)) === 0
    )
      wanted[type]!++;
  }
  if (canSwap) {
    wanted[0] = Math.min(wanted[0]!, wanted[1]!);
    wanted[1] = Math.max(wanted[0], minSeq[base + 1]!);
  }
  let dropped = false;
  for (let type = first; type <= GEN_FILE; type++) {
    if (wanted[type] === minSeq[base + type]) continue;
    lruGenOf(memcg).carryOver(type);
    minSeq[base + type] = wanted[type]!;
    dropped = true;
  }
  return dropped;
}

/** Walks the page tables and begins a younger generation. Mirrors: try_to_inc_max_seq, inc_max_seq. */
export function addYoungest(mem: Memory, memcg: Memcg, canSwap: boolean, force: boolean): void {
  const { frames } = mem;
  const generations = frames.generations!;
  const maxSeq = generations.maxSeq[memcg.id]!;
  if (force || (mem.settings.lruGenCaps & LRU_GEN_MM_WALK) !== 0) {
    walking ??= { canSwap };
    walking.canSwap = canSwap;
    new Walk(mem, memcg, maxSeq, canSwap, force).run();
  }
  for (let type = GEN_FILE; type >= 0; type--)
    if (generations.count(memcg.id, type) === MAX_NR_GENS) dropOldest(mem, memcg, type, canSwap);
  frames.addGeneration(memcg.id);
  lruGenOf(memcg).bornUs[(maxSeq + 1) % MAX_NR_GENS] = mem.hooks.now?.() ?? 0;
}

/** Whether a younger generation is due, and how many pages are to be looked at. Mirrors: should_run_aging. */
export function needsAging(
  mem: Memory,
  memcg: Memcg,
  sc: ScanControl,
  canSwap: boolean,
): { readonly due: boolean; readonly nrToScan: number } {
  const { frames } = mem;
  const generations = frames.generations!;
  const maxSeq = generations.maxSeq[memcg.id]!;
  const first = canSwap ? 0 : GEN_FILE;
  let old = 0;
  let young = 0;
  let total = 0;
  for (let type = first; type <= GEN_FILE; type++) {
    for (let seq = generations.minSeq[memcg.id * 2 + type]!; seq <= maxSeq; seq++) {
      const size = frames.nrInGeneration(memcg.id, seq % MAX_NR_GENS, type);
      total += size;
      if (seq === maxSeq) young += size;
      else if (seq + MIN_NR_GENS === maxSeq) old += size;
    }
  }
  const nrToScan = Math.floor(total / (1 << sc.priority));
  const oldest = generations.minSeq[memcg.id * 2 + first]! + MIN_NR_GENS;
  let due = oldest > maxSeq;
  if (oldest === maxSeq) due = young * MIN_NR_GENS > total || old * (MIN_NR_GENS + 2) < total;
  return { due, nrToScan };
}
