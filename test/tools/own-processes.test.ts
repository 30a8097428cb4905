/** A command under `run` finds its own processes, on its machine's clock and under its machine's name. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build, Inside, skipTools } from './support/inside.ts';

const SCENARIO = `machine ram=512M uptime=71m cpus=2 hostname=telephone
proc init pid=1 ppid=0 comm=init start=0s
proc game pid=1234 ppid=1 uid=1000 comm=game start=5m
game mmap heap size=4M anon private name=[heap]
`;

describe.skipIf(skipTools).each(['direct', 'fuse-native'] as const)('own processes over %s', (transport) => {
  let inside: Inside;
  beforeAll(async () => {
    inside = await Inside.start({ scenario: SCENARIO, transport });
  }, 90_000);
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  test('ps -p finds a child, pgrep -P all children, pidof by name', async () => {
    const script = 'sleep 61.5 & ps -o pid=,comm= -p $!; echo $!; pgrep -P $$ sleep; pidof sleep; kill $!';
    const [ps = '', pid = '', ...found] = (await inside.text(script)).split('\n');
    expect(ps.trim()).toBe(`${pid} sleep`);
    expect(found).toEqual([pid, pid, '']);
  });

  test('a daemon whose parent has ended is found and killed by pkill', async () => {
    await inside.text(
      '(setsid sleep 62.5 >/dev/null 2>&1 &); until pgrep -fx "sleep 62.5" >/dev/null; do sleep 0.1; done',
    );
    await inside.text('pkill -fx "sleep 62.5"; while pgrep -fx "sleep 62.5" >/dev/null; do sleep 0.1; done');
  });

  test('ps -e lists simulated processes and the command’s, and nothing of the server', async () => {
    const script = 'ps -eo pid=,ppid=,args=';
    const lines = (await inside.text(script))
      .trim()
      .split('\n')
      .map((line) => line.trim());
    expect(lines.filter((line) => /run-server|sleep infinity|unshare/.test(line))).toEqual([]);
    expect(lines.some((line) => /^1234 +1 /.test(line))).toBe(true);
    expect(lines.some((line) => line.includes('agent.mjs'))).toBe(true);
    expect(lines.some((line) => line.endsWith('ps -eo pid=,ppid=,args='))).toBe(true);
    expect(lines.filter((line) => /^1 /.test(line))).toHaveLength(1);
  });

  test('numbers of the server do not exist', async () => {
    const server = (await inside.text('ps -o ppid= -p $(pgrep -f agent.mjs | head -1)')).trim();
    expect((await inside.sh(`ls -d /proc/${server}`)).status).not.toBe(0);
  });

  test('start times and elapsed times are those of the machine’s clock', async () => {
    const [elapsed = '', started = '', uptime = ''] = (
      await inside.text('ps -o etimes= -p $$; cut -d" " -f22 /proc/$$/stat; cut -d" " -f1 /proc/uptime')
    ).split('\n');
    expect(Number(elapsed)).toBeGreaterThanOrEqual(0);
    expect(Number(elapsed)).toBeLessThan(120);
    expect(Number(started) / 100).toBeGreaterThanOrEqual(71 * 60);
    expect(Number(started) / 100).toBeLessThanOrEqual(Number(uptime));
  });

  test('hostname(1), uname -n and /proc/sys/kernel/hostname say the same', async () => {
    expect(await inside.text('hostname; uname -n; cat /proc/sys/kernel/hostname')).toBe('telephone\n'.repeat(3));
  });

  test('links to namespaces can be followed, and lsns counts simulated processes', async () => {
    expect(await inside.text('stat -Lc %i /proc/1234/ns/mnt; readlink /proc/1234/ns/mnt')).toBe(
      '4026531832\nmnt:[4026531832]\n',
    );
    expect(
      await inside.text('test -e /proc/$$/ns/mnt && (exec 5< <(:); test -p /proc/$BASHPID/fd/5 && echo pipe)'),
    ).toBe('pipe\n');
    // It asks by ioctl(2), which fuse-native does not hand on.
    if (transport === 'direct')
      expect(await inside.text('lsns -no NS,TYPE,NPROCS,COMMAND -t mnt')).toMatch(/^4026531832 mnt +2 init$/m);
  });

  test('process substitution, /dev/stdin and /proc/self/exe work', async () => {
    expect(
      await inside.text('cat <(echo one); echo two | cat /dev/stdin; cmp /proc/self/exe "$(command -v cmp)"'),
    ).toBe('one\ntwo\n');
  });
});

test.skipIf(skipTools)(
  'a shell that is the command finds itself, but not by pgrep -f what stands in its script',
  async () => {
    const script = 'ps -o comm= -p $$; pgrep -x sh; echo $$; pgrep -f "pgrep -f" || echo none';
    const { stdout } = await promisify(execFile)(process.execPath, [await build(), 'run', '--', 'sh', '-c', script]);
    expect(stdout).toMatch(/^sh\n(\d+)\n\1\nnone\n$/);
  },
);

describe.skipIf(skipTools).each(['direct', 'fuse-native'] as const)('the list of mounts over %s', (transport) => {
  let inside: Inside;
  beforeAll(async () => {
    inside = await Inside.start({ scenario: SCENARIO, transport });
  }, 90_000);
  afterAll(() => inside.stop());

  test.each(['/proc/mounts', '/proc/self/mounts'])('%s has one proc, one sysfs, one cgroup2', async (path) => {
    const lines = (await inside.read(path)).split('\n').filter((line) => / \/(proc|sys)[ /]/.test(line));
    const kinds = lines.map((line) => line.split(' ').slice(1, 3).join(' ')).sort();
    expect(kinds).toEqual(['/proc proc', '/sys sysfs', '/sys/fs/cgroup cgroup2']);
  });

  test('findmnt agrees, and the control group is one of the simulated tree', async () => {
    expect(
      await inside.text('findmnt -no FSTYPE /proc /sys /sys/fs/cgroup; findmnt -no FSTYPE /sys/fs/cgroup'),
    ).toContain('cgroup2');
    const group = (await inside.read('/proc/self/cgroup')).trim();
    expect(group).toMatch(/^0::\//);
    await inside.text(`cat /sys/fs/cgroup${group.slice(3)}/cgroup.procs`);
  });

  test('self names the process and thread-self the thread', async () => {
    const [self = '', thread = '', exe = ''] = (
      await inside.text('readlink /proc/self; readlink /proc/thread-self; readlink /proc/self/exe')
    ).split('\n');
    expect(self).toMatch(/^\d+$/);
    expect(thread).toMatch(/^(\d+)\/task\/\1$/);
    if (transport === 'direct') expect(exe).toMatch(/^\/.*\/(readlink|coreutils|busybox)$/);
  });
});
