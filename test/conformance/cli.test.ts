/** The command line as a shell sees it: output, exit codes, and nothing left behind. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMount } from '../../src/fuse/mountinfo.ts';
import { type Outcome, run, skipMounts, until } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const SCENARIO = `proc game pid=1234 uid=1000
game mmap heap size=4M anon
game touch heap 0 4M write
`;

const program = new Program();
let nrDirectories = 0;

beforeAll(() => program.build());
afterAll(async () => {
  for (const name of readdirSync(program.directory)) {
    const path = join(program.directory, name);
    if (findMount(path)) await run('umount', ['-l', path]);
  }
  await program.dispose();
});

function reclaimfs(...args: string[]): Promise<Outcome> {
  return run(process.execPath, [join(program.directory, 'dist/cli/main.js'), ...args], 60_000);
}

function file(name: string, text: string | Uint8Array): string {
  const path = join(program.directory, name);
  writeFileSync(path, text);
  return path;
}

function directory(): string {
  const path = join(program.directory, `cli${++nrDirectories}`);
  mkdirSync(path);
  return path;
}

test('diff ends as diff does: 0 the same, 1 they differ, and says what', async () => {
  const [a, b] = [file('a.scn', SCENARIO), file('b.scn', `${SCENARIO}game reclaim anon\n`)];
  expect(await reclaimfs('diff', a, a)).toEqual({ status: 0, stdout: '', stderr: '' });
  const words = await reclaimfs('diff', a, b);
  expect(words).toMatchObject({ status: 1, stderr: '' });
  expect(words.stdout).toContain('process 1234 rss_kB 4096 -> 0 (-4096), swap_kB 0 -> 4096 (+4096)\n');
  const json = await reclaimfs('diff', '--json', a, b);
  expect(json.status).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({
    same: false,
    processes: [{ name: '1234', changes: { rss_kB: [4096, 0], swap_kB: [0, 4096] } }],
    counters: { pswpout: [0, 1024] },
  });
});

const LONG_COMM = 'proc a pid=1234 comm=com.example.game\n';
const WARNING = /^reclaimfs: .*warn\.scn:1: warning: column 17: comm "com\.example\.game" is cut off after 15 bytes\n$/;

test('what is probably not meant is told by play', async () => {
  const { status, stderr } = await reclaimfs('play', file('warn.scn', LONG_COMM));
  expect(stderr).toMatch(WARNING);
  expect(status).toBe(0);
});

describe.skipIf(skipMounts)('what is probably not meant is told', { timeout: 60_000 }, () => {
  test.each(['direct', 'fuse-native'])('by mount over %s', async (transport) => {
    const mnt = directory();
    const mounted = await reclaimfs('mount', mnt, '--scenario', file('warn.scn', LONG_COMM), '--transport', transport);
    expect(mounted.stderr).toMatch(WARNING);
    expect(mounted.status).toBe(0);
    expect((await reclaimfs('umount', mnt)).status).toBe(0);
  });

  test('by run', async () => {
    const { status, stderr } = await reclaimfs('run', '--scenario', file('warn.scn', LONG_COMM), '--', 'true');
    expect(stderr).toMatch(WARNING);
    expect(status).toBe(0);
  });
});

test('import logcat: a log becomes a scenario, what is none leaves no file', async () => {
  const log = file('day.log', '1700000000.000  1234  1250 I wm_set_resumed_activity: [0,com.example.mail/.Main,x]\n');
  const output = join(program.directory, 'day.scn');
  const imported = await reclaimfs('import', 'logcat', log, '-o', output);
  expect(imported).toMatchObject({ status: 0, stdout: '' });
  expect(imported.stderr).toMatch(/^reclaimfs: How much memory the phone has is not known/m);
  expect((await reclaimfs('scenario', 'check', output)).stdout).toBe(`${output}: right\n`);
  for (const wrong of [
    file('none.log', 'MemTotal: 5 kB\n'),
    file('no.gz', Buffer.from([0x1f, 0x8b, 1, 2])),
    directory(),
  ]) {
    const none = join(program.directory, 'none.scn');
    const { status, stdout, stderr } = await reclaimfs('import', 'logcat', wrong, '-o', none);
    expect(stderr).toMatch(/^reclaimfs: .+\n$/);
    expect([status, stdout, existsSync(none)]).toEqual([1, '', false]);
  }
});

test('import damon: a recording becomes a scenario, what is none leaves no file', async () => {
  const recording = join(import.meta.dirname, '../unit/damon/recordings/walk.data');
  const output = join(program.directory, 'walk.scn');
  const imported = await reclaimfs('import', 'damon', recording, '--ram', '96M', '-o', output);
  expect(imported).toMatchObject({ status: 0, stdout: '' });
  expect(imported.stderr).toMatch(/^reclaimfs: DAMON does not tell reads from writes/m);
  expect((await reclaimfs('scenario', 'check', output)).stdout).toBe(`${output}: right\n`);
  expect((await reclaimfs('import', 'damon', recording, '--ram', 'much')).status).toBe(2);
  for (const wrong of [file('perf.data', 'PERFILE2'), file('cut.data', Buffer.from([0x78, 0x9c, 1])), directory()]) {
    const none = join(program.directory, 'no-walk.scn');
    const { status, stdout, stderr } = await reclaimfs('import', 'damon', wrong, '-o', none);
    expect(stderr).toMatch(/^reclaimfs: .+\n$/);
    expect([status, stdout, existsSync(none)]).toEqual([1, '', false]);
  }
});

describe('usage', () => {
  test.each([
    [['--help'], 0],
    [['mount', '--help'], 0],
    [['--version'], 0],
    [[], 2],
    [['moun', '/tmp'], 2],
    [['mount'], 2],
    [['mount', '/tmp', '--profile', 'nosuch'], 2],
    [['mount', '/tmp', '--speed', '-1'], 2],
    [['mount', '/tmp', '--hidepid', '7'], 2],
    [['capture', '--pid', 'abc'], 2],
    [['run'], 2],
    [['umount', '/nonexistent'], 1],
    [['umount', '/'], 1],
    [['play', '/nonexistent'], 1],
    [['diff', '/nonexistent', '/nonexistent'], 2],
    [['diff', '/nonexistent'], 2],
    [['mount', '/nonexistent'], 1],
    [['capture', '--pid', '4194303'], 1],
  ] as const)('reclaimfs %j ends with %i', async (args, status) => {
    const { status: got, stdout, stderr } = await reclaimfs(...args);
    expect(got).toBe(status);
    if (status === 0) expect(stdout).not.toBe('');
    else if (args.length > 0) {
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^reclaimfs: .+\n$/);
    }
  });

  test('a mistake in a scenario is said with file, line and column', async () => {
    const path = file('mistake.scn', 'proc a pid=1000\na mmap heap\n');
    const played = await reclaimfs('play', path);
    expect(played).toMatchObject({ status: 1, stdout: '' });
    expect(played.stderr).toMatch(/^reclaimfs: .*mistake\.scn:2:\d+: .*size=.*\n$/);
    const mounted = await reclaimfs('mount', directory(), '--scenario', path);
    expect(mounted.status).toBe(1);
    expect(mounted.stderr).toBe(played.stderr);
  });

  test('a reader that has seen enough ends the output quietly', async () => {
    const main = join(program.directory, 'dist/cli/main.js');
    const { stdout, stderr } = await run(
      'sh',
      ['-c', `${process.execPath} ${main} capture 2>/dev/null | head -1`],
      60_000,
    );
    expect(stdout).toMatch(/^title /);
    expect(stderr).toBe('');
  });
});

describe('files that are read may be packed, whatever their name', () => {
  test.each([
    ['gzip', (bytes: Buffer): Buffer => gzipSync(bytes)],
    // RFC 8878: a frame of one raw block.
    ['zstd', (bytes: Buffer): Buffer => Buffer.concat([zstdHeader(bytes.length), bytes])],
  ])('%s: a file and standard input', async (_name, pack) => {
    const packed = file('packed.scn', pack(Buffer.from(`${SCENARIO}snap end\n`)));
    const plain = await reclaimfs('play', file('plain.scn', `${SCENARIO}snap end\n`));
    expect(plain.status).toBe(0);
    expect(await reclaimfs('play', packed)).toEqual(plain);
    const main = join(program.directory, 'dist/cli/main.js');
    expect(await run('sh', ['-c', `'${process.execPath}' '${main}' play - < '${packed}'`], 60_000)).toEqual(plain);
  });

  test('one that is damaged is said to be so', async () => {
    const packed = file('damaged.scn', gzipSync(Buffer.from(SCENARIO)).subarray(0, 40));
    const { status, stderr } = await reclaimfs('play', packed);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^reclaimfs: .*damaged.scn is damaged.*\n$/)]);
  });
});

/** Magic; single segment, 8 bytes of content size; the header of the last, raw block. */
function zstdHeader(length: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(0xfd2fb528, 0);
  header[4] = 0xe0;
  header.writeBigUInt64LE(BigInt(length), 5);
  header.writeUIntLE((length << 3) | 1, 13, 3);
  return header;
}

