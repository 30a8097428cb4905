/** `reclaimfs mount` itself, as users run it: how it ends, what it recovers from, and what only a real tree can show. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMount } from '../../src/fuse/mountinfo.ts';
import type { TransportName } from '../../src/fuse/types.ts';
import { run, sh, skipMounts, sleep, until, within } from './support/mounts.ts';
import { Program, type ReclaimMount } from './support/reclaim-mount.ts';

const TRANSPORTS: readonly TransportName[] = ['direct', 'fuse-native'];
const SCENARIO = `machine ram=64M swap=64M swapkind=zram
proc init pid=1 ppid=0 comm=init
proc game pid=1234 comm=game uid=1000
game mmap heap size=80M anon private
game touch heap 0 16M write
`;

const program = new Program();
beforeAll(() => program.build());
afterAll(() => program.dispose());

/** A mount in the background, and the process that serves it. */
async function mounted(name: string, transport: TransportName): Promise<{ mnt: string; pid: number; log: string }> {
  const mnt = join(program.directory, name);
  // There, but not to be looked at, where a server has been killed.
  if (!findMount(mnt)) mkdirSync(mnt, { recursive: true });
  writeFileSync(`${mnt}.scn`, SCENARIO);
  const main = join(program.directory, 'dist/cli/main.js');
  const outcome = await run(process.execPath, [
    main,
    'mount',
    mnt,
    '--scenario',
    `${mnt}.scn`,
    '--transport',
    transport,
  ]);
  expect(outcome).toMatchObject({ status: 0, stdout: expect.stringContaining(`transport ${transport}`) });
  // Of ours alone: others may serve mounts on this machine.
  const { stdout } = await run('pgrep', ['-n', '-f', join(program.directory, 'dist/(cli|server)/serve.js')]);
  return { mnt, pid: Number(stdout), log: outcome.stderr };
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

async function expectGone({ mnt, pid }: { mnt: string; pid: number }): Promise<void> {
  await until(() => !isAlive(pid), `end of ${pid}`);
  expect(findMount(mnt)).toBeUndefined();
}

/** A `cat` of a file. */
class Waiting {
  readonly #child: ChildProcess;
  /** What it has printed, and its exit status. */
  readonly ended: Promise<string>;

  constructor(path: string) {
    this.#child = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
      });
    this.ended = new Promise((settle) => this.#child.once('close', (code) => settle(`${printed}${code}`)));
  }

  /** It sleeps nowhere but in read(2). */
  get waits(): boolean {
    return readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').includes(' (cat) S ');
  }
}

