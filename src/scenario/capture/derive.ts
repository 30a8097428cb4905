/** Making up for files that a copied /proc lacks: mappings from sums, sums from mappings, names from elsewhere. */
import { numberOf, readFields, statFields } from './proc-files.ts';
import type { ProcTree } from './proc-tree.ts';
import { parseSmaps, type RealVma } from './vmas.ts';

/** Which file the memory of a process was taken from. */
export type MemorySource = 'smaps' | 'maps and sums' | 'sums';

/** Where mappings are put whose addresses nobody has told. */
const ANON_AT = 0x7f00_0000_0000 / 4096;
const FILE_AT = 0x7e00_0000_0000 / 4096;
const SHMEM_AT = 0x7d00_0000_0000 / 4096;

/** Sums of a process in kB. */
interface Sums {
  anon: number;
  file: number;
  shmem: number;
  swap: number;
}

/** The mappings of a process from what there is; undefined: nothing tells of its memory. */
export function deriveVmas(tree: ProcTree, pid: number): { vmas: RealVma[]; source: MemorySource } | undefined {
  const sums = sumsOf(tree, pid);
  if (sums === undefined) return undefined;
  const maps = tree.text(`${pid}/maps`);
  if (maps === undefined) return { vmas: inventedVmas(sums), source: 'sums' };
  return { vmas: spread(parseSmaps(maps), sums), source: 'maps and sums' };
}

/** From smaps_rollup, status, or stat and statm. */
function sumsOf(tree: ProcTree, pid: number): Sums | undefined {
  const rollup = readFields(tree.text(`${pid}/smaps_rollup`) ?? '');
  if (rollup.has('Rss')) {
    const anon = numberOf(rollup, 'Anonymous') || numberOf(rollup, 'Pss_Anon');
    return { anon, file: numberOf(rollup, 'Rss') - anon, shmem: 0, swap: numberOf(rollup, 'Swap') };
  }
  const status = readFields(tree.text(`${pid}/status`) ?? '');
  if (status.has('VmRSS')) {
    const rss = numberOf(status, 'VmRSS');
    const swap = numberOf(status, 'VmSwap');
    // Kernels before 4.5 tell no kinds: private memory is taken to be what is not text and libraries.
    if (!status.has('RssAnon'))
      return {
        anon: Math.min(rss, numberOf(status, 'VmData') + numberOf(status, 'VmStk')),
        file: Math.max(0, rss - numberOf(status, 'VmData') - numberOf(status, 'VmStk')),
        shmem: 0,
        swap,
      };
    return {
      anon: numberOf(status, 'RssAnon'),
      file: numberOf(status, 'RssFile'),
      shmem: numberOf(status, 'RssShmem'),
      swap,
    };
  }
  const [, resident, shared] = (tree.text(`${pid}/statm`) ?? '').split(' ').map(Number);
  if (resident !== undefined && shared !== undefined && resident >= shared)
    return { anon: (resident - shared) * 4, file: shared * 4, shmem: 0, swap: 0 };
  const rss = Number(statFields(tree.text(`${pid}/stat`) ?? '')[24]);
  return rss > 0 ? { anon: rss * 4, file: 0, shmem: 0, swap: 0 } : undefined;
}

function inventedVmas({ anon, file, shmem, swap }: Sums): RealVma[] {
  const vmas: RealVma[] = [];
  const add = (start: number, kB: number, perms: string, inode: number, path: string, fields: [string, number][]) => {
    if (kB > 0)
      vmas.push({
        start,
        end: start + Math.ceil(kB / 4),
        perms,
        pgoff: 0,
        device: inode === 0 ? '00:00' : 'fe:00',
        inode,
        path,
        kB: new Map(fields),
        flags: new Set(),
      });
  };
  add(SHMEM_AT, shmem, 'rw-s', 2 ** 31 + 1, '/dev/shm/unknown', [
    ['Rss', shmem],
    ['Pss', shmem],
    ['Private_Dirty', shmem],
  ]);
  add(FILE_AT, file, 'r--p', 2 ** 31, '/unknown', [
    ['Rss', file],
    ['Pss', file],
    ['Private_Clean', file],
  ]);
  add(ANON_AT, anon + swap, 'rw-p', 0, '', [
    ['Rss', anon],
    ['Pss', anon],
    ['Anonymous', anon],
    ['Private_Dirty', anon],
    ['Swap', swap],
    ['SwapPss', swap],
  ]);
  return vmas;
}

/** Sums over mappings without sums of their own: anonymous pages fill writable private ones, file pages those of files. */
function spread(vmas: RealVma[], sums: Sums): RealVma[] {
  let { anon, file, swap } = sums;
  file += sums.shmem;
  const filled = vmas.map((vma) => {
    let room = (vma.end - vma.start) * 4;
    const take = (left: number): number => {
      const taken = Math.min(left, room);
      room -= taken;
      return taken;
    };
    const kB = new Map<string, number>();
    const set = (...fields: [string, number][]): void => {
      for (const [key, value] of fields) kB.set(key, (kB.get(key) ?? 0) + value);
    };
    if (vma.inode !== 0) {
      const taken = take(file);
      file -= taken;
      set(['Rss', taken], ['Pss', taken], ['Private_Clean', taken]);
    } else if (vma.perms.startsWith('rw') && vma.perms[3] === 'p') {
      const taken = take(anon);
      anon -= taken;
      const out = take(swap);
      swap -= out;
      set(
        ['Rss', taken],
        ['Pss', taken],
        ['Anonymous', taken],
        ['Private_Dirty', taken],
        ['Swap', out],
        ['SwapPss', out],
      );
    }
    return { ...vma, kB };
  });
  return [...filled, ...inventedVmas({ anon, file, shmem: 0, swap })].sort((a, b) => a.start - b.start);
}
