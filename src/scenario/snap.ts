/** A record of everything, in the format of the oracle's goldens. */

import type { Cgroup } from '../machine/cgroup.ts';
import { cgroupFile, cgroupFiles } from '../machine/cgroup-access.ts';
import { memcgStatUnflushed, numaStat } from '../machine/cgroup-stat.ts';
import { memcg1StatUnflushed } from '../machine/cgroup1-stat.ts';
import type { Machine } from '../machine/machine.ts';
import type { Region, Task } from '../machine/task.ts';
import { isInCore } from '../mm/cache/cachestat.ts';
import { addVmaSumsInPieces, PageSums, pageState, pssKb } from '../mm/pages/page-stats.ts';
import { permsText, vmFlagsText } from '../mm/space/vm-flags.ts';
import type { Vma } from '../mm/space/vma.ts';
import type { VmEvents } from '../mm/vm-events.ts';
import { finish, type Job } from '../util/job.ts';

/** The fields of smaps, in kB. */
export type SmapsKb = Record<string, number>;
/** Runs of equal states: [state, number of pages]. */
export type Runs = [string, number][];

export interface SnapVma {
  readonly first_page: number;
  readonly page_count: number;
  readonly perms: string;
  readonly VmFlags: string;
  readonly kB: SmapsKb;
}

export interface SnapMap {
  readonly vma_count: number;
  readonly vmas?: SnapVma[];
  readonly pages?: Runs;
  /** In place of vmas and pages where there are more than 64 VMAs. */
  readonly sum_kB?: SmapsKb;
}

export interface Snap {
  readonly snap: string;
  readonly procs: Record<string, { own_kB: SmapsKb; status_kB: { VmSwap: number }; maps: Record<string, SnapMap> }>;
  readonly objects: Record<string, { pages_cached: number; pages_dirty: number; mincore: Runs }>;
  readonly system: { swap_used_pages: number; SwapCached_kB_delta: number; nr_swapcached_delta: number };
  /** What has happened since boot, in the names of /proc/vmstat. */
  readonly vmstat: Record<keyof VmEvents, number>;
  /** Pages on the LRU lists. */
  readonly lists: Record<(typeof LISTS)[number], number>;
  /** Control groups by path, without the root; absent where there are none. */
  readonly groups?: Record<string, SnapGroup>;
}

/** What a file of a group says: a number, rows of a name and a number, or text. */
type SnapFile = number | Record<string, number> | string;

/** Every file of a group that can be read; to look at it changes nothing. */
export interface SnapGroup {
  readonly 'memory.current': number;
  readonly 'memory.swap.current': number;
  readonly 'memory.events': Record<string, number>;
  readonly 'memory.stat': Record<string, number>;
  readonly [file: string]: SnapFile;
}

/** In the order of Frames.nrOnList. */
const LISTS = ['inactive_anon', 'active_anon', 'inactive_file', 'active_file', 'unevictable'] as const;

const MOST_VMAS = 64;
/** Pages looked at in one piece of work. */
const PIECE_PAGES = 1 << 13;
const FIELDS =
  'Size Rss Pss Pss_Dirty Shared_Clean Shared_Dirty Private_Clean Private_Dirty Referenced Anonymous LazyFree Swap SwapPss Locked'.split(
    ' ',
  );

/** Records the scenario's own mappings, objects and swap use. */
export function takeSnap(machine: Machine, label: string): Snap {
  return finish(snapping(machine, label));
}

/** The same in pieces. */
export function* snapping(machine: Machine, label: string): Job<Snap> {
  const procs: Snap['procs'] = {};
  for (const task of machine.tasks.values()) {
    if (task.mm === null) continue;
    procs[task.name] = yield* snapTask(machine, task);
  }
  const objects: Snap['objects'] = {};
  for (const [name, mapping] of machine.objects) {
    const mincore: Runs = [];
    let to = 0;
    yield* mapping.pages.walk((index, entry) => {
      if (!isInCore(machine.mem, entry) || index >= mapping.nrPages) return;
      addRun(mincore, '-', index - to);
      addRun(mincore, 'in');
      to = index + 1;
    });
    addRun(mincore, '-', mapping.nrPages - to);
    objects[name] = { pages_cached: mapping.nrCached, pages_dirty: mapping.isShmem ? 0 : mapping.nrDirty, mincore };
  }
  const { mem } = machine;
  return {
    snap: label,
    procs,
    objects,
    system: {
      swap_used_pages: mem.swap?.nrUsed ?? 0,
      SwapCached_kB_delta: mem.nrSwapCache * 4,
      nr_swapcached_delta: mem.nrSwapCache,
    },
    vmstat: { ...mem.events },
    lists: Object.fromEntries(LISTS.map((list, i) => [list, mem.frames.nrOnList[i]!])) as Snap['lists'],
    ...(machine.cgroups.root.children.size > 0 && {
      groups: Object.fromEntries(snapGroups(machine, machine.cgroups.root)),
    }),
  };
}

