/** /sys of the simulated machine: what files say comes from the model, what is written is taken as the kernel takes it. */
import { afterEach, describe, expect, test } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';
import { Clock } from '../../../src/server/clock.ts';
import { SessionHost } from '../../../src/server/session-host.ts';
import { bitMask, rangeList } from '../../../src/sysfs/lists.ts';
import { createSysFs } from '../../../src/sysfs/sys-fs.ts';
import { E2BIG, EACCES, EBUSY, EINVAL, ENODEV, ENOENT, errnoName } from '../../../src/util/errno.ts';
import { finish } from '../../../src/util/job.ts';
import { type FileSystem, type Ino, newAttr, S_IFDIR, S_IFLNK, S_IFMT } from '../../../src/vfs/types.ts';

const SCENARIO = `
machine ram=300M swap=64M swapkind=zram cpus=5 uptime=100s
proc init pid=1 ppid=0
proc game pid=4242
game mmap heap size=8M anon private
game touch heap 0 8M write
game reclaim anon
`;
const O_RDONLY = 0;
const O_WRONLY = 1;

class Sys {
  readonly session = new Session();
  readonly host: SessionHost;
  readonly fs: FileSystem;

  constructor(scenario = SCENARIO) {
    this.session.load(scenario, 'test');
    this.host = new SessionHost(this.session, new Clock(this.session.machine.nowUs, 1, false));
    this.fs = createSysFs(this.host);
  }

  ino(path: string): Ino | number {
    let ino: Ino | number = this.fs.root;
    for (const name of path.split('/').filter(Boolean)) {
      if (ino < 0) return ino;
      ino = this.fs.lookup(ino, name, undefined);
    }
    return ino;
  }

  read(path: string): string {
    const file = this.fs.open(this.ino(path), O_RDONLY, undefined);
    if (typeof file === 'number') throw new Error(`${path}: ${errnoName(-file)}`);
    return Buffer.from(file.read(0, 65_536, undefined) as Uint8Array).toString('latin1');
  }

  /** Bytes taken, or -errno. */
  write(path: string, text: string): number {
    const file = this.fs.open(this.ino(path), O_WRONLY, undefined);
    return typeof file === 'number' ? file : (file.write(Buffer.from(text), 0, undefined) as number);
  }

  /** Every path, directories with a slash behind. */
  *paths(path = '', ino: Ino = this.fs.root): Generator<{ path: string; ino: Ino; type: number }> {
    for (const entry of this.fs.readdir(ino, undefined) as { name: string; ino: Ino; type: number }[]) {
      const below = `${path}/${entry.name}`;
      yield { path: below, ino: entry.ino, type: entry.type };
      if (entry.type === S_IFDIR) yield* this.paths(below, entry.ino);
    }
  }

  step(text: string): void {
    finish(this.host.apply(text, 'test') as never);
  }
}

let sys = new Sys();
afterEach(() => {
  sys = new Sys();
});

describe('every file', () => {
  test('is found under the inode and type that readdir says, and reads to a newline', () => {
    const out = newAttr();
    let count = 0;
    for (const { path, ino, type } of sys.paths()) {
      count++;
      expect(sys.ino(path), path).toBe(ino);
      expect(sys.fs.getattr(ino, out), path).toBe(0);
      expect(out.mode & S_IFMT, path).toBe(type);
      if (type === S_IFDIR || type === S_IFLNK || (out.mode & 0o444) === 0) continue;
      expect(sys.read(path), path).toMatch(/\n$/);
    }
    expect(count).toBeGreaterThan(150);
  });

  test('that is a link leads to a directory that there is', () => {
    for (const { path, ino, type } of sys.paths()) {
      if (type !== S_IFLNK) continue;
      const target = new URL(String(sys.fs.readlink(ino, undefined)), `file://${path}`).pathname;
      expect(sys.ino(target), `${path} to ${target}`).toBeGreaterThan(0);
    }
  });

  test('is refused to root, too, for what it cannot do', () => {
    expect(sys.write('devices/system/cpu/online', '0-1')).toBe(-EACCES);
    expect(sys.write('kernel/mm/transparent_hugepage/enabled', 'always')).toBe(-EACCES);
    expect(sys.fs.open(sys.ino('block/zram0'), O_RDONLY, undefined)).not.toBe(0);
    expect(sys.fs.open(sys.ino('devices/virtual/block/zram0/reset'), O_RDONLY, undefined)).toBe(-EACCES);
  });

  test('without a model is not there', () => {
    for (const path of ['kernel/mm/ksm', 'devices/virtual/block/zram0/trace', 'power'])
      expect(sys.ino(path), path).toBe(-ENOENT);
  });
});

