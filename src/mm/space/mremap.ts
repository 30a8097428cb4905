/**
 * Growing, shrinking and moving mappings. Mirrors: mm/mremap.c (do_mremap, expand_vma, move_vma, move_page_tables).
 *
 *   in place   the mapping keeps its address: shrinking unmaps its end, growing needs room behind it
 *   to a place what is mapped there goes first (MREMAP_FIXED); entries move with their frames and slots, without a fault
 *   dontunmap  the old mapping stays, empty (MREMAP_DONTUNMAP)
 */
import { EFAULT, EINVAL, ENOMEM } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import { KIND_NONE, KIND_PRESENT, KIND_SWAP, PTE_SOFTDIRTY } from '../pages/pte.ts';
import { promise } from './accounting.ts';
import type { Mm } from './mm.ts';
import { munmap, TASK_SIZE_PAGES } from './mmap.ts';
import { populate } from './populate.ts';
import { VM_ACCOUNT, VM_DONTEXPAND, VM_LOCKED, VM_LOCKONFAULT, VM_PFNMAP } from './vm-flags.ts';
import { Vma } from './vma.ts';
import { insertVma, mergeAround } from './vma-ops.ts';
import { forEachEntryInPieces } from './zap.ts';

/** What mremap(2) is asked for; all in pages. */
export interface MremapRequest {
  readonly start: number;
  readonly nrPages: number;
  readonly newPages: number;
  /** Where to (MREMAP_MAYMOVE | MREMAP_FIXED); absent: in place or not at all. */
  readonly to?: number;
  /** MREMAP_DONTUNMAP: the old mapping stays, without its pages. */
  readonly dontUnmap?: boolean;
}

/** A move may split at both ends: it is refused when that could exceed max_map_count. */
const MAP_COUNT_MARGIN = 3;

/**
 * Carries it out and returns the first page of the mapping. Throws KernelError: EINVAL (sizes, overlap), EFAULT (a hole, a
 * range over several mappings that changes its size), ENOMEM (no room to grow in place, commit limit, too many mappings).
 */
export function* mremap(mem: Memory, mm: Mm, request: MremapRequest): Job<number> {
  const { start, nrPages, newPages, to, dontUnmap = false } = request;
  checkRequest(mem, mm, request);
  if (to === undefined) {
    yield* resizeInPlace(mem, mm, start, nrPages, newPages);
    return start;
  }
  const first = mm.find(start);
  if (first === undefined) throw new KernelError(EFAULT, 'nothing is mapped there');
  const several = start + nrPages > first.end;
  // Since 6.17 a range over several mappings, with holes between them, is moved as a whole.
  if (several && newPages !== nrPages) throw new KernelError(EFAULT, 'the range spans more than one mapping');
  if (newPages > nrPages) checkExpandable(first);
  yield* munmap(mem, mm, to, to + newPages);
  let length = nrPages;
  if (nrPages > newPages) {
    yield* munmap(mem, mm, start + newPages, start + nrPages);
    length = newPages;
  }
  for (let at = start; at < start + length; ) {
    const vma = mm.vmas[mm.indexAfter(at)];
    if (vma === undefined || vma.start >= start + length) break;
    const from = Math.max(at, vma.start);
    const end = Math.min(vma.end, start + length);
    // Only a range within one mapping changes its size.
    const size = several ? end - from : newPages;
    yield* moveVma(mem, mm, vma, from, end - from, to + (from - start), size, dontUnmap);
    at = end;
  }
  mm.vmasChanged();
  return to;
}

/** Mirrors: check_mremap_params. */
function checkRequest(mem: Memory, mm: Mm, { start, nrPages, newPages, to, dontUnmap }: MremapRequest): void {
  if (!(newPages > 0)) throw new KernelError(EINVAL, 'the new length must be more than zero');
  if (newPages >= TASK_SIZE_PAGES) throw new KernelError(EINVAL, 'the new length is beyond user space');
  if (!(nrPages > 0)) throw new KernelError(EINVAL, 'the old length must be more than zero');
  if (to === undefined) {
    if (dontUnmap) throw new KernelError(EINVAL, 'dontunmap needs a new place');
    return;
  }
  if (dontUnmap && nrPages !== newPages) throw new KernelError(EINVAL, 'dontunmap does not change the length');
  if (to < 1 || to + newPages > TASK_SIZE_PAGES) throw new KernelError(EINVAL, 'the new place is out of user space');
  if (start + nrPages > to && to + newPages > start) throw new KernelError(EINVAL, 'the old and the new place overlap');
  if (mm.vmas.length + 2 >= mem.settings.maxMapCount - MAP_COUNT_MARGIN)
    throw new KernelError(ENOMEM, 'too many mappings (vm.max_map_count)');
}

