/** Splitting and merging VMAs, and giving a range of them other flags. Mirrors: mm/vma.c. */
import { ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import { promise } from './accounting.ts';
import { checkHugeAligned, splitHuge } from './hugetlb-vma.ts';
import type { Mm } from './mm.ts';
import { VM_ACCOUNT, VM_HUGETLB, VM_IO, VM_PFNMAP } from './vm-flags.ts';
import { Vma } from './vma.ts';

/** Mappings that are looked at in one piece of work. */
const PIECE_VMAS = 512;

export function insertVma(mm: Mm, vma: Vma): void {
  mm.vmas.splice(mm.indexAfter(vma.start), 0, vma);
}

/** Makes `vpn` a boundary between VMAs, if it lies inside one. Mirrors: split_vma. */
export function splitAt(mem: Memory, mm: Mm, vpn: number): void {
  const vma = mm.find(vpn);
  if (vma === undefined || vma.start === vpn) return;
  if (mm.vmas.length >= mem.settings.maxMapCount) throw new KernelError(ENOMEM, 'too many mappings (vm.max_map_count)');
  if (vma.flags & VM_HUGETLB) checkHugeAligned(vpn);
  const upper = new Vma(mm, vpn, vma.end, vma.flags, vma.indexOf(vpn), vma.mapping, vma.name);
  upper.anonRoot = vma.anonRoot;
  upper.anonOrigin = vma.anonOrigin;
  upper.takeSwapReadahead(vma);
  if (vma.flags & VM_HUGETLB) splitHuge(vma, upper);
  vma.end = vpn;
  vma.anonRoot?.vmas.add(upper);
  vma.mapping?.vmas.add(upper);
  insertVma(mm, upper);
}

/** Merges a VMA with equal neighbours; returns the VMA that holds its pages then. Mirrors: vma_merge. */
export function mergeAround(mem: Memory, mm: Mm, vma: Vma): Vma {
  const at = mm.indexAfter(vma.start);
  let kept = vma;
  const lower = mm.vmas[at - 1];
  if (lower !== undefined && canMerge(lower, vma)) {
    absorb(mem, mm, lower, vma);
    kept = lower;
  }
  const upper = mm.vmas[mm.indexAfter(kept.start) + 1];
  if (upper !== undefined && canMerge(kept, upper)) absorb(mem, mm, kept, upper);
  return kept;
}

function canMerge(lower: Vma, upper: Vma): boolean {
  return (
    lower.end === upper.start &&
    lower.flags === upper.flags &&
    lower.mapping === upper.mapping &&
    lower.name === upper.name &&
    lower.indexOf(lower.end) === upper.pgoff &&
    sameOrigin(lower, upper) &&
    (lower.flags & (VM_PFNMAP | VM_IO | VM_HUGETLB)) === 0
  );
}

/**
 * Pages of one origin, or none yet on one side; pages that came by fork are kept apart from mappings without any.
 * Mirrors: mm/vma.c:is_mergeable_anon_vma.
 */
function sameOrigin(lower: Vma, upper: Vma): boolean {
  if (lower.anonRoot === null) return upper.anonRoot === null || !upper.isForkCopy;
  if (upper.anonRoot === null) return !lower.isForkCopy;
  return lower.anonRoot === upper.anonRoot && lower.anonOrigin === upper.anonOrigin;
}

/** Extends `lower` over `upper`, which disappears. */
function absorb(_mem: Memory, mm: Mm, lower: Vma, upper: Vma): void {
  mm.vmas.splice(mm.indexAfter(upper.start), 1);
  lower.end = upper.end;
  if (upper.anonRoot !== null) {
    upper.anonRoot.vmas.delete(upper);
    lower.anonRoot = upper.anonRoot;
    lower.anonOrigin = upper.anonOrigin;
    lower.anonRoot.vmas.add(lower);
  }
  upper.mapping?.vmas.delete(upper);
}

/**
 * Gives the VMAs of [start, end) other flags, one by one, split at the ends of the range and merged where that makes them
 * equal to a neighbour; `apply` is told what has changed. A VMA that has its flags already is left as it is. At a hole it
 * stops with ENOMEM, at one that refuses with what `wanted` throws, what lies before it having been changed, as mprotect,
 * mlock and munlock do.
 */
export function* changeRange(
  mem: Memory,
  mm: Mm,
  start: number,
  end: number,
  wanted: (vma: Vma) => number,
  apply?: (vma: Vma) => Job<void>,
  merged?: (from: number, to: number, before: number, flags: number) => Job<void>,
): Job<void> {
  let at = start;
  let seen = 0;
  try {
    while (at < end) {
      const vma = mm.find(at);
      if (vma === undefined) break;
      const stop = Math.min(vma.end, end);
      const flags = wanted(vma);
      const before = vma.flags;
      if (flags !== before) {
        splitAt(mem, mm, at);
        splitAt(mem, mm, stop);
        const piece = mm.find(at)!;
        if (flags & ~before & VM_ACCOUNT) promise(mem, stop - at);
        else if (before & ~flags & VM_ACCOUNT) mem.committed -= stop - at;
        piece.flags = flags;
        if (apply !== undefined) yield* apply(piece);
        mergeAround(mem, mm, piece);
        if (merged !== undefined) yield* merged(at, stop, before, flags);
      }
      at = stop;
      if (++seen % PIECE_VMAS === 0) yield;
    }
  } finally {
    mm.vmasGrew(0);
  }
  if (at < end) throw new KernelError(ENOMEM, 'part of the range is not mapped');
}
