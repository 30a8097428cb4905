/** Unmodified programs that read /sys, under `run`: what they show is the simulated machine's. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools } from './support/inside.ts';
import { readMeminfo } from './support/tree.ts';

/** More CPUs than the machines have that run this. */
const CPUS = 96;
const SCENARIO = `machine ram=512M swap=256M swapkind=zram cpus=${CPUS} uptime=1h
proc init pid=1 ppid=0 comm=init
proc game pid=1234 ppid=1 uid=1000 comm=game
game mmap heap size=40M anon private name=[heap]
game touch heap 0 40M write
game reclaim anon
`;

describe.skipIf(skipTools)('/sys under run', () => {
  let inside: Inside;
  beforeAll(async () => {
    inside = await Inside.start({ scenario: SCENARIO });
  }, 90_000);
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  test('lscpu, nproc --all and getconf count the machine’s CPUs', async () => {
    const lscpu = await inside.text('lscpu');
    expect(lscpu).toMatch(new RegExp(`^CPU\\(s\\): +${CPUS}$`, 'm'));
    expect(lscpu).toMatch(new RegExp(`^On-line CPU\\(s\\) list: +0-${CPUS - 1}$`, 'm'));
    expect(lscpu).toMatch(/^NUMA node\(s\): +1$/m);
    expect(await inside.text('nproc --all; getconf _NPROCESSORS_CONF')).toBe(`${CPUS}\n${CPUS}\n`);
  });

  test('mpstat has a line for each CPU', async () => {
    const lines = (await inside.text('mpstat -P ALL')).split('\n').filter((line) => / +\d+( +[\d.]+){10}$/.test(line));
    expect(lines.length).toBeGreaterThanOrEqual(CPUS);
  });

  test('zramctl shows what zram holds', async () => {
    const columns = 'zramctl --bytes --noheadings --output NAME,ALGORITHM,DISKSIZE,DATA,TOTAL';
    const [name, algorithm, size, data, total] = (await inside.text(columns)).trim().split(/\s+/);
    expect([name, algorithm, size, data]).toEqual([
      '/dev/zram0',
      'lzo-rle',
      `${256 * 2 ** 20 + 4096}`,
      `${40 * 2 ** 20}`,
    ]);
    expect(Number(total)).toBeGreaterThan(0);
    expect(Number(total)).toBeLessThan(40 * 2 ** 20);
  });

  test('lsblk lists the machine’s disk and its zram', async () => {
    const names = (await inside.text('lsblk -ndo NAME,TYPE'))
      .trim()
      .split('\n')
      .map((line) => line.trim());
    expect(names.map((line) => line.replace(/ +/, ' ')).sort()).toEqual(['vda disk', 'zram0 disk']);
  });

  test('iostat finds the devices of /proc/diskstats', async () => {
    const swapped = (await inside.text('iostat -dk zram0 | grep ^zram0')).trim().split(/\s+/);
    expect(Number(swapped[6])).toBe(40 * 1024);
  });

  test('numactl -H and numastat -m show one node with all memory', async () => {
    const { MemTotal = 0 } = await readMeminfo(inside);
    expect(await inside.text('numactl -H')).toContain(`node 0 size: ${Math.floor(MemTotal / 1024)} MB\n`);
    expect(await inside.text('numastat -m')).toMatch(new RegExp(`^MemTotal +${(MemTotal / 1024).toFixed(2)} `, 'm'));
  });

  test('lsmem adds up to the machine’s memory', async () => {
    expect(await inside.text('lsmem -b --summary=only')).toMatch(
      new RegExp(`^Total online memory: +${512 * 2 ** 20}$`, 'm'),
    );
  });

  test('hugeadm’s way: pages asked for in /sys are in meminfo', async () => {
    await inside.text('echo 2 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages');
    expect(await readMeminfo(inside)).toMatchObject({ HugePages_Total: 2, HugePages_Free: 2 });
  });

  test('what cannot be set is refused, to root as well', async () => {
    const refused = await inside.sh('echo 1 > /sys/block/zram0/reset');
    expect(refused.stderr).toContain('Device or resource busy');
    expect((await inside.sh('echo always > /sys/kernel/mm/transparent_hugepage/enabled')).stderr).toContain(
      'Permission denied',
    );
  });

  test('the control groups are below fs/cgroup', async () => {
    expect(await inside.text('cat /sys/fs/cgroup/cgroup.procs')).toContain('1234\n');
  });
});
