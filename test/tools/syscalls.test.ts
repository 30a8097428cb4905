/** System calls of programs under `run`, answered from the simulated machine. */
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build, buildWithoutKoffi, Inside, skipTools, until } from './support/inside.ts';
import { readMeminfo } from './support/tree.ts';

const CALLS = join(import.meta.dirname, 'support/calls.py');
const CPUS = 96;
const SCENARIO = `machine ram=512M swap=256M swapkind=zram cpus=${CPUS} uptime=1h hostname=telephone
proc init pid=1 ppid=0 comm=init
proc game pid=1234 ppid=1 uid=1000 comm=game
game mmap heap size=40M anon private name=[heap]
game touch heap 0 40M write
game reclaim anon
proc zombie pid=2000 ppid=1 uid=1000 comm=zombie
zombie exit zombie
proc big pid=3000 ppid=1 uid=3000000000 comm=big
proc one pid=4001 ppid=1 comm=worker
proc two pid=4002 ppid=1 comm=worker
proc kthread pid=40 kthread
`;

describe.skipIf(skipTools).each(['direct', 'fuse-native'] as const)('system calls over %s', (transport) => {
  let inside: Inside;
  beforeAll(async () => {
    inside = await Inside.start({ scenario: SCENARIO, transport });
  }, 90_000);
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  test('sysinfo: busybox free and uptime show the machine', async () => {
    const { MemTotal, SwapTotal, SwapFree } = await readMeminfo(inside);
    const free = await inside.text('busybox free');
    expect(free).toMatch(new RegExp(`^Mem: +${MemTotal} `, 'm'));
    expect(free).toMatch(new RegExp(`^Swap: +${SwapTotal} +${SwapTotal! - SwapFree!} +${SwapFree}$`, 'm'));
    expect(await inside.text('busybox uptime')).toMatch(/ up +1:\d\d,.*load average: 0\.\d\d, /);
    expect(await inside.text('/usr/bin/python3 -c "import os; print(os.getloadavg()[0] < 1)"')).toBe('True\n');
  });

  test('sched_getaffinity: nproc and node count the machine’s CPUs, more than there are', async () => {
    expect(cpus().length).toBeLessThan(CPUS);
    const node = `${process.execPath} -p "require('os').availableParallelism()"`;
    expect(await inside.text(`nproc; taskset -c 1-4 nproc; ${node}`)).toBe(`${CPUS}\n4\n${CPUS}\n`);
  });

  test('uname: release and version are those of /proc', async () => {
    const [name, kernel] = (await inside.text('uname -n; uname -r')).split('\n');
    expect(name).toBe('telephone');
    expect(kernel).toBe((await inside.read('/proc/sys/kernel/osrelease')).trim());
    expect(kernel).not.toBe(release());
  });

  test('statfs, fstatfs: the tree is proc, sysfs and cgroup2', async () => {
    const paths = '/proc /proc/1234/stat /proc/self/stat /sys /sys/block /sys/fs/cgroup';
    expect(await inside.text(`stat -fc %t ${paths}`)).toBe('9fa0\n9fa0\n9fa0\n62656572\n62656572\n63677270\n');
    expect(await inside.text('cd /sys/kernel && stat -fc %t . mm')).toBe('62656572\n62656572\n');
    const fstatfs = 'import os; print(os.statvfs(os.open("/proc", 0)).f_namemax > 0)';
    expect(await inside.text(`/usr/bin/python3 -c '${fstatfs}'`)).toBe('True\n');
    expect((await inside.sh('stat -fc %t /proc/nosuchfile')).status).toBe(1);
    expect(await inside.text('stat -fc %t /dev/shm')).toBe('1021994\n');
  });

  test('kill finds zombies, processes of all users, and kernel threads, which outlive it', async () => {
    await inside.text('kill -0 2000 && kill -0 3000 && kill -9 40 && kill -9 1 && kill -0 1');
    expect(await inside.read('/proc/40/comm')).toBe('kthread\n');
    expect((await inside.sh('kill -0 4242')).stderr).toContain('No such process');
    const others = 'setpriv --reuid 1001 --clear-groups sh -c "kill 4001"';
    expect((await inside.sh(others)).stderr).toContain('Operation not permitted');
  });

  test('killall of psmisc ends all of a name', async () => {
    await inside.text('(setsid sleep 71.5 >/dev/null 2>&1 &); until pgrep -fx "sleep 71.5"; do sleep 0.1; done');
    await inside.text('killall worker && killall sleep');
    const left = async (): Promise<boolean> => (await inside.sh('pgrep "^(worker|sleep)$"')).status === 0;
    await until(async () => !(await left()), 'end of all', 30_000);
  });

  test('taskset and prlimit change what /proc says, within what the caller may', async () => {
    await inside.text('taskset -pc 1-2,90 40');
    expect(await inside.text('taskset -pc 40; grep Cpus_allowed_list /proc/40/status')).toBe(
      "pid 40's current affinity list: 1,2,90\nCpus_allowed_list:\t1-2,90\n",
    );
    expect((await inside.sh('taskset -pc 96 40')).stderr).toContain('Invalid argument');
    await inside.text('prlimit --pid 1234 --nofile=100:2000 --stack=1000000:unlimited');
    expect(await inside.text('prlimit --pid 1234 --nofile --stack --noheadings -o SOFT,HARD')).toMatch(
      /^ *100 +2000\n *1000000 +unlimited\n$/,
    );
    expect(await inside.text('grep -E "open files|stack" /proc/1234/limits')).toBe(
      'Max stack size            1000000              unlimited            bytes     \n' +
        'Max open files            100                  2000                 files     \n',
    );
    const owner = (words: string): string =>
      `setpriv --reuid 1000 --regid 1000 --clear-groups prlimit --pid 1234 ${words}`;
    await inside.text(owner('--nofile=50:60'));
    expect((await inside.sh(owner('--nofile=50:61'))).stderr).toContain('Operation not permitted');
    expect((await inside.sh('prlimit --pid 1234 --nofile=60:2000000')).stderr).toContain('Operation not permitted');
    expect((await inside.sh('setpriv --reuid 1001 --clear-groups prlimit --pid 1234')).status).not.toBe(0);
  });

  test('descriptors, memory, advice, priorities and affinity as the kernel has them', async () => {
    expect(JSON.parse(await inside.text(['/usr/bin/python3', CALLS], { timeoutMs: 90_000 }))).toEqual({
      inheritable: false,
      before: 0,
      writev: 11,
      readv: [11, 'hello world'],
      readv_part: 5,
      readv_hole: 'EFAULT',
      readv_flags: 'EINVAL',
      rss: expect.any(Number),
      cold: 2 ** 20,
      pageout: 2 ** 20,
      rss_after: 0,
      willneed: 2 ** 20,
      partial: 8192,
      unaligned: 'EINVAL',
      hole: 'ENOMEM',
      dontneed: 'EINVAL',
      collapse: 'EINVAL',
      flags: 'EINVAL',
      none: 0,
      too_many: 'EINVAL',
      fault: 'EFAULT',
      kcmp: 'EPERM',
      mrelease: 'EINVAL',
      getfd: 'EPERM',
      ids: [1234, 1234],
      priority: 0,
      nice: [7, 7],
      cpus: CPUS,
      mine: [3, 90],
      child: '2',
      beyond: 'EINVAL',
      bad_signal: 'EINVAL',
      by_directory: 0,
      own_directory: 0,
      term: 0,
      after: 1,
      gone: ['ESRCH', 'ESRCH', false],
    });
  });
});

