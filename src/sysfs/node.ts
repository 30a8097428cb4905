/** devices/system/node: one node with all memory and all CPUs; devices/system/memory. Mirrors: drivers/base/node.c, memory.c. */
import type { Machine } from '../machine/machine.ts';
import { directory } from '../procfs/entry.ts';
import { meminfoPages } from '../procfs/meminfo.ts';
import { vmstatValue } from '../procfs/vmstat.ts';
import { nodeKeys, zoneKeys } from '../procfs/vmstat-keys.ts';
import { hugepagesDirectory } from './hugepages.ts';
import { bitMask, rangeList } from './lists.ts';
import { constant, lines, link, type Row } from './rows.ts';

const PAGE_KB = 4;
/** Pages of a block of memory that could be plugged: 128 MiB. Mirrors: memory_block_size_bytes. */
const BLOCK_PAGES = 32_768;
const BLOCK_BYTES_HEX = '8000000';

/** Rows of node0/meminfo that have the names of /proc/meminfo, in the kernel's order, behind the first three. Mirrors: node_read_meminfo. */
const MEMINFO =
  'SwapCached Active Inactive Active(anon) Inactive(anon) Active(file) Inactive(file) Unevictable Mlocked Dirty Writeback FilePages Mapped AnonPages Shmem KernelStack PageTables SecPageTables NFS_Unstable Bounce WritebackTmp KReclaimable Slab SReclaimable SUnreclaim AnonHugePages ShmemHugePages ShmemPmdMapped FileHugePages FilePmdMapped'.split(
    ' ',
  );

function nodeMeminfo(machine: Machine): string {
  const pages = (name: string): number => {
    if (name === 'MemUsed') return pages('MemTotal') - pages('MemFree');
    // The swap cache counts as file pages of the node.
    if (name === 'FilePages') return pages('Cached') + pages('SwapCached') + pages('Buffers');
    return meminfoPages(machine, name);
  };
  const lines = ['MemTotal', 'MemFree', 'MemUsed', ...MEMINFO].map((name) => {
    const kb = String(Math.floor(pages(name) * PAGE_KB));
    return `Node 0 ${`${name}:`.padEnd(16)}${kb.padStart(8)} kB\n`;
  });
  const { hugePool } = machine.mem;
  for (const [name, count] of [
    ['Total', hugePool.nr],
    ['Free', hugePool.free],
    ['Surp', hugePool.surplus],
  ] as const)
    lines.push(`Node 0 HugePages_${name}:${name === 'Total' ? '' : ' '} ${String(count).padStart(5)}\n`);
  return lines.join('');
}

/** Mirrors: node_read_numastat. */
const NUMASTAT = [
  ['numa_hit', 'numa_hit'],
  ['numa_miss', 'numa_miss'],
  ['numa_foreign', 'numa_foreign'],
  ['interleave_hit', 'numa_interleave'],
  ['local_node', 'numa_local'],
  ['other_node', 'numa_other'],
] as const;

export function nodeDirectory(cpus: number): Row {
  const node0 = directory('node0', [
    ...Array.from({ length: cpus }, (_, cpu) => link(`cpu${cpu}`, `../../cpu/cpu${cpu}`)),
    constant('cpulist', rangeList(cpus)),
    constant(
      'cpumap',
      bitMask(cpus, () => true),
    ),
    constant('distance', 10),
    directory('hugepages', [hugepagesDirectory('node')]),
    lines('meminfo', (out, { machine }) => out.text(nodeMeminfo(machine))),
    lines('numastat', (out, { machine }) => {
      for (const [name, key] of NUMASTAT) out.text(name).byte(0x20).dec(vmstatValue(machine, key)).newline();
    }),
    lines('vmstat', (out, { machine }) => {
      for (const name of [...zoneKeys(machine.options.kernel), ...nodeKeys(machine.options.kernel)])
        out.text(name).byte(0x20).dec(vmstatValue(machine, name)).newline();
    }),
  ]);
  const zero = ['has_cpu', 'has_memory', 'has_normal_memory', 'online', 'possible'].map((name) => constant(name, 0));
  return directory('node', [...zero, node0]);
}

/** How many blocks hold the machine's memory. */
export function nrMemoryBlocks({ mem }: Machine): number {
  return Math.ceil(mem.frames.total / BLOCK_PAGES);
}

/** Pretend: memory lies in one piece from 0 on, all of it online for good. */
export function memoryDirectory(blocks: number): Row {
  return directory('memory', [
    constant('auto_online_blocks', 'offline'),
    constant('block_size_bytes', BLOCK_BYTES_HEX),
    ...Array.from({ length: blocks }, (_, block) =>
      directory(`memory${block}`, [
        constant('phys_device', 0),
        constant('phys_index', block.toString(16).padStart(8, '0')),
        constant('removable', 0),
        constant('state', 'online'),
        constant('valid_zones', 'none'),
        link('node0', '../../node/node0'),
      ]),
    ),
  ]);
}
