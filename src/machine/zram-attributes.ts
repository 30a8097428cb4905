/**
 * What is written to the files of /sys/block/zram0, and what it does. Mirrors: the *_store functions of drivers/block/zram/zram_drv.c.
 *
 *   set up     comp_algorithm, recomp_algorithm, backing_dev ─► disksize ─► swapon
 *   in use     mem_limit, mem_used_max, idle, writeback, writeback_limit*, recompress, compact
 *   and back   swapoff ─► reset
 */
import { ZRAM_ALGORITHMS } from '../mm/pages/page-kinds.ts';
import type { SwapArea } from '../mm/swap/swap.ts';
import { poolPages, ZRAM_HUGE, ZRAM_IDLE, ZRAM_INCOMPRESSIBLE, ZRAM_MAX_COMPS, type Zram } from '../mm/swap/zram.ts';
import { markIdle, recompress, slotsForWriteback, writeBackSlots } from '../mm/swap/zram-slots.ts';
import { E2BIG, EBUSY, EINVAL, ENODEV, ENOENT, ENOTBLK, ERANGE } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Job } from '../util/job.ts';
import { kstrtoint, kstrtouint, kstrtoull, type NoNumber, parseWhole } from '../util/kstrto.ts';
import { memparse } from '../util/memparse.ts';
import type { Machine } from './machine.ts';

/** Mirrors: ZRAM_MAX_ALGO_NAME_SZ. */
const MAX_NAME = 128;
const PAGE = 4096;
/** Larger results are stored as they are: zs_huge_class_size with zspages of up to eight pages, seen with scripts/zram-contents. */
const HUGE_CLASS_SIZE = 3632;
/** The spare disk, and the one that files lie on. */
export const SPARE_DISK = '/dev/vdc';
const FILE_DISK = '/dev/vda';

type Store = (machine: Machine, area: SwapArea, zram: Zram, text: string) => void | Job<void>;

/** The files that take something. */
export const ZRAM_STORES: Readonly<Record<string, Store>> = {
  mem_limit: storeLimit,
  algorithm_params: storeParams,
  backing_dev: storeBackingDevice,
  comp_algorithm: (_machine, _area, zram, text) => setAlgorithm(zram, 0, text),
  compact: (_machine, _area, zram) => needsSize(zram),
  disksize: storeDisksize,
  idle: storeIdle,
  mem_used_max: storeUsedMax,
  recomp_algorithm: storeRecompressionAlgorithm,
  recompress: storeRecompress,
  reset: storeReset,
  writeback: storeWriteback,
  writeback_limit: (_machine, _area, zram, text) => {
    zram.writebackLimit = number(kstrtoull(text), EINVAL);
  },
  writeback_limit_enable: (_machine, _area, zram, text) => {
    zram.writebackLimited = number(kstrtoull(text), EINVAL) !== 0n;
  },
};

export const ZRAM_FILES: readonly string[] = Object.keys(ZRAM_STORES);

/** One write. Throws KernelError, as write(2) would fail; of a writeback that fails on the way what has been written stays so. */
export function* writeZram(machine: Machine, file: string, text: string): Job<void> {
  const area = machine.mem.swap;
  if (area === null || area.zram === null) throw new KernelError(ENODEV, 'there is no zram device (swapkind=zram)');
  area.zram.nowS = Math.floor(machine.nowUs / 1e6);
  machine.generation++;
  const work = ZRAM_STORES[file]!(machine, area, area.zram, text);
  if (work !== undefined) yield* work;
}

function number<T>(value: T | NoNumber, errno?: number): T {
  if (typeof value === 'object' && value !== null && 'errno' in value)
    throw new KernelError(errno ?? value.errno, 'a number is wanted');
  return value as T;
}

function needsSize(zram: Zram): void {
  if (!zram.isReady) throw new KernelError(EINVAL, 'the device has no size (disksize)');
}

function refuseWhenReady(zram: Zram): void {
  if (zram.isReady) throw new KernelError(EBUSY, 'the device is set up: swapoff and reset come first');
}

function setAlgorithm(zram: Zram, priority: number, text: string): void {
  if (text.length >= MAX_NAME) throw new KernelError(E2BIG, 'no algorithm has so long a name');
  const name = ZRAM_ALGORITHMS.find((known) => known === text.replace(/\n$/, ''));
  if (name === undefined) throw new KernelError(EINVAL, `known are ${ZRAM_ALGORITHMS.join(', ')}`);
  refuseWhenReady(zram);
  zram.algorithms[priority] = name;
}

