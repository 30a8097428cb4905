/** /sys, one row a file: what the machine has a model of, and nothing else. Mirrors: where the kernel's subsystems put their objects. */
import { isIn } from '../machine/kernels.ts';
import type { Machine } from '../machine/machine.ts';
import { directory, file } from '../procfs/entry.ts';
import { lowMemoryKillerDirectory } from '../procfs/lowmemorykiller.ts';
import { writtenText } from '../procfs/parse-number.ts';
import { EINVAL, ENODEV } from '../util/errno.ts';
import { blockTrees, classLinks, deviceNames } from './block.ts';
import { cpuDirectory } from './cpu.ts';
import { hugepagesDirectory } from './hugepages.ts';
import { lruGenDebugFiles, lruGenDirectory } from './lru-gen.ts';
import { netDevices, netLinks } from './net.ts';
import { memoryDirectory, nodeDirectory, nrMemoryBlocks } from './node.ts';
import { constant, type Row } from './rows.ts';

/** What decides which files there are; while it stays the same, so do they. */
export function shapeOf(machine: Machine): string {
  return `${machine.options.kernel} ${machine.options.cpus} ${nrMemoryBlocks(machine)} ${deviceNames(machine)}`;
}

/** There are no transparent huge pages here: the files say so and take nothing else. */
const transparentHugepage = directory('transparent_hugepage', [
  constant('defrag', 'always defer defer+madvise madvise [never]'),
  constant('enabled', 'always madvise [never]'),
  constant('hpage_pmd_size', 2 * 1024 * 1024),
  constant('shmem_enabled', 'always within_size advise [never] deny force'),
]);

/** zswap could not be set up: a kernel in that state refuses to switch it on. Mirrors: zswap_enabled_param_set. */
const zswapEnabled: Row = file('enabled', 0o644, (out) => void out.text('N\n'), {
  write: (_ctx, data) => {
    const text = writtenText(data);
    if (/^([nN0]|[oO][fF])/.test(text)) return data.length;
    return /^([yY1]|[oO][nN])/.test(text) ? -ENODEV : -EINVAL;
  },
});

export function sysTree(machine: Machine): Row {
  const { cpus, kernel } = machine.options;
  const hasGenerations = isIn(kernel, { since: '6.1' });
  const block = blockTrees(machine);
  return directory('', [
    directory('block', block.links),
    directory('class', [
      directory('block', classLinks(machine)),
      directory('net', netLinks),
      ...['hwmon', 'power_supply', 'powercap', 'thermal'].map((name): Row => directory(name, [])),
    ]),
    directory('dev', [directory('block', block.numbers), directory('char', [])]),
    directory('devices', [
      ...block.devices,
      directory('virtual', [...block.virtual, netDevices]),
      directory('system', [cpuDirectory(cpus), memoryDirectory(nrMemoryBlocks(machine)), nodeDirectory(cpus)]),
    ]),
    directory('fs', [directory('cgroup', [])]),
    directory('kernel', [
      ...(hasGenerations ? [directory('debug', lruGenDebugFiles)] : []),
      directory('mm', [
        directory('hugepages', [hugepagesDirectory('machine')]),
        ...(hasGenerations ? [lruGenDirectory] : []),
        directory('swap', [constant('vma_ra_enabled', 'true')]),
        transparentHugepage,
      ]),
    ]),
    directory('module', [
      directory('lowmemorykiller', [{ ...lowMemoryKillerDirectory, name: 'parameters' }]),
      directory('zswap', [directory('parameters', [zswapEnabled])]),
    ]),
  ]);
}
