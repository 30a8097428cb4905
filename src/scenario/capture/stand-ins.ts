/**
 * Processes that were not captured, or could not be read, share pages with captured ones: Pss shows that somebody does,
 * not who. Stand-ins map those pages as often as it takes to give the captured processes their Pss.
 */
import type { RealObject } from './objects.ts';
import type { PlannedProcess, PlannedVma } from './sharing.ts';
import { kBOf } from './vmas.ts';

/** Further mappings that a page needs: of a file, by index; of a process's anonymous memory, by page of the mapping. */
export interface StandIns {
  readonly files: ReadonlyMap<RealObject, ReadonlyMap<number, number>>;
  readonly anonymous: readonly {
    readonly position: number;
    readonly planned: PlannedVma;
    readonly counts: ReadonlyMap<number, number>;
  }[];
}

/** A process whose Pss would be this much too large needs stand-ins. */
const TOLERANCE = 0.002;
const MAX_COUNT = 64;

export function planStandIns(processes: readonly PlannedProcess[]): StandIns {
  const files = new Map<RealObject, Map<number, number>>();
  const anonymous: { position: number; planned: PlannedVma; counts: Map<number, number> }[] = [];
  const counts = countMappings(processes);
  processes.forEach(({ process, vmas }, position) => {
    const { memory } = process;
    if (memory === undefined) return;
    const computed = vmas.reduce((sum, planned) => sum + pssPages(planned, counts, files), 0);
    if (computed - memory.totals.pss / 4 <= Math.max(1, computed * TOLERANCE)) return;
    for (const planned of vmas) {
      const extra = addExtra(planned, counts, files);
      if (extra.size > 0) anonymous.push({ position, planned, counts: extra });
    }
  });
  return { files, anonymous };
}

/** How often each page is mapped by captured processes: files by object and index, anonymous pages by key. */
interface Counts {
  readonly files: ReadonlyMap<RealObject, ReadonlyMap<number, number>>;
  readonly anonymous: ReadonlyMap<number, number>;
}

function isFilePage(letter: string): boolean {
  return letter === 'f' || letter === 'd' || letter === 'F' || letter === 'D';
}

function isAnonPage(letter: string): boolean {
  return letter === 'a' || letter === 'A';
}

function countMappings(processes: readonly PlannedProcess[]): Counts {
  const files = new Map<RealObject, Map<number, number>>();
  const anonymous = new Map<number, number>();
  for (const { vmas } of processes)
    for (const { vma, object, index, letters, key } of vmas)
      letters.forEach((letter, i) => {
        if (isFilePage(letter) && object !== undefined) increase(files, object, vma.pgoff + index[i]!, 1);
        else if (isAnonPage(letter) && key[i] !== 0) anonymous.set(key[i]!, (anonymous.get(key[i]!) ?? 0) + 1);
      });
  return { files, anonymous };
}

function increase(files: Map<RealObject, Map<number, number>>, object: RealObject, index: number, by: number): void {
  let pages = files.get(object);
  if (pages === undefined) {
    pages = new Map();
    files.set(object, pages);
  }
  pages.set(index, (pages.get(index) ?? 0) + by);
}

function mapcountOf(planned: PlannedVma, i: number, counts: Counts, extra: StandIns['files']): number {
  const { object, vma, index, letters, key } = planned;
  if (isAnonPage(letters[i]!)) return key[i] === 0 ? 1 : (counts.anonymous.get(key[i]!) ?? 1);
  if (object === undefined) return 1;
  const page = vma.pgoff + index[i]!;
  return (counts.files.get(object)?.get(page) ?? 1) + (extra.get(object)?.get(page) ?? 0);
}

/** Below this many pages it is not worth a stand-in. */
const MIN_EXCESS = 0.05;

/** Pss as smaps shows it, which cuts off fractions: on average half a kB. */
function realPssPages({ vma }: PlannedVma): number {
  const kB = kBOf(vma, 'Pss');
  const isWhole = kBOf(vma, 'Shared_Clean') + kBOf(vma, 'Shared_Dirty') === 0;
  return (isWhole ? kB : kB + 0.5) / 4;
}

/** Proportional size in pages. */
function pssPages(planned: PlannedVma, counts: Counts, extra: StandIns['files']): number {
  let sum = 0;
  planned.letters.forEach((letter, i) => {
    if (isAnonPage(letter) || isFilePage(letter)) sum += 1 / mapcountOf(planned, i, counts, extra);
  });
  return sum;
}

/**
 * As many further mappings of the shared pages of a mapping, the same for all of them (one more for the first, so that
 * the sum comes out), as bring its Pss down to what it was. Returns those of anonymous pages; adds those of files.
 */
function addExtra(
  planned: PlannedVma,
  counts: Counts,
  files: Map<RealObject, Map<number, number>>,
): Map<number, number> {
  const anonymous = new Map<number, number>();
  const excess = pssPages(planned, counts, files) - realPssPages(planned);
  if (excess < MIN_EXCESS) return anonymous;
  const { vma, object, index, letters } = planned;
  const pages = pagesToShare(planned);
  spread(
    pages.map((i) => mapcountOf(planned, i, counts, files)),
    excess,
    (n, extra) => {
      const i = pages[n]!;
      if (isAnonPage(letters[i]!)) anonymous.set(i, extra);
      else if (object !== undefined) increase(files, object, vma.pgoff + index[i]!, extra);
    },
  );
  return anonymous;
}

/** As many pages as smaps calls shared: which ones is not known, so the first. What is shared and dirty is anonymous first. */
function pagesToShare({ vma, letters }: PlannedVma): number[] {
  const nrShared = (kBOf(vma, 'Shared_Clean') + kBOf(vma, 'Shared_Dirty')) / 4;
  const nrAnon = kBOf(vma, 'Anonymous') / 4;
  const first = (wanted: (letter: string) => boolean, count: number): number[] => {
    const pages: number[] = [];
    for (let i = 0; i < letters.length && pages.length < count; i++) if (wanted(letters[i]!)) pages.push(i);
    return pages;
  };
  const anonymous = first(isAnonPage, vma.path === '' ? nrShared : Math.min(nrAnon, kBOf(vma, 'Shared_Dirty') / 4));
  return [...anonymous, ...first(isFilePage, nrShared - anonymous.length)];
}

/** Raises mapcounts evenly until the sum of their reciprocals has fallen by `excess`. */
function spread(mapcounts: readonly number[], excess: number, add: (n: number, extra: number) => void): void {
  const fall = (extra: number): number => mapcounts.reduce((sum, count) => sum + 1 / count - 1 / (count + extra), 0);
  let extra = 0;
  while (extra < MAX_COUNT && fall(extra + 1) <= excess) extra++;
  let left = excess - fall(extra);
  mapcounts.forEach((count, n) => {
    const more = extra < MAX_COUNT ? 1 / (count + extra) - 1 / (count + extra + 1) : 0;
    const one = more > 0 && left >= more / 2 ? 1 : 0;
    left -= one * more;
    if (extra + one > 0) add(n, extra + one);
  });
}