/** `a=b c`: names with their values, undefined where there is none. Mirrors: next_arg. */
function args(text: string): [string, string | undefined][] {
  return text
    .split(/[ \t\n\v\f\r]+/)
    .filter((word) => word !== '')
    .map((word) => {
      const at = word.indexOf('=');
      return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1).replace(/^"|"$/g, '')];
    });
}

/** The same where every name has to have a value. */
function pairs(text: string): [string, string][] {
  return args(text).map(([name, value]) => {
    if (value === undefined || value === '') throw new KernelError(EINVAL, `${name} has no value`);
    return [name, value];
  });
}

function storeRecompressionAlgorithm(_machine: Machine, _area: SwapArea, zram: Zram, text: string): void {
  let priority = 1;
  let name: string | undefined;
  for (const [key, value] of pairs(text)) {
    if (key === 'algo') name = value;
    else if (key === 'priority') priority = number(kstrtoint(value));
  }
  if (name === undefined) throw new KernelError(EINVAL, 'algo= is missing');
  if (priority < 1 || priority >= ZRAM_MAX_COMPS) throw new KernelError(EINVAL, 'priorities are 1 to 3');
  setAlgorithm(zram, priority, name);
}

/** Levels and dictionaries. Pretend: sizes are those of the level that the kernel takes by itself, so that no other can be set. */
function storeParams(_machine: Machine, _area: SwapArea, _zram: Zram, text: string): void {
  pairs(text);
  throw new KernelError(EINVAL, 'algorithms have their own level here, and no dictionary');
}

function storeBackingDevice(machine: Machine, _area: SwapArea, zram: Zram, text: string): void {
  refuseWhenReady(zram);
  const path = text.replace(/\n$/, '');
  if (path === FILE_DISK) throw new KernelError(EBUSY, 'the disk of the files is in use');
  const pages = Math.floor(machine.options.spareBytes / PAGE);
  if (path !== SPARE_DISK || pages === 0) {
    if (machine.files.has(path)) throw new KernelError(ENOTBLK, `${path} is no block device`);
    throw new KernelError(ENOENT, `there is no ${path} (machine spare=SIZE makes ${SPARE_DISK})`);
  }
  zram.backing = { path, nrPages: pages };
}

function storeDisksize(machine: Machine, area: SwapArea, zram: Zram, text: string): void {
  const bytes = memparse(text);
  if (bytes === 0n) throw new KernelError(EINVAL, 'the size must be more than zero');
  refuseWhenReady(zram);
  // The first page is the header of the swap area.
  const pages = Number((bytes + BigInt(PAGE) - 1n) / BigInt(PAGE)) - 1;
  replaceArea(machine, area, zram, Math.max(0, pages));
}

/** Another area of this size on the same device, not swapped to yet. */
function replaceArea(machine: Machine, area: SwapArea, zram: Zram, pages: number): void {
  machine.setSwap(pages * PAGE, area.kind, true);
  const { swap } = machine.mem;
  const fresh = swap!.zram!;
  swap!.active = false;
  fresh.algorithms = zram.algorithms;
  fresh.limitPages = zram.limitPages;
  fresh.backing = zram.backing;
  fresh.writebackLimit = zram.writebackLimit;
  fresh.writebackLimited = zram.writebackLimited;
  fresh.nowS = zram.nowS;
}

function storeReset(machine: Machine, area: SwapArea, zram: Zram, text: string): void {
  const value = parseWhole(text, 10);
  if (value === undefined || value <= 0n) throw new KernelError(EINVAL, 'a positive number is wanted');
  if (value > 65535n) throw new KernelError(ERANGE, 'a number of 16 bits is wanted');
  if (area.active) throw new KernelError(EBUSY, 'the device is swapped to');
  zram.algorithms = [ZRAM_ALGORITHMS[0]];
  zram.limitPages = 0;
  zram.backing = null;
  replaceArea(machine, area, zram, 0);
  machine.mem.swap!.zram!.isReady = false;
}

function storeLimit(_machine: Machine, _area: SwapArea, zram: Zram, text: string): void {
  if (!/^\d/.test(text)) throw new KernelError(EINVAL, 'a size is wanted');
  zram.limitPages = Number((memparse(text) + BigInt(PAGE) - 1n) / BigInt(PAGE));
}

