/**
 * Which parts of one address space are accessed when, how much of them is there, and how large the working set is:
 * from every access and from the page tables themselves, where a kernel has samples of accessed bits (DAMON).
 *
 * A slot is a stretch of virtual time. When there are twice as many as are wanted two and two become one.
 */
import type { Machine } from '../../machine/machine.ts';
import type { Task } from '../../machine/task.ts';
import { KIND_PRESENT, KIND_SWAP, KIND_ZERO, pteKind } from '../../mm/pages/pte.ts';
import type { Mm } from '../../mm/space/mm.ts';
import { forEachEntry } from '../../mm/space/zap.ts';

/** The shortest slot, in virtual microseconds: the quantum of workloads. */
export const FIRST_SLOT_US = 100_000;
/** Addresses are told apart by units of so many pages that there are no more of them than this. */
const MOST_UNITS = 4096;
/** Windows of the working set are slots times powers of two, at most this one: more than a day. */
const MOST_DOUBLINGS = 20;

/** Pages by unit. */
type Units = Map<number, number>;

export interface Slot {
  /** Accesses in this time; pages that were there, and in swap, at its end. */
  readonly accesses: Units;
  readonly resident: Units;
  readonly swapped: Units;
}

/** Pages [start, end). */
export interface PageRange {
  readonly start: number;
  readonly end: number;
}

export class AccessMap {
  readonly #name: string;
  readonly #mostSlots: number;
  #machine: Machine | undefined;
  #startUs = 0;
  /** Up to here all is done that was due. */
  #passedUs = 0;
  #doublings = 0;
  #shift = 0;
  #slots: Slot[] = [];
  #current = newSlot();
  #ranges: PageRange[] = [];
  /** Of each page the shortest slot in which it was accessed last; working sets by window length and window. */
  readonly #lastSlot = new Map<number, number>();
  readonly #workingSets: Map<number, number>[] = Array.from({ length: MOST_DOUBLINGS + 1 }, () => new Map());
  #nrAccesses = 0;

  /** `name`: of the process in the scenario, or its pid. */
  constructor(name: string, mostSlots = 40) {
    this.#name = name;
    this.#mostSlots = mostSlots;
  }