describe.skipIf(skipMounts).each(TRANSPORTS)('a mount over %s', (transport) => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'goes on %s to its server, with a reader waiting',
    async (signal) => {
      const server = await mounted(`${transport}-${signal}`, transport);
      const reader = run('cat', [join(server.mnt, 'reclaimfs/events')]);
      await sleep(300);
      process.kill(server.pid, signal);
      await expectGone(server);
      // It comes to the end of the events.
      expect((await within(reader, 'end of the reader')).status).toBe(0);
    },
  );

  test('machines are kept as files, and who looks sees at once the one that is come back to', async () => {
    const server = await mounted(`${transport}-kept`, transport);
    const kept = join(server.mnt, 'reclaimfs/snapshots');
    const pid = join(server.mnt, '1234');
    await sh(`touch '${kept}/before'`);
    expect(readdirSync(kept)).toEqual(['before']);
    const bytes = readFileSync(join(kept, 'before'));
    expect(bytes.length).toBe(statSync(join(kept, 'before')).size);
    const file = join(program.directory, `${transport}.image`);
    writeFileSync(file, bytes);
    expect(readFileSync(join(pid, 'comm'), 'utf8')).toBe('game\n');
    await sh(`echo 1234 kill 9 > '${server.mnt}/reclaimfs/control'`);
    expect(existsSync(pid)).toBe(false);
    await sh(`echo restore > '${kept}/before'`);
    expect(readFileSync(join(pid, 'comm'), 'utf8')).toBe('game\n');
    await sh(`rm '${kept}/before'`);
    expect(readdirSync(kept)).toEqual([]);
    expect((await run('sh', ['-c', `touch '${kept}/a b' '${server.mnt}/x'`])).stderr).toMatch(
      /Invalid argument[\s\S]*No such file/,
    );
    expect((await run('mkdir', [join(kept, 'x')])).stderr).toMatch(/Operation not permitted/);
    const played = await run(process.execPath, [join(program.directory, 'dist/cli/main.js'), 'play', file]);
    expect(played.stdout).toMatch(/saved machine/);
    expect((await run('umount', [server.mnt])).status).toBe(0);
    await expectGone(server);
  });

  test('ends when it is unmounted by umount', async () => {
    const server = await mounted(`${transport}-umount`, transport);
    expect((await run('umount', [server.mnt])).status).toBe(0);
    await expectGone(server);
  });

  test('ends after umount -l, although a file is still open', async () => {
    const server = await mounted(`${transport}-lazy`, transport);
    const held = await open(join(server.mnt, 'meminfo'));
    await run('umount', ['-l', server.mnt]);
    await expectGone(server);
    await held.close().catch(() => {});
  });

  test.each(['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGQUIT', 'SIGALRM'] as const)(
    'ended by %s it leaves no mount behind',
    async (signal) => {
      const server = await mounted(`${transport}-${signal}`, transport);
      process.kill(server.pid, signal);
      await until(() => findMount(server.mnt) === undefined, 'end of the mount');
    },
  );

  test('killed with -9 it leaves its place to the next mount', async () => {
    const first = await mounted(`${transport}-kill`, transport);
    process.kill(first.pid, 'SIGKILL');
    await until(() => findMount(first.mnt) === undefined, 'end of the mount');
    const second = await mounted(`${transport}-kill`, transport);
    expect(readFileSync(join(second.mnt, '1234/comm'), 'utf8')).toBe('game\n');
    process.kill(second.pid, 'SIGTERM');
    await expectGone(second);
    expect(findMount(second.mnt)).toBeUndefined();
  });

  test('ends when the device fails', async () => {
    const server = await mounted(`${transport}-abort`, transport);
    const minor = findMount(server.mnt)?.device.split(':')[1];
    await run('mount', ['-t', 'fusectl', 'fusectl', '/sys/fs/fuse/connections']);
    writeFileSync(`/sys/fs/fuse/connections/${minor}/abort`, '1');
    await expectGone(server);
  });

  test('a process that has ended is not found by its path any more, whoever knew it', async () => {
    const m = await program.mount(SCENARIO, transport);
    for (let i = 0; i < 50; i++) {
      const pid = m.process();
      expect(m.read(`${pid}/comm`)).toBe(`p${pid}\n`);
      m.apply(`${pid} exit`);
      expect(() => m.read(`${pid}/comm`)).toThrow('ENOENT');
    }
    await m.stop();
  });

  test('a changed user shows at once', async () => {
    const m = await program.mount(SCENARIO, transport);
    for (const uid of [1001, 1002, 1003]) {
      m.apply(`game setuid ${uid}`);
      expect((await sh(`stat -c %u ${m.path('1234')}`)).stdout).toBe(`${uid}\n`);
    }
    await m.stop();
  });

  test('a reader of vmpressure that waits hears of pressure', async () => {
    const m = await program.mount(SCENARIO, transport);
    const reader = run('head', ['-n', '1', m.path('reclaimfs/vmpressure')]);
    await sleep(300);
    m.apply('game touch heap 0 80M write');
    expect((await within(reader, 'pressure')).stdout).toMatch(/^(low|medium|critical)\n$/);
    await m.stop();
  });

  test.each([
    ['the server is told to end', (m: ReclaimMount): Promise<unknown> => m.stop()],
    ['somebody unmounts', (m: ReclaimMount): Promise<unknown> => run('umount', ['-l', m.mnt])],
  ])('a reader of events that waits comes to the end of the file when %s', async (_how, end) => {
    const m = await program.mount(SCENARIO, transport);
    m.apply('game touch heap 0 1M write');
    const readers = ['events', 'vmpressure'].map((name) => new Waiting(m.path(`reclaimfs/${name}`)));
    for (const reader of readers) await until(() => reader.waits, 'reader that waits', 30_000);
    await end(m);
    const [events, pressure] = await within(Promise.all(readers.map(({ ended }) => ended)), 'end of them', 30_000);
    expect(events).toMatch(/"type":"control".*\n0$/);
    expect(pressure).toBe('0');
    await within(m.ended, 'end of the mount', 30_000);
  });

  test('with --latency real, reclaim takes its time, and others are served meanwhile', async () => {
    const m = await program.mount(SCENARIO, transport, '--clock', 'real', '--latency', 'real', '--speed', '0.01');
    // 4096 pages to zram at 10 µs each, a hundredth as fast: four seconds.
    const start = performance.now();
    let written = false;
    const write = sh(`echo all > ${m.path('1234/reclaim')}`).finally(() => {
      written = true;
    });
    await until(() => m.status(1234, 'VmSwap') > 0, 'reclaim');
    expect(written).toBe(false);
    expect((await write).status).toBe(0);
    expect(performance.now() - start).toBeGreaterThan(4000);
    await m.stop();
  });
});

