/** The second model: system calls on mappings. */
import { faultIn } from './faults.ts';
import { pageoutVma } from './reclaim.ts';
import {
  cachePage,
  dropSlotUser,
  type Entry,
  freeSwapOf,
  indexOf,
  isLocked,
  type Proc,
  readSlot,
  type Vma,
  vmaAt,
  type World,
  writeFile,
  zap,
} from './world.ts';

/** undefined: the call succeeds. */
export type Errno = 'EACCES' | 'EINVAL' | 'ENOMEM' | undefined;

/** The VMAs of [start, end), and whether some of it is not mapped. */
function walk(proc: Proc, start: number, end: number): { vmas: Vma[]; hole: boolean; firstHole: number } {
  const vmas = proc.vmas.filter((vma) => vma.start < end && vma.end > start);
  let at = start;
  let firstHole = Number.POSITIVE_INFINITY;
  for (const vma of vmas) {
    if (vma.start > at) firstHole = Math.min(firstHole, at);
    at = vma.end;
  }
  if (at < end) firstHole = Math.min(firstHole, at);
  return { vmas, hole: firstHole < end, firstHole };
}

/** Splits the VMA that begins before and ends after a page. */
function split(proc: Proc, vpn: number): void {
  const vma = vmaAt(proc, vpn);
  if (vma === undefined || vma.start === vpn) return;
  const upper: Vma = { ...vma, start: vpn, pgoff: indexOf(vma, vpn) };
  vma.end = vpn;
  proc.vmas.splice(proc.vmas.indexOf(vma) + 1, 0, upper);
}

function merge(proc: Proc, vma: Vma): Vma {
  const at = proc.vmas.indexOf(vma);
  let merged = vma;
  const prev = proc.vmas[at - 1];
  if (prev !== undefined && mergeable(prev, vma)) {
    join(prev, vma);
    proc.vmas.splice(at, 1);
    merged = prev;
  }
  const next = proc.vmas[proc.vmas.indexOf(merged) + 1];
  if (next !== undefined && mergeable(merged, next)) {
    join(merged, next);
    proc.vmas.splice(proc.vmas.indexOf(next), 1);
  }
  return merged;
}

function mergeable(a: Vma, b: Vma): boolean {
  if (a.end !== b.start || a.obj !== b.obj || a.pgoff + (a.end - a.start) !== b.pgoff) return false;
  if (
    a.mayWrite !== b.mayWrite ||
    a.prot !== b.prot ||
    a.shared !== b.shared ||
    a.locked !== b.locked ||
    a.grows !== b.grows
  )
    return false;
  if (a.account !== b.account || a.noreserve !== b.noreserve) return false;
  if (a.root === b.root) return true;
  if (a.root !== undefined && b.root !== undefined) return false;
  return !(a.root === undefined ? b : a).inherited;
}

function join(a: Vma, b: Vma): void {
  a.end = b.end;
  if (a.root === undefined) {
    a.root = b.root;
    a.inherited = b.inherited;
  }
}

/** Changes the VMAs of [start, end) one by one, up to the first hole. */
function change(
  proc: Proc,
  start: number,
  end: number,
  needed: (vma: Vma) => boolean,
  apply: (vma: Vma, from: number, to: number) => void,
): Errno {
  const { firstHole } = walk(proc, start, end);
  if (firstHole === start) return 'ENOMEM';
  const stop = Math.min(end, firstHole);
  for (let at = start; at < stop; ) {
    let vma = vmaAt(proc, at)!;
    const to = Math.min(vma.end, stop);
    if (needed(vma)) {
      split(proc, at);
      split(proc, to);
      vma = vmaAt(proc, at)!;
      apply(vma, at, to);
      merge(proc, vma);
    }
    at = to;
  }
  return firstHole < end ? 'ENOMEM' : undefined;
}