/** Mirrors: shrink_vma, expand_vma without MREMAP_MAYMOVE. */
function* resizeInPlace(mem: Memory, mm: Mm, start: number, nrPages: number, newPages: number): Job<void> {
  const vma = mm.find(start);
  if (vma === undefined) throw new KernelError(EFAULT, 'nothing is mapped there');
  if (newPages <= nrPages) {
    // Nothing to do at the same size: what lies behind the first mapping is not looked at.
    if (newPages < nrPages) yield* munmap(mem, mm, start + newPages, start + nrPages);
    return;
  }
  if (start + nrPages > vma.end) throw new KernelError(EFAULT, 'the range spans more than one mapping');
  const grow = newPages - nrPages;
  checkExpandable(vma);
  const above = mm.vmas[mm.indexAfter(vma.start) + 1];
  const room = above === undefined ? TASK_SIZE_PAGES : above.start;
  if (start + nrPages !== vma.end || start + newPages > room)
    throw new KernelError(ENOMEM, 'there is no room behind the mapping');
  if (vma.flags & VM_ACCOUNT) promise(mem, grow);
  const from = vma.end;
  vma.end += grow;
  mergeAround(mem, mm, vma);
  mm.vmasChanged();
  if (vma.flags & VM_LOCKED) yield* populate(mem, mm, from, from + grow);
}

/** Mirrors: the part of check_prep_vma on growing. */
function checkExpandable(vma: Vma): void {
  if (vma.flags & (VM_DONTEXPAND | VM_PFNMAP)) throw new KernelError(EFAULT, 'the mapping may not grow');
}

/** Moves part of one VMA. Mirrors: move_vma, copy_vma. */
function* moveVma(
  mem: Memory,
  mm: Mm,
  vma: Vma,
  from: number,
  nrPages: number,
  to: number,
  newPages: number,
  dontUnmap: boolean,
): Job<void> {
  if (vma.flags & VM_ACCOUNT) promise(mem, newPages);
  // Anonymous memory without pages so far may take the index of its new place; with pages they keep theirs.
  const fresh = vma.isAnonymous && vma.anonRoot === null;
  const moved = new Vma(mm, to, to + newPages, vma.flags, fresh ? to : vma.indexOf(from), vma.mapping, vma.name);
  moved.anonRoot = vma.anonRoot;
  moved.anonOrigin = vma.anonOrigin;
  moved.takeSwapReadahead(vma);
  moved.anonRoot?.vmas.add(moved);
  moved.mapping?.vmas.add(moved);
  insertVma(mm, moved);
  yield* moveEntries(mem, vma, from, from + nrPages, to);
  mergeAround(mem, mm, moved);
  if (dontUnmap) {
    leaveEmpty(mem, mm, vma, from, nrPages);
  } else yield* munmap(mem, mm, from, from + nrPages);
  mm.vmasChanged();
  if (moved.flags & VM_LOCKED && newPages > nrPages) yield* populate(mem, mm, to + nrPages, to + newPages);
}

/**
 * The old mapping of MREMAP_DONTUNMAP: locked no longer (all of it, also where only a part was moved), and a stranger to
 * its old pages where all of them have gone. Mirrors: dontunmap_complete.
 */
function leaveEmpty(mem: Memory, mm: Mm, vma: Vma, from: number, nrPages: number): void {
  vma.flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
  if (vma.start === from && vma.nrPages === nrPages && vma.anonRoot !== null) {
    vma.anonRoot.vmas.delete(vma);
    vma.anonRoot = null;
    vma.anonOrigin = 0;
  }
  mergeAround(mem, mm, vma);
}

/** Entries change their place; frames, slots and counters stay as they are. Mirrors: move_ptes. */
function moveEntries(mem: Memory, vma: Vma, from: number, end: number, to: number): Job<void> {
  const { tables } = mem;
  const directory = vma.mm.pageDirectory;
  return forEachEntryInPieces(mem, vma, from, end, (at, vpn) => {
    const entry = tables.pte[at]!;
    const expected = tables.expected[at]!;
    const target = tables.ensure(directory, to + (vpn - from));
    const kind = entry >>> 30;
    tables.copy(target, at, kind === KIND_PRESENT || kind === KIND_SWAP ? entry | PTE_SOFTDIRTY : entry);
    tables.expected[target] = expected;
    tables.pte[at] = KIND_NONE;
    tables.expected[at] = 0;
  });
}
