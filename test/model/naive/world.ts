/**
 * The second model: Linux memory as plain objects, one per page, written from memory-model.md and the recordings alone.
 * It shares nothing with src/. It counts nothing: whatever is asked for is found by looking at everything.
 *
 *   Proc ─ vmas, entries: Map<vpn, Entry>      Entry ─ a page, a slot, or the zero page
 *   Page ─ who maps it (entries), perhaps a slot (it is in the swap cache then), perhaps an object
 *   Slot ─ who means it (entries, objects), perhaps its page in the swap cache
 */

import { Slots } from './slots.ts';

/** What a page holds, as text: `0`, `file F 3`, `w17`, `w17/w18` (a first word written over it). */
export type Content = string;

export interface Page {
  content: Content;
  /** Differs from its backing; an entry may know it before the page does. */
  dirty: boolean;
  kind: 'anon' | 'file' | 'shmem';
  readonly entries: Set<Entry>;
  /** Its swap slot: the page is in the swap cache. */
  slot: Slot | undefined;
  /** Given up with MADV_FREE. */
  lazy: boolean;
  /** To leave memory when its write is done. */
  reclaim: boolean;
  obj: Obj | undefined;
  index: number;
}

export interface Slot {
  readonly number: number;
  content: Content;
  readonly users: Set<Entry | Obj>;
  cached: Page | undefined;
}

export interface Entry {
  readonly proc: Proc;
  readonly vpn: number;
  state: 'page' | 'swap' | 'zero';
  page: Page | undefined;
  slot: Slot | undefined;
  dirty: boolean;
  writable: boolean;
  /** The page (or slot) was never shared since it was made. */
  exclusive: boolean;
  /** What this process wrote there. */
  expected: Content | undefined;
}

/** A file, a memfd or the memory behind MAP_SHARED|MAP_ANONYMOUS. */
export interface Obj {
  readonly name: string;
  readonly kind: 'file' | 'shmem';
  readonly pages: number;
  readonly mode: number;
  readonly cache: Map<number, Page>;
  /** Swapped pages of shared memory. */
  readonly swapped: Map<number, Slot>;
  readonly disk: Map<number, Content>;
  readonly expected: Map<number, Content>;
  /** Goes away with its last mapping. */
  readonly anonymous: boolean;
}

export interface Vma {
  start: number;
  end: number;
  prot: 'rw' | 'r' | 'none';
  /** Writes through it reach the object: a shared mapping of a file opened for reading is none. */
  shared: boolean;
  /** Made with MAP_SHARED. */
  readonly mayShare: boolean;
  readonly mayWrite: boolean;
  locked: boolean;
  grows: boolean;
  noreserve: boolean;
  /** Counts as promised memory (VM_ACCOUNT): keeps it from merging with one that does not. */
  account: boolean;
  obj: Obj | undefined;
  pgoff: number;
  /** Where its anonymous pages come from, since there are any. */
  root: object | undefined;
  /** The root came by fork. */
  inherited: boolean;
}

export interface Region {
  readonly start: number;
  readonly pages: number;
}

export interface Proc {
  readonly name: string;
  uid: number;
  vmas: Vma[];
  readonly entries: Map<number, Entry>;
  readonly regions: Map<string, Region>;
}

/** The row of the table of profiles in memory-model.md, in the model's own words. */
export interface Dialect {
  readonly shared: 'this' | 'skip' | 'all';
  readonly asMadvise: boolean;
  readonly flushes: boolean;
  readonly zramBypass: boolean;
  readonly shmemSwapShown: boolean;
  readonly zeroFree: boolean;
}

const OLD: Dialect = {
  shared: 'this',
  asMadvise: false,
  flushes: true,
  zramBypass: false,
  shmemSwapShown: false,
  zeroFree: false,
};

