/** What a zram device has beyond other block devices. Mirrors: drivers/block/zram/zram_drv.c. */

import { zramPages } from '../machine/kernel-pages.ts';
import type { Machine } from '../machine/machine.ts';
import { PAGE_BYTES } from '../procfs/constants.ts';
import { file } from '../procfs/entry.ts';
import { writtenText } from '../procfs/parse-number.ts';
import { E2BIG, EBUSY, EINVAL } from '../util/errno.ts';
import { parseWhole } from '../util/kstrto.ts';
import { memparse } from '../util/memparse.ts';
import { S_IFREG } from '../vfs/types.ts';
import { type Row, value } from './rows.ts';

/** Pretend: the model knows a ratio, not an algorithm; this is the kernel's default. */
const ALGORITHMS = ['lzo-rle', 'lzo', 'lz4', 'zstd'];
/** Mirrors: CRYPTO_MAX_ALG_NAME. */
const MAX_NAME = 128;

interface Stored {
  /** Pages that hold data, and pages of which only the one word is noted that fills them. */
  readonly pages: number;
  readonly same: number;
}

function stored({ mem, profile }: Machine): Stored {
  const swap = mem.swap!;
  let pages = 0;
  let same = 0;
  for (let slot = 1; slot < swap.usedSlots; slot++) {
    if (!swap.isUsed(slot)) continue;
    if (swap.content[slot] !== 0) pages++;
    else same++;
  }
  // Newer kernels note pages of zeros before they come to the device.
  return { pages, same: profile.rules.zeroPagesWithoutIo ? 0 : same };
}

/**
 * orig_data_size compr_data_size mem_used_total mem_limit mem_used_max same_pages pages_compacted huge_pages
 * huge_pages_since. Pretend: no limit, no more used ever than now, nothing that cannot be compressed.
 */
function mmStat(machine: Machine): string {
  const { pages, same } = stored(machine);
  const used = zramPages(machine) * PAGE_BYTES;
  const columns = [(pages + same) * PAGE_BYTES, machine.mem.swap!.compressedBytes, used, 0, used, same, 0, 0, 0];
  return columns.map((column) => String(column).padStart(8)).join(' ');
}

/** failed_reads failed_writes invalid_io notify_free. Pretend: a slot is written once before it is freed. Mirrors: io_stat_show. */
function ioStat(machine: Machine): string {
  const { pages, same } = stored(machine);
  const freed = Math.max(0, machine.mem.events.pswpout - pages - same);
  return `       0        0 0 ${String(freed).padStart(8)}`;
}

/** The device is set up, and open as long as it is swapped to: what the kernel then answers to whoever would change it. */
export const zramRows: readonly Row[] = [
  file(
    'comp_algorithm',
    0o644,
    (out) => void out.text(ALGORITHMS.map((name, i) => (i === 0 ? `[${name}] ` : `${name} `)).join('')).newline(),
    {
      write: (_ctx, data) => {
        const name = writtenText(data);
        if (name.length >= MAX_NAME) return -E2BIG;
        return ALGORITHMS.includes(name) ? -EBUSY : -EINVAL;
      },
    },
  ),
  {
    name: 'compact',
    mode: S_IFREG | 0o200,
    // Pretend: the pool is never fragmented, so that there is nothing to do.
    write: (_ctx, data) => data.length,
  },
  file('disksize', 0o644, (out, { machine }) => void out.dec(machine.mem.swap!.total * PAGE_BYTES).newline(), {
    write: (_ctx, data) => (memparse(writtenText(data)) === 0n ? -EINVAL : -EBUSY),
  }),
  value('initstate', () => 1),
  value('io_stat', ({ machine }) => ioStat(machine)),
  value('mm_stat', ({ machine }) => mmStat(machine)),
  {
    name: 'reset',
    mode: S_IFREG | 0o200,
    write: (_ctx, data) => {
      const number = parseWhole(writtenText(data), 10);
      return number === undefined || number <= 0n || number > 65535n ? -EINVAL : -EBUSY;
    },
  },
];
