/** A heat map as text, in the manner of `damo report heatmap`: addresses from left to right, time downwards. */
import type { AccessMap, PageRange, Slot } from './access-map.ts';

const PAGE_KB = 4;
const COLUMNS = 64;
const LEVELS = 9;

/** `name`: of the process. */
export function heatText(map: AccessMap, name: string): string {
  const { slots, ranges, slotUs, startUs } = map;
  const nrPages = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  if (nrPages === 0 || slots.length === 0) return `heat map of ${name}: it has had no memory, or no time has passed\n`;
  const columns = Math.min(COLUMNS, nrPages);
  const place = placer(ranges, nrPages, columns, map.unitPages);
  const pagesOf = columnPages(nrPages, columns);
  const seconds = slotUs / 1e6;
  const rates = slots.map((slot) => sums(slot, 'accesses', place, columns).map((n, i) => n / pagesOf[i]! / seconds));
  const most = Math.max(...rates.flat());
  const at = (i: number): string => `${((startUs + i * slotUs) / 1e6).toFixed(1)} s`.padStart(10);
  const workingSets = map.workingSets();
  const residents = slots.map((slot) => total(slot.resident));
  const swapped = slots.map((slot) => total(slot.swapped));
  const kb = (pages: number): string => String(pages * PAGE_KB).padStart(10);
  return [
    `heat map of ${name}: ${map.nrAccesses} accesses in ${((slots.length * slotUs) / 1e6).toFixed(1)} s`,
    `${nrPages * PAGE_KB} kB of addresses from left to right, holes left out; time downwards`,
    '',
    `accesses, ${seconds} s a line: . none, 1 to ${LEVELS} ever more (logarithmic;`,
    `${LEVELS}: ${most.toFixed(2)} a page and second)`,
    ...rates.map((row, i) => `${at(i)} ${row.map((rate) => level(rate, most)).join('')}`),
    '',
    'what is there: . nothing, 1 to 9 tenths of the pages, # all;',
    's: more is in swap than resident, S: more than half is',
    ...slots.map((slot, i) => `${at(i)} ${presence(slot, place, columns, pagesOf)}`),
    '',
    `in kB, ${seconds} s a line: working set (different pages accessed), resident, swapped`,
    ...slots.map((_, i) => `${at(i)} ${kb(workingSets[i]!)} ${kb(residents[i]!)} ${kb(swapped[i]!)}`),
    '',
  ].join('\n');
}

function level(rate: number, most: number): string {
  if (rate === 0) return '.';
  // Three orders of magnitude below the most are told apart.
  const share = 1 + Math.log10(rate / most) / 3;
  return String(Math.max(1, Math.min(LEVELS, Math.ceil(share * LEVELS))));
}

function presence(slot: Slot, place: Placer, columns: number, pagesOf: readonly number[]): string {
  const resident = sums(slot, 'resident', place, columns);
  const inSwap = sums(slot, 'swapped', place, columns);
  return resident
    .map((pages, i) => {
      const [there, gone] = [pages / pagesOf[i]!, inSwap[i]! / pagesOf[i]!];
      if (gone > there) return gone > 0.5 ? 'S' : 's';
      if (there === 0) return '.';
      return there >= 0.995 ? '#' : String(Math.max(1, Math.floor(there * 10)));
    })
    .join('');
}

/** From a unit to where its pages lie: columns, each with a share. */
type Placer = (unit: number) => readonly (readonly [column: number, share: number])[];

function placer(ranges: readonly PageRange[], nrPages: number, columns: number, unitPages: number): Placer {
  const known = new Map<number, readonly (readonly [number, number])[]>();
  return (unit) => {
    const before = known.get(unit);
    if (before !== undefined) return before;
    const found = new Map<number, number>();
    let first = 0;
    let nrFound = 0;
    for (const { start, end } of ranges) {
      const from = Math.max(start, unit * unitPages);
      const to = Math.min(end, (unit + 1) * unitPages);
      for (let page = from; page < to; page++) {
        const column = Math.floor(((first + page - start) * columns) / nrPages);
        found.set(column, (found.get(column) ?? 0) + 1);
        nrFound++;
      }
      first += end - start;
    }
    const shares = [...found].map(([column, count]) => [column, count / nrFound] as const);
    known.set(unit, shares);
    return shares;
  };
}

/** Pages of each column. */
function columnPages(nrPages: number, columns: number): number[] {
  const bound = (i: number): number => Math.ceil((i * nrPages) / columns);
  return Array.from({ length: columns }, (_, i) => bound(i + 1) - bound(i));
}

function sums(slot: Slot, of: keyof Slot, place: Placer, columns: number): number[] {
  const row = new Array<number>(columns).fill(0);
  for (const [unit, count] of slot[of]) for (const [column, share] of place(unit)) row[column]! += count * share;
  return row;
}

function total(units: ReadonlyMap<number, number>): number {
  return [...units.values()].reduce((sum, count) => sum + count, 0);
}
