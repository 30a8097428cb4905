/**
 * What changed between two looks at a process, as steps: mappings that came, went and changed, pages that came and went,
 * pages accessed again.
 *
 * Which pages are there is known page by page (pagemap); how many were accessed, mapping by mapping (Referenced). A page that
 * is new has been accessed; the others that make up the number are taken to be those that were accessed last.
 */
import type { ObjectTable } from '../capture/objects.ts';
import { PAGE_ANON, PAGE_FILE, PAGE_SWAP, PAGE_ZERO, type RealPages } from '../capture/page-map.ts';
import { mmapSteps, pageSteps, processName, procStep, protOf } from '../capture/process-steps.ts';
import type { RealProcess } from '../capture/real-process.ts';
import { type PlannedVma, planSharing } from '../capture/sharing.ts';
import { isSpecial, kBOf, type RealVma } from '../capture/vmas.ts';
import { quoteValue } from '../words.ts';
import { keyOf, Regions } from './regions.ts';
import { measuredOf, type Sample } from './sample.ts';

/** A recorded process as the scenario has left it. */
interface Known {
  readonly name: string;
  readonly process: RealProcess;
  readonly regions: Regions;
  /** Kinds of the pages that are not absent, by page number. */
  readonly pages: ReadonlyMap<number, number>;
  /** The interval in which a page was last accessed, by page number. */
  readonly accessed: Map<number, number>;
}

/** Accesses of one kind to neighbouring pages. */
interface Access {
  readonly vpn: number;
  readonly mode: 'read' | 'write';
  /** The page was not mapped before. */
  readonly isNew: boolean;
}

/** Fault-around maps as many pages of a file by one fault. */
const FAULT_AROUND_PAGES = 16;
/** Pages that came and went are played in pieces of this many, so that they never take much room. */
const SCRATCH_PAGES = 256;

export class Timeline {
  readonly #objects: ObjectTable;
  readonly #group: string | undefined;
  readonly #known = new Map<number, Known>();
  readonly #names = new Set<string>();
  #interval = 0;
  #timeUs = 0;

  /** `group`: the control group that the processes are in; undefined: that of their machine's capture, none. */
  constructor(objects: ObjectTable, group: string | undefined) {
    this.#objects = objects;
    this.#group = group;
  }

  /** The steps that make the processes as they were when the recording began. */
  begin(sample: Sample): string[] {
    this.#timeUs = sample.timeUs;
    const processes = [...sample.processes.values()];
    const planned = planSharing(processes, this.#objects);
    const names = processes.map((process) => this.#nameOf(process));
    return planned.flatMap(({ process, vmas }, position) => {
      const name = names[position]!;
      const regions = new Regions();
      const steps = [
        this.#procStep(process, name),
        `${name} faults minor=${process.minorFaults} major=${process.majorFaults}`,
      ];
      for (const plannedVma of vmas) {
        const { vma } = plannedVma;
        const region = regions.freshName();
        regions.add(vma.start, vma.end, vma, region);
        steps.push(...mmapSteps(grown(plannedVma), name, region), ...pageSteps(plannedVma, position, names, region));
      }
      const pages = pagesOf(process);
      this.#known.set(process.pid, {
        name,
        process,
        regions,
        pages,
        accessed: new Map([...pages.keys()].map((vpn) => [vpn, 0])),
      });
      return [...steps, `${name} clearrefs 1`];
    });
  }

