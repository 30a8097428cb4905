/** swaps, version, cpuinfo, partitions, diskstats and the like. Mirrors: mm/swapfile.c:swap_show, block/genhd.c. */
import { isIn, type KernelName, OSVERSION, releaseOf } from '../machine/kernels.ts';
import type { Machine } from '../machine/machine.ts';
import { DISK_PAGE_KB } from '../mm/pages/content.ts';
import { PAGE_KB } from './constants.ts';
import type { SystemContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

const SECTORS_PER_KB = 2;
/** Pretend: the size of the simulated disk, 16 GB, in kB. */
const DISK_KB = 16 * 1024 * 1024;

export function showSwaps(out: TextBuffer, { machine }: SystemContext): void {
  const wide = isIn(machine.options.kernel, { since: '5.10' });
  out.text(`Filename\t\t\t\tType\t\tSize${wide ? '\t' : ''}\tUsed${wide ? '\t' : ''}\tPriority\n`);
  const { swap } = machine.mem;
  if (swap === null || !swap.active) return;
  const name = machine.options.swapName || (swap.kind === 'zram' ? '/dev/zram0' : '/dev/vdb');
  out
    .text(name)
    .text(' '.repeat(Math.max(1, 40 - name.length)))
    .text('partition\t');
  column(out, swap.total * PAGE_KB, wide);
  column(out, swap.nrUsed * PAGE_KB, wide);
  out.text(String(swap.priority)).newline();
}

function column(out: TextBuffer, kb: number, wide: boolean): void {
  out.dec(kb).text(wide && kb < 10_000_000 ? '\t\t' : '\t');
}

export function showVersion(out: TextBuffer, { machine }: SystemContext): void {
  out.text(`Linux version ${releaseOf(machine.options.kernel)} (reclaimfs@simulated) (node) ${OSVERSION}\n`);
}

/** Pretend: plain CPUs of 2 GHz. Mirrors: arch/x86/kernel/cpu/proc.c:show_cpuinfo. */
export function showCpuinfo(out: TextBuffer, { machine }: SystemContext): void {
  const { cpus } = machine.options;
  for (let cpu = 0; cpu < cpus; cpu++) {
    const rows: readonly (readonly [string, string | number])[] = [
      ['processor\t', cpu],
      ['vendor_id\t', 'GenuineIntel'],
      ['cpu family\t', 6],
      ['model\t\t', 85],
      ['model name\t', 'Simulated CPU @ 2.00GHz'],
      ['stepping\t', 7],
      ['microcode\t', '0x1'],
      ['cpu MHz\t\t', '2000.000'],
      ['cache size\t', '1024 KB'],
      ['physical id\t', 0],
      ['siblings\t', cpus],
      ['core id\t\t', cpu],
      ['cpu cores\t', cpus],
      ['apicid\t\t', cpu],
      ['initial apicid\t', cpu],
      ['fpu\t\t', 'yes'],
      ['fpu_exception\t', 'yes'],
      ['cpuid level\t', 13],
      ['wp\t\t', 'yes'],
      [
        'flags\t\t',
        'fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx lm constant_tsc rep_good nopl cpuid pni ssse3 cx16 sse4_1 sse4_2 popcnt hypervisor lahf_lm',
      ],
      ['bugs\t\t', ''],
      ['bogomips\t', '4000.00'],
      ['clflush size\t', 64],
      ['cache_alignment\t', 64],
      ['address sizes\t', '46 bits physical, 48 bits virtual'],
      ['power management', ''],
    ];
    for (const [name, value] of rows) out.text(name === 'power management' ? `${name}:\n` : `${name}: ${value}\n`);
    out.newline();
  }
}

/** A block device of the machine: the disk of its files, and the one that it swaps to. */
export interface BlockDevice {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  readonly sizeKb: number;
  readonly zram: boolean;
  readonly rotational: boolean;
  /** kB since boot. */
  readonly readKb: number;
  readonly writtenKb: number;
}

/** Reads and writes of pages, as vmstat counts them. */
export function blockDevices(machine: Machine): BlockDevice[] {
  const { events, swap } = machine.mem;
  const disk: BlockDevice = {
    ...{ name: 'vda', major: 254, minor: 0, sizeKb: DISK_KB, zram: false, rotational: false },
    ...{ readKb: events.pgpgin, writtenKb: events.pgpgout },
  };
  const spare = spareDisk(machine);
  if (swap === null) return [disk, ...spare];
  const moved = {
    // On zram the header of the swap area is a page of the device.
    sizeKb: (swap.zram?.isReady === true ? swap.total + 1 : swap.total) * PAGE_KB,
    readKb: events.pswpin * PAGE_KB,
    writtenKb: events.pswpout * PAGE_KB,
    rotational: swap.rotational,
  };
  const swapped: BlockDevice =
    swap.kind === 'zram'
      ? { name: 'zram0', major: 253, minor: 0, zram: true, ...moved }
      : { name: 'vdb', major: 254, minor: 16, zram: false, ...moved };
  return [disk, swapped, ...spare];
}

/** A disk that only zram uses, if at all. */
function spareDisk({ mem, options }: Machine): BlockDevice[] {
  if (options.spareBytes === 0) return [];
  const zram = mem.swap?.zram;
  const moved = {
    readKb: (zram?.backingReads ?? 0) * PAGE_KB,
    writtenKb: (zram?.backingWrites ?? 0) * PAGE_KB,
  };
  const sizeKb = Math.floor(options.spareBytes / 1024);
  return [{ name: 'vdc', major: 254, minor: 32, sizeKb, zram: false, rotational: false, ...moved }];
}

export function showPartitions(out: TextBuffer, { machine }: SystemContext): void {
  out.text('major minor  #blocks  name\n\n');
  for (const { major, minor, sizeKb, name } of blockDevices(machine))
    out.dec(major, 4).byte(0x20).dec(minor, 8).byte(0x20).dec(sizeKb, 10).byte(0x20).text(name).newline();
}

export function showDiskstats(out: TextBuffer, { machine }: SystemContext): void {
  for (const device of blockDevices(machine)) {
    out.dec(device.major, 4).byte(0x20).dec(device.minor, 7).byte(0x20).text(device.name);
    for (const field of diskFields(device, machine.options.kernel)) out.byte(0x20).dec(field);
    out.newline();
  }
}

/**
 * The fields behind a device's name: reads, writes, since 4.18 discards, since 5.5 flushes. Pretend: every page is a request of its
 * own, and takes no time.
 */
export function diskFields({ readKb, writtenKb }: BlockDevice, kernel: KernelName): number[] {
  const direction = (kb: number): number[] => [Math.floor(kb / DISK_PAGE_KB), 0, Math.floor(kb) * SECTORS_PER_KB, 0];
  const more = isIn(kernel, { since: '5.10' }) ? [0, 0, 0, 0, 0, 0] : [];
  return [...direction(readKb), ...direction(writtenKb), 0, 0, 0, ...more];
}
