/** kpagecount, kpageflags, kpagecgroup: eight bytes a frame, served by offset. Mirrors: fs/proc/page.c. */
import type { Memory } from '../mm/memory.ts';
import {
  PG_ACTIVE,
  PG_ANON,
  PG_DIRTY,
  PG_LRU,
  PG_RECLAIM,
  PG_REFERENCED,
  PG_SWAPBACKED,
  PG_SWAPCACHE,
  PG_UNEVICTABLE,
  PG_USED,
  PG_WRITEBACK,
} from '../mm/pages/page-flags.ts';
import { EINVAL } from '../util/errno.ts';
import { S_IFREG } from '../vfs/types.ts';
import type { Entry, SystemContext } from './entry.ts';

const ENTRY_BYTES = 8;
const MAX_READ = 1 << 20;
// Bits of include/uapi/linux/kernel-page-flags.h.
const KPF_UPTODATE = 1 << 3;
const KPF_BUDDY = 1 << 10;
const KPF_MMAP = 1 << 11;
const KPF_NOPAGE = 1 << 20;
const FLAGS: readonly (readonly [ours: number, theirs: number])[] = [
  [PG_REFERENCED, 1 << 2],
  [PG_DIRTY, 1 << 4],
  [PG_LRU, 1 << 5],
  [PG_ACTIVE, 1 << 6],
  [PG_WRITEBACK, 1 << 8],
  [PG_RECLAIM, 1 << 9],
  [PG_ANON, 1 << 12],
  [PG_SWAPCACHE, 1 << 13],
  [PG_SWAPBACKED, 1 << 14],
  [PG_UNEVICTABLE, 1 << 18],
];

type WordOf = (mem: Memory, pfn: number) => number;

const countOf: WordOf = ({ frames }, pfn) => frames.mapcount[pfn]!;

const flagsOf: WordOf = ({ frames }, pfn) => {
  if (pfn === 0) return KPF_NOPAGE;
  const flags = frames.flags[pfn]!;
  if ((flags & PG_USED) === 0) return KPF_BUDDY;
  let word = KPF_UPTODATE;
  for (const [ours, theirs] of FLAGS) if (flags & ours) word |= theirs;
  return frames.mapcount[pfn]! > 0 ? word | KPF_MMAP : word;
};

/** Pretend: no page is charged to a group. */
const cgroupOf: WordOf = () => 0;

function perFrame(name: string, wordOf: WordOf): Entry<SystemContext> {
  return {
    name,
    mode: S_IFREG | 0o400,
    size: ({ machine }) => (machine.mem.frames.total + 1) * ENTRY_BYTES,
    open: ({ host }) => ({
      read: (offset, size) => {
        if (offset % ENTRY_BYTES !== 0 || size % ENTRY_BYTES !== 0) return -EINVAL;
        const { mem } = host.machine;
        const first = offset / ENTRY_BYTES;
        const count = Math.max(0, Math.min(Math.min(size, MAX_READ) / ENTRY_BYTES, mem.frames.total + 1 - first));
        const words = new Uint32Array(count * 2);
        for (let i = 0; i < count; i++) words[2 * i] = wordOf(mem, first + i);
        return new Uint8Array(words.buffer);
      },
      write: () => -EINVAL,
    }),
  };
}

export const kpageEntries: readonly Entry<SystemContext>[] = [
  perFrame('kpagecgroup', cgroupOf),
  perFrame('kpagecount', countOf),
  perFrame('kpageflags', flagsOf),
];
