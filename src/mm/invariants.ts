/** The invariants of memory-model.md §6, checked from scratch. Slow: for tests and /proc/reclaimfs/check. */

import { finish, type Job } from '../util/job.ts';
import { ENTRY_NUMBER, ENTRY_SHADOW, ENTRY_SWAPPED } from './cache/mapping.ts';
import type { Memory } from './memory.ts';
import { CONTENT_ZERO } from './pages/content.ts';
import { LRU_ACTIVE_ANON, LRU_GENERATIONS, NR_LISTS } from './pages/frames.ts';
import {
  PG_ANON,
  PG_DIRTY,
  PG_LRU,
  PG_MLOCKED,
  PG_SWAPBACKED,
  PG_SWAPCACHE,
  PG_USED,
  PG_WRITEBACK,
} from './pages/page-flags.ts';
import { KIND_PRESENT, KIND_SWAP, PTE_DIRTY, PTE_PURGED, PTE_WRITE } from './pages/pte.ts';
import type { Mm } from './space/mm.ts';
import { VM_GROWSDOWN, VM_VOLATILE, VM_WRITE } from './space/vm-flags.ts';
import { walkEntries } from './space/zap.ts';
import type { SwapArea } from './swap/swap.ts';
import { ZRAM_HUGE, ZRAM_SAME, ZRAM_WB, type Zram } from './swap/zram.ts';

/** Pages, frames, slots that are looked at in one piece. */
const PIECE = 1 << 16;

/** Every violation found, in words; an empty list when the memory is sound. `mms`: all address spaces in use. */
export function checkMemory(mem: Memory, mms: readonly Mm[]): string[] {
  return finish(checkMemoryInPieces(mem, mms));
}

