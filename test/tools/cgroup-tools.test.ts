/** Debian's cgroup-tools (libcgroup) on the machine's control groups; fetched and unpacked, not installed. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools } from './support/inside.ts';

const SCENARIO = `machine ram=512M cpus=2
proc init pid=1 ppid=0 comm=init
proc game pid=1234 ppid=1 uid=1000 comm=game
cgroup write /cgroup.subtree_control "+memory +pids"
cgroup mkdir /apps
`;

const V1 = `machine ram=512M cpus=2 cgroup=v1
proc init pid=1 ppid=0 comm=init
proc game pid=1234 ppid=1 uid=1000 comm=game
cgroup mkdir /apps
`;
const HIERARCHY = 'cpu,cpuacct,memory,freezer,pids';

describe.skipIf(skipTools)('cgroup-tools', () => {
  const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-cgroup-tools-'));
  const usr = join(directory, 'root');
  const env = {
    LD_LIBRARY_PATH: ['usr/lib', 'lib'].map((lib) => join(usr, lib, 'x86_64-linux-gnu')).join(':'),
    PATH: `${join(usr, 'usr/bin')}:${process.env['PATH'] ?? ''}`,
  };
  let inside: Inside;
  beforeAll(async () => {
    execFileSync('apt-get', ['download', '-q', 'cgroup-tools', 'libcgroup2'], { cwd: directory, stdio: 'ignore' });
    for (const file of readdirSync(directory)) execFileSync('dpkg', ['-x', join(directory, file), usr]);
    inside = await Inside.start({ scenario: SCENARIO });
  }, 120_000);
  afterAll(async () => {
    await inside.check();
    await inside.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('cgcreate, cgset, cgget, cgdelete', async () => {
    const script =
      'cgcreate -g memory:made && cgset -r memory.max=10M made && cgget -nv -r memory.max made && cgdelete -g memory:made && ls -d /sys/fs/cgroup/made';
    const { stdout, stderr } = await inside.sh(script, { env });
    expect(stdout).toBe('10485760\n');
    expect(stderr).toContain('No such file');
  });

  test('cgexec and cgclassify put real processes into groups, cgclassify simulated ones, too', async () => {
    const script = `cgexec -g memory:apps cat /proc/self/cgroup; sleep 60 & cgclassify -g memory,pids:apps $! 1234
      cat /proc/$!/cgroup /proc/1234/cgroup; lscgroup -g memory:apps; kill $!`;
    expect(await inside.text(script, { env })).toMatch(/^0::\/apps\n0::\/apps\n0::\/apps\n.*:\/?apps\/?\n$/);
  });

  describe('with version 1', () => {
    let old: Inside;
    beforeAll(async () => {
      old = await Inside.start({ scenario: V1 });
    }, 120_000);
    afterAll(async () => {
      await old.check();
      await old.stop();
    });

    test('cgcreate, cgset, cgget, cgexec', async () => {
      const script = `cgcreate -g memory:made && cgset -r memory.limit_in_bytes=10M made && cgget -nv -r memory.limit_in_bytes made
        cgexec -g memory:made cat /proc/self/cgroup; echo 1234 > /sys/fs/cgroup/memory/made/tasks; cat /proc/1234/cgroup`;
      expect(await old.text(script, { env })).toBe(`10485760\n1:${HIERARCHY}:/made\n1:${HIERARCHY}:/made\n`);
    });

    test('mounts, statfs and /proc/cgroups agree', async () => {
      expect(await old.text('findmnt -rno TARGET,FSTYPE /sys/fs/cgroup; findmnt -rno TARGET,FSTYPE -t cgroup')).toBe(
        `/sys/fs/cgroup tmpfs\n/sys/fs/cgroup/${HIERARCHY} cgroup\n`,
      );
      expect(await old.text('stat -fc %t /sys/fs/cgroup /sys/fs/cgroup/memory/')).toBe('1021994\n27e0eb\n');
      expect(await old.text('grep -c cgroup2 /proc/self/mounts || grep memory /proc/cgroups')).toMatch(
        /^0\nmemory\t1\t\d+\t1\n$/,
      );
      expect(await old.text('cat /proc/1/mounts')).toContain(
        `cgroup /sys/fs/cgroup/${HIERARCHY} cgroup rw,relatime,cpu,cpuacct,memory,freezer,pids 0 0\n`,
      );
    });
  });
});