export const DIALECTS: Readonly<Record<string, Dialect>> = {
  '2013': { ...OLD, zramBypass: true },
  '2013-05': OLD,
  '2013-04': OLD,
  chromeos: OLD,
  '2016-06': { ...OLD, shared: 'skip' },
  'all-mappings': { ...OLD, shared: 'all' },
  'linux-6.18': {
    shared: 'skip',
    asMadvise: true,
    flushes: false,
    zramBypass: true,
    shmemSwapShown: true,
    zeroFree: true,
  },
};

export class World {
  #slotsTotal = 0;
  readonly dialect: Dialect;
  readonly zram: boolean;
  swapOn = false;
  readonly slots = new Slots();
  readonly procs = new Map<string, Proc>();
  readonly objects = new Map<string, Obj>();
  /** Anonymous shared objects are only found through mappings; kept for looking at all pages. */
  readonly flush = new Set<Page>();
  nextAddress = 0x100000000000 / 4096;
  writes = 0;
  pswpin = 0;
  pswpout = 0;

  constructor(profile: string, kind: 'zram' | 'disk') {
    this.dialect = DIALECTS[profile]!;
    this.zram = kind === 'zram';
    this.setSwap(16384);
  }

  /** A swap area of so many slots, all free. */
  setSwap(slots: number): void {
    this.#slotsTotal = slots;
    this.swapOn = slots > 0;
    this.slots.setTotal(slots);
  }

  get slotsFree(): number {
    return this.swapOn ? this.#slotsTotal - this.slots.size : 0;
  }

  /** More than half of swap in use. */
  get swapFull(): boolean {
    return this.slotsFree * 2 < this.#slotsTotal;
  }
}

export function newPage(kind: Page['kind'], content: Content, dirty = false): Page {
  return {
    kind,
    content,
    dirty,
    entries: new Set(),
    slot: undefined,
    lazy: false,
    reclaim: false,
    obj: undefined,
    index: 0,
  };
}

export function vmaAt(proc: Proc, vpn: number): Vma | undefined {
  return proc.vmas.find((vma) => vma.start <= vpn && vpn < vma.end);
}

export function indexOf(vma: Vma, vpn: number): number {
  return vma.pgoff + vpn - vma.start;
}

/** Whether anybody knows of a change that the backing does not have. */
export function isDirty(page: Page): boolean {
  return page.dirty || [...page.entries].some((entry) => entry.dirty);
}

export function markDirty(page: Page): void {
  page.dirty = true;
  if (page.kind === 'file') page.reclaim = false;
}

/** Whether a page is held in memory by a locked mapping, somewhere. */
export function isLocked(page: Page): boolean {
  return [...page.entries].some((entry) => vmaAt(entry.proc, entry.vpn)?.locked);
}

/** Makes an entry mean a page. */
export function mapPage(proc: Proc, vpn: number, page: Page, bits: Partial<Entry> = {}): Entry {
  const old = proc.entries.get(vpn);
  const entry: Entry = {
    proc,
    vpn,
    state: 'page',
    page,
    slot: undefined,
    dirty: false,
    writable: false,
    exclusive: false,
    expected: old?.expected,
    ...bits,
  };
  page.entries.add(entry);
  proc.entries.set(vpn, entry);
  return entry;
}

// Swap.

/** Takes the page out of the swap cache and gives the slot up; only for a slot that nobody else means. */
export function freeSwapOf(world: World, page: Page): boolean {
  const { slot } = page;
  if (slot === undefined || slot.users.size > 0) return false;
  leaveSwapCache(page);
  world.slots.delete(slot);
  page.dirty = true;
  return true;
}

export function leaveSwapCache(page: Page): void {
  if (page.slot !== undefined) page.slot.cached = undefined;
  page.slot = undefined;
}

/** A free slot. When there is none, slots that only the swap cache holds are given up first. */
export function takeSlot(world: World): Slot | undefined {
  if (!world.swapOn) return undefined;
  if (world.slotsFree <= 0) {
    for (const slot of [...world.slots])
      if (slot.users.size === 0 && slot.cached !== undefined) freeSwapOf(world, slot.cached);
  }
  return world.slotsFree <= 0 ? undefined : world.slots.take(world);
}