/** The same in pieces. */
export function* checkMemoryInPieces(mem: Memory, mms: readonly Mm[]): Job<string[]> {
  const problems: string[] = [];
  const { frames, tables, swap } = mem;
  const say = (text: string) => {
    if (problems.length < 50) problems.push(text);
  };
  const expect = (actual: number, wanted: number, what: string) => {
    if (actual !== wanted) say(`${what}: counted ${wanted}, recorded ${actual}`);
  };
  // What has never been given out nothing may name: it is not looked at, however large the machine is.
  const nrFrames = frames.fresh;
  const nrSlots = swap?.usedSlots ?? 0;
  const mapcount = new Uint32Array(nrFrames);
  const pteDirty = new Uint8Array(nrFrames);
  const users = new Uint32Array(nrSlots);
  let nrSwapEntries = 0;
  const named = (number: number, below: number, what: string): void => {
    if (number === 0 || number >= below) say(`${what} ${number} is named, but has never been given out`);
  };

  for (const mm of mms) yield* checkMm(mm);
  let nrFilePages = 0;
  let nrShmem = 0;
  const cached = new Uint8Array(nrFrames);
  for (const mapping of mem.mappings.values()) {
    let nrCached = 0;
    let nrDirty = 0;
    let nrSwapped = 0;
    yield* mapping.pages.walk((index, entry) => {
      if (entry >= ENTRY_SHADOW) return;
      if (entry >= ENTRY_SWAPPED) {
        nrSwapped++;
        nrSwapEntries++;
        named(entry & ENTRY_NUMBER, nrSlots, 'swap slot');
        users[entry & ENTRY_NUMBER]!++;
        return;
      }
      nrCached++;
      named(entry, nrFrames, 'frame');
      cached[entry] = 1;
      if (frames.owner[entry] !== mapping.id || frames.index[entry] !== index || frames.flags[entry]! & PG_ANON) {
        say(`frame ${entry} in the cache of ${mapping.path} at ${index} belongs elsewhere`);
      }
      if (frames.flags[entry]! & PG_DIRTY) nrDirty++;
    });
    expect(mapping.nrCached, nrCached, `cached pages of ${mapping.path}`);
    expect(mapping.nrSwapped, nrSwapped, `swapped pages of ${mapping.path}`);
    if (!mapping.isShmem) expect(mapping.nrDirty, nrDirty, `dirty pages of ${mapping.path}`);
    nrFilePages += nrCached;
    if (mapping.isShmem) nrShmem += nrCached;
  }
  expect(mem.nrFilePages, nrFilePages, 'page cache');
  expect(mem.nrShmem, nrShmem, 'shmem pages');
  yield* checkFrames();
  if (swap !== null) yield* checkSwap(swap);
  return problems;

  function* checkMm(mm: Mm): Job<void> {
    let file = 0;
    let anon = 0;
    let shmem = 0;
    let swapents = 0;
    let end = -1;
    for (const vma of mm.vmas) {
      if (vma.start >= vma.end || vma.start < end) say(`mm ${mm.id}: VMAs out of order at page ${vma.start}`);
      end = vma.end;
      if (vma.mapping !== null && !vma.mapping.vmas.has(vma))
        say(`mm ${mm.id}: VMA at ${vma.start} unknown to its file`);
      if (vma.anonRoot !== null && !vma.anonRoot.vmas.has(vma))
        say(`mm ${mm.id}: VMA at ${vma.start} unknown to its root`);
      yield* walkEntries(mem, vma, (at, vpn) => {
        const pte = tables.pte[at]!;
        const number = tables.numberOf(at, pte);
        if (pte >>> 30 === KIND_SWAP) {
          swapents++;
          nrSwapEntries++;
          named(number, nrSlots, 'swap slot');
          users[number]!++;
          return;
        }
        if (pte === PTE_PURGED && (vma.flags & VM_VOLATILE) === 0)
          say(`mm ${mm.id}: purged page ${vpn} is not volatile`);
        if (pte >>> 30 !== KIND_PRESENT) return;
        named(number, nrFrames, 'frame');
        mapcount[number]!++;
        if (pte & PTE_DIRTY) pteDirty[number] = 1;
        if (pte & PTE_WRITE && (vma.flags & VM_WRITE) === 0)
          say(`mm ${mm.id}: writable entry in a read-only VMA at ${vpn}`);
        const flags = frames.flags[number]!;
        if (flags & PG_ANON) anon++;
        else if (flags & PG_SWAPBACKED) shmem++;
        else file++;
        const owner = flags & PG_ANON ? vma.anonRoot?.id : vma.mapping?.id;
        if (owner !== frames.owner[number] || frames.index[number] !== vma.indexOf(vpn) >>> 0) {
          say(`mm ${mm.id}: frame ${number} at page ${vpn} is not found by rmap`);
        }
      });
    }
    expect(
      mm.totalPages,
      mm.vmas.reduce((pages, vma) => pages + vma.nrPages, 0),
      `mm ${mm.id} mapped pages`,
    );
    expect(mm.rssFile, file, `mm ${mm.id} RssFile`);
    expect(mm.rssAnon, anon, `mm ${mm.id} RssAnon`);
    expect(mm.rssShmem, shmem, `mm ${mm.id} RssShmem`);
    expect(mm.swapents, swapents, `mm ${mm.id} swap entries`);
    if (mm.vmas.some((vma) => vma.flags & VM_GROWSDOWN && vma.nrPages > mm.stackLimit))
      say(`mm ${mm.id}: stack over its limit`);
  }

  /** The counters of zram are the sums over its slots. */
  function checkZram(area: SwapArea, zram: Zram): void {
    let [stored, bytes, same, huge, backing] = [0, 0, 0, 0, 0];
    for (let slot = 1; slot < area.usedSlots; slot++) {
      const flags = zram.flags[slot]!;
      if (flags === 0) continue;
      if (!area.isUsed(slot)) say(`zram holds free slot ${slot}`);
      stored++;
      bytes += zram.size[slot]!;
      if (flags & ZRAM_SAME) same++;
      if (flags & ZRAM_HUGE) huge++;
      if (flags & ZRAM_WB) backing++;
    }
    expect(zram.pagesStored, stored, 'pages stored by zram');
    expect(area.compressedBytes, bytes, 'bytes stored by zram');
    expect(zram.samePages, same, 'same pages of zram');
    expect(zram.hugePages, huge, 'huge pages of zram');
    expect(zram.backingPages, backing, 'pages on the backing device of zram');
  }

  function* checkFrames(): Job<void> {
    let used = 0;
    let anonMapped = 0;
    let fileMapped = 0;
    let swapCache = 0;
    let writeback = 0;
    let mlocked = 0;
    let lazy = 0;
    let listed = 0;
    for (let pfn = 1; pfn < nrFrames; pfn++) {
      if (pfn % PIECE === 0) yield;
      const flags = frames.flags[pfn]!;
      if ((flags & PG_USED) === 0) {
        if (mapcount[pfn] !== 0 || cached[pfn] !== 0) say(`free frame ${pfn} is in use`);
        continue;
      }
      used++;
      if (frames.mapcount[pfn] !== mapcount[pfn])
        expect(frames.mapcount[pfn]!, mapcount[pfn]!, `mapcount of frame ${pfn}`);
      if (flags & PG_SWAPCACHE) swapCache++;
      if (flags & PG_WRITEBACK) writeback++;
      if (flags & PG_MLOCKED) mlocked++;
      if ((flags & (PG_ANON | PG_SWAPBACKED)) === PG_ANON) lazy++;
      if (flags & PG_LRU) listed++;
      else say(`frame ${pfn} is on no list`);
      if (mapcount[pfn] !== 0) {
        if (flags & PG_ANON) anonMapped++;
        else fileMapped++;
      } else if (cached[pfn] === 0 && (flags & PG_SWAPCACHE) === 0) say(`frame ${pfn} is used by nobody`);
      const dirty = (flags & PG_DIRTY) !== 0 || pteDirty[pfn] !== 0;
      if (!dirty && flags & PG_SWAPCACHE && swap!.content[frames.slot[pfn]!] !== frames.content[pfn]) {
        say(`clean frame ${pfn} differs from its swap slot`);
      }
      if (!dirty && cached[pfn] !== 0 && (flags & PG_SWAPBACKED) === 0) {
        const mapping = mem.mappingOf(pfn);
        if (mapping.diskContent(frames.index[pfn]!) !== frames.content[pfn])
          say(`clean frame ${pfn} differs from its file`);
      }
      if (!dirty && cached[pfn] !== 0 && flags & PG_SWAPBACKED && frames.content[pfn] !== CONTENT_ZERO) {
        say(`clean shmem frame ${pfn} has content that nothing backs`);
      }
    }
    expect(frames.nrUsed, used, 'used frames');
    expect(frames.countFree(), frames.total - used, 'free frames');
    expect(mem.nrAnonMapped, anonMapped, 'mapped anonymous pages');
    expect(mem.nrFileMapped, fileMapped, 'mapped file pages');
    expect(mem.nrSwapCache, swapCache, 'swap cache');
    if (swap?.zram) checkZram(swap, swap.zram);
    expect(mem.nrWriteback, writeback, 'pages under writeback');
    expect(mem.nrMlocked, mlocked, 'mlocked pages');
    expect(mem.nrLazyFree, lazy, 'lazily freeable pages');
    yield* checkLists(listed);
    if (mem.nrFree < 0) say(`free memory is negative: ${mem.nrFree} pages`);
  }

  /** A page is on the list that its flags say; of generations it may still be on an older one. */
  function* checkLists(listed: number): Job<void> {
    const counted = new Float64Array(frames.nrGroups * NR_LISTS);
    let onLists = 0;
    for (let own = 0; own < counted.length; own++) {
      const list = own % NR_LISTS;
      const group = (own - list) / NR_LISTS;
      let n = 0;
      for (let pfn = frames.lruTail(own); pfn !== 0; pfn = frames.lruPrev(pfn)) {
        const right = frames.listOf(pfn);
        const mayLag = list >= LRU_GENERATIONS && right >= LRU_GENERATIONS && (right - list) % 2 === 0;
        if (right !== list && !mayLag) say(`frame ${pfn} is on list ${list} against its flags`);
        if (frames.memcg[pfn] !== group) say(`frame ${pfn} of group ${frames.memcg[pfn]} is on a list of ${group}`);
        counted[own - list + right]!++;
        if (right >= LRU_GENERATIONS) counted[own - list + frames.knownAs(right, group)]!++;
        if (++n > frames.total) break;
        if (n % PIECE === 0) yield;
      }
      if (n > 0 && mem.memcgs[group] === undefined) say(`group ${group} is gone, but ${n} pages are on its lists`);
      onLists += n;
    }
    for (let list = 0; list < NR_LISTS; list++) {
      let all = 0;
      for (let group = 0; group < frames.nrGroups; group++) {
        const n = counted[group * NR_LISTS + list]!;
        expect(frames.nrOnGroupList[group * NR_LISTS + list]!, n, `LRU list ${list} of group ${group}`);
        all += n;
      }
      expect(frames.nrOnList[list]!, all, `LRU list ${list <= LRU_ACTIVE_ANON ? 'anon' : 'file'} ${list}`);
    }
    expect(onLists, listed, 'frames on LRU lists');
  }

  function* checkSwap(area: NonNullable<typeof swap>): Job<void> {
    let used = 0;
    let seen = 0;
    for (let slot = area.nextCluster(1), n = 1; slot < nrSlots; slot = area.nextCluster(slot + 1), n++) {
      if (n % PIECE === 0) yield;
      seen += users[slot]!;
      if (area.users[slot] !== users[slot]) expect(area.users[slot]!, users[slot]!, `users of swap slot ${slot}`);
      const frame = area.frame[slot]!;
      if (frame !== 0 && (frames.slot[frame] !== slot || (frames.flags[frame]! & PG_SWAPCACHE) === 0)) {
        say(`swap slot ${slot} names a frame that is not its own`);
      }
      if (area.isUsed(slot)) {
        used++;
        if (users[slot] === 0 && frame === 0) say(`swap slot ${slot} is used by nobody`);
      } else if (users[slot] !== 0 || frame !== 0) say(`free swap slot ${slot} is in use`);
    }
    expect(area.nrUsed, used, 'used swap slots');
    expect(seen, nrSwapEntries, 'swap entries of clusters that are in use');
  }
}
