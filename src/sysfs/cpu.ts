/** devices/system/cpu. Pretend: one package, every CPU a core of its own, none of which can be unplugged. Mirrors: drivers/base/cpu.c, topology.c. */
import { directory } from '../procfs/entry.ts';
import { bitMask, rangeList } from './lists.ts';
import { constant, link, type Row } from './rows.ts';

/** NR_CPUS − 1 of distributions' kernels. */
const KERNEL_MAX = 8191;

function topology(cpu: number, cpus: number): Row {
  const own = bitMask(cpus, (bit) => bit === cpu);
  const all = bitMask(cpus, () => true);
  const pairs = (name: string, mask: string, list: string | number): Row[] => [
    constant(name, mask),
    constant(`${name}_list`, list),
  ];
  return directory('topology', [
    constant('core_id', cpu),
    constant('die_id', 0),
    constant('physical_package_id', 0),
    ...pairs('core_cpus', own, cpu),
    ...pairs('thread_siblings', own, cpu),
    ...pairs('core_siblings', all, rangeList(cpus)),
    ...pairs('package_cpus', all, rangeList(cpus)),
    ...pairs('die_cpus', all, rangeList(cpus)),
  ]);
}

export function cpuDirectory(cpus: number): Row {
  const all = rangeList(cpus);
  return directory('cpu', [
    ...Array.from({ length: cpus }, (_, cpu) =>
      directory(`cpu${cpu}`, [link('node0', '../../node/node0'), topology(cpu, cpus)]),
    ),
    constant('isolated', ''),
    constant('kernel_max', KERNEL_MAX),
    constant('offline', ''),
    constant('online', all),
    constant('possible', all),
    constant('present', all),
    directory('smt', [constant('active', 0), constant('control', 'notsupported')]),
  ]);
}