/** The entry that means a slot where `old` meant its page. */
export function addUser(slot: Slot, old: Entry): Entry {
  const entry: Entry = { ...old, state: 'swap', page: undefined, slot, dirty: false, writable: false };
  slot.users.add(entry);
  return entry;
}

/** One user of a slot fewer: a slot that nobody means goes, with its page if nobody maps that. */
export function dropSlotUser(world: World, slot: Slot, user: Entry | Obj): void {
  slot.users.delete(user);
  if (slot.users.size > 0) return;
  const page = slot.cached;
  if (page === undefined) world.slots.delete(slot);
  else if (page.entries.size === 0) {
    leaveSwapCache(page);
    world.slots.delete(slot);
  } else if (world.swapFull) freeSwapOf(world, page);
}

/** One mapping of a page fewer; an anonymous page that nobody maps goes, and its slot if nobody means that. */
export function dropMapping(world: World, entry: Entry): void {
  const page = entry.page!;
  page.entries.delete(entry);
  entry.page = undefined;
  if (page.kind !== 'anon') {
    if (entry.dirty) markDirty(page);
    return;
  }
  if (page.entries.size > 0 || page.slot === undefined || page.slot.users.size > 0) return;
  world.slots.delete(page.slot);
  leaveSwapCache(page);
}

/** Empties one entry, as munmap does. */
export function zap(world: World, proc: Proc, vpn: number): void {
  const entry = proc.entries.get(vpn);
  if (entry === undefined) return;
  proc.entries.delete(vpn);
  if (entry.state === 'page') dropMapping(world, entry);
  else if (entry.state === 'swap') dropSlotUser(world, entry.slot!, entry);
}

/** The page of a slot, in the swap cache; read if it is not there. */
export function readSlot(world: World, slot: Slot, kind: 'anon' | 'shmem' = 'anon'): { page: Page; major: boolean } {
  if (slot.cached !== undefined) return { page: slot.cached, major: false };
  const page = newPage(kind, slot.content);
  countRead(world, slot);
  page.slot = slot;
  slot.cached = page;
  return { page, major: true };
}

export function countRead(world: World, slot: Slot): void {
  if (!(world.dialect.zeroFree && slot.content === '0')) world.pswpin++;
}

// Files.

export function diskContent(obj: Obj, index: number): Content {
  return obj.disk.get(index) ?? (obj.kind === 'file' ? `file ${obj.name} ${index}` : '0');
}

/** The page of a file or shared memory object, brought into the cache. */
export function cachePage(world: World, obj: Obj, index: number): { page: Page; major: boolean } {
  const cached = obj.cache.get(index);
  if (cached !== undefined) return { page: cached, major: false };
  const slot = obj.swapped.get(index);
  if (slot !== undefined) {
    const found = readSlot(world, slot, 'shmem');
    slot.users.delete(obj);
    obj.swapped.delete(index);
    leaveSwapCache(found.page);
    world.slots.delete(slot);
    found.page.dirty = true;
    found.page.reclaim = false;
    addToCache(obj, index, found.page);
    return found;
  }
  const page = newPage(obj.kind, diskContent(obj, index));
  addToCache(obj, index, page);
  return { page, major: obj.kind === 'file' };
}

function addToCache(obj: Obj, index: number, page: Page): void {
  page.obj = obj;
  page.index = index;
  obj.cache.set(index, page);
}

/** Writes a dirty file page to the disk; every mapping has to fault for its next write. */
export function writeFile(page: Page): void {
  page.obj!.disk.set(page.index, page.content);
  page.dirty = false;
  page.reclaim = false;
  for (const entry of page.entries) entry.dirty = entry.writable = false;
}