test.each(['play -', 'scenario list --json', '--help'])(
  'a full disk under %s: one line, and status 1',
  async (words) => {
    const main = join(program.directory, 'dist/cli/main.js');
    const command = `echo snap end | '${process.execPath}' '${main}' ${words} > /dev/full`;
    const { status, stderr } = await run('sh', ['-c', command], 60_000);
    expect([status, stderr]).toEqual([1, 'reclaimfs: stdout cannot be written (ENOSPC)\n']);
  },
);

test('play --json prints one object with the steps, --profile and --swap override', async () => {
  const path = file('play.scn', `${SCENARIO}game pageout anon\nsnap end\n`);
  const { status, stdout } = await reclaimfs('play', path, '--json', '--swap', 'disk', '--profile', 'linux-6.18');
  expect(status).toBe(0);
  const golden = JSON.parse(stdout);
  expect(golden).toMatchObject({ swap_kind: 'file', profile: 'linux-6.18' });
  expect(golden.steps.at(-1)).toMatchObject({ snap: 'end', system: { swap_used_pages: 1024 } });
});

test('doctor knows whether mounting is possible', async () => {
  const { status, stdout } = await reclaimfs('doctor', '--json');
  const findings = JSON.parse(stdout) as { check: string; state: string; advice: string }[];
  expect(findings.map(({ check }) => check)).toEqual(expect.arrayContaining(['node', '/dev/fuse', 'fusermount']));
  expect(status).toBe(findings.some(({ state }) => state === 'fail') ? 1 : 0);
  for (const { state, advice } of findings) if (state !== 'ok') expect(advice).not.toBe('');
});