test('CPUs are as many as the machine has', () => {
  expect(sys.read('devices/system/cpu/online')).toBe('0-4\n');
  expect(sys.read('devices/system/cpu/cpu3/topology/core_siblings')).toBe('1f\n');
  expect(sys.read('devices/system/cpu/cpu3/topology/thread_siblings')).toBe('08\n');
  expect(sys.ino('devices/system/cpu/cpu5')).toBe(-ENOENT);
});

test('masks have words of 32 bits, and lists of one number no dash', () => {
  expect(bitMask(40, (bit) => bit === 0 || bit === 33)).toBe('02,00000001');
  expect(rangeList(1)).toBe('0');
  expect(rangeList(64)).toBe('0-63');
});

test('the node says what meminfo and vmstat say', () => {
  const { mem } = sys.session.machine;
  const meminfo = sys.read('devices/system/node/node0/meminfo');
  const kb = (name: string): number => Number(new RegExp(`^Node 0 ${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1]);
  expect(kb('MemTotal')).toBe(mem.frames.total * 4);
  expect(kb('MemFree')).toBe(mem.nrFree * 4);
  expect(kb('MemUsed')).toBe(kb('MemTotal') - kb('MemFree'));
  expect(meminfo.split('\n')[0]).toMatch(/^Node 0 MemTotal: {8}.{7} kB$/);
  expect(sys.read('devices/system/node/node0/vmstat')).toContain(`nr_free_pages ${mem.nrFree}\n`);
});

test('zram shows what swap holds', () => {
  const { swap } = sys.session.machine.mem;
  const [orig, compressed, used] = sys.read('devices/virtual/block/zram0/mm_stat').trim().split(/ +/).map(Number);
  expect(orig).toBe(8 * 2 ** 20);
  expect(compressed).toBe(swap!.compressedBytes);
  expect(used).toBe(Math.ceil(swap!.compressedBytes / 4096) * 4096);
  // 64M of slots, and the header of the swap area.
  expect(sys.read('devices/virtual/block/zram0/disksize')).toBe(`${64 * 2 ** 20 + 4096}\n`);
  sys.step('game exit');
  expect(sys.read('devices/virtual/block/zram0/mm_stat')).toMatch(/^ +0 +0 +0 /);
  expect(sys.read('devices/virtual/block/zram0/io_stat')).toBe(`       0        0 0 ${'2048'.padStart(8)}\n`);
});

test('a zram that is in use refuses what the kernel refuses', () => {
  const zram = 'devices/virtual/block/zram0';
  expect(sys.write(`${zram}/comp_algorithm`, 'lz4\n')).toBe(-EBUSY);
  expect(sys.write(`${zram}/comp_algorithm`, 'zip')).toBe(-EINVAL);
  expect(sys.write(`${zram}/comp_algorithm`, 'z'.repeat(128))).toBe(-E2BIG);
  expect(sys.write(`${zram}/disksize`, '1G')).toBe(-EBUSY);
  expect(sys.write(`${zram}/disksize`, 'x')).toBe(-EINVAL);
  expect(sys.write(`${zram}/reset`, '1')).toBe(-EBUSY);
  expect(sys.write(`${zram}/reset`, '0')).toBe(-EINVAL);
  expect(sys.read(`${zram}/comp_algorithm`)).toBe('[lzo-rle] lzo lz4 zstd \n');
});

test('zram is taken out of use, set up anew and used again by its files, and says of each wrong text what 6.18 says', () => {
  sys = new Sys(SCENARIO.replace('uptime', 'spare=8M uptime'));
  const file = (name: string) => `devices/virtual/block/zram0/${name}`;
  const write = (name: string, text: string) => {
    const status = sys.write(file(name), `${text}\n`);
    return status < 0 ? errnoName(-status) : 0;
  };
  // Recorded on Linux 6.18, but for the backing device and the second algorithm, which that kernel was built without.
  expect(write('mem_limit', 'abc')).toBe('EINVAL');
  expect(write('mem_limit', '12x')).toBe(0);
  expect(write('mem_limit', '0')).toBe(0);
  expect(write('mem_used_max', '1')).toBe('EINVAL');
  expect(write('mem_used_max', '0')).toBe(0);
  expect(write('reset', '70000')).toBe('ERANGE');
  expect(write('reset', '-1')).toBe('EINVAL');
  expect(write('idle', 'some')).toBe('EINVAL');
  expect(write('writeback', 'huge')).toBe('ENODEV');
  expect(write('recompress', 'type=huge')).toBe('EINVAL');
  expect(write('backing_dev', '/dev/vdc')).toBe('EBUSY');
  sys.step('swapoff');
  expect(write('reset', '1')).toBe(0);
  expect(sys.read(file('initstate'))).toBe('0\n');
  expect(sys.read(file('disksize'))).toBe('0\n');
  for (const [name, text] of [
    ['idle', 'all'],
    ['compact', '1'],
    ['writeback', 'idle'],
    ['disksize', '0'],
  ] as const)
    expect(write(name, text), name).toBe('EINVAL');
  expect(() => sys.step('swapon')).toThrow('zram has no size yet');
  expect(write('backing_dev', '/dev/vda')).toBe('EBUSY');
  expect(write('backing_dev', '/dev/none')).toBe('ENOENT');
  expect(write('backing_dev', '/dev/vdc')).toBe(0);
  expect(write('comp_algorithm', 'lz4')).toBe(0);
  expect(write('recomp_algorithm', 'zstd')).toBe('EINVAL');
  expect(write('recomp_algorithm', 'algo=zstd priority=4')).toBe('EINVAL');
  expect(write('recomp_algorithm', 'algo=zstd priority=1')).toBe(0);
  expect(write('disksize', '4097')).toBe(0);
  expect(write('disksize', '8192')).toBe('EBUSY');
  expect(sys.read(file('disksize'))).toBe('8192\n');
  expect(write('reset', '1')).toBe(0);
  expect(write('backing_dev', '/dev/vdc')).toBe(0);
  expect(write('recomp_algorithm', 'algo=zstd')).toBe(0);
  expect(write('disksize', '32M')).toBe(0);
  sys.step('swapon');
  expect(sys.read(file('recomp_algorithm'))).toBe('#1: lzo-rle lzo lz4 [zstd] \n');
  expect(sys.read(file('backing_dev'))).toBe('/dev/vdc\n');
  sys.step('game touch heap 0 64K write content=random\ngame touch heap 64K 64K write content=text\ngame reclaim anon');
  expect(sys.read(file('mm_stat')).trim().split(/ +/).at(-1)).toBe('16');
  expect(write('recompress', 'type=idle threshold=4000')).toBe('EINVAL');
  expect(write('recompress', 'type=idle algo=lz4')).toBe('EINVAL');
  expect(write('writeback', 'page_index=8192')).toBe('ERANGE');
  expect(write('writeback', 'page_indexes=5')).toBe('EINVAL');
  expect(write('writeback', 'page_indexes=9-5')).toBe('ERANGE');
  expect(write('writeback', 'none')).toBe('EINVAL');
  expect(write('writeback_limit', 'x')).toBe('EINVAL');
  expect(write('writeback_limit', '10')).toBe(0);
  expect(write('writeback_limit_enable', '1')).toBe(0);
  // Ten are written before the limit is met.
  expect(write('writeback', 'huge')).toBe('EIO');
  expect(sys.read(file('bd_stat'))).toBe('      10        0       10\n');
  expect(sys.read(file('writeback_limit'))).toBe('0\n');
  expect(sys.read('devices/pci0000:00/0000:00:04.0/virtio0/block/vdc/size')).toBe('16384\n');
  sys.step('game verify heap');
  expect(sys.read(file('bd_stat'))).toBe('       0       10       10\n');
  // What was done by files is in the history, the writeback that failed too.
  expect(sys.session.state()).toContain('zram writeback ');
});

test('hugepages are those of the pool, and can be asked for', () => {
  const pool = 'kernel/mm/hugepages/hugepages-2048kB';
  expect(sys.write(`${pool}/nr_hugepages`, '3\n')).toBe(2);
  expect(sys.session.machine.mem.hugePool.nr).toBe(3);
  expect(sys.read(`${pool}/free_hugepages`)).toBe('3\n');
  expect(sys.read('devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages')).toBe('3\n');
  for (const text of ['x', '', '-1', '3 4']) expect(sys.write(`${pool}/nr_hugepages`, text), text).toBe(-EINVAL);
});

test('zswap is off, and cannot be switched on', () => {
  const enabled = 'module/zswap/parameters/enabled';
  expect(sys.read(enabled)).toBe('N\n');
  expect(sys.write(enabled, 'N')).toBe(1);
  expect(sys.write(enabled, 'Y')).toBe(-ENODEV);
  expect(sys.write(enabled, 'maybe')).toBe(-EINVAL);
});

test('the low-memory killer has its parameters where scripts look', () => {
  const parameters = 'module/lowmemorykiller/parameters';
  expect(sys.write(`${parameters}/minfree`, '1000,2000')).toBe(9);
  expect(sys.session.machine.lmk.minfree).toEqual([1000, 2000]);
  expect(sys.read(`${parameters}/minfree`)).toBe('1000,2000\n');
  expect(sys.write(`${parameters}/minfree`, 'many')).toBe(-EINVAL);
});

test('a disk for swap is another device, with its own counters', () => {
  sys = new Sys(SCENARIO.replace('swapkind=zram', 'swapkind=disk'));
  expect(sys.ino('block/zram0')).toBe(-ENOENT);
  expect(sys.read('devices/pci0000:00/0000:00:04.0/virtio0/block/vdb/size')).toBe(`${64 * 2048}\n`);
  const fields = sys.read('devices/pci0000:00/0000:00:04.0/virtio0/block/vdb/stat').trim().split(/ +/);
  expect(fields).toHaveLength(17);
  expect(Number(fields[6])).toBe(8 * 2048);
});

test('when the machine becomes another one, so does the tree, and old files are gone', () => {
  const ino = sys.ino('devices/system/cpu/cpu4/topology/core_id');
  expect(sys.fs.getattr(ino, newAttr())).toBe(0);
  sys.host.reset('machine ram=256M cpus=2\nproc init pid=1\n', 'test');
  expect(sys.ino('devices/system/cpu/cpu4')).toBe(-ENOENT);
  expect(sys.fs.getattr(ino, newAttr())).toBe(-ENOENT);
  expect(sys.read('devices/system/cpu/online')).toBe('0-1\n');
});

describe('lru_gen', () => {
  const GROUP = `
cgroup write /cgroup.subtree_control "+memory"
cgroup mkdir /g
cgroup write /g/cgroup.procs "4242"
game mmap more size=1M anon private
game touch more 0 1M write
`;

  test('is off, is switched on with y, n and bits, and moves the pages', () => {
    const sys = new Sys();
    expect(sys.read('kernel/mm/lru_gen/enabled')).toBe('0x0000\n');
    expect(sys.write('kernel/mm/lru_gen/enabled', 'y\n')).toBe(2);
    expect(sys.read('kernel/mm/lru_gen/enabled')).toBe('0x0007\n');
    expect(sys.session.machine.mem.frames.generations).not.toBeNull();
    expect(sys.write('kernel/mm/lru_gen/enabled', '0x3')).toBe(3);
    expect(sys.read('kernel/mm/lru_gen/enabled')).toBe('0x0003\n');
    expect(sys.write('kernel/mm/lru_gen/enabled', 'maybe')).toBe(-EINVAL);
    expect(sys.write('kernel/mm/lru_gen/enabled', 'n')).toBe(1);
    expect(sys.read('kernel/mm/lru_gen/enabled')).toBe('0x0000\n');
    expect(sys.session.machine.check()).toEqual([]);
  });

  test('min_ttl_ms takes what an unsigned int holds', () => {
    const sys = new Sys();
    expect(sys.write('kernel/mm/lru_gen/min_ttl_ms', '4294967295')).toBe(10);
    expect(sys.read('kernel/mm/lru_gen/min_ttl_ms')).toBe('4294967295\n');
    for (const bad of ['4294967296', '-1', '', '1s'])
      expect(sys.write('kernel/mm/lru_gen/min_ttl_ms', bad)).toBe(-EINVAL);
    expect(sys.read('kernel/mm/lru_gen/min_ttl_ms')).toBe('4294967295\n');
  });

  test('debug/lru_gen shows each group in the form of the kernel, and takes commands', () => {
    const sys = new Sys(SCENARIO.replace('cpus=5', 'cpus=5 lru=generations') + GROUP);
    const shown = sys.read('kernel/debug/lru_gen');
    expect(shown).toMatch(/^memcg {5}1 \/\n node {5}0\n( +\d+ +\d+ +\d+ {2}\d*.*\n)+memcg {5}2 \/g\n node {5}0\n/);
    expect(sys.write('kernel/debug/lru_gen', '+ 2 0 3\n')).toBe(8);
    expect(sys.read('kernel/debug/lru_gen').split('memcg')[2]!.trimEnd().split('\n').at(-1)).toMatch(
      /^ {10}4 {10}0 {10}0 {11}0$/,
    );
    expect(sys.write('kernel/debug/lru_gen', '- 2 0 9\n')).toBe(-EINVAL);
    expect(sys.write('kernel/debug/lru_gen', '+ 9 0 3\n')).toBe(-EINVAL);
    expect(sys.write('kernel/debug/lru_gen', '* 2 0 3\n')).toBe(-EINVAL);
    expect(sys.read('kernel/debug/lru_gen_full')).toMatch(/ {12} {9}0 +\d+R +\d+T +\d+ {2}/);
  });

  test('is not there in kernels that have none', () => {
    const sys = new Sys(SCENARIO.replace('cpus=5', 'cpus=5 kernel=5.10'));
    expect(sys.ino('kernel/mm/lru_gen')).toBe(-ENOENT);
    expect(sys.ino('kernel/debug/lru_gen')).toBe(-ENOENT);
  });
});