describe.skipIf(skipMounts)('a mount over direct alone', () => {
  let m: ReclaimMount;
  beforeAll(async () => {
    m = await program.mount(SCENARIO, 'direct', '--clock', 'real');
  });
  afterAll(() => m.stop());

  test('events say who asked', async () => {
    const script = `import os, threading
os.setgid(1000); os.setuid(1000)
def write():
  fd = os.open('${m.path('1234/reclaim')}', os.O_WRONLY); os.write(fd, b'anon'); os.close(fd)
t = threading.Thread(target=write); t.start(); t.join(); print(os.getpid())`;
    const { stdout } = await run('python3', ['-c', script]);
    m.apply('proc victim pid=4321\nvictim kill 9');
    const events = (await sh(`timeout 1 cat ${m.path('reclaimfs/events')}`)).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.find(({ type }) => type === 'reclaim')).toMatchObject({
      pid: 1234,
      request: 'anon',
      by_uid: 1000,
      by_pid: Number(stdout),
    });
    for (const type of ['signal', 'control'])
      expect(events.find((event) => event['type'] === type)).toMatchObject({ by_uid: 0, by_pid: process.pid });
  });

  test.each(['events', 'vmpressure'])('a reader of %s that waits dies at once when killed', async (name) => {
    const child: ChildProcess = spawn('cat', [m.path(`reclaimfs/${name}`)], { stdio: 'ignore' });
    const ended = new Promise((settle) => child.once('exit', (_code, signal) => settle(signal)));
    await sleep(300);
    const start = performance.now();
    child.kill('SIGKILL');
    expect(await within(ended, 'end of the reader')).toBe('SIGKILL');
    expect(performance.now() - start).toBeLessThan(300);
  });

  test.each([
    ['poll', 'p = select.poll(); p.register(fd, select.POLLPRI); print(p.poll(8000)[0][1] & 2)'],
    ['epoll', 'p = select.epoll(); p.register(fd, select.EPOLLPRI); print(p.poll(8)[0][1] & 2)'],
    ['select', 'print(2 * len(select.select([], [], [fd], 8)[2]))'],
  ])('%s waits for a trigger on pressure', async (_name, statement) => {
    const script = `import os, select
fd = os.open('${m.path('pressure/memory')}', os.O_RDWR)
os.write(fd, b'some 1000 500000\\0'); print('armed', flush=True)
${statement}`;
    const child = spawn('python3', ['-c', script]);
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    await until(() => out.startsWith('armed'), 'trigger');
    for (let i = 0; i < 20 && child.exitCode === null; i++) {
      m.apply('game touch heap 0 80M write');
      await sleep(100);
    }
    await until(() => child.exitCode !== null, 'event of the trigger');
    expect(out).toBe('armed\n2\n');
  });

  test.each([
    ['some 150000 1000000\\0', 'ok'],
    ['some 150000 1000000\\n', 'ok'],
    ['some 150000 100000\\n', 'EINVAL'],
    ['all 150000 1000000\\n', 'EINVAL'],
  ])('a trigger %j is %s', async (text, outcome) => {
    const script = `import os, errno
fd = os.open('${m.path('pressure/io')}', os.O_RDWR)
try: os.write(fd, b'${text}'); print('ok')
except OSError as e: print(errno.errorcode[e.errno])`;
    expect((await run('python3', ['-c', script])).stdout).toBe(`${outcome}\n`);
  });

  test('a second trigger on an open file is EBUSY, and without one poll says error', async () => {
    const script = `import os, errno, select
fd = os.open('${m.path('pressure/io')}', os.O_RDWR)
p = select.poll(); p.register(fd, select.POLLPRI); print(p.poll(0)[0][1])
os.write(fd, b'some 150000 1000000\\0'); print(p.poll(0))
try: os.write(fd, b'some 150000 1000000\\0')
except OSError as e: print(errno.errorcode[e.errno])`;
    expect((await run('python3', ['-c', script])).stdout).toBe('10\n[]\nEBUSY\n');
  });

  test('idle, it uses no CPU', async () => {
    const quiet = await mounted('quiet', 'direct');
    // V8 tidies up for some seconds after the start. Every 0.7 s it looks whether it is still mounted.
    let nrSwitches = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 4 && nrSwitches > MOST_SWITCHES; i++) {
      const before = await switches(quiet.pid);
      await sleep(10_000);
      nrSwitches = (await switches(quiet.pid)) - before;
    }
    expect(nrSwitches).toBeLessThanOrEqual(MOST_SWITCHES);
    process.kill(quiet.pid, 'SIGTERM');
    await expectGone(quiet);
  });

  test('an ordinary user mounts in a user and mount namespace, where the device may be opened', async () => {
    const place = join(program.directory, 'user');
    mkdirSync(place);
    writeFileSync(`${place}.scn`, SCENARIO);
    const main = `${process.execPath} ${join(program.directory, 'dist/cli/main.js')}`;
    // The machine's own /dev stays as it is.
    const asUser = `mkdir ${place}/p && ${main} mount ${place}/p --scenario ${place}.scn && cat ${place}/p/1234/comm && echo anon > ${place}/p/1234/reclaim; ${main} umount ${place}/p`;
    const script = `mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/fuse c 10 229 && chown 1000:1000 ${place} &&
      env -u XDG_RUNTIME_DIR TMPDIR=${place} setpriv --reuid 1000 --regid 1000 --clear-groups unshare -Urm sh -c '${asUser}'`;
    const outcome = await run('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script]);
    expect(outcome.stdout).toContain('transport direct');
    expect(outcome.stdout).toContain('game\n');
    expect(outcome.status).toBe(0);
  });
});

/** In ten seconds: fifteen looks, and some of another's making. A heartbeat would take a thousand. */
const MOST_SWITCHES = 30;

/** Context switches of all threads of a process so far. */
async function switches(pid: number): Promise<number> {
  const { stdout } = await sh(`cat /proc/${pid}/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'`);
  return Number(stdout);
}
