/** What a zram device has beyond other block devices. Mirrors: drivers/block/zram/zram_drv.c. */
import type { Span } from '../machine/kernels.ts';
import type { Machine } from '../machine/machine.ts';
import { ZRAM_ALGORITHMS } from '../mm/pages/page-kinds.ts';
import type { SwapArea } from '../mm/swap/swap.ts';
import { poolPages, ZRAM_MAX_COMPS, type Zram } from '../mm/swap/zram.ts';
import { PAGE_BYTES } from '../procfs/constants.ts';
import { type Entry, inKernels, type SystemContext } from '../procfs/entry.ts';
import type { TextBuffer } from '../procfs/text.ts';
import { fromBuffer } from '../util/bytes.ts';
import { untilNul } from '../util/kstrto.ts';
import { S_IFREG } from '../vfs/types.ts';
import type { Row } from './rows.ts';

function zramOf({ mem }: Machine): { readonly area: SwapArea; readonly zram: Zram } {
  return { area: mem.swap!, zram: mem.swap!.zram! };
}

type Text = (area: SwapArea, zram: Zram) => string | number;

/** A file of the device: with a text it can be read, as `writable` it takes what writeZram knows of it. */
function attribute(name: string, text: Text | undefined, writable: boolean, span?: Span): Row {
  const mode = S_IFREG | (text === undefined ? 0o200 : writable ? 0o644 : 0o444);
  const show = (out: TextBuffer, { machine }: SystemContext): void => {
    const { area, zram } = zramOf(machine);
    out.text(`${text!(area, zram)}`).newline();
  };
  const write: Entry<SystemContext>['write'] = function* ({ host }, data) {
    const { length } = data;
    const status = yield* host.writeZram(name, untilNul(fromBuffer(data)));
    return status < 0 ? status : length;
  };
  return {
    name,
    mode,
    ...(text === undefined ? {} : { show }),
    ...(writable ? { write } : {}),
    ...(text !== undefined && !writable ? { strictMode: true } : {}),
    ...(span === undefined ? {} : { isThere: inKernels(span) }),
  };
}

const readable = (name: string, text: Text, span?: Span): Row => attribute(name, text, false, span);
const both = (name: string, text: Text, span?: Span): Row => attribute(name, text, true, span);
const writable = (name: string, span?: Span): Row => attribute(name, undefined, true, span);

/** Numbers in columns of eight. */
function columns(...numbers: readonly (number | bigint)[]): string {
  return numbers.map((number) => String(number).padStart(8)).join(' ');
}

/** The algorithms, the chosen one in brackets. Mirrors: zcomp_available_show. */
function algorithms(chosen: string | undefined): string {
  return ZRAM_ALGORITHMS.map((name) => (name === chosen ? `[${name}] ` : `${name} `)).join('');
}

/** Mirrors: recomp_algorithm_show. */
function secondAlgorithms(zram: Zram): string {
  const lines: string[] = [];
  for (let priority = 1; priority < ZRAM_MAX_COMPS; priority++) {
    const name = zram.algorithms[priority];
    if (name !== undefined) lines.push(`#${priority}: ${algorithms(name)}`);
  }
  return lines.join('\n');
}

/**
 * orig_data_size compr_data_size mem_used_total mem_limit mem_used_max same_pages pages_compacted huge_pages
 * huge_pages_since. Pretend: nothing to compact, as the pool is never fragmented. Mirrors: mm_stat_show.
 */
function mmStat(area: SwapArea, zram: Zram): string {
  return columns(
    zram.pagesStored * PAGE_BYTES,
    area.compressedBytes,
    poolPages(area) * PAGE_BYTES,
    zram.limitPages * PAGE_BYTES,
    zram.maxUsedPages * PAGE_BYTES,
    zram.samePages,
    0,
    zram.hugePages,
    zram.hugePagesSince,
  );
}

const WRITEBACK: Span = { since: '5.10' };
const SECOND: Span = { since: '6.18' };

export const zramRows: readonly Row[] = [
  writable('algorithm_params', SECOND),
  both('backing_dev', (_area, zram) => zram.backing?.path ?? 'none'),
  readable('bd_stat', (_area, zram) => columns(zram.backingPages, zram.backingReads, zram.backingWrites), WRITEBACK),
  both('comp_algorithm', (_area, zram) => algorithms(zram.algorithms[0])),
  writable('compact'),
  readable('debug_stat', () => `version: 1\n0 ${columns(0)}`),
  both('disksize', (area, zram) => (zram.isReady ? (area.total + 1) * PAGE_BYTES : 0)),
  writable('idle', WRITEBACK),
  readable('initstate', (_area, zram) => (zram.isReady ? 1 : 0)),
  // failed_reads failed_writes invalid_io notify_free. No read fails. Mirrors: io_stat_show.
  readable('io_stat', (_area, zram) => `${columns(0, zram.failedWrites)} 0 ${columns(zram.notifyFree)}`),
  writable('mem_limit'),
  writable('mem_used_max'),
  readable('mm_stat', mmStat),
  both('recomp_algorithm', (_area, zram) => secondAlgorithms(zram), SECOND),
  writable('recompress', SECOND),
  writable('reset'),
  writable('writeback', WRITEBACK),
  both('writeback_limit', (_area, zram) => `${zram.writebackLimit}`, WRITEBACK),
  both('writeback_limit_enable', (_area, zram) => (zram.writebackLimited ? 1 : 0), WRITEBACK),
];