  /** From now on it is this machine. One that went back in time begins anew. */
  watch(machine: Machine): void {
    const before = machine.onTime;
    if (this.#machine === undefined || machine.nowUs < this.#startUs) this.#begin(machine.nowUs);
    this.#machine = machine;
    machine.mem.onTouch = (mm, vpn, count, step) => {
      if (this.#machine === machine && mm === this.#task()?.mm) this.#access(mm, vpn, count, step);
    };
    machine.onTime = () => {
      before?.();
      if (this.#machine !== machine) return;
      this.#passedUs = machine.nowUs;
      this.#close(machine.nowUs);
    };
  }

  /** What was seen; no more may be told afterwards. */
  end(): void {
    if (this.#machine === undefined) return;
    this.#close(this.#machine.nowUs);
    const nowUs = this.#machine.nowUs - this.#startUs;
    if (this.#current.accesses.size > 0 || nowUs > this.#slots.length * this.slotUs) this.#add();
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  get slotUs(): number {
    return FIRST_SLOT_US * 2 ** this.#doublings;
  }

  get startUs(): number {
    return this.#startUs;
  }

  /** Pages of a unit. */
  get unitPages(): number {
    return 2 ** this.#shift;
  }

  get nrAccesses(): number {
    return this.#nrAccesses;
  }

  /** All pages that were ever mapped, ascending, apart from each other. */
  get ranges(): readonly PageRange[] {
    return this.#ranges;
  }

  /** Different pages that were accessed in each slot. */
  workingSets(): number[] {
    return this.#slots.map((_, i) => this.#workingSets[this.#doublings]!.get(i) ?? 0);
  }

  #task(): Task | undefined {
    return this.#machine?.named.get(this.#name) ?? this.#machine?.tasks.get(Number(this.#name));
  }

  #begin(nowUs: number): void {
    this.#startUs = nowUs;
    this.#passedUs = nowUs;
    this.#slots = [];
    this.#current = newSlot();
    this.#lastSlot.clear();
    for (const windows of this.#workingSets) windows.clear();
  }

  #access(mm: Mm, vpn: number, count: number, step: number): void {
    const { nowUs } = this.#machine!;
    // What a workload does at the end of its quantum belongs to the time before.
    const atUs = nowUs > this.#passedUs ? nowUs - 1 : nowUs;
    this.#close(atUs);
    const slot = Math.floor((atUs - this.#startUs) / FIRST_SLOT_US);
    for (let i = 0; i < count; i++) {
      const page = vpn + i * step;
      if (mm.find(page) === undefined) continue;
      this.#nrAccesses++;
      add(this.#current.accesses, this.#unitOf(page), 1);
      this.#noteWorkingSet(page, slot);
    }
    while (this.#current.accesses.size > MOST_UNITS) this.#coarser();
  }

  /** A window counts a page once: longer windows that have seen it contain all shorter ones that have. */
  #noteWorkingSet(page: number, slot: number): void {
    const last = this.#lastSlot.get(page) ?? -1;
    if (last === slot) return;
    this.#lastSlot.set(page, slot);
    for (let k = 0; k <= MOST_DOUBLINGS; k++) {
      const window = Math.floor(slot / 2 ** k);
      if (last >= 0 && Math.floor(last / 2 ** k) === window) return;
      add(this.#workingSets[k]!, window, 1);
    }
  }

  /** Ends all slots that are over. */
  #close(nowUs: number): void {
    while (nowUs - this.#startUs >= (this.#slots.length + 1) * this.slotUs) {
      this.#add();
      if (this.#slots.length >= 2 * this.#mostSlots) this.#halve();
    }
  }

  #add(): void {
    const mm = this.#task()?.mm ?? null;
    if (mm !== null) this.#lookAt(mm);
    this.#slots.push(this.#current);
    this.#current = newSlot();
    while (Math.max(...this.#slots.slice(-1).map(({ resident }) => resident.size)) > MOST_UNITS) this.#coarser();
  }

  #lookAt(mm: Mm): void {
    const { mem } = this.#machine!;
    const { resident, swapped } = this.#current;
    for (const vma of mm.vmas) {
      this.#ranges = united(this.#ranges, vma);
      forEachEntry(mem, vma, vma.start, vma.end, (at, vpn) => {
        const kind = pteKind(mem.tables.pte[at]!);
        if (kind === KIND_PRESENT || kind === KIND_ZERO) add(resident, this.#unitOf(vpn), 1);
        else if (kind === KIND_SWAP) add(swapped, this.#unitOf(vpn), 1);
      });
    }
  }

  #halve(): void {
    this.#doublings++;
    this.#slots = this.#slots.flatMap((slot, i) => {
      const next = this.#slots[i + 1];
      if (i % 2 === 1 || next === undefined) return [];
      for (const [unit, count] of next.accesses) add(slot.accesses, unit, count);
      return [{ ...next, accesses: slot.accesses }];
    });
  }

  #coarser(): void {
    this.#shift++;
    this.#slots = this.#slots.map(coarser);
    this.#current = coarser(this.#current);
  }

  #unitOf(vpn: number): number {
    return Math.floor(vpn / this.unitPages);
  }
}

function newSlot(): Slot {
  return { accesses: new Map(), resident: new Map(), swapped: new Map() };
}

function coarser({ accesses, resident, swapped }: Slot): Slot {
  const halved = (units: Units): Units => {
    const to: Units = new Map();
    for (const [unit, count] of units) add(to, Math.floor(unit / 2), count);
    return to;
  };
  return { accesses: halved(accesses), resident: halved(resident), swapped: halved(swapped) };
}

function add(units: Units, unit: number, count: number): void {
  units.set(unit, (units.get(unit) ?? 0) + count);
}

/** Ranges with one more in them, ascending and apart. */
function united(ranges: readonly PageRange[], { start, end }: PageRange): PageRange[] {
  if (ranges.some((range) => range.start <= start && end <= range.end)) return [...ranges];
  const touching = ranges.filter((range) => range.start <= end && start <= range.end);
  const whole = {
    start: Math.min(start, ...touching.map((range) => range.start)),
    end: Math.max(end, ...touching.map((range) => range.end)),
  };
  return [...ranges.filter((range) => !touching.includes(range)), whole].sort((a, b) => a.start - b.start);
}
