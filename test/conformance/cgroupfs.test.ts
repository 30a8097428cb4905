/** The control groups as a second mount, and what else user-space memory managers speak to, on real mounts. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findMount } from '../../src/fuse/mountinfo.ts';
import type { TransportName } from '../../src/fuse/types.ts';
import { run, sh, skipMounts, sleep, until, within } from './support/mounts.ts';
import { Program, type ReclaimMount } from './support/reclaim-mount.ts';

const TRANSPORTS: readonly TransportName[] = ['direct', 'fuse-native'];
const SCENARIO = `machine ram=256M swap=256M swapkind=zram
proc init pid=1 ppid=0 comm=init
proc mail pid=1234 comm=mail uid=1000
mail mmap heap size=64M anon private
`;
const MB = 2 ** 20;

const program = new Program();
beforeAll(() => program.build());
afterAll(() => program.dispose());

/** What a command of a shell says: the words of strerror come last. */
async function refusal(script: string): Promise<string> {
  const { stderr, status } = await sh(script);
  return status === 0 ? 'ok' : (stderr.trim().split(': ').at(-1) ?? '');
}

let nrGroups = 0;

async function mountBoth(transport: TransportName, ...args: string[]): Promise<{ m: ReclaimMount; cg: string }> {
  const cg = join(program.directory, `cg${++nrGroups}`);
  mkdirSync(cg);
  return { m: await program.mount(SCENARIO, transport, '--cgroupfs', cg, ...args), cg };
}

