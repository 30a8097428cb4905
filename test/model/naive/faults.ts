/** The second model: what an access does. */
import {
  cachePage,
  countRead,
  dropMapping,
  type Entry,
  freeSwapOf,
  indexOf,
  isLocked,
  mapPage,
  markDirty,
  newPage,
  type Page,
  type Proc,
  readSlot,
  type Vma,
  vmaAt,
  type World,
} from './world.ts';

export type Outcome = 'none' | 'minor' | 'major' | 'signal';

/** One access by a process. A stack grows down to it, whether it may then be made or not. */
export function access(world: World, proc: Proc, vpn: number, write: boolean): Outcome {
  const vma = vmaAt(proc, vpn) ?? growStack(proc, vpn);
  if (vma === undefined || vma.prot === 'none' || (write && vma.prot !== 'rw')) return 'signal';
  return faultIn(world, proc, vma, vpn, write);
}

function growStack(proc: Proc, vpn: number): Vma | undefined {
  const above = proc.vmas.find((vma) => vma.start > vpn);
  if (above === undefined || !above.grows) return undefined;
  if (above.end - vpn > 2048) return undefined;
  above.pgoff -= above.start - vpn;
  above.start = vpn;
  prepareRoot(proc, above);
  return above;
}

export function faultIn(world: World, proc: Proc, vma: Vma, vpn: number, write: boolean): Outcome {
  const entry = proc.entries.get(vpn);
  if (entry === undefined) {
    if (vma.obj === undefined) return firstTouch(proc, vma, vpn, write);
    if (indexOf(vma, vpn) >= vma.obj.pages) return 'signal';
    return write ? writeObject(world, proc, vma, vpn) : readObject(world, proc, vma, vpn);
  }
  if (entry.state === 'swap') return swapIn(world, proc, vma, vpn, entry, write);
  if (!write) return 'none';
  if (entry.state === 'zero') {
    prepareRoot(proc, vma);
    mapPage(proc, vpn, newPage('anon', '0'), { writable: true, dirty: true, exclusive: true });
    return 'minor';
  }
  if (entry.writable) {
    entry.dirty = true;
    return 'none';
  }
  writeProtected(world, proc, vma, vpn, entry);
  return 'minor';
}

function firstTouch(proc: Proc, vma: Vma, vpn: number, write: boolean): Outcome {
  if (write) {
    prepareRoot(proc, vma);
    mapPage(proc, vpn, newPage('anon', '0'), { writable: true, dirty: true, exclusive: true });
  } else {
    proc.entries.set(vpn, {
      proc,
      vpn,
      state: 'zero',
      page: undefined,
      slot: undefined,
      dirty: false,
      writable: false,
      exclusive: false,
      expected: undefined,
    });
  }
  return 'minor';
}

/** A VMA gets its root with its first anonymous page: a neighbour's, if only access rights keep the two apart. */
export function prepareRoot(proc: Proc, vma: Vma): void {
  if (vma.root !== undefined) return;
  const at = proc.vmas.indexOf(vma);
  const next = proc.vmas[at + 1];
  const prev = proc.vmas[at - 1];
  for (const [a, b, other] of [
    [vma, next, next],
    [prev, vma, prev],
  ] as const) {
    if (a === undefined || b === undefined || other?.root === undefined || other.inherited) continue;
    if (a.end !== b.start || a.obj !== b.obj || a.pgoff + (a.end - a.start) !== b.pgoff) continue;
    if (a.shared !== b.shared || a.locked !== b.locked || a.grows !== b.grows) continue;
    if (a.account !== b.account || a.noreserve !== b.noreserve) continue;
    vma.root = other.root;
    return;
  }
  vma.root = {};
}

function readObject(world: World, proc: Proc, vma: Vma, vpn: number): Outcome {
  const obj = vma.obj!;
  const bits = { writable: vma.shared && obj.kind === 'shmem' && vma.prot === 'rw' };
  // Fault-around: 16 pages by address, within the VMA; only what is cached and not on its way out.
  const start = Math.max(vpn - (vpn % 16), vma.start);
  const tableEnd = vpn - (vpn % 512) + 512;
  for (let at = start; at < Math.min(start + 16, vma.end, tableEnd); at++) {
    const page = indexOf(vma, at) < obj.pages ? obj.cache.get(indexOf(vma, at)) : undefined;
    if (page === undefined || page.reclaim || proc.entries.has(at)) continue;
    mapPage(proc, at, page, bits);
  }
  if (proc.entries.has(vpn)) return 'minor';
  const { page, major } = cachePage(world, obj, indexOf(vma, vpn));
  mapPage(proc, vpn, page, bits);
  return major ? 'major' : 'minor';
}

function writeObject(world: World, proc: Proc, vma: Vma, vpn: number): Outcome {
  const { page, major } = cachePage(world, vma.obj!, indexOf(vma, vpn));
  if (vma.shared) {
    markDirty(page);
    mapPage(proc, vpn, page, { writable: true, dirty: true });
  } else {
    prepareRoot(proc, vma);
    mapPage(proc, vpn, newPage('anon', page.content), { writable: true, dirty: true, exclusive: true });
  }
  return major ? 'major' : 'minor';
}

/** A write to a page that is mapped read-only. */
function writeProtected(world: World, proc: Proc, vma: Vma, vpn: number, entry: Entry): void {
  const page = entry.page!;
  if (vma.shared) {
    markDirty(page);
    entry.writable = entry.dirty = true;
    return;
  }
  if (page.kind === 'anon' && (entry.exclusive || takeOver(world, page))) {
    entry.writable = entry.dirty = entry.exclusive = true;
    return;
  }
  copyPage(world, proc, vma, vpn, entry);
}

/** Whether a page has become this mapping's own. A slot that nobody else means is given up for it. */
function takeOver(world: World, page: Page): boolean {
  if (page.entries.size !== 1) return false;
  if (page.slot === undefined) return true;
  return freeSwapOf(world, page);
}

function copyPage(world: World, proc: Proc, vma: Vma, vpn: number, entry: Entry): void {
  const { content } = entry.page!;
  prepareRoot(proc, vma);
  mapPage(proc, vpn, newPage('anon', content), { writable: true, dirty: true, exclusive: true });
  dropMapping(world, entry);
}

function swapIn(world: World, proc: Proc, vma: Vma, vpn: number, entry: Entry, write: boolean): Outcome {
  const slot = entry.slot!;
  const mayWrite = vma.prot === 'rw';
  if (world.zram && world.dialect.zramBypass && slot.cached === undefined && slot.users.size === 1) {
    countRead(world, slot);
    world.slots.delete(slot);
    const page = newPage('anon', slot.content);
    mapPage(proc, vpn, page, { writable: mayWrite, dirty: write, exclusive: true });
    return 'major';
  }
  const { page, major } = readSlot(world, slot);
  slot.users.delete(entry);
  page.reclaim = false;
  const alone = slot.users.size === 0 && page.entries.size === 0;
  if (world.swapFull || vma.locked || isLocked(page) || (write && alone)) freeSwapOf(world, page);
  const exclusive = entry.exclusive || (page.slot === undefined && page.entries.size === 0);
  const mapped = mapPage(proc, vpn, page, { exclusive, writable: exclusive && mayWrite, dirty: exclusive && write });
  if (write && !exclusive) writeProtected(world, proc, vma, vpn, mapped);
  return major ? 'major' : 'minor';
}

/** What an entry holds, without touching it. */
export function contentOf(entry: Entry): string {
  if (entry.state === 'zero') return '0';
  if (entry.state === 'page') return entry.page!.content;
  return entry.slot!.cached?.content ?? entry.slot!.content;
}