describe.skipIf(skipMounts)('mount and umount', () => {
  test.each(['direct', 'fuse-native'])('over %s: the README in a shell', async (transport) => {
    const mnt = directory();
    const scenario = file('story.scn', SCENARIO);
    const mounted = await reclaimfs('mount', mnt, '--scenario', scenario, '--transport', transport);
    expect(mounted).toMatchObject({ status: 0, stderr: '' });
    expect(mounted.stdout).toMatch(new RegExp(`^mounted ${mnt}: transport ${transport}.*\\n$`));
    const story = await run('sh', ['-c', `echo anon > ${mnt}/1234/reclaim && grep VmSwap ${mnt}/1234/status`]);
    expect(story).toMatchObject({ status: 0, stdout: 'VmSwap:\t    4096 kB\n' });
    expect(await reclaimfs('mount', mnt)).toMatchObject({ status: 1 });
    expect(await reclaimfs('umount', mnt)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(findMount(mnt)).toBeUndefined();
    expect(await reclaimfs('umount', mnt)).toMatchObject({ status: 1 });
  });

  test('self and the numbers of real processes lead to the genuine /proc', async () => {
    const mnt = directory();
    await reclaimfs('mount', mnt);
    expect(readFileSync(join(mnt, 'self/comm'), 'utf8')).toBe(readFileSync('/proc/self/comm', 'utf8'));
    expect(existsSync(join(mnt, String(process.pid)))).toBe(true);
    expect(existsSync(join(mnt, '4194303'))).toBe(false);
    expect((await run('umount', [mnt])).status).toBe(0);
  });

  test('the daemon ends with its mount and leaves no log behind', async () => {
    const mnt = directory();
    await reclaimfs('mount', mnt);
    await run('umount', [mnt]);
    expect(await reclaimfs('mount', '/nonexistent')).toMatchObject({ status: 1 });
    const logs = join(tmpdir(), `reclaimfs-${process.getuid?.()}`);
    const name = mnt.slice(1).replaceAll('/', '-');
    const left = (): string[] =>
      existsSync(logs) ? readdirSync(logs).filter((log) => log.startsWith(name) || log.startsWith('nonexistent.')) : [];
    await until(() => left().length === 0, 'end of the logs');
    rmSync(mnt, { recursive: true });
  });

  test('--clock manual stands still until it is told', async () => {
    const mnt = directory();
    await reclaimfs('mount', mnt, '--clock', 'manual', '--scenario', file('clock.scn', 'machine uptime=100s\n'));
    const uptime = (): number => Number(readFileSync(join(mnt, 'uptime'), 'utf8').split(' ')[0]);
    expect(uptime()).toBe(100);
    writeFileSync(join(mnt, 'reclaimfs/clock'), '+5s');
    expect(uptime()).toBe(105);
    await reclaimfs('umount', mnt);
  });
});