function storeUsedMax(_machine: Machine, area: SwapArea, zram: Zram, text: string): void {
  if (parseWhole(text, 10) !== 0n) throw new KernelError(EINVAL, 'only 0 can be written');
  if (zram.isReady) zram.maxUsedPages = poolPages(area);
}

function* storeIdle(_machine: Machine, area: SwapArea, zram: Zram, text: string): Job<void> {
  let ageS: number | undefined;
  if (text.replace(/\n$/, '') !== 'all') ageS = Number(number(kstrtoull(text, 0), EINVAL));
  needsSize(zram);
  yield* markIdle(area, zram, ageS);
}

const MODES: Readonly<Record<string, number>> = {
  idle: ZRAM_IDLE,
  huge: ZRAM_HUGE,
  huge_idle: ZRAM_IDLE | ZRAM_HUGE,
  incompressible: ZRAM_INCOMPRESSIBLE,
};

function modeOf(word: string): number {
  const mode = MODES[word];
  if (mode === undefined) throw new KernelError(EINVAL, `known are ${Object.keys(MODES).join(', ')}`);
  return mode;
}

/** Mirrors: parse_page_index, parse_page_indexes. */
function indexRange(key: string, value: string, nrPages: number): [number, number] {
  const [first = '', last] = key === 'page_index' ? [value, value] : value.split(/-(.*)/s);
  if (last === undefined) throw new KernelError(EINVAL, 'two numbers are wanted: 5-9');
  const lo = Number(number(kstrtoull(first)));
  const hi = Number(number(kstrtoull(last)));
  if (lo >= nrPages || hi >= nrPages || lo > hi) throw new KernelError(ERANGE, `pages are 0 to ${nrPages - 1}`);
  return [lo, hi + 1];
}

function* storeWriteback(_machine: Machine, area: SwapArea, zram: Zram, text: string): Job<void> {
  needsSize(zram);
  if (zram.backing === null) throw new KernelError(ENODEV, 'there is no backing device (backing_dev)');
  const nrPages = area.total + 1;
  let [from, to] = [0, nrPages];
  let mode = 0;
  const slots: number[] = [];
  for (const [key, value] of args(text)) {
    const isIndex = key === 'page_index' || key === 'page_indexes';
    if (value !== undefined && value !== '' && isIndex) [from, to] = indexRange(key, value, nrPages);
    else if (value === undefined || value === '') mode = modeOf(key);
    else if (key === 'type') mode = modeOf(value);
    else continue;
    for (const slot of yield* slotsForWriteback(area, zram, from, to, mode)) slots.push(slot);
    // A kind of pages ends the request, as in the kernel.
    if (!isIndex) break;
  }
  yield* writeBackSlots(area, zram, slots);
}

function* storeRecompress(machine: Machine, area: SwapArea, zram: Zram, text: string): Job<void> {
  let marks = 0;
  let threshold = 0;
  let maxPages = (1n << 64n) - 1n;
  let algorithm: string | undefined;
  let first = 1;
  let end = zram.nrAlgorithms;
  for (const [key, value] of pairs(text)) {
    if (key === 'type') marks = value === 'incompressible' ? marks : (MODES[value] ?? marks);
    else if (key === 'max_pages') maxPages = number(kstrtoull(value));
    else if (key === 'threshold') threshold = number(kstrtouint(value));
    else if (key === 'algo') algorithm = value;
    else if (key === 'priority') {
      first = Math.max(1, number(kstrtouint(value)));
      end = first + 1;
    }
  }
  if (threshold >= HUGE_CLASS_SIZE) throw new KernelError(EINVAL, `thresholds are below ${HUGE_CLASS_SIZE}`);
  needsSize(zram);
  if (algorithm !== undefined) {
    while (first < ZRAM_MAX_COMPS && zram.algorithms[first] !== algorithm) first++;
    if (first === ZRAM_MAX_COMPS) throw new KernelError(EINVAL, `${algorithm} is no second algorithm of the device`);
    end = first + 1;
  }
  end = Math.min(end, zram.nrAlgorithms);
  if (first >= end) throw new KernelError(EINVAL, 'there is no second algorithm (recomp_algorithm)');
  yield* recompress(machine.mem, area, zram, { marks, threshold, maxPages, first, end });
}
