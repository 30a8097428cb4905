/** Who has used a page since reclaim last came by. Mirrors: mm/rmap.c:folio_referenced. */
import type { Memory } from '../memory.ts';
import { PG_ANON } from '../pages/page-flags.ts';
import { PTE_YOUNG } from '../pages/pte.ts';
import { mlockFrame } from '../space/mlock.ts';
import { entryIn, hasRecency } from '../space/rmap.ts';
import { VM_LOCKED } from '../space/vm-flags.ts';
import type { Vma } from '../space/vma.ts';
import type { Memcg } from './memcg.ts';

/**
 * A walk over the mappings of one page after another. It remembers the VMA in which it found the last page, as
 * neighbours on a list often are neighbours in memory. Good for as long as no VMA changes.
 */
export class ReferenceWalk {
  /** The last mapping seen of the page, and its entry: the only one if the page has one mapping. */
  vma: Vma | undefined;
  at = 0;
  /** Flags of the VMAs through which the page was used; VM_LOCKED if one that maps it is locked (the page is, then). */
  vmFlags = 0;
  /** Told of each young entry before it is old: policies look at those beside it. */
  onYoung: ((mem: Memory, vma: Vma, vpn: number, pfn: number) => void) | null = null;
  private owner = 0;
  private ownerVma: Vma | undefined;

  /** To be called when VMAs may have changed. */
  reset(): void {
    this.owner = 0;
    this.ownerVma = undefined;
    this.vma = undefined;
  }

  /**
   * Clears the young bits of a page; returns how many there were. Sets `vma`, `at` and `vmFlags`. Mappings of advised
   * access, and those of processes outside of `target`, say nothing. Mirrors: folio_referenced, folio_referenced_one.
   */
  referenced(mem: Memory, pfn: number, target: Memcg | null = null): number {
    const { frames } = mem;
    const owner = frames.owner[pfn]!;
    const mapcount = frames.mapcount[pfn]!;
    this.vmFlags = 0;
    if (mapcount === 1 && owner === this.owner && this.ownerVma !== undefined) {
      const at = entryIn(mem, this.ownerVma, pfn);
      if (at !== 0) return this.#visit(mem, this.ownerVma, at, pfn, target);
    }
    this.vma = undefined;
    if (mapcount === 0) return 0;
    const vmas = frames.flags[pfn]! & PG_ANON ? mem.anonRoots.get(owner)?.vmas : mem.mappings.get(owner)?.vmas;
    if (vmas === undefined) return 0;
    let young = 0;
    let left = mapcount;
    for (const vma of vmas) {
      const at = entryIn(mem, vma, pfn);
      if (at === 0) continue;
      young += this.#visit(mem, vma, at, pfn, target);
      this.owner = owner;
      this.ownerVma = vma;
      if (--left === 0 || this.vmFlags & VM_LOCKED) break;
    }
    return young;
  }

  #visit(mem: Memory, vma: Vma, at: number, pfn: number, target: Memcg | null): number {
    const { pte } = mem.tables;
    if (this.vma !== vma) this.vma = vma;
    this.at = at;
    if (!hasRecency(mem, vma)) return 0;
    if (target !== null && vma.mm.memcg !== target.id && mem.memcgs[vma.mm.memcg]?.isBelow(target) !== true) return 0;
    if (vma.flags & VM_LOCKED) {
      this.vmFlags |= VM_LOCKED;
      mlockFrame(mem, pfn);
      return 0;
    }
    const entry = pte[at]!;
    if ((entry & PTE_YOUNG) === 0) return 0;
    this.onYoung?.(mem, vma, vma.vpnOf(mem.frames.index[pfn]!), pfn);
    pte[at] = entry & ~PTE_YOUNG;
    this.vmFlags |= vma.flags;
    return 1;
  }
}
