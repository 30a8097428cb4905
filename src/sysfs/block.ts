/** Block devices: the disk of the machine's files, and the device that it swaps to. Mirrors: block/genhd.c, blk-sysfs.c. */
import type { Machine } from '../machine/machine.ts';
import { directory, type SystemContext } from '../procfs/entry.ts';
import { type BlockDevice, blockDevices, diskFields } from '../procfs/system-info.ts';
import { constant, lines, link, type Row, value } from './rows.ts';
import { zramRows } from './zram.ts';

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;
const SECTORS_PER_KB = 2;
/** Pretend: a disk of virtio, as virtual machines have it. */
const DISK_PARENT = ['pci0000:00', '0000:00:04.0', 'virtio0', 'block'] as const;
const ZRAM_PARENT = ['virtual', 'block'] as const;

function parentOf({ zram }: BlockDevice): readonly string[] {
  return zram ? ZRAM_PARENT : DISK_PARENT;
}

/** Where a device is, seen from `/sys/block`, or `depth` directories deeper. */
function target(device: BlockDevice, depth = 1): string {
  return `${'../'.repeat(depth)}devices/${parentOf(device).join('/')}/${device.name}`;
}

/** Which devices there are: what the tree has to be made anew for. */
export function deviceNames(machine: Machine): string {
  return blockDevices(machine)
    .map(({ name }) => name)
    .join(' ');
}

/** Pretend: numbers of a disk that takes whole pages, of any size; with no queue, as every request takes its turn. */
function queue({ zram }: BlockDevice, now: (ctx: SystemContext) => BlockDevice): Row {
  const block = zram ? PAGE_BYTES : SECTOR_BYTES;
  return directory('queue', [
    constant('discard_granularity', PAGE_BYTES),
    constant('hw_sector_size', block),
    constant('logical_block_size', block),
    constant('minimum_io_size', PAGE_BYTES),
    constant('optimal_io_size', zram ? PAGE_BYTES : 0),
    constant('physical_block_size', PAGE_BYTES),
    value('rotational', (ctx) => (now(ctx).rotational ? 1 : 0)),
    constant('scheduler', '[none] '),
    constant('write_cache', zram ? 'write through' : 'write back'),
    constant('zoned', 'none'),
  ]);
}

function blockDevice(device: BlockDevice): Row {
  const { name, major, minor } = device;
  const now = ({ machine }: SystemContext): BlockDevice =>
    blockDevices(machine).find((other) => other.name === name) ?? device;
  const rows: readonly Row[] = [
    constant('alignment_offset', 0),
    constant('capability', 0),
    constant('dev', `${major}:${minor}`),
    constant('discard_alignment', 0),
    constant('ext_range', 256),
    constant('hidden', 0),
    directory('holders', []),
    value('inflight', ({ machine }) => `       0 ${String(device.zram ? 0 : machine.storage.pending).padStart(8)}`),
    queue(device, now),
    constant('range', 16),
    constant('removable', 0),
    constant('ro', 0),
    value('size', (ctx) => now(ctx).sizeKb * SECTORS_PER_KB),
    directory('slaves', []),
    value('stat', (ctx) =>
      diskFields(now(ctx), ctx.machine.options.kernel)
        .map((field) => String(field).padStart(8))
        .join(' '),
    ),
    link('subsystem', `${'../'.repeat(parentOf(device).length + 2)}class/block`),
    lines('uevent', (out) => out.text(`MAJOR=${major}\nMINOR=${minor}\nDEVNAME=${name}\nDEVTYPE=disk\n`)),
    ...(device.zram ? zramRows : []),
  ];
  return directory(
    name,
    [...rows].sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
}

/** The trees that block devices take part in: `devices/…`, and links from `block`, `class/block` and `dev/block`. */
export interface BlockTrees {
  /** Of `devices`, and of `devices/virtual`. */
  readonly devices: readonly Row[];
  readonly virtual: readonly Row[];
  readonly links: readonly Row[];
  readonly numbers: readonly Row[];
}

function nested(path: readonly string[], children: readonly Row[]): Row {
  const [name = '', ...rest] = path;
  return directory(name, rest.length === 0 ? children : [nested(rest, children)]);
}

export function blockTrees(machine: Machine): BlockTrees {
  const devices = blockDevices(machine);
  const below = (zram: boolean): Row[] => devices.filter((device) => device.zram === zram).map(blockDevice);
  return {
    devices: [nested(DISK_PARENT, below(false))],
    virtual: [nested(ZRAM_PARENT.slice(1), below(true))],
    links: devices.map((device) => link(device.name, target(device))),
    numbers: devices.map((device) => link(`${device.major}:${device.minor}`, target(device, 2))),
  };
}

/** `class/block` lies one directory deeper than `block`. */
export function classLinks(machine: Machine): Row[] {
  return blockDevices(machine).map((device) => link(device.name, target(device, 2)));
}