describe.skipIf(skipMounts).each(TRANSPORTS)('control groups mounted over %s', (transport) => {
  let m: ReclaimMount;
  let cg = '';
  const value = (file: string): number => Number(readFileSync(join(cg, file), 'utf8'));
  const text = (file: string): string => readFileSync(join(cg, file), 'utf8');
  const refused = (words: string, file: string): Promise<string> => refusal(`echo ${words} | tee ${join(cg, file)}`);

  beforeEach(async () => {
    ({ m, cg } = await mountBoth(transport));
    writeFileSync(join(cg, 'cgroup.subtree_control'), '+memory');
  });
  afterEach(async () => {
    await m.stop();
    expect(findMount(cg)).toBeUndefined();
    expect(findMount(m.mnt)).toBeUndefined();
  });

  /** A group with the app in it. */
  function group(): void {
    mkdirSync(join(cg, 'apps'));
    writeFileSync(join(cg, 'apps/cgroup.procs'), '1234\n');
  }

  test('directories are groups', async () => {
    mkdirSync(join(cg, 'apps'));
    expect(readdirSync(cg)).toContain('apps');
    expect(readdirSync(join(cg, 'apps'))).toEqual(expect.arrayContaining(['cgroup.procs', 'memory.max']));
    expect(existsSync(join(cg, 'memory.max'))).toBe(false);
    expect(await refusal(`mkdir ${cg}/apps`)).toBe('File exists');
    expect(await refusal(`mkdir ${cg}/apps/memory.max`)).toBe('File exists');
    mkdirSync(join(cg, 'apps/one'));
    expect(await refusal(`rmdir ${cg}/apps`)).toMatch(/busy|not empty/);
    rmdirSync(join(cg, 'apps/one'));
    rmdirSync(join(cg, 'apps'));
    expect(existsSync(join(cg, 'apps'))).toBe(false);
    expect(await refusal(`rmdir ${cg}/apps`)).toBe('No such file or directory');
    expect(await refusal(`echo x > ${cg}/new`)).not.toBe('ok');
    expect(readdirSync(m.mnt)).not.toContain('.cgroup');
  });

  test('a process that is moved shows where it is, and keeps its group from being removed', async () => {
    group();
    expect(text('apps/cgroup.procs')).toBe('1234\n');
    expect(m.read('1234/cgroup')).toBe('0::/apps\n');
    expect(text('apps/cgroup.events')).toContain('populated 1');
    expect(await refusal(`rmdir ${cg}/apps`)).toMatch(/busy/i);
    expect(await refused('4711', 'apps/cgroup.procs')).toBe('No such process');
    expect(await refused('one', 'apps/cgroup.procs')).toBe('Invalid argument');
    writeFileSync(join(cg, 'apps/cgroup.kill'), '1');
    expect(existsSync(m.path('1234'))).toBe(false);
    expect(text('apps/cgroup.events')).toContain('populated 0');
  });

  test('groups have owners, permissions and extended attributes; files of processes have none', async () => {
    group();
    const python = (script: string): Promise<string> =>
      sh(`cd ${cg} && /usr/bin/python3 -c 'import os\n${script}'`).then(({ stdout, stderr }) => stdout + stderr);
    chownSync(join(cg, 'apps/cgroup.procs'), 1000, 1001);
    chmodSync(join(cg, 'apps/cgroup.procs'), 0o664);
    const { uid, gid, mode } = statSync(join(cg, 'apps/cgroup.procs'));
    expect([uid, gid, mode & 0o777]).toEqual([1000, 1001, 0o664]);
    expect(
      await python(
        'os.setxattr("apps", "user.delegate", b"1"); os.setxattr("apps", "trusted.invocation_id", b"abc")\n' +
          'print(os.listxattr("apps"), os.getxattr("apps", "user.delegate"), os.getxattr("apps", "trusted.invocation_id"))',
      ),
    ).toBe("['trusted.invocation_id', 'user.delegate'] b'1' b'abc'\n");
    expect(await python('os.setxattr("apps", "user.delegate", b"2", os.XATTR_CREATE)')).toContain('File exists');
    expect(await python('os.removexattr("apps", "user.delegate"); os.getxattr("apps", "user.delegate")')).toContain(
      'No data available',
    );
    // Whoever has no CAP_SYS_ADMIN neither sets nor sees what is trusted, nor sets anything of what is not his.
    const nobody = 'os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534); ';
    expect(await python(`${nobody}print(os.listxattr("apps")); os.setxattr("apps", "trusted.x", b"")`)).toMatch(
      transport === 'direct' ? /^\[\]\n[\s\S]*not permitted/ : /not permitted/,
    );
    expect(await python(`${nobody}os.getxattr("apps", "trusted.invocation_id")`)).toContain('No data available');
    expect(await python(`${nobody}os.setxattr("apps", "user.x", b"")`)).toContain('Permission denied');
    expect(
      (await sh(`/usr/bin/python3 -c 'import os; os.setxattr("${m.path('1234')}", "user.x", b"")'`)).stderr,
    ).toContain('not supported');
    expect((await sh(`/usr/bin/python3 -c 'import os; print(os.listxattr("${m.path('1234/status')}"))'`)).stdout).toBe(
      '[]\n',
    );
  });

  test('memory.current moves with what the processes do', () => {
    group();
    const before = value('apps/memory.current');
    m.apply('mail touch heap 0 16M write');
    expect(value('apps/memory.current') - before).toBe(16 * MB);
    m.apply('mail reclaim all');
    expect(value('apps/memory.swap.current')).toBe(16 * MB);
    expect(value('apps/memory.current')).toBe(before);
    expect(text('apps/memory.stat')).toMatch(/^anon 0$/m);
  });

  test('memory.max holds what it says', async () => {
    group();
    m.apply('mail touch heap 0 32M write');
    expect((await sh(`echo 8M > ${cg}/apps/memory.max`)).status).toBe(0);
    expect(text('apps/memory.max')).toBe(`${8 * MB}\n`);
    expect(value('apps/memory.current')).toBeLessThanOrEqual(8 * MB);
    m.apply('mail touch heap 0 64M write');
    expect(value('apps/memory.current')).toBeLessThanOrEqual(8 * MB);
    expect(text('apps/memory.events')).toMatch(/^max [1-9]/m);
    for (const nonsense of ['-1', '8MB', 'maximum', '""'])
      expect(await refused(nonsense, 'apps/memory.max')).not.toBe('ok');
    expect(text('apps/memory.max')).toBe(`${8 * MB}\n`);
    writeFileSync(join(cg, 'apps/memory.max'), 'max\n');
    expect(text('apps/memory.max')).toBe('max\n');
  });

  test('memory.reclaim takes a size and a swappiness, and says when there is no more', async () => {
    group();
    m.apply('mail touch heap 0 32M write');
    const before = value('apps/memory.current');
    expect(await refused('"4M"', 'apps/memory.reclaim')).toBe('ok');
    expect(before - value('apps/memory.current')).toBeGreaterThanOrEqual(4 * MB);
    expect(await refused('"1M swappiness=max"', 'apps/memory.reclaim')).toBe('ok');
    for (const nonsense of ['much', '"1M swappiness=201"', '"1M swappiness=-1"', '"1M please"', '"swappiness=10"'])
      expect(await refused(nonsense, 'apps/memory.reclaim')).toBe('Invalid argument');
    expect(await refused('1G', 'apps/memory.reclaim')).toBe('Resource temporarily unavailable');
    expect(statSync(join(cg, 'apps/memory.reclaim')).mode & 0o777).toBe(0o200);
  });

  test('what was done is a journal that does it again', () => {
    group();
    writeFileSync(join(cg, 'apps/memory.high'), '20M');
    const state = m.read('reclaimfs/state');
    expect(state).toContain('cgroup mkdir /apps');
    expect(state).toMatch(/cgroup write \/apps\/memory.high/);
  });

  test('the parameters of the low-memory killer are read and written', async () => {
    const files = 'reclaimfs/lowmemorykiller';
    expect(m.read(`${files}/adj`)).toMatch(/^\d+(,\d+)*\n$/);
    expect(m.write(`${files}/adj`, '0,200,900\n')).toBe(10);
    expect(m.write(`${files}/minfree`, '1024,2048,4096\n')).toBe(15);
    expect(m.read(`${files}/adj`)).toBe('0,200,900\n');
    expect(m.read(`${files}/minfree`)).toBe('1024,2048,4096\n');
    expect(m.write(`${files}/adj`, 'many\n')).toBe('EINVAL');
    expect(m.read(`${files}/adj`)).toBe('0,200,900\n');
  });

  test('a reader of vmpressure sleeps until there is some', async () => {
    const reader = run('head', ['-n', '1', m.path('reclaimfs/vmpressure')]);
    const late = Symbol('late');
    expect(await Promise.race([reader, sleep(500).then(() => late)])).toBe(late);
    m.apply('proc hog pid=2000\nhog mmap heap size=400M anon private\nhog touch heap 0 300M write');
    expect((await within(reader, 'pressure')).stdout).toMatch(/^(low|medium|critical)\n$/);
    expect(m.write('reclaimfs/vmpressure', 'medium')).toBe(6);
    expect(m.write('reclaimfs/vmpressure', 'dreadful')).toBe('EINVAL');
  });
});

