import { mkdirSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMount } from '../../src/fuse/mountinfo.ts';
import type { TransportName } from '../../src/fuse/types.ts';
import { unmountPath } from '../../src/fuse/umount-path.ts';
import { run, type Server, sh, skipMounts, sleep, until, Workshop, within } from './support/mounts.ts';

const TRANSPORTS: readonly TransportName[] = ['direct', 'fuse-native'];

const workshop = new Workshop();
beforeAll(() => workshop.build());
afterAll(() => workshop.dispose());

describe.skipIf(skipMounts).each(TRANSPORTS)('%s ends', (transport) => {
  /** The process has ended, nothing is mounted. */
  async function expectGone(server: Server): Promise<void> {
    await within(server.exited, 'end of the server');
    expect(server.isMounted).toBe(false);
  }

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('on %s, idle', async (signal) => {
    const server = await workshop.serve(transport);
    server.child.kill(signal);
    expect(await server.ended()).toEqual({ status: 0, reason: { kind: 'signal', signal, lazy: false } });
    await expectGone(server);
  });

  test('on SIGTERM while files are open and a reader waits', async () => {
    const server = await workshop.serve(transport);
    const held = await open(server.path('hello'));
    const reader = run('cat', [server.path('events')]);
    await sleep(200);
    server.child.kill('SIGTERM');
    const { status, reason } = await server.ended();
    expect([status, reason?.kind]).toEqual([0, 'signal']);
    await expectGone(server);
    expect((await within(reader, 'end of the reader')).status).not.toBe(0);
    await expect(held.read(Buffer.alloc(1))).rejects.toThrow(/ENOTCONN|ECONNABORTED/);
    await held.close().catch(() => {});
  });

  test('on an exception in the main thread', async () => {
    const server = await workshop.serve(transport, undefined, ['--throw-after', '300']);
    expect((await server.ended()).status).toBe(1);
    expect(server.stderr).toContain('thrown in the main thread');
    await expectGone(server);
  });

  test('on process.exit()', async () => {
    const server = await workshop.serve(transport, undefined, ['--exit-after', '300']);
    expect((await server.ended()).status).toBe(3);
    await expectGone(server);
  });

  test('on an external umount', async () => {
    const server = await workshop.serve(transport);
    expect((await run('umount', [server.mountpoint])).status).toBe(0);
    expect(await server.ended()).toEqual({ status: 0, reason: { kind: 'external' } });
  });

  test('on an external umount -l, whatever is still open; who waits gets ENODEV', async () => {
    const server = await workshop.serve(transport);
    const held = await open(server.path('hello'));
    const waiting = sh(`cat ${server.path('events')}`);
    await sleep(500);
    await run('umount', ['-l', server.mountpoint]);
    expect(await server.ended()).toEqual({ status: 0, reason: { kind: 'external' } });
    expect((await waiting).stderr).toMatch(/No such device/);
    await held.close().catch(() => {});
  });

  test('on SIGTERM after umount -l, although a file is open', async () => {
    const server = await workshop.serve(transport);
    const held = await open(server.path('hello'));
    await run('umount', ['-l', server.mountpoint]);
    server.child.kill('SIGTERM');
    expect((await server.ended()).status).toBe(0);
    await held.close().catch(() => {});
  });

  test('when its file system says so', async () => {
    const server = await workshop.serve(transport);
    await sh(`echo stop > ${server.path('control')}`);
    expect((await server.ended()).status).toBe(0);
    await expectGone(server);
  });

  test('by unmountPath, also while it is in use', async () => {
    const idle = await workshop.serve(transport);
    expect(await unmountPath(idle.mountpoint)).toEqual({ lazy: false });
    expect((await idle.ended()).status).toBe(0);
    const busy = await workshop.serve(transport);
    const held = await open(busy.path('hello'));
    expect(await unmountPath(busy.mountpoint)).toEqual({ lazy: true });
    expect(busy.isMounted).toBe(false);
    await held.close();
    expect((await busy.ended()).status).toBe(0);
    await expect(unmountPath(busy.mountpoint)).rejects.toThrow('nothing is mounted on');
  });

  test('a mount left by kill -9 is recovered by the next', async () => {
    const killed = await workshop.serve(transport);
    killed.child.kill('SIGKILL');
    await within(killed.exited, 'end of the server');
    expect((await sh(`cat ${killed.path('hello')}`)).stderr).toMatch(/not connected|aborted/i);
    const next = await workshop.serve(transport, killed.mountpoint);
    expect(next.lines.join()).toContain('recovered');
    expect(await readFile(next.path('hello'), 'utf8')).toBe('hello, world\n');
    await next.stop();
    expect(next.isMounted).toBe(false);
  });

  test('a server leaves a mount made over its own alone', async () => {
    const lower = await workshop.serve(transport);
    const upper = await workshop.serve(transport, lower.mountpoint, ['--cover']);
    lower.child.kill('SIGTERM');
    expect((await lower.ended()).status).toBe(0);
    expect(await readFile(upper.path('hello'), 'utf8')).toBe('hello, world\n');
    await upper.stop();
  });

  test('is refused where it cannot be, with a line that says what to do', async () => {
    const refusal = async (mountpoint: string): Promise<string> => {
      const server = workshop.start(transport, mountpoint);
      expect(await within(server.exited, 'refusal')).toBe(1);
      return server.stderr.trim();
    };
    const missing = join(workshop.directory, 'missing');
    expect(await refusal(missing)).toBe(`${missing} does not exist: create it with "mkdir -p ${missing}"`);
    const file = join(workshop.directory, `file-${transport}`);
    writeFileSync(file, '');
    expect(await refusal(file)).toBe(`${file} is not a directory: choose an empty directory`);
    const full = join(workshop.directory, `full-${transport}`);
    mkdirSync(join(full, 'sub'), { recursive: true });
    expect(await refusal(full)).toBe(`${full} is not empty (sub…): choose an empty directory`);
    const foreign = workshop.newMountpoint();
    await run('mount', ['-t', 'tmpfs', 'elsewhere', foreign]);
    expect(await refusal(foreign)).toBe(
      `${foreign} is a mount point already (tmpfs, elsewhere): choose another directory`,
    );
    await expect(unmountPath(foreign)).rejects.toThrow('is not a mount of reclaimfs (tmpfs): use umount');
    await run('umount', [foreign]);
    const server = await workshop.serve(transport);
    expect(await refusal(server.mountpoint)).toBe(
      `${server.mountpoint} is already mounted: use "reclaimfs umount ${server.mountpoint}" first`,
    );
    await server.stop();
  });

  test('path names with spaces and non-ASCII letters', async () => {
    const mountpoint = join(workshop.directory, `a b\tç-${transport}`);
    mkdirSync(mountpoint);
    const server = await workshop.serve(transport, mountpoint);
    expect(findMount(mountpoint)?.type).toBe('fuse.reclaimfs');
    await server.stop();
    expect(findMount(mountpoint)).toBeUndefined();
  });
});

