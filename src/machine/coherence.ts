/**
 * Whether the files of /proc tell one story: what smaps, status, pagemap, kpagecount, meminfo and swaps would show is
 * gathered here from page tables, frames and slots, and has to add up. Unlike mm/invariants.ts this looks at what readers
 * see, not at how it is kept.
 */
import { LRU_INACTIVE_ANON, LRU_UNEVICTABLE } from '../mm/pages/frames.ts';
import { addVmaSums, PageSums } from '../mm/pages/page-stats.ts';
import { KIND_PRESENT, KIND_SWAP } from '../mm/pages/pte.ts';
import { walkEntries } from '../mm/space/zap.ts';
import type { Job } from '../util/job.ts';
import type { Machine } from './machine.ts';

/** Proportional sums are in bytes × 4096, so a page counts this much. */
const PAGE_SHARE = 4096 * 4096;
/** Pages, frames, slots that are looked at in one piece. */
const PIECE = 1 << 16;

/** What all address spaces together show, in pages. */
interface Shown {
  readonly mapcount: Uint32Array;
  /** Sum of Pss, in shares, and the entries that it was rounded down for. */
  pss: number;
  entries: number;
  /** Sum of VmSwap. */
  vmSwap: number;
}

/** Every contradiction, in words; none when all figures agree. */
export function* checkCoherence(machine: Machine): Job<string[]> {
  const problems: string[] = [];
  const expect = (name: string, shown: number, wanted: number) => {
    if (shown !== wanted) problems.push(`${name}: ${shown}, but the parts make ${wanted}`);
  };
  const { frames } = machine.mem;
  const shown: Shown = { mapcount: new Uint32Array(frames.fresh + 1), pss: 0, entries: 0, vmSwap: 0 };
  for (const mm of machine.mms) yield* gatherMm(machine, mm, shown, expect);
  yield* checkMeminfo(machine, shown, expect);
  yield* checkSwaps(machine, shown, expect);
  return problems;
}

type Expect = (name: string, shown: number, wanted: number) => void;

/** Sums of smaps against the counters of status and statm; entries of pagemap for kpagecount. */
function* gatherMm(machine: Machine, mm: Machine['mms'][number], shown: Shown, expect: Expect): Job<void> {
  const { mem } = machine;
  const sums = new PageSums();
  let swapped = 0;
  for (const vma of mm.vmas) {
    for (let from = vma.start; from < vma.end; from += PIECE) {
      addVmaSums(mem, vma, sums, from, Math.min(vma.end, from + PIECE));
      yield;
    }
    yield* walkEntries(mem, vma, (at) => {
      const pte = mem.tables.pte[at]!;
      if (pte >>> 30 === KIND_SWAP) swapped++;
      else if (pte >>> 30 === KIND_PRESENT) {
        shown.entries++;
        shown.mapcount[mem.tables.numberOf(at, pte)]!++;
      }
    });
  }
  const who = `mm ${mm.id}`;
  expect(`${who}: VmRSS`, mm.rss * 4096, sums.rss);
  expect(`${who}: RssAnon`, mm.rssAnon * 4096, sums.anonymous);
  expect(`${who}: VmSwap`, mm.swapents, swapped);
  expect(
    `${who}: clean and dirty`,
    sums.rss,
    sums.sharedClean + sums.sharedDirty + sums.privateClean + sums.privateDirty,
  );
  expect(`${who}: Pss`, sums.pss, sums.pssAnon + sums.pssFile + sums.pssShmem);
  if (mm.peakRss < mm.rss) expect(`${who}: VmHWM`, mm.peakRss, mm.rss);
  shown.pss += sums.pss;
  shown.vmSwap += swapped;
}

/** Everybody's share, the caches that nobody maps, the kernel's own and what is free are all there is. */
function* checkMeminfo(machine: Machine, shown: Shown, expect: Expect): Job<void> {
  const { mem } = machine;
  const { frames } = mem;
  let mapped = 0;
  for (let pfn = 1; pfn < frames.fresh; pfn++) {
    const count = shown.mapcount[pfn]!;
    if (count > 0) mapped++;
    if (pfn % PIECE === 0) yield;
    if (count !== frames.mapcount[pfn]) expect(`kpagecount of frame ${pfn}`, frames.mapcount[pfn]!, count);
  }
  expect('AnonPages + Mapped', mem.nrAnonMapped + mem.nrFileMapped, mapped);
  // Every entry may have lost less than one share by rounding.
  const lost = mapped * PAGE_SHARE - shown.pss;
  if (lost < 0 || lost > shown.entries) expect('sum of Pss in pages', shown.pss / PAGE_SHARE, mapped);
  const unmappedCache = mem.nrFilePages - mem.nrFileMapped;
  const parts = mapped + unmappedCache + (yield* unmappedSwapCache(machine)) + mem.nrFree + mem.nrKernelPages;
  expect('MemTotal in pages', frames.total, parts);
  let listed = 0;
  for (let list = LRU_INACTIVE_ANON; list <= LRU_UNEVICTABLE; list++) listed += frames.nrOnList[list]!;
  expect('Active + Inactive + Unevictable', listed, frames.nrUsed);
  if (unmappedCache < 0) expect('Cached below Mapped', mem.nrFilePages, mem.nrFileMapped);
}

/** Pages of the swap cache that no process maps. */
function* unmappedSwapCache(machine: Machine): Job<number> {
  const { swap, frames } = machine.mem;
  let pages = 0;
  if (swap === null || machine.mem.nrSwapCache === 0) return 0;
  for (let slot = swap.nextCluster(1), n = 1; slot < swap.usedSlots; slot = swap.nextCluster(slot + 1), n++) {
    if (n % PIECE === 0) yield;
    const pfn = swap.frame[slot]!;
    if (pfn !== 0 && frames.mapcount[pfn] === 0) pages++;
  }
  return pages;
}

/** SwapTotal − SwapFree is what processes and shared memory have out there, each slot once. */
function* checkSwaps(machine: Machine, shown: Shown, expect: Expect): Job<void> {
  const { swap, mappings } = machine.mem;
  if (swap === null) {
    expect('VmSwap without swap', shown.vmSwap, 0);
    return;
  }
  let shmem = 0;
  for (const mapping of mappings.values()) shmem += mapping.nrSwapped;
  let used = 0;
  let users = 0;
  let cached = 0;
  for (let slot = swap.nextCluster(1), n = 1; slot < swap.usedSlots; slot = swap.nextCluster(slot + 1), n++) {
    if (n % PIECE === 0) yield;
    const count = swap.users[slot]!;
    users += count;
    if (swap.frame[slot] !== 0) cached++;
    if (count > 0 || swap.frame[slot] !== 0) used++;
  }
  expect('used pages of /proc/swaps', swap.nrUsed, used);
  expect('SwapCached', machine.mem.nrSwapCache, cached);
  expect('sum of VmSwap and swapped shared memory', shown.vmSwap + shmem, users);
}
