/** The second model: what leaves memory, by reclaim of a process, MADV_PAGEOUT, squeezing and swapoff. */
import {
  addUser,
  cachePage,
  dropMapping,
  type Entry,
  isLocked,
  leaveSwapCache,
  mapPage,
  type Obj,
  type Page,
  type Proc,
  readSlot,
  takeSlot,
  type Vma,
  type World,
  writeFile,
} from './world.ts';

export type Kind = 'anon' | 'file' | 'all' | 'shmem';

export function isKind(vma: Vma, kind: Kind): boolean {
  if (kind === 'all') return true;
  if (kind === 'shmem') return vma.obj?.kind === 'shmem';
  return (kind === 'file') === (vma.obj !== undefined);
}

/** Whether a user may write an object, so that MADV_PAGEOUT of its pages tells him nothing new. */
function mayWrite(obj: Obj, uid: number): boolean {
  return uid === 0 || (obj.mode & 0o002) !== 0;
}

/** Gives up the pages [from, to) of a VMA; `uid`: who asks, undefined for root. */
export function pageoutVma(world: World, proc: Proc, vma: Vma, from: number, to: number, uid?: number): void {
  const { shared } = world.dialect;
  const foreign = world.dialect.asMadvise && vma.obj !== undefined && uid !== undefined && !mayWrite(vma.obj, uid);
  if (foreign && vma.mayShare) return;
  for (let vpn = from; vpn < to; vpn++) {
    const entry = proc.entries.get(vpn);
    if (entry?.state !== 'page') continue;
    const page = entry.page!;
    if (foreign && page.kind !== 'anon') continue;
    if (page.entries.size > 1 && shared === 'skip') continue;
    if (isLocked(page)) {
      giveUpSlotOfLocked(world, page);
      continue;
    }
    pageout(world, page, shared === 'all' ? [entry, ...[...page.entries].filter((other) => other !== entry)] : [entry]);
  }
}

/** A locked page stays; nobody needs its slot then. */
function giveUpSlotOfLocked(world: World, page: Page): void {
  const { slot } = page;
  if (slot === undefined || slot.users.size > 0) return;
  leaveSwapCache(page);
  world.slots.delete(slot);
  page.dirty = true;
}

/** Takes a page from some of its mappings, and out of memory when those were all. */
function pageout(world: World, page: Page, entries: readonly Entry[]): void {
  if (page.kind === 'anon') pageoutAnon(world, page, entries);
  else if (page.kind === 'file') pageoutFile(world, page, entries);
  else pageoutShmem(world, page, entries);
}

function unmap(world: World, entry: Entry): void {
  entry.proc.entries.delete(entry.vpn);
  dropMapping(world, entry);
}

function pageoutAnon(world: World, page: Page, entries: readonly Entry[]): void {
  if (page.lazy) {
    for (const entry of entries) {
      if (!page.lazy) return;
      if (page.dirty || entry.dirty) {
        page.lazy = false;
        page.dirty = true;
      } else unmap(world, entry);
    }
    return;
  }
  if (page.slot === undefined) {
    const slot = takeSlot(world);
    if (slot === undefined) return;
    page.slot = slot;
    slot.cached = page;
    page.dirty = true;
  }
  const slot = page.slot;
  for (const entry of entries) {
    if (entry.dirty) page.dirty = true;
    page.entries.delete(entry);
    entry.proc.entries.set(entry.vpn, addUser(slot, entry));
  }
  if (page.entries.size > 0) return;
  if (!page.dirty) leaveSwapCache(page);
  else writeToSwap(world, page);
}

/** Writes an unmapped page to its slot; on zram it is gone then, on a disk it waits in the swap cache. */
export function writeToSwap(world: World, page: Page): void {
  const slot = page.slot!;
  slot.content = page.content;
  page.dirty = false;
  const free = world.dialect.zeroFree && page.content === '0';
  if (!free) world.pswpout++;
  if (free || world.zram) leaveSwapCache(page);
  else page.reclaim = true;
}

function pageoutFile(world: World, page: Page, entries: readonly Entry[]): void {
  for (const entry of entries) unmap(world, entry);
  if (page.entries.size > 0) return;
  if (page.dirty) {
    page.reclaim = true;
    if (world.dialect.flushes) world.flush.add(page);
  } else page.obj!.cache.delete(page.index);
}

function pageoutShmem(world: World, page: Page, entries: readonly Entry[]): void {
  for (const entry of entries) unmap(world, entry);
  if (page.entries.size > 0) return;
  const obj = page.obj!;
  if (!page.dirty) {
    obj.cache.delete(page.index);
    return;
  }
  const slot = takeSlot(world);
  if (slot === undefined) return;
  obj.cache.delete(page.index);
  obj.swapped.set(page.index, slot);
  slot.users.add(obj);
  page.slot = slot;
  slot.cached = page;
  writeToSwap(world, page);
}

/** Time passes: the flusher writes what reclaim handed to it, writes to the swap disk end. */
export function tick(world: World): void {
  for (const page of world.flush) {
    if (!page.dirty || page.obj!.cache.get(page.index) !== page) continue;
    const leaves = page.reclaim && page.entries.size === 0;
    writeFile(page);
    if (leaves) page.obj!.cache.delete(page.index);
  }
  world.flush.clear();
  for (const slot of world.dialect.asMadvise ? [] : world.slots) {
    const page = slot.cached;
    if (!page?.reclaim) continue;
    page.reclaim = false;
    if (page.entries.size === 0 && !page.dirty) leaveSwapCache(page);
  }
}

/** Writes under way end; then pressure until the swap cache is empty, and with it goes clean page cache that nobody maps. */
export function squeeze(world: World): void {
  tick(world);
  if (![...world.slots].some((slot) => slot.cached !== undefined)) return;
  for (const obj of world.objects.values()) {
    if (obj.kind !== 'file') continue;
    for (const page of [...obj.cache.values()])
      if (!page.dirty && page.entries.size === 0) obj.cache.delete(page.index);
  }
  for (const slot of [...world.slots]) {
    const page = slot.cached;
    if (page === undefined) continue;
    if (isLocked(page)) {
      giveUpSlotOfLocked(world, page);
      continue;
    }
    for (const entry of [...page.entries]) {
      if (entry.dirty) page.dirty = true;
      page.entries.delete(entry);
      entry.proc.entries.set(entry.vpn, addUser(slot, entry));
    }
    if (page.dirty) writeToSwap(world, page);
    leaveSwapCache(page);
  }
}

/** Brings everything back from swap. */
export function swapoff(world: World): void {
  for (const slot of [...world.slots]) {
    const users = [...slot.users];
    const obj = users.find((user): user is Obj => 'cache' in user);
    if (obj !== undefined) {
      const index = [...obj.swapped].find(([, its]) => its === slot)![0];
      cachePage(world, obj, index);
      continue;
    }
    const { page } = readSlot(world, slot);
    for (const user of users as Entry[]) {
      slot.users.delete(user);
      mapPage(user.proc, user.vpn, page, { exclusive: user.exclusive });
    }
    leaveSwapCache(page);
    page.dirty = true;
    page.reclaim = false;
    world.slots.delete(slot);
  }
  world.swapOn = false;
}
