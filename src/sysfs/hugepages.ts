/** hugepages-2048kB, of the machine and of its node. Mirrors: mm/hugetlb_sysfs.c. */
import { sysctlOf } from '../machine/sysctl.ts';
import { directory, file } from '../procfs/entry.ts';
import { writtenText } from '../procfs/parse-number.ts';
import { EINVAL } from '../util/errno.ts';
import { parseWhole } from '../util/kstrto.ts';
import { type Row, value } from './rows.ts';

/** A file that is another name of a setting of /proc/sys/vm. */
function setting(name: string, dotted: string): Row {
  const sysctl = sysctlOf(dotted)!;
  return file(name, 0o644, (out, { machine }) => void out.dec(sysctl.get(machine)).newline(), {
    write: ({ host }, data) => {
      const count = parseWhole(writtenText(data));
      if (count === undefined || count < 0n || count > BigInt(sysctl.max)) return -EINVAL;
      const status = host.setSysctl(dotted, String(count));
      return status < 0 ? status : data.length;
    },
  });
}

export function hugepagesDirectory(of: 'machine' | 'node'): Row {
  const whole: readonly Row[] = [
    setting('nr_overcommit_hugepages', 'vm.nr_overcommit_hugepages'),
    value('resv_hugepages', ({ machine }) => machine.mem.hugePool.reserved),
  ];
  return directory('hugepages-2048kB', [
    value('free_hugepages', ({ machine }) => machine.mem.hugePool.free),
    setting('nr_hugepages', 'vm.nr_hugepages'),
    ...(of === 'machine' ? whole : []),
    value('surplus_hugepages', ({ machine }) => machine.mem.hugePool.surplus),
  ]);
}
