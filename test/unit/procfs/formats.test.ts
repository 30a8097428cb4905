import { describe, expect, test } from 'vitest';
import { STRANGER, Tree } from './support.ts';

const tree = new Tree();

describe('PID/stat', () => {
  test('has 52 fields behind a name that holds brackets and spaces', () => {
    const text = tree.read('4242/stat');
    expect(text.startsWith('4242 (a) (b) S 1 4242 4242 0 -1 4194304 ')).toBe(true);
    expect(
      text
        .slice(text.lastIndexOf(')') + 2)
        .trimEnd()
        .split(' '),
    ).toHaveLength(50);
  });

  test('of a kernel thread and of a zombie', () => {
    expect(tree.read('2/stat')).toMatch(/^2 \(kthreadd\) I 0 .* 18446744073709551615 0 0 0 /);
    expect(tree.read('6000/stat')).toMatch(/^6000 \(dead\) Z 1 6000 6000 0 -1 4194316 .* 768\n$/);
    expect(tree.read('2/statm')).toBe('0 0 0 0 0 0 0\n');
  });

  test('counts CPU time in ticks of the load', () => {
    const fields = tree.read('4242/stat').split(') ')[2]!.split(' ');
    // 10 s at 25 % and 5 %.
    expect(fields.slice(11, 13)).toEqual(['250', '50']);
    expect(tree.read('4242/task/4243/stat').split(') ')[1]!.split(' ').slice(11, 13)).toEqual(['0', '0']);
  });
});

describe('PID/status', () => {
  test('aligns sizes in eight columns', () => {
    const text = tree.read('4242/status');
    expect(text).toMatch(/^Name:\ta\) \(b\nUmask:\t0022\nState:\tS \(sleeping\)\nTgid:\t4242\n/);
    expect(text).toMatch(/^VmRSS:\t {4}\d{4} kB$/m);
    expect(text).toContain('Uid:\t1000\t1000\t1000\t1000\n');
    expect(text).toContain('Cpus_allowed:\t3\nCpus_allowed_list:\t0-1\n');
  });

  test('shows no memory where there is none', () => {
    for (const pid of [2, 6000]) expect(tree.read(`${pid}/status`)).not.toContain('VmSize');
    expect(tree.read('2/status')).toContain('Kthread:\t1\n');
    expect(tree.read('6000/status')).toMatch(/^Name:\tdead\nState:\tZ \(zombie\)\n(.*\n)*FDSize:\t0\n/);
  });
});

describe('PID/maps', () => {
  test('puts names into column 73', () => {
    const lines = tree.read('4242/maps').trimEnd().split('\n');
    for (const line of lines) {
      expect(line).toMatch(/^[0-9a-f]{8,}-[0-9a-f]{8,} [r-][w-][x-][ps] [0-9a-f]{8,} [0-9a-f]{2}:[0-9a-f]{2} \d+ /);
      if (line.length > 73) expect(line.slice(0, 73).trimEnd().split(' ')).toHaveLength(5);
    }
    expect(lines.map((line) => line.slice(73))).toContain('/memfd:x (deleted)');
    expect(lines.map((line) => line.slice(73))).toContain('[stack]');
  });

  test('is empty for a kernel thread, environ and the like fail there', () => {
    expect(tree.read('2/maps')).toBe('');
    expect(tree.read('2/smaps')).toBe('');
    for (const name of ['environ', 'auxv', 'mem', 'pagemap', 'smaps_rollup']) expect(tree.bytes(`2/${name}`)).toBe(-3);
  });

  test('a zombie has no mounts: EINVAL', () => {
    for (const name of ['mounts', 'mountinfo', 'mountstats', 'task/6000/mounts'])
      expect(tree.bytes(`6000/${name}`)).toBe(-22);
    expect(tree.read('4242/mounts')).toContain(' / ext4 ');
  });
});

test('smaps has the lines of Linux 6.18 in their order', () => {
  const first = tree.read('4242/smaps').split(/^(?=\d[0-9a-f]+-)/m)[0]!;
  const labels = first
    .split('\n')
    .slice(1, -1)
    .map((line) => line.split(':')[0]);
  expect(labels.join(' ')).toBe(
    'Size KernelPageSize MMUPageSize Rss Pss Pss_Dirty Shared_Clean Shared_Dirty Private_Clean Private_Dirty ' +
      'Referenced Anonymous KSM LazyFree AnonHugePages ShmemPmdMapped FilePmdMapped Shared_Hugetlb Private_Hugetlb ' +
      'Swap SwapPss Locked THPeligible VmFlags',
  );
  for (const line of first.split('\n').slice(1, 23)) expect(line).toMatch(/^.{16} {0,7}\d+ kB$/);
  expect(first).toMatch(/\nTHPeligible: {11}0\nVmFlags: rd /);
});

test('a number that is too wide moves the rest of its line', () => {
  const wide = new Tree('machine ram=64M\nproc a pid=10\na mmap v size=128G anon private noreserve prot=r\n');
  expect(wide.read('10/smaps')).toContain('Size:           134217728 kB\nKernelPageSize:        4 kB\n');
  expect(wide.read('10/status')).toContain('VmSize:\t134217728 kB\n');
});