  /** The steps of the interval that this sample ends. */
  next(sample: Sample): string[] {
    this.#interval++;
    const steps = [`tick ${Math.max(1, Math.round(sample.timeUs - this.#timeUs))}us`];
    this.#timeUs = sample.timeUs;
    for (const [pid, { name, process }] of this.#known) {
      const now = sample.processes.get(pid);
      // A pid that has been given to somebody else is another process.
      if (now !== undefined && now.startSeconds === process.startSeconds) continue;
      steps.push(`${name} exit`);
      this.#known.delete(pid);
    }
    const forked = [...sample.processes.values()].filter(({ pid }) => !this.#known.has(pid));
    for (const process of forked) steps.push(...this.#appear(process));
    for (const process of sample.processes.values()) steps.push(...this.#change(process));
    for (const process of sample.processes.values()) steps.push(...this.#measure(process));
    return steps;
  }

  #nameOf(process: RealProcess): string {
    const base = processName(process);
    let name = base;
    for (let n = 2; this.#names.has(name); n++) name = `${base}.${n}`;
    this.#names.add(name);
    return name;
  }

  #procStep(process: RealProcess, name: string): string {
    return procStep({ ...process, cgroup: this.#group ?? '/', tracerPid: 0 }, name);
  }

  /** A process that was not there before: forked from one that is recorded and still runs its program, or new. */
  #appear(process: RealProcess): string[] {
    const name = this.#nameOf(process);
    // All its faults belong to this interval.
    const unborn = { ...process, minorFaults: 0, majorFaults: 0 };
    const parent = this.#known.get(process.ppid);
    if (parent !== undefined && parent.process.exe === process.exe && this.#sharesProgram(parent, process)) {
      const copied = [...parent.pages].filter(([vpn, kind]) => kind !== PAGE_FILE || hasAnon(parent, vpn));
      this.#known.set(process.pid, {
        name,
        process: unborn,
        regions: parent.regions.copy(),
        pages: new Map(copied),
        accessed: new Map(),
      });
      return [`${parent.name} fork ${name} pid=${process.pid}`];
    }
    this.#known.set(process.pid, {
      name,
      process: unborn,
      regions: new Regions(),
      pages: new Map(),
      accessed: new Map(),
    });
    return [this.#procStep(process, name)];
  }

  /** Forked from each other: the program is at the same place; addresses are random otherwise. */
  #sharesProgram({ process }: Known, child: RealProcess): boolean {
    const place = ({ memory, exe }: RealProcess): number | undefined =>
      memory?.vmas.find(({ path }) => path === exe)?.start;
    return place(process) !== undefined && place(process) === place(child);
  }

