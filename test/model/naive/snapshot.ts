/** The second model: what smaps, pagemap and the page cache show, in the format of the goldens. */
import { type Entry, indexOf, type Obj, type Proc, type Region, type Vma, type World } from './world.ts';

type Kb = Record<string, number>;
const FIELDS =
  'Size Rss Pss Pss_Dirty Shared_Clean Shared_Dirty Private_Clean Private_Dirty Anonymous LazyFree Swap SwapPss Locked'.split(
    ' ',
  );
const UNIT = 4096 * 4096;

export function snapshot(world: World, label: string): Record<string, unknown> {
  const procs: Record<string, unknown> = {};
  for (const proc of world.procs.values()) procs[proc.name] = procShown(world, proc);
  const objects: Record<string, unknown> = {};
  for (const obj of world.objects.values()) {
    if (obj.anonymous) continue;
    const present = Array.from({ length: obj.pages }, (_, i) =>
      obj.cache.has(i) || obj.swapped.get(i)?.cached !== undefined ? 'in' : '-',
    );
    const dirty = obj.kind === 'file' ? [...obj.cache.values()].filter((page) => page.dirty).length : 0;
    objects[obj.name] = { pages_cached: obj.cache.size, pages_dirty: dirty, mincore: runs(present) };
  }
  const cached = [...world.slots].filter((slot) => slot.cached !== undefined).length;
  return {
    snap: label,
    procs,
    objects,
    system: { swap_used_pages: world.slots.size, SwapCached_kB_delta: cached * 4, nr_swapcached_delta: cached },
  };
}

function procShown(world: World, proc: Proc): Record<string, unknown> {
  const own: Kb = Object.fromEntries(FIELDS.map((field) => [field, 0]));
  const maps: Record<string, unknown> = {};
  for (const [name, region] of proc.regions) {
    const vmas = proc.vmas.filter((vma) => vma.start < region.start + region.pages && vma.end > region.start);
    const shown = vmas.map((vma) => ({
      first_page: vma.start - region.start,
      page_count: vma.end - vma.start,
      perms: `${{ rw: 'rw', r: 'r-', none: '--' }[vma.prot]}-${vma.mayShare ? 's' : 'p'}`,
      kB: smaps(world, proc, vma),
    }));
    const sum: Kb = {};
    for (const { kB } of shown) for (const key of Object.keys(kB)) sum[key] = (sum[key] ?? 0) + kB[key]!;
    for (const key of Object.keys(sum)) own[key] = (own[key] ?? 0) + sum[key]!;
    maps[name] =
      shown.length > 64
        ? { vma_count: shown.length, sum_kB: sum }
        : { vma_count: shown.length, vmas: shown, pages: runs(states(proc, region)) };
  }
  const swapped = [...proc.entries.values()].filter((entry) => entry.state === 'swap').length;
  return { own_kB: own, status_kB: { VmSwap: swapped * 4 }, maps };
}

function smaps(world: World, proc: Proc, vma: Vma): Kb {
  const n = {
    Rss: 0,
    Shared_Clean: 0,
    Shared_Dirty: 0,
    Private_Clean: 0,
    Private_Dirty: 0,
    Anonymous: 0,
    LazyFree: 0,
    Swap: 0,
  };
  let pss = 0;
  let pssDirty = 0;
  let swapPss = 0;
  for (let vpn = vma.start; vpn < vma.end; vpn++) {
    const entry = proc.entries.get(vpn);
    if (entry?.state === 'swap') {
      n.Swap++;
      swapPss += Math.floor(UNIT / entry.slot!.users.size);
    }
    if (entry?.state !== 'page') continue;
    const page = entry.page!;
    const dirty = entry.dirty || page.dirty;
    const share = Math.floor(UNIT / page.entries.size);
    n.Rss++;
    pss += share;
    if (dirty) pssDirty += share;
    n[`${page.entries.size > 1 ? 'Shared' : 'Private'}_${dirty ? 'Dirty' : 'Clean'}`]++;
    if (page.kind === 'anon') n.Anonymous++;
    if (page.lazy && !dirty) n.LazyFree++;
  }
  if (world.dialect.shmemSwapShown && vma.obj?.kind === 'shmem') n.Swap += objectSwap(proc, vma, vma.obj);
  const kB: Kb = { Size: (vma.end - vma.start) * 4 };
  for (const [key, pages] of Object.entries(n)) kB[key] = pages * 4;
  kB['Pss'] = Math.floor(pss / 4096 / 1024);
  kB['Pss_Dirty'] = Math.floor(pssDirty / 4096 / 1024);
  kB['SwapPss'] = Math.floor(swapPss / 4096 / 1024);
  kB['Locked'] = vma.locked ? kB['Pss'] : 0;
  return kB;
}

/** Pages of the object in swap that a mapping shows as its own; a private one where it has no entry. */
function objectSwap(proc: Proc, vma: Vma, obj: Obj): number {
  const hidden = !vma.shared && vma.prot === 'rw';
  let pages = 0;
  for (let vpn = vma.start; vpn < vma.end; vpn++) {
    if (obj.swapped.has(indexOf(vma, vpn)) && !(hidden && proc.entries.has(vpn))) pages++;
  }
  return pages;
}

function states(proc: Proc, region: Region): string[] {
  return Array.from({ length: region.pages }, (_, i) => stateOf(proc.entries.get(region.start + i)));
}

function stateOf(entry: Entry | undefined): string {
  if (entry === undefined) return '-';
  if (entry.state !== 'page') return entry.state;
  return `${entry.page!.kind === 'anon' ? 'anon' : 'file'}/${entry.page!.entries.size}`;
}

export function runs(values: readonly string[]): [string, number][] {
  const list: [string, number][] = [];
  for (const value of values) {
    const last = list.at(-1);
    if (last?.[0] === value) last[1]++;
    else list.push([value, 1]);
  }
  return list;
}
