import { open, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TransportName } from '../../src/fuse/types.ts';
import { run, type Server, sh, skipMounts, Workshop, within } from './support/mounts.ts';

const TRANSPORTS: readonly TransportName[] = ['direct', 'fuse-native'];
const OTHER_USER = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'] as const;

const workshop = new Workshop();
beforeAll(() => workshop.build());
afterAll(() => workshop.dispose());

describe.skipIf(skipMounts).each(TRANSPORTS)('%s serves', (transport) => {
  let server: Server;
  beforeAll(async () => {
    server = await workshop.serve(transport);
  });
  afterAll(() => server.stop());
  const path = (name: string): string => server.path(name);
  const asOther = (...command: string[]) => run(OTHER_USER[0], [...OTHER_USER.slice(1), ...command]);

  test('a file, whole, with its exact size', async () => {
    expect(await readFile(path('hello'), 'utf8')).toBe('hello, world\n');
    expect((await stat(path('hello'))).size).toBe(13);
    expect((await sh(`cp ${path('hello')} ${workshop.directory}/copy && cat ${workshop.directory}/copy`)).stdout).toBe(
      'hello, world\n',
    );
  });

  test('reads at offsets and the end of the file', async () => {
    const file = await open(path('hello'));
    const buffer = Buffer.alloc(100);
    expect((await file.read(buffer, 0, 5, 7)).bytesRead).toBe(5);
    expect(buffer.toString('latin1', 0, 5)).toBe('world');
    expect((await file.read(buffer, 0, 100, 12)).bytesRead).toBe(1);
    expect((await file.read(buffer, 0, 100, 13)).bytesRead).toBe(0);
    expect((await file.read(buffer, 0, 100, 1e9)).bytesRead).toBe(0);
    await file.close();
  });

  test('10 MB in reads of any size', async () => {
    for (const size of ['1000', '4096', '131072', '1M', '16M'])
      expect((await sh(`dd if=${path('big10m')} bs=${size} status=none | md5sum`)).stdout).toBe(
        (await sh(`head -c 10000000 /dev/zero | tr '\\0' b | md5sum`)).stdout,
      );
  });

  test('each open of a file that grows sees one instant', async () => {
    const first = await open(path('growing'));
    const second = await readFile(path('growing'), 'utf8');
    const again = (await first.readFile('utf8')).length;
    await first.close();
    expect(second.length - again).toBe('line\n'.length);
  });

  test('attributes', async () => {
    const reclaim = await stat(path('5/reclaim'));
    expect(reclaim.mode).toBe(0o100200);
    expect([reclaim.size, reclaim.nlink, reclaim.uid]).toEqual([0, 1, 0]);
    const owned = await stat(path('owned'));
    expect([owned.uid, owned.mtimeMs]).toEqual([1000, 1_700_000_000_250]);
    expect((await stat(path('5'))).isDirectory()).toBe(true);
    expect((await sh(`stat -f -c %l ${server.mountpoint}`)).stdout).toBe('255\n');
  });

  test('directories with types, 10,000 entries, names in UTF-8', async () => {
    const entries = await readdir(server.mountpoint, { withFileTypes: true });
    const type = new Map(entries.map((entry) => [entry.name, entry]));
    expect(entries.length).toBe(1000 + 14);
    expect(type.get('5')?.isDirectory()).toBe(true);
    expect(type.get('link')?.isSymbolicLink()).toBe(true);
    expect(type.get('Grüße')?.isFile()).toBe(true);
    const many = await readdir(path('many'));
    expect(new Set(many).size).toBe(10_000);
    expect(await readFile(path('Grüße'), 'utf8')).toBe('hello, world\n');
    expect((await sh(`ls -a ${path('5')} | tr '\\n' ' '`)).stdout).toBe('. .. reclaim smaps stat ');
  });

  test('a symbolic link', async () => {
    expect(await readlink(path('link'))).toBe('hello');
    expect(await readFile(path('link'), 'utf8')).toBe('hello, world\n');
  });

  test('a write is a command, its offset ignored', async () => {
    const file = await open(path('5/reclaim'), 'w');
    expect((await file.write('all\n')).bytesWritten).toBe(4);
    expect((await file.write('anon')).bytesWritten).toBe(4);
    expect((await file.write(Buffer.from('file'), 0, 4, 100)).bytesWritten).toBe(4);
    await file.close();
  });

  test('a write of 100 KB arrives in one piece, a short count is passed on', async () => {
    const text = `${'x'.repeat(100_000)}\n`;
    const control = await open(path('control'), 'w');
    expect((await control.write(text)).bytesWritten).toBe(text.length);
    await control.close();
    expect(await readFile(path('control'), 'utf8')).toBe(text);
    const statement = `print(os.write(os.open('${path('control')}', os.O_WRONLY), b'short of it'))`; // Node would write the rest.
    expect((await python(statement)).stdout).toBe('5\nok\n');
    expect(await readFile(path('control'), 'utf8')).toBe('short of it');
  });

  test('echo > and truncation succeed and do nothing', async () => {
    expect(
      await sh(`: > ${path('5/reclaim')}; echo all > ${path('5/reclaim')}; truncate -s 0 ${path('5/reclaim')}`),
    ).toEqual({ stdout: '', stderr: '', status: 0 });
    const file = await open(path('5/reclaim'), 'w');
    await file.truncate(100);
    await file.close();
    expect((await stat(path('5/reclaim'))).size).toBe(0);
  });

  test.each([
    ['chmod', (p: string) => `os.chmod('${p}/5/reclaim', 0o666)`, 'EPERM'],
    ['chown', (p: string) => `os.chown('${p}/5/reclaim', 1, 1)`, 'EPERM'],
    ['unlink', (p: string) => `os.unlink('${p}/5/reclaim')`, 'EPERM'],
    ['rename', (p: string) => `os.rename('${p}/hello', '${p}/hallo')`, 'EPERM'],
    ['link', (p: string) => `os.link('${p}/hello', '${p}/hallo')`, 'EPERM'],
    ['mkdir', (p: string) => `os.mkdir('${p}/new')`, 'EPERM'],
    ['rmdir', (p: string) => `os.rmdir('${p}/5')`, 'EPERM'],
    ['create', (p: string) => `os.open('${p}/new', os.O_CREAT | os.O_WRONLY)`, 'ENOENT'],
    ['mknod', (p: string) => `os.mknod('${p}/new')`, 'ENOENT'],
    ['symlink', (p: string) => `os.symlink('x', '${p}/new')`, 'ENOENT'],
    ['O_CREAT|O_EXCL', (p: string) => `os.open('${p}/hello', os.O_CREAT | os.O_EXCL | os.O_WRONLY)`, 'EEXIST'],
    ['a missing file', (p: string) => `os.stat('${p}/nothing')`, 'ENOENT'],
    ['a missing process', (p: string) => `os.stat('${p}/99999/stat')`, 'ENOENT'],
    ['a file as directory', (p: string) => `os.stat('${p}/hello/x')`, 'ENOTDIR'],
    ['reading reclaim', (p: string) => `os.read(os.open('${p}/5/reclaim', os.O_RDONLY), 10)`, 'EINVAL'],
    ['reading a write-only descriptor', (p: string) => `os.read(os.open('${p}/5/reclaim', os.O_WRONLY), 10)`, 'EBADF'],
    ['fsync', (p: string) => `os.fsync(os.open('${p}/hello', os.O_RDONLY))`, 'EINVAL'],
    [
      'shared mmap',
      (p: string) => `mmap.mmap(os.open('${p}/hello', os.O_RDONLY), 13, mmap.MAP_SHARED, mmap.PROT_READ)`,
      'ENODEV',
    ],
    ['getxattr', (p: string) => `os.getxattr('${p}/hello', 'user.x')`, 'ENOTSUP'],
  ])('%s is answered with the right error', async (_name, statement, errno) => {
    expect((await python(`${statement(server.mountpoint)}`)).stdout).toBe(`${errno}\n`);
  });

  test('permission bits hold for other users', async () => {
    expect((await asOther('cat', path('owned'))).stdout).toBe('hello, world\n');
    expect((await asOther('sh', '-c', `echo all > ${path('5/reclaim')}`)).stderr).toContain('Permission denied');
    expect((await asOther('cat', path('5/reclaim'))).stderr).toContain('Permission denied');
    expect((await asOther('touch', path('new'))).stderr).toContain('Permission denied');
    expect((await asOther('cat', path('hello'))).status).toBe(0);
    const third = await run('setpriv', ['--reuid', '1001', '--regid', '1001', '--clear-groups', 'cat', path('owned')]);
    expect(third.stderr).toContain('Permission denied');
  });

  test('what throws answers EIO and serves on', async () => {
    for (const statement of ['os.read(fd, 10)', 'os.write(fd, b"x")', 'os.fsync(fd)'])
      expect((await python(`fd = os.open('${path('throws')}', os.O_RDWR); ${statement}`)).stdout).toBe('EIO\n');
    expect((await python(`os.truncate('${path('throws')}', 0)`)).stdout).toBe('EIO\n');
    expect(await readFile(path('hello'), 'utf8')).toBe('hello, world\n');
  });

  test('a read waits for the event, every reader gets it', async () => {
    const readers = [1, 2, 3].map(() => run('head', ['-n', '2', path('events')]));
    await openFiles(server, 3);
    await sh(`echo event one > ${path('control')}; echo event two > ${path('control')}`);
    for (const reader of readers) expect((await within(reader, 'event')).stdout).toBe('one\ntwo\n');
    await openFiles(server, 0);
  });

  test('a write waits until time has passed, and the heartbeat stops afterwards', async () => {
    expect((await sh(`echo all > ${path('latency')}`)).status).toBe(0);
    await within(quiet(path('nrbeats')), 'end of the heartbeat');
  });

  test('vanished names are gone', async () => {
    expect((await stat(path('77/stat'))).size).toBe(300);
    const held = await open(path('77/stat'));
    await sh(`echo gone 77 > ${path('control')}`);
    await expect.poll(() => stat(path('77')).then(String, (error) => error.code)).toBe('ENOENT');
    expect(await readdir(server.mountpoint)).not.toContain('77');
    expect((await held.read(Buffer.alloc(400), 0, 400, 0)).bytesRead).toBe(300);
    await held.close();
  });

  test('64 clients at once', async () => {
    const client = `for i in 1 2 3 4 5; do cat ${path('$((i * 7))/stat')} ${path('8/smaps')} | wc -c; echo all > ${path('9/reclaim')}; ls ${path('many')} | wc -l; done`;
    const outcomes = await Promise.all(Array.from({ length: 64 }, () => sh(client, 60_000)));
    const expected = '200300\n10000\n'.repeat(5);
    for (const outcome of outcomes) expect(outcome).toEqual({ stdout: expected, stderr: '', status: 0 });
  });

  test('messages go both ways', async () => {
    const reader = run('head', ['-n', '1', path('events')]);
    await openFiles(server, 1);
    await sh(`echo send hi > ${path('control')}`);
    await expect.poll(() => server.lines).toContain('message hi');
    expect((await within(reader, 'message')).stdout).toBe('message echo\n');
  });
});

/** Runs Python statements and prints the name of the error that they end with, or `ok`. */
function python(statements: string) {
  const program = `
import os, mmap, errno
try:
    ${statements}
    print('ok')
except OSError as e:
    print(errno.errorcode[e.errno])
`;
  return run('python3', ['-c', program]);
}

/** Waits until so many files of the server are open. */
async function openFiles(server: Server, count: number): Promise<void> {
  await expect
    .poll(async () => Number((await sh(`cat ${server.path('nropen')}`)).stdout), { timeout: 5000 })
    .toBe(count);
}

/** Resolves when the heartbeat has been silent for a while. */
async function quiet(path: string): Promise<void> {
  for (let last = -1; ; ) {
    const beats = Number(await readFile(path, 'utf8'));
    if (beats === last) return;
    last = beats;
    await new Promise((settle) => setTimeout(settle, 200));
  }
}