describe.skipIf(skipTools)('without them', () => {
  test.each([
    ['--no-syscalls', { options: ['--no-syscalls'] }],
    ['no koffi', { withoutKoffi: true }],
  ] as const)('%s: calls tell of this machine, and kill finds placeholders', async (_name, choice) => {
    const inside = await Inside.start({ scenario: SCENARIO, ...choice });
    try {
      const real = readFileSync('/proc/sys/kernel/osrelease', 'utf8');
      expect(await inside.text('uname -r; stat -fc %t /proc')).toBe(`${real}65735546\n`);
      await inside.text('kill 1234');
      await until(async () => (await inside.sh('test -d /proc/1234')).status === 1, 'end of 1234', 30_000);
      await inside.check();
    } finally {
      await inside.stop();
    }
  });

  test('no koffi: doctor says what is lost, and how to have it', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [await buildWithoutKoffi(), 'doctor']).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toMatch(/warn system calls.*koffi is not there.*\n.*npm install koffi/);
  });
});

/** Tells when calls are answered no more, and how. */
const ASKS = `import os, time
print("started", flush=True)
for _ in range(600):
    time.sleep(0.05)
    try:
        os.uname()
    except OSError as error:
        print(error.errno, flush=True)
        break
print("ended", flush=True)
`;

describe.skipIf(skipTools)('when the supervisor is killed', () => {
  test.each([
    // What is asked between the two ends is ENOSYS.
    ['in a pid namespace the command ends with it', [], /^started\n(38\n(ended\n)?)?$/],
    ['with --no-pidns its calls are ENOSYS from then on', ['--no-pidns'], /^started\n38\nended\n$/],
  ] as const)('%s', async (_name, options, said) => {
    const argv = [await build(), 'run', ...options, '--', '/usr/bin/python3', '-c', ASKS];
    const run = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    run.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await until(async () => output !== '', 'the command', 60_000);
    process.kill(await serverBelow(run.pid!), 'SIGKILL');
    await new Promise((settle) => run.once('close', settle));
    expect(output).toMatch(said);
    expect(run.exitCode).not.toBe(0);
  });

  /** The process that serves a run, by its arguments. */
  async function serverBelow(pid: number): Promise<number> {
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=,args=']);
    const rows = [...stdout.matchAll(/^ *(\d+) +(\d+) (.*)$/gm)].map(([, own, parent, args = '']) => ({
      ...{ own: Number(own), parent: Number(parent), args },
    }));
    for (let below = [pid]; below.length > 0; ) {
      const children = rows.filter(({ parent }) => below.includes(parent));
      const server = children.find(({ args }) => /^\S*node \S*run-server\.js$/.test(args));
      if (server !== undefined) return server.own;
      below = children.map(({ own }) => own);
    }
    throw new Error('there is no server');
  }
});
