/**
 * Attacks on a mount from outside: it is unmounted under its readers, its server is stopped, readers are killed, its mount
 * point has an odd name. Whatever is done, an unmounted server ends within two seconds, and a command never hangs.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMount } from '../../src/fuse/mountinfo.ts';
import { type Outcome, run, sh, skipMounts, sleep, until, within } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

/** An unmounted server ends within this time. */
const GONE_MS = 2000;
/** A server that does not answer is given up after this time, beside what the command takes for any refusal. */
const ANSWER_MS = 1500;
/** The best of some tries counts, for the machine that runs this may be busy itself. */
const TRIES = 4;

const program = new Program();
const mounts: { readonly mnt: string; readonly pid: number }[] = [];
let nrDirectories = 0;
/** For commands that a shell starts; the machine that runs this may be busy itself. */
const COMMAND_MS = 60_000;

beforeAll(() => program.build());
afterAll(async () => {
  for (const { mnt, pid } of mounts) {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    if (findMount(mnt)) await run('umount', ['-l', '-f', mnt]);
  }
  await program.dispose();
});

function reclaimfs(...args: string[]): Promise<Outcome> {
  return run(process.execPath, [join(program.directory, 'dist/cli/main.js'), ...args], 60_000);
}

/** A daemon's mount. */
async function mounted(transport: string): Promise<{ mnt: string; pid: number }> {
  const mnt = join(program.directory, `dying${++nrDirectories}`);
  mkdirSync(mnt);
  const { stdout, stderr } = await reclaimfs('mount', mnt, '--transport', transport, '--json');
  if (stderr !== '') throw new Error(stderr);
  const { serverPid: pid } = JSON.parse(stdout) as { serverPid: number };
  mounts.push({ mnt, pid });
  return { mnt, pid };
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Sockets of a process that somebody could connect to. */
async function listening(pid: number): Promise<string[]> {
  const { stdout } = await sh(
    `for fd in /proc/${pid}/fd/*; do readlink $fd; done | sed -n 's/^socket:.\\([0-9]*\\).$/\\1/p' | while read inode; do grep -hE " 0A .* $inode " /proc/${pid}/net/tcp /proc/${pid}/net/tcp6; done`,
  );
  return stdout.split('\n').filter(Boolean);
}

/** A `cat` that waits; what it says at last, and its status. */
async function waitingCat(path: string): Promise<{ ended: Promise<string>; kill(): void }> {
  const child = spawn('cat', [path], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<string>((settle) => child.once('close', (code) => settle(`${said}${code}`)));
  await until(() => /\(cat\) [SD] /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8')), 'reader that waits');
  return { ended, kill: () => void child.kill('SIGKILL') };
}

/** How long it took the server to end, in milliseconds; the worst is awaited, so that nothing is left behind. */
async function msUntilGone(pid: number): Promise<number> {
  const start = performance.now();
  await until(() => !isAlive(pid), `end of ${pid}`, 20_000);
  return performance.now() - start;
}

/** Tries until it has taken at most `limitMs`. */
async function expectWithin(limitMs: number, attempt: () => Promise<number>): Promise<void> {
  const taken: number[] = [];
  for (let i = 0; i < TRIES; i++) {
    taken.push(await attempt());
    if (taken.at(-1)! <= limitMs) return;
  }
  expect.fail(`took ${taken.map(Math.round).join(', ')} ms, ${limitMs} are allowed`);
}

describe.skipIf(skipMounts).each(['direct', 'fuse-native'])('over %s', { timeout: 180_000 }, (transport) => {
  test.each([
    ['umount -l', (mnt: string): Promise<Outcome> => run('umount', ['-l', mnt])],
    ['reclaimfs umount', (mnt: string): Promise<Outcome> => reclaimfs('umount', mnt)],
  ])('after %s server and readers end within two seconds', async (_how, unmount) => {
    await expectWithin(GONE_MS, async () => {
      const { mnt, pid } = await mounted(transport);
      const held = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore'], cwd: join(mnt, '1') });
      const waiting = [];
      for (const name of ['events', 'vmpressure']) waiting.push(waitingCat(join(mnt, 'reclaimfs', name)));
      const ended = await Promise.all(waiting);
      expect(await unmount(mnt)).toMatchObject({ status: 0 });
      const ms = await msUntilGone(pid);
      await within(Promise.all(ended.map((reader) => reader.ended)), 'end of the readers');
      expect(findMount(mnt)).toBeUndefined();
      held.kill('SIGKILL');
      return ms;
    });
  });

  test('a stopped server is not mounted over, and unmounted it ends', async () => {
    await expectWithin(GONE_MS, async () => {
      const { mnt, pid } = await mounted(transport);
      process.kill(pid, 'SIGSTOP');
      const reader = await waitingCat(join(mnt, 'meminfo'));
      await expectWithin(ANSWER_MS, async () => {
        const any = performance.now();
        expect(await reclaimfs('mount', join(program.directory, 'missing'))).toMatchObject({ status: 1 });
        const start = performance.now();
        const { status, stderr } = await reclaimfs('mount', mnt, '--transport', transport);
        expect([status, stderr]).toEqual([1, expect.stringContaining('does not answer: use "reclaimfs umount')]);
        return performance.now() - start - (start - any);
      });
      expect(await reclaimfs('umount', mnt)).toMatchObject({ status: 0 });
      const ms = await msUntilGone(pid);
      expect(await within(reader.ended, 'end of the reader')).toMatch(
        /(aborted|abort|not connected)\n1$|connection abort/,
      );
      expect(findMount(mnt)).toBeUndefined();
      return ms;
    });
  });

  test('readers that are killed while they read, and a broken pipe, harm nobody', async () => {
    const { mnt, pid } = await mounted(transport);
    process.kill(pid, 'SIGPIPE');
    const loop = `while :; do cat '${mnt}'/*/smaps '${mnt}'/[0-9]*/pagemap; done >/dev/null 2>&1`;
    const loops = Array.from({ length: 8 }, () => spawn('timeout', ['-s', 'KILL', '0.4', 'sh', '-c', loop]));
    await Promise.all(loops.map((child) => new Promise((settle) => child.once('exit', settle))));
    expect((await sh(`cat '${mnt}/reclaimfs/check'`, COMMAND_MS)).stdout).toBe('ok\n');
    expect(await reclaimfs('mount', mnt)).toMatchObject({
      status: 1,
      stderr: `reclaimfs: ${mnt} is already mounted: use "reclaimfs umount ${mnt}" first\n`,
    });
    expect(await reclaimfs('umount', mnt)).toMatchObject({ status: 0 });
    await expectWithin(GONE_MS, () => msUntilGone(pid));
  });

  test('signals that mean nothing to it change nothing, and SIGUSR1 opens no debugger', async () => {
    const { mnt, pid } = await mounted(transport);
    for (const signal of ['SIGUSR1', 'SIGPIPE', 'SIGWINCH', 'SIGCHLD', 'SIGURG', 'SIGCONT'] as const)
      for (let times = 0; times < 3; times++) process.kill(pid, signal);
    await sleep(1000);
    expect(isAlive(pid)).toBe(true);
    expect(readFileSync(join(mnt, 'meminfo'), 'latin1')).toMatch(/^MemTotal:/);
    expect(await listening(pid)).toEqual([]);
    expect(await reclaimfs('umount', mnt)).toMatchObject({ status: 0, stderr: '' });
    await expectWithin(GONE_MS, () => msUntilGone(pid));
  });

  test.each(['SIGUSR2', 'SIGXCPU', 'SIGPROF', 'SIGIO', 'SIGSTKFLT', 'SIGTRAP'] as const)(
    '%s ends it, and its mount with it',
    async (signal) => {
      await expectWithin(GONE_MS, async () => {
        const { mnt, pid } = await mounted(transport);
        const start = performance.now();
        process.kill(pid, signal);
        await until(() => !isAlive(pid) && findMount(mnt) === undefined, 'end of the mount', 20_000);
        return performance.now() - start;
      });
    },
  );

  test('readers that wait are killed at will, and others wait on', async () => {
    const { mnt, pid } = await mounted(transport);
    const path = join(mnt, 'reclaimfs/vmpressure');
    const [survivor, ...killed] = await Promise.all([1, 2, 3, 4, 5].map(() => waitingCat(path)));
    for (const reader of killed) reader.kill();
    await within(Promise.all(killed.map(({ ended }) => ended)), 'end of those killed', 30_000);
    expect(await Promise.race([survivor!.ended, sleep(300)])).toBeUndefined();
    expect(await reclaimfs('umount', mnt)).toMatchObject({ status: 0 });
    await within(survivor!.ended, 'end of the reader that waited');
    await msUntilGone(pid);
  });

  test('mount points may have any name that is UTF-8', async () => {
    const long = 'l'.repeat(200);
    const names = [
      's p\'a"c\te',
      'new\nline',
      'com,ma=\\134\\040%s%n',
      '-dash $HOME',
      'ü-日本',
      join(long, long, long),
    ];
    for (const name of names) {
      const mnt = join(program.directory, `odd-${transport}`, name);
      mkdirSync(mnt, { recursive: true });
      expect(await reclaimfs('mount', mnt, '--transport', transport), name).toMatchObject({ status: 0, stderr: '' });
      expect(readFileSync(join(mnt, 'meminfo'), 'latin1'), name).toMatch(/^MemTotal:/);
      expect(await reclaimfs('umount', mnt), name).toMatchObject({ status: 0, stderr: '' });
      expect(findMount(mnt)).toBeUndefined();
    }
  });
});

describe.skipIf(skipMounts)('a mount point that is none', { timeout: 180_000 }, () => {
  test.each(['mount', 'umount', 'status', 'top'])('%s with an empty one says so', async (command) => {
    await sh(`mkdir -p '${program.directory}/empty'`);
    const main = join(program.directory, 'dist/cli/main.js');
    const { status, stderr } = await sh(
      `cd '${program.directory}/empty' && '${process.execPath}' '${main}' ${command} ''`,
      COMMAND_MS,
    );
    expect([status, stderr]).toEqual([1, 'reclaimfs: the mount point is empty: give a directory\n']);
  });

  test('a name that is no UTF-8 is refused, and nothing is mounted', async () => {
    const main = join(program.directory, 'dist/cli/main.js');
    const script = `cd '${program.directory}' && d=$(printf 'bad\\377\\376') && mkdir -p "$d" && '${process.execPath}' '${main}' mount "$PWD/$d"`;
    const { status, stderr } = await sh(script, COMMAND_MS);
    expect([status, stderr]).toEqual([1, expect.stringContaining('names that are no UTF-8 cannot be used')]);
  });

  test('groups and /sys have to have a place, too', async () => {
    const mnt = join(program.directory, 'groups');
    mkdirSync(mnt);
    for (const option of ['--cgroupfs', '--sysfs'])
      expect(await reclaimfs('mount', mnt, option, '')).toMatchObject({
        status: 1,
        stderr: 'reclaimfs: the mount point is empty: give a directory\n',
      });
  });
});
