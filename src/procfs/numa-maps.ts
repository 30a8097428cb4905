/** PID/numa_maps of a machine with one node. Mirrors: fs/proc/task_mmu.c:show_numa_map. */
import { dPath } from '../machine/paths.ts';
import type { Memory } from '../mm/memory.ts';
import { PG_ACTIVE, PG_ANON, PG_DIRTY, PG_SWAPCACHE, PG_WRITEBACK } from '../mm/pages/page-flags.ts';
import { KIND_PRESENT, PTE_DIRTY } from '../mm/pages/pte.ts';
import { VM_HUGETLB, VM_PFNMAP } from '../mm/space/vm-flags.ts';
import type { Vma } from '../mm/space/vma.ts';
import type { Job } from '../util/job.ts';
import type { TaskContext } from './entry.ts';
import { eachVma } from './task-mmu.ts';
import type { TextBuffer } from './text.ts';
import { mangle } from './text.ts';

/** Pages looked at in one piece of work. */
const PIECE_PAGES = 1 << 13;

interface NumaCounts {
  pages: number;
  anon: number;
  dirty: number;
  active: number;
  swapcache: number;
  writeback: number;
  mapcountMax: number;
}

export function* showNumaMaps(out: TextBuffer, { machine, task: { mm } }: TaskContext): Job<void> {
  if (mm === null) return;
  yield* eachVma(mm, function* (vma) {
    const counts = yield* gather(machine.mem, vma);
    out.hex(vma.start, 5).text('000 default');
    if (vma.mapping !== null) out.text(' file=').text(mangle(dPath(vma.mapping), /[\n\t= ]/g));
    else if (vma.name === '[heap]') out.text(' heap');
    else if (vma.name === '[stack]') out.text(' stack');
    if (vma.flags & VM_HUGETLB) out.text(' huge');
    showCounts(out, counts);
    out.newline();
  });
}

function showCounts(out: TextBuffer, counts: NumaCounts): void {
  const { pages, anon, dirty } = counts;
  if (pages === 0) return;
  if (anon > 0) out.text(' anon=').dec(anon);
  if (dirty > 0) out.text(' dirty=').dec(dirty);
  if (pages !== anon && pages !== dirty) out.text(' mapped=').dec(pages);
  if (counts.mapcountMax > 1) out.text(' mapmax=').dec(counts.mapcountMax);
  if (counts.swapcache > 0) out.text(' swapcache=').dec(counts.swapcache);
  if (counts.active < pages) out.text(' active=').dec(counts.active);
  if (counts.writeback > 0) out.text(' writeback=').dec(counts.writeback);
  out.text(' N0=').dec(pages).text(' kernelpagesize_kB=4');
}

/** Mirrors: gather_pte_stats, gather_stats. */
function* gather(mem: Memory, vma: Vma): Job<NumaCounts> {
  const counts = { pages: 0, anon: 0, dirty: 0, active: 0, swapcache: 0, writeback: 0, mapcountMax: 0 };
  if (vma.flags & (VM_HUGETLB | VM_PFNMAP)) return counts;
  const { tables, frames } = mem;
  for (let vpn = vma.start; vpn < vma.end; ) {
    const run = tables.run(vma.mm.pageDirectory, vpn, vma.end);
    const first = tables.find(vma.mm.pageDirectory, vpn);
    vpn += run;
    if (vpn % PIECE_PAGES === 0) yield;
    if (first === 0) continue;
    for (let at = first; at < first + run; at++) {
      const pte = tables.pte[at]!;
      if (pte >>> 30 !== KIND_PRESENT) continue;
      const pfn = tables.numberOf(at, pte);
      const flags = frames.flags[pfn]!;
      counts.pages++;
      if (pte & PTE_DIRTY || flags & PG_DIRTY) counts.dirty++;
      if (flags & PG_SWAPCACHE) counts.swapcache++;
      if (flags & PG_ACTIVE) counts.active++;
      if (flags & PG_WRITEBACK) counts.writeback++;
      if (flags & PG_ANON) counts.anon++;
      counts.mapcountMax = Math.max(counts.mapcountMax, frames.mapcount[pfn]!);
    }
  }
  return counts;
}