/** As Meta's senpai does it (native-notes): integral of the pressure, tighten or back off, every period of six rounds. */
const SENPAI = `
cg=$1 clock=$2 rounds=$3 control=$4 load=$5
pressure=10000 period=6 min=$((4*1048576)) max=$((100*1073741824))
total() { sed -n 's/^some.*total=//p' $cg/memory.pressure; }
limit=$(cat $cg/memory.current); echo $limit > $cg/memory.high
last=$(total) integral=0 grace=$period
while [ $rounds -gt 0 ]; do
  rounds=$((rounds-1)); [ -z "$load" ] || echo "$load" > $control; echo +1s > $clock
  now=$(total); integral=$((integral+now-last)); last=$now
  current=$(cat $cg/memory.high)
  if [ $integral -gt $pressure ]; then
    limit=$(awk -v l=$current -v i=$integral -v p=$pressure 'BEGIN{e=i/p; e=(e/20)^2; if(e>1)e=1; print int(l*(1+e))}')
    grace=$period
  else
    grace=$((grace-1)); [ $grace -gt 0 ] && continue
    [ $integral -lt 1 ] && integral=1
    limit=$(awk -v l=$current -v i=$integral -v p=$pressure 'BEGIN{e=(p/i/10)^2*0.01; if(e>0.01)e=0.01; print int(l*(1-e))}')
    grace=$period
  fi
  integral=0
  [ $limit -lt $min ] && limit=$min; [ $limit -gt $max ] && limit=$max
  echo $((limit/4096*4096)) > $cg/memory.high || exit 1
  echo $limit
done`;