export function munmap(world: World, proc: Proc, start: number, end: number): Errno {
  split(proc, start);
  split(proc, end);
  const gone = proc.vmas.filter((vma) => vma.start >= start && vma.end <= end);
  for (const vma of gone) for (let vpn = vma.start; vpn < vma.end; vpn++) zap(world, proc, vpn);
  proc.vmas = proc.vmas.filter((vma) => !gone.includes(vma));
  for (const vma of gone) if (vma.obj?.anonymous) forgetIfUnmapped(world, vma);
  return undefined;
}

function forgetIfUnmapped(world: World, { obj }: Vma): void {
  for (const proc of world.procs.values()) if (proc.vmas.some((vma) => vma.obj === obj)) return;
  for (const [index, slot] of [...obj!.swapped]) {
    obj!.swapped.delete(index);
    dropSlotUser(world, slot, obj!);
  }
  obj!.cache.clear();
}

export function mprotect(world: World, proc: Proc, start: number, end: number, prot: Vma['prot']): Errno {
  // The first mapping that may never be written ends the call; what lies before it is changed.
  const refusing = prot === 'rw' ? walk(proc, start, end).vmas.find((vma) => !vma.mayWrite) : undefined;
  if (refusing !== undefined) {
    const { firstHole } = walk(proc, start, Math.max(start, refusing.start));
    if (firstHole < refusing.start) return mprotect(world, proc, start, refusing.start, prot);
    if (refusing.start > start) mprotect(world, proc, start, refusing.start, prot);
    return 'EACCES';
  }
  const populated: [number, number][] = [];
  const result = change(
    proc,
    start,
    end,
    (vma) => vma.prot !== prot,
    (vma, from, to) => {
      const before = vma.prot;
      vma.prot = prot;
      if (prot === 'rw') {
        if (!vma.shared && !vma.noreserve) vma.account = true;
      } else if (vma.obj === undefined && vma.root === undefined) vma.account = false;
      for (let vpn = from; vpn < to; vpn++) {
        const entry = proc.entries.get(vpn);
        if (entry?.state === 'page') entry.writable = prot === 'rw' && writableAfter(vma, entry);
      }
      if (prot === 'rw' && before !== 'rw' && vma.locked && !vma.shared) populated.push([from, to]);
    },
  );
  // A locked private mapping that becomes writable is copied at once.
  for (const [from, to] of populated) populate(world, proc, from, to);
  return result;
}

function writableAfter(vma: Vma, entry: Entry): boolean {
  if (!vma.shared) return entry.page!.kind === 'anon' && entry.exclusive;
  return entry.page!.kind === 'shmem' || entry.dirty;
}

export function mlock(world: World, proc: Proc, start: number, end: number): Errno {
  const errno = change(
    proc,
    start,
    end,
    (vma) => !vma.locked,
    (vma) => {
      vma.locked = true;
    },
  );
  if (errno !== undefined) return errno;
  return populate(world, proc, start, end) ? undefined : 'ENOMEM';
}

export function munlock(proc: Proc, start: number, end: number): Errno {
  return change(
    proc,
    start,
    end,
    (vma) => vma.locked,
    (vma) => {
      vma.locked = false;
    },
  );
}

/** Faults everything in: by writing where that makes private copies. False where something could not be had. */
export function populate(world: World, proc: Proc, start: number, end: number, goOn = false): boolean {
  let whole = true;
  for (const vma of walk(proc, start, end).vmas) {
    for (let vpn = Math.max(start, vma.start); vpn < Math.min(end, vma.end); vpn++) {
      const write = !vma.shared && vma.prot === 'rw';
      const entry = proc.entries.get(vpn);
      if (write && entry?.state === 'page' && entry.writable) {
        // No fault: the page itself is marked, not the entry (109).
        if (!entry.dirty) entry.page!.dirty = true;
        continue;
      }
      if (vma.prot !== 'none' && faultIn(world, proc, vma, vpn, write) !== 'signal') continue;
      whole = false;
      if (!goOn) return false;
      break;
    }
  }
  return whole;
}

