/** Copying an address space. Mirrors: kernel/fork.c:dup_mmap, mm/memory.c:copy_page_range. */
import type { Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import { PG_ANON, PG_SWAPBACKED } from '../pages/page-flags.ts';
import { KIND_PRESENT, KIND_SWAP, PTE_DIRTY, PTE_EXCLUSIVE, PTE_WRITE, PTE_YOUNG } from '../pages/pte.ts';
import { copyHuge } from './hugetlb-vma.ts';
import { Mm } from './mm.ts';
import { VM_ACCOUNT, VM_DONTCOPY, VM_LOCKED, VM_LOCKONFAULT, VM_SHARED, VM_WIPEONFORK } from './vm-flags.ts';
import { Vma } from './vma.ts';
import { forEachEntryInPieces } from './zap.ts';

/** Mappings copied in one piece. */
const PIECE_VMAS = 512;

/**
 * The address space of a child: every VMA that may be copied, and the page tables of those that hold private pages.
 * Shared and merely file-backed mappings are left to be faulted in. Locks are not inherited;
 * MADV_DONTFORK leaves a mapping out, MADV_WIPEONFORK its pages.
 */
export function* dupMm(mem: Memory, parent: Mm): Job<Mm> {
  const child = new Mm(mem.newId());
  for (const field of MM_FIELDS) child[field] = parent[field];
  for (const [mapping, file] of parent.files) child.files.set(mapping, file);
  for (const vma of parent.vmas) {
    if (vma.flags & VM_DONTCOPY) continue;
    const copy = new Vma(
      child,
      vma.start,
      vma.end,
      vma.flags & ~(VM_LOCKED | VM_LOCKONFAULT),
      vma.pgoff,
      vma.mapping,
      vma.name,
    );
    copyHuge(vma, copy);
    copy.takeSwapReadahead(vma);
    if (vma.flags & VM_ACCOUNT) mem.committed += vma.end - vma.start;
    child.vmas.push(copy);
    if (child.vmas.length % PIECE_VMAS === 0) yield;
    vma.mapping?.vmas.add(copy);
    if (vma.anonRoot === null || vma.flags & VM_WIPEONFORK) continue;
    copy.anonRoot = vma.anonRoot;
    copy.anonOrigin = -mem.newId();
    copy.anonRoot.vmas.add(copy);
    yield* copyEntries(mem, vma, copy);
  }
  child.hiwaterRss = child.rss;
  child.vmasChanged();
  return child;
}

const MM_FIELDS = [
  'startCode',
  'endCode',
  'startData',
  'endData',
  'startBrk',
  'brk',
  'startStack',
  'argStart',
  'argEnd',
  'envStart',
  'envEnd',
  'stackLimit',
] as const;

function copyEntries(mem: Memory, from: Vma, to: Vma): Job<void> {
  const { tables, frames } = mem;
  const child = to.mm;
  return forEachEntryInPieces(mem, from, from.start, from.end, (at, vpn) => {
    let pte = tables.pte[at]!;
    if (pte >>> 30 === KIND_SWAP) {
      pte &= ~PTE_EXCLUSIVE;
      tables.pte[at] = pte;
      mem.swap!.users[tables.numberOf(at, pte)]!++;
      child.swapents++;
    } else if (pte >>> 30 === KIND_PRESENT) {
      if ((from.flags & VM_SHARED) === 0) {
        pte &= ~(PTE_WRITE | PTE_EXCLUSIVE);
        tables.pte[at] = pte;
      }
      const pfn = tables.numberOf(at, pte);
      mem.addRmap(pfn);
      const flags = frames.flags[pfn]!;
      if (flags & PG_ANON) child.rssAnon++;
      else if (flags & PG_SWAPBACKED) child.rssShmem++;
      else child.rssFile++;
      // The child's entry is old; of a shared mapping it is clean too.
      pte &= from.flags & VM_SHARED ? ~(PTE_YOUNG | PTE_DIRTY) : ~PTE_YOUNG;
    }
    const copy = tables.ensure(child.pageDirectory, vpn);
    tables.copy(copy, at, pte);
    tables.expected[copy] = tables.expected[at]!;
  });
}
