/** Where memory lies makes no difference to what becomes of it: page numbers are counted modulo 2^32 in one place. */
import { expect, it } from 'vitest';
import { createMachine } from '../../../src/index.ts';

/** Low; where the model puts mappings itself; a program's heap; across 2^44; libraries; at the end. All at 2 MiB: what is
 * taken around a fault depends on that. */
const PLACES = ['0x10000000', '0x100000000000', '0x555555400000', '0xfffffe00000', '0x7ffff0000000', '0x7fffffa00000'];

const scenario = (kind: string, place: string) => `machine ram=64M swap=64M swapkind=${kind} profile=linux-6.18
sysctl vm.page-cluster 3
cgroup write /cgroup.subtree_control "+memory"
cgroup mkdir /g
cgroup write /g/memory.max "2M"
object M memfd 256p
proc a pid=1001
cgroup write /g/cgroup.procs "1001"
a mmap heap size=768p anon private at=${place}
a mmap shm size=128p obj=M off=64p shared at=${Number(place) - (16 << 20)}
a touch heap 0 768p write fill=word
a madvise heap 10p 50p cold
a touch heap 0 100p read
a fork b
b touch heap 20p 60p write
a touch shm 0 128p write
a madvise heap 200p 20p free
a madvise heap 230p 20p pageout
a mlock heap 300p 10p
tick 1s
a touch heap 0 768p read
b touch heap 0 768p read
b madvise heap 0 10p dontneed
b munmap heap 40p 30p
a touch heap 100p 120p write
tick 1s
a touch heap 0 768p read`;

/** What happened to pages. How many page tables there are, and what that leaves, depends on the address. */
const COUNTED =
  /^(pswp|pgscan|pgsteal|pgrefill|pgactivate|pgdeactivate|pglazy|pg(maj)?fault|workingset|swap_ra|nr_(in)?active|nr_written)/;

function outcome(kind: string, place: string): unknown {
  const machine = createMachine(scenario(kind, place));
  const [snap] = machine.apply('snap end');
  expect(machine.check()).toEqual([]);
  const regions = Object.entries(
    snap?.result?.['procs'] as Record<string, { maps: Record<string, { pages: unknown }> }>,
  );
  return {
    vmstat: machine
      .read('/proc/vmstat')
      .split('\n')
      .filter((row) => COUNTED.test(row)),
    pages: regions.map(([name, { maps }]) => [name, maps['heap']?.pages, maps['shm']?.pages]),
    faults: ['a', 'b'].map((name) => [
      machine.machine.named.get(name)?.minflt,
      machine.machine.named.get(name)?.majflt,
    ]),
  };
}

it.each(['zram', 'disk'])(
  'memory is reclaimed alike at every address, on %s',
  (kind) => {
    const [first, ...others] = PLACES.map((place) => outcome(kind, place));
    for (const other of others) expect(other).toEqual(first);
  },
  60_000,
);
