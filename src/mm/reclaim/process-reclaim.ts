/**
 * The work behind /proc/PID/reclaim: which VMAs, which pages. Mirrors: the reclaim_write and reclaim_pte_range of the
 * 2013 series; under `rules.asMadvise` mm/madvise.c:madvise_cold_or_pageout_pte_range.
 */
import type { Job } from '../../util/job.ts';
import type { Ownership } from '../cache/mapping.ts';
import type { Memory } from '../memory.ts';
import { PG_ACTIVE, PG_ANON, PG_REFERENCED, PG_WORKINGSET } from '../pages/page-flags.ts';
import { KIND_PRESENT, PTE_YOUNG } from '../pages/pte.ts';
import type { Mm } from '../space/mm.ts';
import { VM_HUGETLB, VM_LOCKED, VM_MAYSHARE, VM_PFNMAP } from '../space/vm-flags.ts';
import type { Vma } from '../space/vma.ts';
import { pageoutMapped } from './pageout.ts';

/** VMAs without a file, with one, all, or (one dialect) those of shared memory. */
export type ReclaimKind = 'anon' | 'file' | 'all' | 'shmem';

/** Who asks, where that matters (madvise by the process itself): file pages of others are left alone. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  /** CAP_FOWNER / CAP_DAC_OVERRIDE: root. */
  readonly privileged: boolean;
}

export interface ReclaimResult {
  vmasWalked: number;
  vmasRefused: number;
  bytesAdvised: number;
}

/** Whether VMAs of this kind are meant. Classified by VMA, not by page: a private page of a file VMA is `file`. */
export function isKind(vma: Vma, kind: ReclaimKind): boolean {
  switch (kind) {
    case 'all':
      return true;
    case 'anon':
      return vma.mapping === null;
    case 'file':
      return vma.mapping !== null;
    case 'shmem':
      return vma.mapping?.isShmem === true;
  }
}

/** Whether these credentials may write the file (mm/madvise.c:can_do_file_pageout). */
export function mayWriteFile(owner: Ownership, who: Credentials): boolean {
  if (who.privileged || owner.uid === who.uid) return true;
  return (owner.mode & (owner.gid === who.gid ? 0o020 : 0o002)) !== 0;
}

/**
 * Reclaims pages of [start, end) in the chosen VMAs, by ascending address. `only` restricts the walk to some VMAs
 * (a scenario's own); `who` absent means root.
 */
export function* reclaimProcess(
  mem: Memory,
  mm: Mm,
  kind: ReclaimKind,
  start = 0,
  end = Number.POSITIVE_INFINITY,
  who?: Credentials,
  only?: (vma: Vma) => boolean,
): Job<ReclaimResult> {
  const result: ReclaimResult = { vmasWalked: 0, vmasRefused: 0, bytesAdvised: 0 };
  for (let i = mm.indexAfter(start); i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
    const vma = mm.vmas[i]!;
    if (!isKind(vma, kind) || only?.(vma) === false) continue;
    result.vmasWalked++;
    if (mem.rules.asMadvise && vma.flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB)) {
      result.vmasRefused++;
      continue;
    }
    const from = Math.max(start, vma.start);
    const to = Math.min(end, vma.end);
    result.bytesAdvised += (to - from) * 4096;
    yield* reclaimVma(mem, vma, from, to, who);
  }
  return result;
}

/** Reclaims [from, to) of one VMA. */
export function* reclaimVma(mem: Memory, vma: Vma, from: number, to: number, who?: Credentials): Job<void> {
  if (vma.flags & (VM_HUGETLB | VM_PFNMAP)) return;
  const { tables, frames, rules } = mem;
  const directory = vma.mm.pageDirectory;
  const foreign = rules.asMadvise && who !== undefined && vma.mapping !== null && !mayWriteFile(vma.mapping.owner, who);
  if (foreign && vma.flags & VM_MAYSHARE) return;
  for (let vpn = from; vpn < to; ) {
    const count = tables.run(directory, vpn, to);
    const first = tables.find(directory, vpn);
    vpn += count;
    if (first === 0) continue;
    for (let at = first; at < first + count; at++) {
      const pte = tables.pte[at]!;
      if (pte >>> 30 !== KIND_PRESENT) continue;
      const pfn = tables.numberOf(at, pte);
      if (rules.sharedPages === 'skip' && frames.mapcount[pfn] !== 1) continue;
      if (foreign && (frames.flags[pfn]! & PG_ANON) === 0) continue;
      if (rules.asMadvise) makeOld(mem, pfn);
      pageoutMapped(mem, vma, at, pfn);
    }
    yield;
  }
}

/** Forgets that a page was used lately, as madvise does before it moves it. What its entries say stays. */
function makeOld(mem: Memory, pfn: number): void {
  const { frames } = mem;
  frames.flags[pfn]! &= ~PG_REFERENCED;
  if (frames.flags[pfn]! & PG_ACTIVE) frames.flags[pfn]! |= PG_WORKINGSET;
}

/** Deactivates the pages of [from, to) that only this mapping has. Mirrors: madvise(MADV_COLD). */
export function* coldVma(mem: Memory, vma: Vma, from: number, to: number): Job<void> {
  if (vma.flags & (VM_HUGETLB | VM_PFNMAP | VM_LOCKED)) return;
  const { tables, frames } = mem;
  const directory = vma.mm.pageDirectory;
  for (let vpn = from; vpn < to; ) {
    const count = tables.run(directory, vpn, to);
    const first = tables.find(directory, vpn);
    vpn += count;
    if (first === 0) continue;
    for (let at = first; at < first + count; at++) {
      const pte = tables.pte[at]!;
      if (pte >>> 30 !== KIND_PRESENT) continue;
      const pfn = tables.numberOf(at, pte);
      if (frames.mapcount[pfn] !== 1) continue;
      // Unlike MADV_PAGEOUT, which looks at no reference, it takes the accessed bit away.
      tables.pte[at] = pte & ~PTE_YOUNG;
      makeOld(mem, pfn);
      mem.deactivate(pfn);
    }
    yield;
  }
}
