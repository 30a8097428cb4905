/** The mappings of a process as PID/smaps tells them. */
import { trimBytes } from '../../util/bytes.ts';

/** One mapping; addresses in pages. */
export interface RealVma {
  readonly start: number;
  readonly end: number;
  /** `rw-p`. */
  readonly perms: string;
  /** Page offset into the file. */
  readonly pgoff: number;
  readonly device: string;
  readonly inode: number;
  /** File, `[heap]` and the like, or nothing. */
  path: string;
  /** Rss, Pss, Anonymous, Swap… in kB. */
  readonly kB: ReadonlyMap<string, number>;
  readonly flags: ReadonlySet<string>;
}

/** The size of the pages that a smaps counts in, in kB; undefined: it does not say. */
export function pageSizeKb(text: string): number | undefined {
  const found = [...text.matchAll(/^KernelPageSize: +(\d+) kB/gm)].map((match) => Number(match[1]));
  return found.length === 0 ? undefined : Math.min(...found);
}

/** What the capture is compared by: sums over all mappings, in kB. */
export interface Totals {
  readonly rss: number;
  readonly pss: number;
  readonly anonymous: number;
  readonly swap: number;
}

/** The end of user space: what lies above ([vsyscall]) cannot be mapped. */
const USER_END = 0x7ffffffff000;
const HEADER = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) (\S+) (\d+) *(.*)$/;

export function parseSmaps(text: string): RealVma[] {
  const vmas: RealVma[] = [];
  let kB = new Map<string, number>();
  let flags = new Set<string>();
  for (const line of text.split('\n')) {
    const header = HEADER.exec(line);
    if (header !== null) {
      kB = new Map();
      flags = new Set();
      const [, start = '', end = '', perms = '', offset = '', device = '', inode = '', path = ''] = header;
      if (Number.parseInt(end, 16) > USER_END) continue;
      vmas.push({
        start: Number.parseInt(start, 16) / 4096,
        end: Number.parseInt(end, 16) / 4096,
        perms,
        pgoff: Math.floor(Number.parseInt(offset, 16) / 4096),
        device,
        inode: Number(inode),
        path: path.replace(/\\012/g, '\n'),
        kB,
        flags,
      });
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const key = line.slice(0, colon);
    if (key === 'VmFlags')
      for (const flag of line
        .slice(colon + 1)
        .trim()
        .split(' '))
        flags.add(flag);
    else if (key === 'Name') {
      // Android's kernels before 5.16 name anonymous memory on a line of its own.
      const last = vmas.at(-1);
      if (last !== undefined && last.path === '') last.path = trimBytes(line.slice(colon + 1));
    } else {
      const value = Number.parseInt(line.slice(colon + 1), 10);
      if (Number.isFinite(value)) kB.set(key, value);
    }
  }
  return vmas;
}

export function totalsOf(vmas: readonly RealVma[]): Totals {
  const sum = (key: string): number => vmas.reduce((total, vma) => total + (vma.kB.get(key) ?? 0), 0);
  return { rss: sum('Rss'), pss: sum('Pss'), anonymous: sum('Anonymous'), swap: sum('Swap') };
}

export function kBOf(vma: RealVma, key: string): number {
  return vma.kB.get(key) ?? 0;
}

/** Memory of devices: outside of the page model. */
export function isSpecial(vma: RealVma): boolean {
  return vma.flags.has('pf') || vma.flags.has('io') || vma.flags.has('ht');
}
