/** zoneinfo, buddyinfo, pagetypeinfo: one node with one zone. Mirrors: mm/vmstat.c. */
import { isIn, type Span } from '../machine/kernels.ts';
import type { Machine } from '../machine/machine.ts';
import type { SystemContext } from './entry.ts';
import type { TextBuffer } from './text.ts';
import { vmstatValue } from './vmstat.ts';
import { nodeKeys, zoneKeys } from './vmstat-keys.ts';

const ORDERS = 11;
const LARGEST = 2 ** (ORDERS - 1);
const PAGES_PER_BLOCK = 512;
const TYPES = ['Unmovable', 'Movable', 'Reclaimable', 'HighAtomic', 'Isolate'] as const;

/** Pretend: free pages lie in blocks as large as can be. Their sum is the number of free pages. */
function freeBlocks(machine: Machine): number[] {
  const free = Math.max(0, machine.mem.nrFree);
  const blocks: number[] = [];
  for (let order = 0; order < ORDERS - 1; order++) blocks.push(Math.floor(free / 2 ** order) % 2);
  blocks.push(Math.floor(free / LARGEST));
  return blocks;
}

export function showBuddyinfo(out: TextBuffer, { machine }: SystemContext): void {
  out.text('Node 0, zone   Normal ');
  for (const blocks of freeBlocks(machine)) out.dec(blocks, 6).byte(0x20);
  out.newline();
}

export function showPagetypeinfo(out: TextBuffer, { machine }: SystemContext): void {
  out.text(`Page block order: 9\nPages per block:  ${PAGES_PER_BLOCK}\n\n`);
  out.text('Free pages count per migrate type at order  ');
  for (let order = 0; order < ORDERS; order++) out.dec(order, 6).byte(0x20);
  out.newline();
  const blocks = freeBlocks(machine);
  for (const type of TYPES) {
    out.text(`Node    0, zone   Normal, type ${type.padStart(12)} `);
    for (const count of blocks) out.dec(type === 'Movable' ? count : 0, 6).byte(0x20);
    out.newline();
  }
  out.newline().text('Number of blocks type ');
  for (const type of TYPES) out.text(type.padStart(12)).byte(0x20);
  out.newline().text('Node 0, zone   Normal ');
  const all = Math.ceil(machine.mem.frames.total / PAGES_PER_BLOCK);
  for (const type of TYPES) out.dec(type === 'Movable' ? all : 0, 12).byte(0x20);
  out.newline();
}

const PAGESET =
  '              count:    0\n              high:     0\n              batch:    63\n              high_min: 0\n              high_max: 0\n';
const OLD_PAGESET = '              count: 0\n              high:  0\n              batch: 63\n';

export function showZoneinfo(out: TextBuffer, { machine }: SystemContext): void {
  const { total } = machine.mem.frames;
  const marks = machine.mem.watermarks;
  const { kernel } = machine.options;
  out.text('Node 0, zone   Normal\n  per-node stats\n');
  for (const name of nodeKeys(kernel)) counter(out, machine, name);
  out.text('  pages free     ').dec(Math.max(0, machine.mem.nrFree)).newline();
  const rows: readonly (readonly [name: string, pages: number, span?: Span])[] = [
    ['boost', 0, { since: '6.1' }],
    ['min', marks.min],
    ['low', marks.low],
    ['high', marks.high],
    ['promo', 2 * marks.high - marks.low, { since: '6.18' }],
    ['spanned', total],
    ['present', total],
    ['managed', total],
    ['cma', 0, { since: '6.1' }],
  ];
  for (const [name, pages, span = {}] of rows)
    if (isIn(kernel, span))
      out
        .text(`        ${name.padEnd(8)} `)
        .dec(pages)
        .newline();
  out.text('        protection: (0, 0, 0, 0, 0)\n');
  for (const name of zoneKeys(kernel)) counter(out, machine, name);
  out.text('  pagesets\n');
  for (let cpu = 0; cpu < machine.options.cpus; cpu++) {
    // Pretend: no CPU keeps pages to itself.
    out.text(`    cpu: ${cpu}\n`).text(isIn(kernel, { since: '6.18' }) ? PAGESET : OLD_PAGESET);
    out.text('  vm stats threshold: 16\n');
  }
  out.text('  node_unreclaimable:  0\n  start_pfn:           1\n');
  if (isIn(kernel, { until: '5.10' })) out.text('  node_inactive_ratio: 0\n');
}

function counter(out: TextBuffer, machine: Machine, name: string): void {
  out.text('      ').text(name.padEnd(12)).byte(0x20).dec(vmstatValue(machine, name)).newline();
}
