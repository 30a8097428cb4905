/** How many faults a workload has as a function of the memory that it has: by reuse distances, and by runs with less memory. */
import type { Machine } from '../../machine/machine.ts';
import type { Memory } from '../../mm/memory.ts';
import type { Mm } from '../../mm/space/mm.ts';
import { bytesOf } from '../../util/bytes.ts';
import { durationUs } from '../duration.ts';
import { scenarioBytes } from '../play.ts';
import { Session } from '../session.ts';
import { ReuseDistances } from './reuse.ts';

const PAGE_KB = 4;
const VPNS = 2 ** 36;
/** So much more memory than it has, in which nothing has to be given up. */
const AMPLE = 'x4';

/** Memory and the faults of an LRU of that size, first accesses left out. */
export interface MissPoint {
  readonly kb: number;
  readonly faults: number;
  readonly perThousand: number;
}

/** A run of the model with less memory. `usedKb`: what pages took of it on average from when some were first given up, or at most; `lru`: the curve at that size. */
export interface MeasuredPoint {
  readonly ramKb: number;
  readonly usedKb: number;
  readonly faults: number;
  readonly perThousand: number;
  readonly lru: MissPoint;
}

/** Published as schemas/wss.schema.json. */
export interface MissRatio {
  readonly accesses: number;
  /** All pages that were accessed, kB. */
  readonly footprintKb: number;
  readonly curve: readonly MissPoint[];
  readonly measured: readonly MeasuredPoint[];
}

export interface MissRatioOptions {
  /** Sizes of the curve in kB; absent: twelve equal steps up to the footprint. */
  readonly sizesKb?: readonly number[] | undefined;
  /** Memory of the machine in kB, for runs that are compared with it. */
  readonly ramKb?: readonly number[] | undefined;
}

const NR_STEPS = 12;

/** Throws ScenarioError. */
export function missRatio(scenario: string | Uint8Array, name: string, options: MissRatioOptions = {}): MissRatio {
  const distances = new ReuseDistances();
  played(scenario, name, AMPLE, (machine) => {
    machine.mem.onTouch = (mm, vpn, count, step) => {
      for (let i = 0; i < count; i++) {
        const page = identityOf(mm, vpn + i * step);
        if (page !== undefined) distances.access(page);
      }
    };
  });
  const point = (nrPages: number): MissPoint => {
    const faults = distances.faults(nrPages) - distances.nrCold;
    return { kb: nrPages * PAGE_KB, faults, perThousand: perThousand(faults, distances.nrAccesses) };
  };
  const steps = Array.from({ length: NR_STEPS }, (_, i) => Math.ceil((distances.nrPages * (i + 1)) / NR_STEPS));
  const sizes = options.sizesKb?.map((kb) => Math.floor(kb / PAGE_KB)) ?? [...new Set(steps)];
  return {
    accesses: distances.nrAccesses,
    footprintKb: distances.nrPages * PAGE_KB,
    curve: sizes.map(point),
    measured: (options.ramKb ?? []).map((ramKb) => measured(scenario, name, ramKb, point)),
  };
}

/**
 * A number for the page: pages of files and shared memory by their place there, whoever maps them, others by their
 * address. Private copies of file pages count as pages of the file. Undefined: nothing is mapped there.
 */
function identityOf(mm: Mm, vpn: number): number | undefined {
  const vma = mm.find(vpn);
  if (vma === undefined) return undefined;
  if (vma.mapping === null) return mm.id * VPNS + vpn;
  return -1 - (vma.mapping.id * VPNS + vma.indexOf(vpn));
}

function measured(
  scenario: string | Uint8Array,
  name: string,
  ramKb: number,
  point: (nrPages: number) => MissPoint,
): MeasuredPoint {
  let [accesses, faults, most, sum, samples] = [0, 0, 0, 0, 0];
  const look = (machine: Machine): void => {
    const { events } = machine.mem;
    faults = broughtBack(machine.mem);
    most = Math.max(most, pagesInUse(machine));
    if (events.pgsteal_kswapd + events.pgsteal_direct === 0) return;
    sum += pagesInUse(machine);
    samples++;
  };
  const { machine: last } = played(scenario, name, `${ramKb}K`, (machine) => {
    machine.mem.onTouch = (_mm, _vpn, count) => {
      accesses += count;
    };
    machine.onTime = () => look(machine);
  });
  look(last);
  const used = samples === 0 ? most : Math.round(sum / samples);
  return {
    ramKb,
    usedKb: used * PAGE_KB,
    faults,
    perThousand: perThousand(faults, accesses),
    lru: point(used),
  };
}

/** Pages that were there once, and had to be read again. */
function broughtBack({ events }: Memory): number {
  return events.pswpin + events.workingset_refault_file;
}

function pagesInUse({ mem }: Machine): number {
  return mem.nrAnonMapped + mem.nrFilePages;
}

function played(scenario: string | Uint8Array, name: string, ram: string, watch: (machine: Machine) => void): Session {
  const text = scenarioBytes(scenario);
  const session = new Session({ machine: { ram }, watch });
  session.load(text, bytesOf(name));
  session.advance(session.machine.nowUs + durationUs(text));
  return session;
}

function perThousand(faults: number, accesses: number): number {
  return accesses === 0 ? 0 : (faults * 1000) / accesses;
}

/** For people. */
export function missRatioText({ accesses, footprintKb, curve, measured: runs }: MissRatio): string {
  const row = (...cells: readonly (string | number)[]): string =>
    cells.map((cell) => String(cell).padStart(14)).join('');
  const rate = (value: number): string => value.toFixed(2);
  return [
    `${accesses} accesses to ${footprintKb} kB`,
    '',
    'Faults of an LRU with so much memory for pages, first accesses left out:',
    row('kB', 'faults', 'per 1000'),
    ...curve.map((point) => row(point.kb, point.faults, rate(point.perThousand))),
    ...(runs.length === 0
      ? []
      : [
          '',
          'Runs of the machine with so much memory: what pages took of it since some were first',
          'given up (zram takes the rest), pages brought back, and what the LRU says of a memory of that size:',
          row('ram kB', 'in use kB', 'faults', 'per 1000', 'LRU per 1000'),
          ...runs.map((run) =>
            row(run.ramKb, run.usedKb, run.faults, rate(run.perThousand), rate(run.lru.perThousand)),
          ),
        ]),
    '',
  ].join('\n');
}