export function msync(proc: Proc, start: number, end: number): Errno {
  const { vmas, hole } = walk(proc, start, end);
  for (const vma of vmas) {
    if (!vma.shared || vma.obj!.kind !== 'file') continue;
    const from = indexOf(vma, Math.max(start, vma.start));
    const to = indexOf(vma, Math.min(end, vma.end));
    for (const page of vma.obj!.cache.values())
      if (page.dirty && page.index >= from && page.index < to) writeFile(page);
  }
  return hole ? 'ENOMEM' : undefined;
}

export type Advice = 'willneed' | 'dontneed' | 'cold' | 'pageout' | 'free';

export function madvise(world: World, proc: Proc, start: number, end: number, advice: Advice): Errno {
  const { vmas, hole } = walk(proc, start, end);
  for (const vma of vmas) {
    const from = Math.max(start, vma.start);
    const to = Math.min(end, vma.end);
    if (vma.locked && advice !== 'willneed') return 'EINVAL';
    if (advice === 'free' && (vma.obj !== undefined || vma.shared)) return 'EINVAL';
    if (advice === 'dontneed') for (let vpn = from; vpn < to; vpn++) zap(world, proc, vpn);
    else if (advice === 'free') for (let vpn = from; vpn < to; vpn++) freeLazily(world, proc, vpn);
    else if (advice === 'pageout') pageoutVma(world, proc, vma, from, to, proc.uid);
    else if (advice === 'willneed') willneed(world, proc, vma, from, to);
  }
  return hole ? 'ENOMEM' : undefined;
}

function freeLazily(world: World, proc: Proc, vpn: number): void {
  const entry = proc.entries.get(vpn);
  if (entry === undefined || entry.state === 'zero') return;
  if (entry.state === 'swap') {
    zap(world, proc, vpn);
    return;
  }
  const page = entry.page!;
  if (page.slot !== undefined || page.dirty) {
    if (page.entries.size !== 1) return;
    if (page.slot !== undefined && !freeSwapOf(world, page)) return;
    page.dirty = false;
  }
  entry.dirty = false;
  entry.expected = undefined;
  if (!isLocked(page)) page.lazy = true;
}

function willneed(world: World, proc: Proc, vma: Vma, from: number, to: number): void {
  for (let vpn = from; vpn < to; vpn++) {
    if (vma.obj === undefined) {
      const entry = proc.entries.get(vpn);
      if (entry?.state === 'swap') readSlot(world, entry.slot!);
      continue;
    }
    const index = indexOf(vma, vpn);
    if (index >= vma.obj.pages) return;
    const slot = vma.obj.swapped.get(index);
    if (slot !== undefined) readSlot(world, slot, 'shmem');
    else if (vma.obj.kind === 'file') cachePage(world, vma.obj, index);
  }
}

/** A copy of a process. Page tables are copied for mappings that have a root; the rest faults again. */
export function fork(world: World, parent: Proc, name: string): void {
  const child: Proc = { name, uid: parent.uid, vmas: [], entries: new Map(), regions: new Map(parent.regions) };
  for (const vma of parent.vmas) {
    const copied = vma.root !== undefined;
    child.vmas.push({ ...vma, locked: false, root: copied ? {} : undefined, inherited: copied });
    if (!copied) continue;
    for (let vpn = vma.start; vpn < vma.end; vpn++) {
      const entry = parent.entries.get(vpn);
      if (entry === undefined) continue;
      if (entry.state !== 'zero' && (entry.state === 'swap' || entry.page!.kind === 'anon')) entry.exclusive = false;
      entry.writable = false;
      const copy: Entry = { ...entry, proc: child };
      copy.page?.entries.add(copy);
      copy.slot?.users.add(copy);
      child.entries.set(vpn, copy);
    }
  }
  world.procs.set(name, child);
}

export function exit(world: World, proc: Proc): void {
  for (const vpn of [...proc.entries.keys()].sort((a, b) => a - b)) zap(world, proc, vpn);
  const gone = proc.vmas;
  proc.vmas = [];
  world.procs.delete(proc.name);
  for (const vma of gone) if (vma.obj?.anonymous) forgetIfUnmapped(world, vma);
}
