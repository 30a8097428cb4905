/**
 * Who shares what: for each captured mapping a letter per page (steps/capture-steps.ts), and for anonymous pages that an
 * earlier process has too, which one.
 *
 * Anonymous pages are the same when they are in the same frame (or swap slot) at the same address. Where frames are not
 * shown, pages at the same address of processes that were forked from each other are, if the kernel says that each is
 * mapped more than once. Pages of a file are the same by themselves.
 */
import type { ObjectTable, RealObject } from './objects.ts';
import { PAGE_ANON, PAGE_FILE, PAGE_SWAP, PAGE_ZERO, type RealPages } from './page-map.ts';
import type { RealProcess } from './real-process.ts';
import { kBOf, type RealVma } from './vmas.ts';

/** A mapping and what its pages are to become. */
export interface PlannedVma {
  readonly vma: RealVma;
  readonly object: RealObject | undefined;
  /** Indexes of pages that are there, ascending, and what they are: a, s, z, f, d; upper case: not accessed. */
  readonly index: readonly number[];
  readonly letters: string[];
  /** For each page the process (by position) whose page it is; its own position: nobody earlier has it. */
  readonly owner: number[];
  /** What tells pages apart; 0: a page of its own that nobody else can have. */
  readonly key: readonly number[];
}

export interface PlannedProcess {
  readonly process: RealProcess;
  readonly vmas: readonly PlannedVma[];
}

const FAMILY_SPAN = 2 ** 37;

/** Processes in the order in which they will be made. */
export function planSharing(processes: readonly RealProcess[], objects: ObjectTable): PlannedProcess[] {
  const owners = new Map<number, { position: number; vpn: number }>();
  const families = new Map<string, number>();
  return processes.map((process, position) => {
    const { memory } = process;
    const family = familyOf(process, families);
    const vmas = (memory?.vmas ?? []).map((vma, v): PlannedVma => {
      const object = objects.of(vma);
      const pages = memory!.pages[v]!;
      const letters = lettersOf(vma, object, pages);
      const index: number[] = [];
      const kept: string[] = [];
      const owner: number[] = [];
      const key: number[] = [];
      pages.index.forEach((page, i) => {
        const letter = letters[i]!;
        if (letter === '-') return;
        const vpn = vma.start + page;
        const shared = sharedKey(pages, i, family * FAMILY_SPAN + vpn);
        let first = position;
        if (shared !== 0) {
          const known = owners.get(shared);
          if (known === undefined) owners.set(shared, { position, vpn });
          else if (known.vpn === vpn) first = known.position;
        }
        index.push(page);
        kept.push(letter);
        owner.push(first);
        key.push(shared);
      });
      return { vma, object, index, letters: kept, owner, key };
    });
    return { process, vmas };
  });
}

/** Processes with the same program at the same place have been forked from each other: addresses are random otherwise. */
function familyOf({ exe, memory }: RealProcess, families: Map<string, number>): number {
  const key = `${exe} ${memory?.vmas.find((vma) => vma.path === exe)?.start ?? 0}`;
  const known = families.get(key);
  if (known !== undefined) return known;
  families.set(key, families.size + 1);
  return families.size;
}

/** What tells an anonymous page from others; 0 where nobody can share it. */
function sharedKey(pages: RealPages, i: number, familyKey: number): number {
  const kind = pages.kind[i];
  const identity = pages.identity[i]!;
  if (kind === PAGE_SWAP) return identity;
  if (kind !== PAGE_ANON || !pages.shared[i]) return 0;
  return identity !== 0 ? identity : -familyKey;
}

function lettersOf(vma: RealVma, object: RealObject | undefined, pages: RealPages): string[] {
  const dirtyPages = (kBOf(vma, 'Shared_Dirty') + kBOf(vma, 'Private_Dirty') - kBOf(vma, 'Anonymous')) / 4;
  let dirty = Math.max(0, dirtyPages);
  let young = kBOf(vma, 'Referenced') / 4;
  const isShared = vma.perms[3] === 's';
  return pages.kind.map((kind) => {
    if (kind === PAGE_SWAP) return isShared ? '-' : 's';
    if (kind === PAGE_ZERO) return 'z';
    if (kind === PAGE_FILE && object === undefined) return '-';
    const letter = kind === PAGE_ANON ? 'a' : dirty-- > 0 ? 'd' : 'f';
    return young-- > 0 ? letter : letter.toUpperCase();
  });
}