describe.skipIf(skipMounts)('a second mount', () => {
  test('senpai, in sh, takes the idle part of a process away without making it wait', async () => {
    const { m, cg } = await mountBoth('direct');
    writeFileSync(join(cg, 'cgroup.subtree_control'), '+memory');
    mkdirSync(join(cg, 'app'));
    writeFileSync(join(cg, 'app/cgroup.procs'), '1234');
    m.apply('mail touch heap 0 64M write');
    const before = Number(readFileSync(join(cg, 'app/memory.current'), 'utf8'));
    const senpai = async (rounds: number, load = ''): Promise<number[]> => {
      const words = [join(cg, 'app'), m.path('reclaimfs/clock'), String(rounds), m.path('reclaimfs/control'), load];
      const outcome = await run('sh', ['-c', SENPAI, 'senpai', ...words], 50_000);
      expect(outcome).toMatchObject({ status: 0, stderr: '' });
      return outcome.stdout.trim().split('\n').map(Number);
    };
    // Nobody waits: one per cent every six seconds.
    const idle = await senpai(90);
    expect(idle.length).toBeGreaterThan(12);
    expect(idle).toEqual([...idle].sort((one, other) => other - one));
    const after = Number(readFileSync(join(cg, 'app/memory.current'), 'utf8'));
    expect(after / before).toBeGreaterThan(0.7);
    expect(after / before).toBeLessThan(0.9);
    // All of it is wanted again and again, every second: senpai lets go.
    const busy = await senpai(40, 'mail touch heap 0 64M write');
    expect(Math.max(...busy)).toBeGreaterThan(idle.at(-1)!);
    expect(readFileSync(join(cg, 'app/memory.events'), 'utf8')).toMatch(/^high [1-9]/m);
    await m.stop();
  }, 70_000);

  test.each(TRANSPORTS)('over %s goes with the first, by umount', async (transport) => {
    const { m, cg } = await mountBoth(transport);
    expect((await run('umount', [m.mnt])).status).toBe(0);
    await until(() => findMount(cg) === undefined, 'end of the second mount');
    await m.stop();
  });

  test.each(TRANSPORTS)('over %s may go alone', async (transport) => {
    const { m, cg } = await mountBoth(transport);
    expect((await run('umount', [cg])).status).toBe(0);
    expect(m.read('1234/comm')).toBe('mail\n');
    await m.stop();
    expect(findMount(m.mnt)).toBeUndefined();
  });

  test('is taken away by reclaimfs umount, after its server was killed, too', async () => {
    const main = join(program.directory, 'dist/cli/main.js');
    const mnt = join(program.directory, 'killed');
    const cg = join(program.directory, 'killed-cg');
    for (const directory of [mnt, cg]) mkdirSync(directory);
    const mounted = await run(process.execPath, [main, 'mount', mnt, '--cgroupfs', cg]);
    expect(mounted).toMatchObject({ status: 0 });
    const server = Number(
      (await run('pgrep', ['-n', '-f', join(program.directory, 'dist/(cli|server)/serve.js')])).stdout,
    );
    process.kill(server, 'SIGKILL');
    await until(
      () => !existsSync(`/proc/${server}`) || readFileSync(`/proc/${server}/stat`, 'utf8').includes(') Z '),
      'end',
    );
    // Its guardian may have been quicker: then there is nothing left to unmount, and that is what is said.
    const outcome = await run(process.execPath, [main, 'umount', mnt]);
    if (outcome.status !== 0) expect(outcome.stderr).toMatch(/nothing is mounted|is not mounted|no mount/i);
    await until(() => !findMount(cg), 'end of the second mount');
    expect(findMount(mnt)).toBeUndefined();
  });

  test('that cannot be leaves none', async () => {
    const main = join(program.directory, 'dist/cli/main.js');
    const mnt = join(program.directory, 'none');
    mkdirSync(mnt);
    const outcome = await run(process.execPath, [main, 'mount', mnt, '--cgroupfs', join(mnt, '../no-such-directory')]);
    expect(outcome.status).not.toBe(0);
    expect(outcome.stderr).toContain('mkdir -p');
    expect(findMount(mnt)).toBeUndefined();
  });

  test('stays usable while somebody reads its pressure', async () => {
    const { m, cg } = await mountBoth('direct');
    const watcher = spawn('sh', ['-c', `while :; do cat ${cg}/memory.pressure ${m.path('meminfo')}; done`], {
      stdio: 'ignore',
    });
    for (let i = 0; i < 20; i++) {
      mkdirSync(join(cg, `g${i}`));
      expect(readFileSync(join(cg, `g${i}/cgroup.procs`), 'utf8')).toBe('');
    }
    watcher.kill('SIGKILL');
    await m.stop();
    expect(findMount(cg)).toBeUndefined();
  });

  test('under run is /sys/fs/cgroup', async () => {
    const script =
      'cd /sys/fs/cgroup && echo +memory > cgroup.subtree_control && mkdir a && echo 1234 > a/cgroup.procs && cat a/cgroup.procs /proc/1234/cgroup';
    const scenario = join(program.directory, 'run.scn');
    writeFileSync(scenario, SCENARIO);
    const main = join(program.directory, 'dist/cli/main.js');
    const outcome = await run(
      process.execPath,
      [main, 'run', '--scenario', scenario, '--', 'sh', '-c', script],
      40_000,
    );
    expect(outcome).toMatchObject({ stdout: '1234\n0::/a\n', status: 0 });
    expect(existsSync('/sys/fs/cgroup/a')).toBe(false);
  });
});