describe.skipIf(skipMounts)('direct alone', () => {
  let server: Server;
  beforeAll(async () => {
    server = await workshop.serve('auto');
  });
  afterAll(() => server.stop());

  test('is what auto chooses for root', async () => {
    expect(await server.mounted).toBe('direct');
  });

  test('tells who calls', async () => {
    const script = `echo $$; exec cat ${server.path('whoami')}`;
    const { stdout } = await run('setpriv', [
      '--reuid',
      '1000',
      '--regid',
      '1001',
      '--clear-groups',
      'sh',
      '-c',
      script,
    ]);
    const [pid, text] = stdout.split('\n');
    expect(text).toBe(`uid=1000 gid=1001 pid=${pid}`);
  });

  test.each(['SIGTERM', 'SIGKILL', 'SIGINT'] as const)('a reader that waits dies at once of %s', async (signal) => {
    const program = `
import os, signal
pid = os.fork()
if pid == 0:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.read(os.open('${server.path('events')}', os.O_RDONLY), 100)
import time; time.sleep(0.3)
os.kill(pid, signal.${signal}); start = time.time()
_, status = os.waitpid(pid, 0)
print(os.WTERMSIG(status) == signal.${signal}, time.time() - start < 0.5)
`;
    expect((await run('python3', ['-c', program])).stdout).toBe('True True\n');
  });

  test('a signal handler makes a waiting read return EINTR', async () => {
    const program = `
import os, signal, ctypes
signal.signal(signal.SIGALRM, lambda *_: None); signal.siginterrupt(signal.SIGALRM, True)
fd = os.open('${server.path('events')}', os.O_RDONLY)
signal.setitimer(signal.ITIMER_REAL, 0.3)
libc = ctypes.CDLL(None, use_errno=True)
print(libc.read(fd, ctypes.create_string_buffer(10), 10), ctypes.get_errno())
`;
    expect((await run('python3', ['-c', program])).stdout).toBe('-1 4\n');
  });

  test.each([
    ['select', 'print([len(l) for l in select.select([fd], [], [], T)])', '[0, 0, 0]\n', '[1, 0, 0]\n'],
    ['poll', 'p = select.poll(); p.register(fd, select.POLLIN); print(p.poll(T * 1000))', '[]\n', '[(3, 1)]\n'],
    ['epoll', 'p = select.epoll(); p.register(fd, select.EPOLLIN); print(p.poll(T))', '[]\n', '[(3, 1)]\n'],
  ])('%s wait for an event', async (_name, statement, before, after) => {
    const program = (timeout: number): string =>
      `import os, select\nT = ${timeout}\nfd = os.open('${server.path('events')}', os.O_RDONLY)\nos.dup2(fd, 3); fd = 3\n${statement}`;
    expect((await run('python3', ['-c', program(0.2)])).stdout).toBe(before);
    const waiting = run('python3', ['-c', program(10)]);
    // Python may take long to start; once the file is open, no event can be missed.
    await until(async () => (await sh(`cat ${server.path('nropen')}`)).stdout === '1\n', 'open of events');
    const start = performance.now();
    await sh(`echo event x > ${server.path('control')}`);
    expect((await waiting).stdout).toBe(after);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test('a file that cannot wait is always ready', async () => {
    const program = `import os, select; fd = os.open('${server.path('hello')}', os.O_RDONLY); print(len(select.select([fd], [], [], 0)[0]))`;
    expect((await run('python3', ['-c', program])).stdout).toBe('1\n');
  });

  test('a write of 1 MB (less a page) arrives in one piece', async () => {
    const program = `import os; print(os.write(os.open('${server.path('control')}', os.O_WRONLY), b'x' * 1_000_000))`;
    expect((await run('python3', ['-c', program])).stdout).toBe('1000000\n');
    expect((await readFile(server.path('control'))).length).toBe(1_000_000);
  });

  test('names are invalidated at once, however long they may be cached', async () => {
    const slow = await workshop.serve('direct', undefined, ['--options', '{"entryMs":600000,"dirAttrMs":600000}']);
    expect((await sh(`stat ${slow.path('9')}`)).status).toBe(0);
    await sh(`echo gone 9 > ${slow.path('control')}`);
    await until(async () => (await sh(`stat ${slow.path('9')}`)).stderr.includes('No such file'), 'invalidation', 1000);
    await slow.stop();
  });

  test('names are invalidated while others look names up, without a deadlock', async () => {
    const busy = await workshop.serve('direct', undefined, ['--options', '{"entryMs":600000}']);
    const walks = Array.from({ length: 8 }, () =>
      sh(`for i in 1 2 3; do ls -l ${busy.mountpoint} >/dev/null; done`, 30_000),
    );
    for (let pid = 1; pid <= 300; pid++) await sh(`echo gone ${pid} > ${busy.path('control')}`);
    await Promise.all(walks);
    expect((await sh(`ls ${busy.mountpoint} | grep -c '^[0-9]'`)).stdout).toBe('700\n');
    await busy.stop();
  });

  test('ends on an error in the loop of the kernel thread', async () => {
    const broken = await workshop.serve('direct');
    const reader = run('cat', [broken.path('events')]);
    await sleep(300);
    await sh(`echo bomb > ${broken.path('control')}`);
    expect((await within(reader, 'end of the reader')).status).not.toBe(0);
    const { reason } = await broken.ended();
    expect(reason?.kind).toBe('error');
    expect(broken.isMounted).toBe(false);
  });

  test('idle, the server does not wake up', async () => {
    const quiet = await workshop.serve('direct');
    await sleep(2000);
    // It looks now and then whether it is still mounted; a heartbeat would wake it hundreds of times.
    let nrSwitches = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5 && nrSwitches > 10; i++) {
      const before = await switches(quiet.child.pid ?? 0);
      await sleep(2000);
      nrSwitches = (await switches(quiet.child.pid ?? 0)) - before;
    }
    expect(nrSwitches).toBeLessThanOrEqual(10);
    await quiet.stop();
  });

  test('serves a user namespace without privileges where the device may be opened', async () => {
    const mountpoint = workshop.newMountpoint();
    const device = join(workshop.directory, 'fuse');
    await sh(`mknod ${device} c 10 229 && chmod 666 ${device} && chown 1000:1000 ${mountpoint}`);
    const script = `${process.execPath} ${workshop.script('serve')} ${mountpoint} & until [ -e ${mountpoint}/hello ]; do sleep 0.1; done; cat ${mountpoint}/hello; kill $!; wait $!`;
    // In a mount namespace of its own: the machine's /dev/fuse stays as it is.
    const asUser = `setpriv --reuid 1000 --regid 1000 --clear-groups unshare -Urm sh -c '${script}'`;
    const outcome = await run('unshare', ['-m', 'sh', '-c', `mount --bind ${device} /dev/fuse && ${asUser}`]);
    expect(outcome.stdout).toContain('mounted direct');
    expect(outcome.stdout).toContain('hello, world');
    expect(outcome.stdout).toContain('"signal":"SIGTERM"');
  });
});

/** Context switches of all threads of a process so far. */
async function switches(pid: number): Promise<number> {
  const { stdout } = await sh(`cat /proc/${pid}/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'`);
  return Number(stdout);
}