test('small files', () => {
  expect(tree.read('4242/cmdline')).toBe('game\0--level\x003\0');
  expect(tree.read('4242/comm')).toBe('a) (b\n');
  expect(tree.read('4242/oom_score_adj')).toBe('0\n');
  expect(tree.read('4242/cgroup')).toBe('0::/\n');
  expect(tree.read('4242/coredump_filter')).toBe('00000033\n');
  expect(tree.read('4242/task/4242/children')).toBe('4300 ');
  expect(tree.read('4242/limits')).toContain(
    'Max stack size            8388608              unlimited            bytes     \n',
  );
  expect(tree.fs.readlink(tree.ino('4242/exe'), undefined)).toBe('/bin/game');
  expect(tree.fs.readlink(tree.ino('4242/ns/pid'), undefined)).toBe('pid:[4026531836]');
  expect(tree.names('4242/fd')).toEqual(['0', '1', '2']);
  expect(tree.names('2/fd')).toEqual([]);
});

test('links to namespaces can be followed by their text: files with its number, found and not listed', () => {
  for (const name of tree.names('4242/ns')) {
    const text = String(tree.fs.readlink(tree.ino(`4242/ns/${name}`), undefined));
    const attr = tree.attr(`4242/ns/${text}`);
    expect([attr.mode, `${text.split(':')[0]}:[${attr.ino}]`]).toEqual([0o100444, text]);
    expect(tree.names('4242/ns')).not.toContain(text);
  }
  expect(tree.ino('4242/ns/mnt:[4026531833]')).toBe(-2);
  expect(tree.ino('4242/ns/mnt:[4026531832]', STRANGER)).toBe(-13);
  const file = tree.open('4242/ns/net:[4026531833]');
  if (typeof file === 'number') throw new Error(`open: ${file}`);
  expect(file.read(0, 10, undefined)).toBe(-22);
  // NS_GET_NSTYPE, NS_GET_USERNS, NS_GET_PARENT, TCGETS
  expect([0xb703, 0xb701, 0xb702, 0x5401].map((command) => file.ioctl?.(command))).toEqual([0x40000000, -1, -1, -25]);
});

test('sysrq-trigger takes the first key, or all after an underscore', () => {
  const own = new Tree();
  expect(own.write('sysrq-trigger', 'he')).toBe(2);
  expect(own.machine.tasks.has(5000)).toBe(true);
  expect(own.write('sysrq-trigger', 'f')).toBe(1);
  expect(own.machine.tasks.has(4242)).toBe(false);
  expect(own.write('sysrq-trigger', '_hi\n')).toBe(4);
  expect([...own.machine.tasks.keys()]).toEqual([1, 2, 6000]);
  expect(own.attr('sysrq-trigger').mode & 0o777).toBe(0o200);
});

test('limits and processors that have been set are shown, and inherited by fork', () => {
  const own = new Tree();
  own.apply('game rlimit nofile 10 20\ngame rlimit stack 1000000 unlimited\ngame affinity 1\ngame fork heir pid=4400');
  for (const pid of [4242, 4400]) {
    expect(own.read(`${pid}/limits`)).toContain(
      'Max open files            10                   20                   files     \n',
    );
    expect(own.read(`${pid}/limits`)).toContain('Max stack size            1000000              unlimited');
    expect(own.read(`${pid}/status`)).toContain('Cpus_allowed:\t2\nCpus_allowed_list:\t1\n');
  }
  expect(own.read('4300/limits')).toContain('Max open files            1024                 1048576');
  // A stack that may not grow beyond 244 pages: 60 K below its 132 K is within, 900 K are not.
  own.apply('game touch stack 8000K 4K write');
  expect(() => own.apply('game rlimit nofile 30 20')).toThrow(/soft limit/);
  expect(() => own.apply('game affinity 2-3')).toThrow(/processors/);
  own.apply('game affinity 0-1');
  expect(own.read('4242/status')).toContain('Cpus_allowed_list:\t0-1\n');
  own.apply('game touch stack 7192K 4K write');
  expect(own.ino('4242')).toBe(-2);
  expect(own.machine.check()).toEqual([]);
});

test('map_files names the mappings of files', () => {
  const maps = tree.read('4242/maps').trimEnd().split('\n');
  const files = maps.filter((line) => line.slice(73).startsWith('/'));
  expect(tree.names('4242/map_files')).toEqual(files.map((line) => line.split(' ')[0]));
  const name = files[0]!.split(' ')[0]!;
  expect(tree.fs.readlink(tree.ino(`4242/map_files/${name}`), undefined)).toBe('/lib/libc.so');
  expect(tree.ino('4242/map_files/1000-2000')).toBe(-2);
});

test('system files', () => {
  expect(tree.read('uptime')).toBe('110.00 217.00\n');
  expect(tree.read('swaps')).toMatch(
    /^Filename\t{4}Type\t\tSize\t\tUsed\t\tPriority\n\/dev\/zram0 {30}partition\t65536\t\t\d+\t\t100\n$/,
  );
  expect(tree.read('stat')).toMatch(/^cpu {2}250 0 50 21700 0 0 0 0 0 0\ncpu0 125 0 25 10850 /);
  expect(tree.read('loadavg')).toMatch(/^\d+\.\d\d \d+\.\d\d \d+\.\d\d 1\/7 \d+\n$/);
  expect(tree.read('meminfo')).toMatch(/^MemTotal: {9}262144 kB\nMemFree: {8}/);
  expect(tree.read('sys/kernel/pid_max')).toBe('4194304\n');
  expect(tree.read('sys/vm/swappiness')).toBe('60\n');
  expect(tree.read('net/dev').split('\n')).toHaveLength(4);
  expect(tree.read('pressure/memory')).toBe(
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
  );
});