// Over fuse-native poll is always ready: libfuse 2 as it is bound there does not ask.
describe.skipIf(skipMounts)('poll(2) on files of groups', () => {
  test.each([
    ['cgroup.events', 'echo 1234 > apps/cgroup.procs'],
    [
      'memory.events',
      'echo 4M > apps/memory.max; echo 1234 > apps/cgroup.procs; echo "mail touch heap 0 8M write" > CONTROL',
    ],
  ])('%s wakes who waits for it', async (file, change) => {
    const { m, cg } = await mountBoth('direct');
    try {
      writeFileSync(join(cg, 'cgroup.subtree_control'), '+memory');
      mkdirSync(join(cg, 'apps'));
      const script = `import os, select
fd = os.open('${join(cg, 'apps', file)}', os.O_RDONLY)
p = select.poll(); p.register(fd, select.POLLPRI)
print(len(p.poll(0)), flush=True)
os.read(fd, 4096)
print(len(p.poll(0)), flush=True)
print(p.poll(20000)[0][1] & 10, flush=True)
os.lseek(fd, 0, 0); os.read(fd, 4096)
print(len(p.poll(300)))`;
      const child = spawn('python3', ['-c', script]);
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
      await until(() => out.startsWith('1\n0\n'), 'first look');
      await sleep(200);
      await sh(`cd ${cg}; ${change.replace('CONTROL', m.path('reclaimfs/control'))}`);
      await until(() => child.exitCode !== null, 'change');
      expect(out).toBe('1\n0\n10\n0\n');
    } finally {
      await m.stop();
    }
  });
});