function* snapGroups(machine: Machine, above: Cgroup): Generator<[path: string, SnapGroup]> {
  for (const group of above.children.values()) {
    if (group.hasMemory) yield [group.path, Object.fromEntries(groupFiles(machine, group)) as unknown as SnapGroup];
    yield* snapGroups(machine, group);
  }
}

function* groupFiles(machine: Machine, group: Cgroup): Generator<[name: string, says: SnapFile]> {
  const isV1 = machine.options.cgroup === 'v1';
  const stat = isV1 ? memcg1StatUnflushed(machine, group) : memcgStatUnflushed(machine, group);
  for (const { name } of cgroupFiles(machine)) {
    const file = cgroupFile(machine, group, name);
    if (name === 'memory.stat') yield [name, fileValue(stat)];
    else if (name === 'memory.numa_stat') yield [name, fileValue(numaStat(stat))];
    else if (file?.show !== undefined) yield [name, fileValue(file.show(machine, group))];
  }
}

function fileValue(text: string): SnapFile {
  if (/^\d+\n$/.test(text)) return Number(text);
  if (!/^(\S+ \d+\n)+$/.test(text)) return text.trimEnd();
  const rows = text.trimEnd().split('\n');
  return Object.fromEntries(
    rows.map((row) => [row.slice(0, row.indexOf(' ')), Number(row.slice(row.indexOf(' ') + 1))]),
  );
}

function* snapTask(machine: Machine, task: Task): Job<Snap['procs'][string]> {
  const own: SmapsKb = Object.fromEntries(FIELDS.map((field) => [field, 0]));
  const maps: Record<string, SnapMap> = {};
  const seen = new Set<number>();
  const add = function* (region: Region): Job<SnapMap> {
    const { map, kB } = yield* snapRegion(machine, task, region);
    if (seen.has(region.start)) return map;
    seen.add(region.start);
    for (const [field, value] of Object.entries(kB)) own[field] = (own[field] ?? 0) + value;
    return map;
  };
  for (const region of task.regions.values()) maps[region.name] = yield* add(region);
  // What another process has mapped into an address space that both use is there as well.
  for (const other of machine.sharersOf(task)) for (const region of other.regions.values()) yield* add(region);
  return { own_kB: own, status_kB: { VmSwap: task.mm!.swapents * 4 }, maps };
}

function* snapRegion(machine: Machine, task: Task, region: Region): Job<{ map: SnapMap; kB: SmapsKb }> {
  const mm = task.mm!;
  const end = region.start + region.nrPages;
  const vmas: SnapVma[] = [];
  const total: SmapsKb = {};
  for (let i = mm.indexAfter(region.start); i < mm.vmas.length && mm.vmas[i]!.start < end; i++) {
    const vma = mm.vmas[i]!;
    const kB = yield* smapsKb(machine, vma);
    for (const [field, value] of Object.entries(kB)) total[field] = (total[field] ?? 0) + value;
    vmas.push({
      first_page: vma.start - region.start,
      page_count: vma.nrPages,
      perms: permsText(vma.flags),
      VmFlags: vmFlagsText(vma.flags),
      kB,
    });
  }
  if (vmas.length > MOST_VMAS) return { map: { vma_count: vmas.length, sum_kB: total }, kB: total };
  const pages: Runs = [];
  const { tables } = machine.mem;
  let seen = 0;
  for (let vpn = region.start; vpn < end; ) {
    const hole = tables.hole(mm.pageDirectory, vpn, end);
    if (hole > 0) addRun(pages, '-', hole);
    else addRun(pages, pageState(machine.mem, mm, vpn));
    vpn += Math.max(1, hole);
    if (++seen % PIECE_PAGES === 0) yield;
  }
  return { map: { vma_count: vmas.length, vmas, pages }, kB: total };
}

function addRun(runs: Runs, state: string, count = 1): void {
  if (count === 0) return;
  const last = runs.at(-1);
  if (last !== undefined && last[0] === state) last[1] += count;
  else runs.push([state, count]);
}

/** The fields of one smaps entry that goldens hold. */
export function* smapsKb(machine: Machine, vma: Vma): Job<SmapsKb> {
  const sums = new PageSums();
  yield* addVmaSumsInPieces(machine.mem, vma, sums);
  return {
    Size: vma.nrPages * 4,
    Rss: sums.rss / 1024,
    Pss: pssKb(sums.pss),
    Pss_Dirty: pssKb(sums.pssDirty),
    Shared_Clean: sums.sharedClean / 1024,
    Shared_Dirty: sums.sharedDirty / 1024,
    Private_Clean: sums.privateClean / 1024,
    Private_Dirty: sums.privateDirty / 1024,
    Referenced: sums.referenced / 1024,
    Anonymous: sums.anonymous / 1024,
    LazyFree: sums.lazyFree / 1024,
    Swap: sums.swap / 1024,
    SwapPss: pssKb(sums.swapPss),
    Locked: pssKb(sums.pssLocked),
  };
}