  #change(process: RealProcess): string[] {
    let known = this.#known.get(process.pid)!;
    const { name } = known;
    const steps: string[] = [];
    if (known.process.exe !== process.exe) {
      steps.push(
        `${name} exec comm=${quoteValue(process.comm)} cmdline=${quoteValue(process.cmdline)} exe=${quoteValue(process.exe)}`,
      );
      known = {
        ...known,
        regions: new Regions([], known.regions.pieces.length + this.#interval),
        pages: new Map(),
        accessed: new Map(),
      };
    }
    const vmas = (process.memory?.vmas ?? []).filter((vma) => !isSpecial(vma));
    steps.push(...this.#remap(name, known.regions, vmas));
    const pages = pagesOf(process);
    steps.push(...this.#leave(known, pages, process));
    const accesses: Access[] = [];
    process.memory?.vmas.forEach((vma, v) => {
      if (!isSpecial(vma)) accesses.push(...this.#accesses(known, vma, process.memory!.pages[v]!));
    });
    steps.push(...this.#touch(known, accesses, process));
    this.#known.set(process.pid, { ...known, process, pages });
    return steps;
  }

  /** Mappings that went, came, or have another protection now. */
  #remap(name: string, regions: Regions, vmas: readonly RealVma[]): string[] {
    const steps: string[] = [];
    const keep = new Map<string, RealVma[]>();
    for (const vma of vmas) keep.set(keyOf(vma), [...(keep.get(keyOf(vma)) ?? []), vma]);
    for (const piece of regions.pieces) {
      for (const [start, end] of without(piece.start, piece.end, keep.get(piece.key) ?? [])) {
        steps.push(`${name} munmap ${part(piece.region, start, end)}`);
        regions.remove(start, end);
      }
    }
    for (const vma of vmas) {
      const mapped = regions.within(vma.start, vma.end);
      for (const [start, end] of without(vma.start, vma.end, mapped)) {
        const piece = { ...vma, start, end, pgoff: vma.pgoff + start - vma.start };
        const region = regions.freshName();
        regions.add(start, end, piece, region);
        steps.push(
          ...mmapSteps(
            grown({ vma: piece, object: this.#objects.of(vma), index: [], letters: [], owner: [], key: [] }),
            name,
            region,
          ),
        );
      }
      for (const piece of mapped) {
        if (piece.perms === vma.perms) continue;
        steps.push(`${name} mprotect ${part(piece.region, piece.start, piece.end)} ${protOf(vma)}`);
        regions.protect(piece.start, piece.end, vma.perms);
      }
    }
    return steps;
  }

  /** Pages that are gone though their mapping is there: given back, or taken by the kernel. */
  #leave(
    { name, pages: before, regions, accessed }: Known,
    now: ReadonlyMap<number, number>,
    process: RealProcess,
  ): string[] {
    const steps: string[] = [];
    const limited = this.#group !== undefined;
    const gone: number[] = [];
    const swapped: number[] = [];
    for (const [vpn, kind] of before) {
      const kindNow = now.get(vpn);
      if (kindNow === undefined) {
        accessed.delete(vpn);
        // Of a file, under a limit: the kernel's doing, as the model's own is.
        if (!(limited && kind === PAGE_FILE)) gone.push(vpn);
      } else if (kindNow === PAGE_SWAP && kind !== PAGE_SWAP && !limited) swapped.push(vpn);
    }
    if (process.memory === undefined) return steps;
    for (const [start, end] of runsOf(gone))
      for (const piece of regions.within(start, end))
        steps.push(`${name} madvise ${part(piece.region, piece.start, piece.end)} dontneed`);
    for (const [start, end] of runsOf(swapped))
      for (const piece of regions.within(start, end))
        steps.push(`${name} madvise ${part(piece.region, piece.start, piece.end)} pageout`);
    return steps;
  }

  #accesses(
    { pages: before, accessed, process: old }: Known,
    vma: RealVma,
    { index, kind, shared }: RealPages,
  ): Access[] {
    const accesses: Access[] = [];
    const resident: number[] = [];
    const writable = vma.perms[1] === 'w';
    let dirty = (kBOf(vma, 'Shared_Dirty') + kBOf(vma, 'Private_Dirty') - kBOf(vma, 'Anonymous')) / 4;
    const forked = before.size > 0 && old.minorFaults === 0;
    index.forEach((page, i) => {
      const vpn = vma.start + page;
      const kindNow = kind[i]!;
      if (kindNow === PAGE_SWAP) return;
      const kindBefore = before.get(vpn);
      const isNew = kindBefore === undefined || kindBefore === PAGE_SWAP;
      const copied =
        kindNow === PAGE_ANON && (kindBefore === PAGE_FILE || kindBefore === PAGE_ZERO || (forked && !shared[i]));
      if (!isNew && !copied) {
        resident.push(vpn);
        return;
      }
      // Swapped in: whether it was written to is not known; heaps are.
      const writes =
        writable && (kindNow === PAGE_ANON || (kindNow === PAGE_FILE && vma.perms[3] === 's' && dirty-- > 0));
      accesses.push({ vpn, mode: writes ? 'write' : 'read', isNew: kindBefore === undefined });
    });
    const again = kBOf(vma, 'Referenced') / 4 - accesses.length;
    if (again > 0) {
      const latest = resident
        .sort((a, b) => (accessed.get(b) ?? -1) - (accessed.get(a) ?? -1) || a - b)
        .slice(0, again);
      for (const vpn of latest) accesses.push({ vpn, mode: 'read', isNew: false });
    }
    return accesses.sort((a, b) => a.vpn - b.vpn);
  }

  #touch(
    { name, regions, pages: before, accessed, process: old }: Known,
    accesses: readonly Access[],
    process: RealProcess,
  ): string[] {
    const steps: string[] = [];
    let expected = 0;
    let swapIns = 0;
    let fileFaults = process.majorFaults - old.majorFaults;
    for (const { vpn, isNew, mode } of accesses) {
      accessed.set(vpn, this.#interval);
      if (before.get(vpn) === PAGE_SWAP) swapIns++;
      else if (isNew && mode === 'write') expected++;
    }
    fileFaults -= swapIns;
    for (const [start, end, access] of accessRuns(accesses)) {
      for (const piece of regions.within(start, end)) {
        if (access.isNew && piece.key.startsWith('anon') && access.mode === 'read') expected += piece.end - piece.start;
        if (access.isNew && !piece.key.startsWith('anon')) {
          if (access.mode === 'read') expected += Math.ceil((piece.end - piece.start) / FAULT_AROUND_PAGES);
          // Read without waiting for the disk: it was in the page cache.
          const waited = Math.min(piece.end - piece.start, Math.max(0, fileFaults));
          fileFaults -= waited;
          steps.push(...this.#cached(piece.key, piece.start + waited, piece.end));
        }
        steps.push(`${name} touch ${part(piece.region, piece.start, piece.end)} ${access.mode}`);
      }
    }
    const missing = process.minorFaults - old.minorFaults - expected;
    return missing > expected / 20 ? [...steps, ...scratch(name, regions, missing)] : steps;
  }

  #cached(key: string, start: number, end: number): string[] {
    const object = this.#objects.all.find(({ key: of }) => key.startsWith(`${of} `));
    if (object === undefined || object.isShmem || start === end) return [];
    const offset = Number(key.split(' ')[1]) + start;
    return [`cache ${object.name} loadpart ${offset}p ${end - start}p`];
  }

  #measure(process: RealProcess): string[] {
    const { name } = this.#known.get(process.pid)!;
    const { rss, swap, referenced, minflt, majflt } = measuredOf(process);
    return [
      `${name} recorded rss=${rss} swap=${swap} referenced=${referenced} minflt=${minflt} majflt=${majflt}`,
      `${name} clearrefs 1`,
    ];
  }
}

/** A stack is mapped as far as it had grown: what it grows by later is a mapping below. */
function grown(planned: PlannedVma): PlannedVma {
  const flags = new Set([...planned.vma.flags].filter((flag) => flag !== 'gd'));
  return { ...planned, vma: { ...planned.vma, flags } };
}

function hasAnon({ process: { memory } }: Known, vpn: number): boolean {
  const vma = memory?.vmas.find(({ start, end }) => vpn >= start && vpn < end);
  return vma !== undefined && kBOf(vma, 'Anonymous') > 0;
}

function pagesOf({ memory }: RealProcess): Map<number, number> {
  const pages = new Map<number, number>();
  memory?.vmas.forEach((vma, v) => {
    if (isSpecial(vma)) return;
    const { index, kind } = memory.pages[v]!;
    for (let i = 0; i < index.length; i++) pages.set(vma.start + index[i]!, kind[i]!);
  });
  return pages;
}

/** The parts of [start, end) that none of these covers. */
function without(start: number, end: number, covers: readonly { start: number; end: number }[]): [number, number][] {
  const parts: [number, number][] = [];
  let at = start;
  for (const cover of [...covers].sort((a, b) => a.start - b.start)) {
    if (cover.end <= at || cover.start >= end) continue;
    if (cover.start > at) parts.push([at, cover.start]);
    at = Math.max(at, cover.end);
  }
  if (at < end) parts.push([at, end]);
  return parts;
}

function part({ name, start: base }: { name: string; start: number }, start: number, end: number): string {
  return `${name} ${start - base}p ${end - start}p`;
}

/** Neighbouring page numbers as [start, end). */
function runsOf(vpns: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const vpn of [...vpns].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === vpn) last[1]++;
    else runs.push([vpn, vpn + 1]);
  }
  return runs;
}

function accessRuns(accesses: readonly Access[]): [number, number, Access][] {
  const runs: [number, number, Access][] = [];
  for (const access of accesses) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === access.vpn && last[2].mode === access.mode && last[2].isNew === access.isNew)
      last[1]++;
    else runs.push([access.vpn, access.vpn + 1, access]);
  }
  return runs;
}

/** Faults of pages that had gone again when the interval ended. */
function scratch(name: string, regions: Regions, nrFaults: number): string[] {
  const steps: string[] = [];
  for (let left = nrFaults; left > 0; left -= SCRATCH_PAGES) {
    const size = `${Math.min(left, SCRATCH_PAGES)}p`;
    const region = regions.freshName();
    steps.push(`${name} mmap ${region} size=${size} anon`);
    steps.push(`${name} touch ${region} 0 ${size} write`, `${name} munmap ${region} 0 ${size}`);
  }
  return steps;
}
