/** /proc/slabinfo. Pretend: a few well-known caches, among which the slab pages of meminfo are shared out. Mirrors: mm/slab_common.c. */

import { kernelPages } from '../machine/kernel-pages.ts';
import type { SystemContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

/** Name, size of an object, and its part of the pages in hundredths. A slab is one page. */
type Cache = readonly [name: string, bytes: number, percent: number];
const RECLAIMABLE: readonly Cache[] = [
  ['ext4_inode_cache', 1184, 40],
  ['dentry', 192, 30],
  ['inode_cache', 632, 15],
  ['radix_tree_node', 584, 10],
  ['buffer_head', 104, 5],
];
const UNRECLAIMABLE: readonly Cache[] = [
  ['task_struct', 3648, 20],
  ['mm_struct', 1280, 10],
  ['vm_area_struct', 192, 15],
  ['anon_vma', 104, 5],
  ['filp', 192, 10],
  ['kmalloc-1k', 1024, 15],
  ['kmalloc-512', 512, 10],
  ['kmalloc-64', 64, 15],
];

export function showSlabinfo(out: TextBuffer, { machine }: SystemContext): void {
  out.text('slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>');
  out.text(' : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n');
  const { reclaimable, unreclaimable } = kernelPages(machine);
  caches(out, RECLAIMABLE, reclaimable);
  caches(out, UNRECLAIMABLE, unreclaimable);
}

function caches(out: TextBuffer, rows: readonly Cache[], pages: number): void {
  let left = pages;
  rows.forEach(([name, bytes, percent], i) => {
    const slabs = i === rows.length - 1 ? left : Math.min(left, Math.floor((pages * percent) / 100));
    left -= slabs;
    const perSlab = Math.floor(4096 / bytes);
    const objects = slabs * perSlab;
    out.text(name.padEnd(17)).byte(0x20).dec(objects, 6).byte(0x20).dec(objects, 6).byte(0x20).dec(bytes, 6);
    out.byte(0x20).dec(perSlab, 4).text('    1 : tunables    0    0    0 : slabdata ');
    out.dec(slabs, 6).byte(0x20).dec(slabs, 6).text('      0').newline();
  });
}
