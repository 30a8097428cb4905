/** /proc/vmstat. What has no model behind it is zero. Mirrors: mm/vmstat.c. */
import { kernelPages, zramPages } from '../machine/kernel-pages.ts';
import type { Machine } from '../machine/machine.ts';
import {
  LRU_ACTIVE_ANON,
  LRU_ACTIVE_FILE,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  LRU_UNEVICTABLE,
} from '../mm/pages/frames.ts';
import type { VmEvents } from '../mm/vm-events.ts';
import type { SystemContext } from './entry.ts';
import { availablePages } from './meminfo.ts';
import type { TextBuffer } from './text.ts';
import { eventKeys, nodeKeys, OWN_KEYS, zoneKeys } from './vmstat-keys.ts';

type Reader = (machine: Machine) => number;

const on =
  (list: number): Reader =>
  (machine) =>
    machine.mem.frames.nrOnList[list]!;
const event =
  (name: keyof VmEvents): Reader =>
  (machine) =>
    machine.mem.events[name];

/** Mirrors: domain_dirty_limits. */
function dirtyThreshold(machine: Machine, ratio: number): number {
  return Math.floor((availablePages(machine) * ratio) / 100);
}

/** Names that are no event counters. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['nr_free_pages', ({ mem }) => Math.max(0, mem.nrFree)],
  ['nr_free_pages_blocks', ({ mem }) => Math.floor(Math.max(0, mem.nrFree) / 512) * 512],
  ['nr_zone_inactive_anon', on(LRU_INACTIVE_ANON)],
  ['nr_zone_active_anon', on(LRU_ACTIVE_ANON)],
  ['nr_zone_inactive_file', on(LRU_INACTIVE_FILE)],
  ['nr_zone_active_file', on(LRU_ACTIVE_FILE)],
  ['nr_zone_unevictable', on(LRU_UNEVICTABLE)],
  ['nr_zone_write_pending', ({ mem }) => mem.nrFileDirty + mem.nrWriteback],
  ['nr_mlock', ({ mem }) => mem.nrMlocked],
  ['nr_zspages', zramPages],
  ['numa_hit', event('pgalloc_normal')],
  ['numa_local', event('pgalloc_normal')],
  ['nr_inactive_anon', on(LRU_INACTIVE_ANON)],
  ['nr_active_anon', on(LRU_ACTIVE_ANON)],
  ['nr_inactive_file', on(LRU_INACTIVE_FILE)],
  ['nr_active_file', on(LRU_ACTIVE_FILE)],
  ['nr_unevictable', on(LRU_UNEVICTABLE)],
  ['nr_slab_reclaimable', (machine) => kernelPages(machine).reclaimable],
  ['nr_slab_unreclaimable', (machine) => kernelPages(machine).unreclaimable],
  ['nr_anon_pages', ({ mem }) => mem.nrAnonMapped],
  ['nr_mapped', ({ mem }) => mem.nrFileMapped],
  ['nr_file_pages', ({ mem }) => mem.nrFilePages + mem.nrSwapCache],
  ['nr_dirty', ({ mem }) => mem.nrFileDirty],
  ['nr_writeback', ({ mem }) => mem.nrWriteback],
  ['nr_shmem', ({ mem }) => mem.nrShmem],
  ['nr_kernel_stack', (machine) => kernelPages(machine).stacks * 4],
  ['nr_page_table_pages', ({ mem }) => mem.tables.nrTables],
  ['nr_swapcached', ({ mem }) => mem.nrSwapCache],
  ['workingset_refault', ({ mem: { events } }) => events.workingset_refault_anon + events.workingset_refault_file],
  ['workingset_activate', ({ mem: { events } }) => events.workingset_activate_anon + events.workingset_activate_file],
  ['nr_dirty_threshold', (machine) => dirtyThreshold(machine, machine.vm.dirtyRatio)],
  ['nr_dirty_background_threshold', (machine) => dirtyThreshold(machine, machine.vm.dirtyBackgroundRatio)],
]);

/** The value of a name; events are read by it. */
export function vmstatValue(machine: Machine, name: string): number {
  const reader = READERS.get(name);
  if (reader !== undefined) return reader(machine);
  const events = machine.mem.events as unknown as Readonly<Record<string, number | undefined>>;
  return Math.floor(events[name] ?? 0);
}

export function showVmstat(out: TextBuffer, { machine }: SystemContext): void {
  const { kernel } = machine.options;
  for (const keys of [zoneKeys(kernel), nodeKeys(kernel), eventKeys(kernel), OWN_KEYS])
    for (const name of keys) out.text(name).byte(0x20).dec(vmstatValue(machine, name)).newline();
}
