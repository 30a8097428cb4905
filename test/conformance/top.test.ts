/** `reclaimfs top` on real mounts: what it shows stands in the files; keys, typed into a real terminal (tmux), have their effect. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, run, skipMounts, until } from './support/mounts.ts';
import { Program, type ReclaimMount } from './support/reclaim-mount.ts';

const SCENARIO = `machine ram=512M swap=128M seed=3
object LIBC file 2M path=/system/lib/libc.so
proc game pid=1234 uid=10042
game mmap heap size=40M anon private name=[heap]
game mmap libc obj=LIBC size=2M private prot=rx
game touch heap 0 30M write
game touch heap 30M 2M read
game touch libc 0 1M read
game mmap key size=1M anon
game touch key 0 1M write
game mlock key 0 1M
proc mail pid=1300 uid=10043
mail mmap heap size=8M anon
mail touch heap 0 8M write
`;
const WAIT_MS = 60_000;
const program = new Program();

beforeAll(() => program.build(), 180_000);
afterAll(() => program.dispose());

const main = (): string => join(program.directory, 'dist/cli/main.js');
const top = (...args: string[]): Promise<Outcome> => run(process.execPath, [main(), 'top', ...args], WAIT_MS);

/** A terminal of 80 × 24 with a shell in which top runs. */
class Terminal {
  static #count = 0;
  readonly #socket = `reclaimfs-top-${process.pid}-${Terminal.#count++}`;

  async tmux(...args: string[]): Promise<string> {
    const { stdout, stderr, status } = await run('tmux', ['-L', this.#socket, '-f', '/dev/null', ...args], WAIT_MS);
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** The shell says how top has ended and in which mode it has left the terminal. */
  async start(args: string, env = ''): Promise<void> {
    const file = join(program.directory, `${this.#socket}.sh`);
    const exec = `exec env -u NO_COLOR LC_ALL=C.UTF-8 ${env} '${process.execPath}' '${main()}' top ${args}`;
    const command = `sh -c "echo \\$\\$ > ${file}.pid; ${exec}"`;
    writeFileSync(
      file,
      `echo before\n${command}\necho "ended $?, $(stty -a | grep -o -- '-\\?icanon')"\nexec sleep 600\n`,
    );
    await this.tmux('new-session', '-d', '-x', '80', '-y', '24', `sh ${file}`);
  }

  /** Of top. */
  pid(): number {
    return Number(readFileSync(join(program.directory, `${this.#socket}.sh.pid`), 'utf8'));
  }

  screen(...options: string[]): Promise<string> {
    return this.tmux('capture-pane', '-p', ...options);
  }

  keys(...keys: string[]): Promise<string> {
    return this.tmux('send-keys', ...keys);
  }

  async shows(what: string | RegExp): Promise<void> {
    let seen = '';
    const has = async (): Promise<boolean> => {
      seen = await this.screen();
      return typeof what === 'string' ? seen.includes(what) : what.test(seen);
    };
    await until(has, String(what), WAIT_MS).catch((error: Error) => {
      throw new Error(`${error.message}\n${seen}`);
    });
  }

  async stop(): Promise<void> {
    await this.tmux('kill-server').catch(() => {});
  }
}

describe.skipIf(skipMounts)('top', { timeout: 180_000 }, () => {
  let mount: ReclaimMount;
  const terminals: Terminal[] = [];
  const terminal = async (args: string, env?: string): Promise<Terminal> => {
    const made = new Terminal();
    terminals.push(made);
    await made.start(args, env);
    return made;
  };
  beforeAll(async () => {
    mount = await program.mount(SCENARIO, 'direct');
  }, 120_000);
  afterAll(async () => {
    for (const one of terminals) await one.stop();
  }, 120_000);
  const rss = (pid: number): number => mount.status(pid, 'VmRSS');

  test('what it shows stands in the files', async () => {
    mount.reclaim(1234, '0x100000000000 8388608');
    const { stdout, status } = await top(mount.mnt, '--once');
    expect(status).toBe(0);
    for (const pid of [1234, 1300]) {
      const kinds = ['VmRSS', 'RssAnon', 'RssFile', 'RssShmem', 'VmSwap'].map((key) => mount.status(pid, key));
      const majflt = mount.read(`${pid}/stat`).split(') ')[1]!.split(' ')[9];
      const shown = new RegExp(`^>? +${pid} .*? S((?: +\\d+){6})$`, 'm').exec(stdout)?.[1];
      expect(shown?.trim().split(/ +/), stdout).toEqual([...kinds, majflt].map(String));
    }
    const keys = ['MemTotal', 'MemFree', 'MemAvailable', 'Cached'];
    expect(stdout).toContain(`kB: ${keys.map((key) => `${key} ${mount.number('meminfo', key)}`).join('  ')}\n`);
    const [, size, used] = /partition\s+(\d+)\s+(\d+)/.exec(mount.read('swaps'))!;
    expect(stdout).toContain(`/dev/zram0 ${used}/${size} `);
    const sum = (key: string): number =>
      [...mount.read('1234/smaps').matchAll(new RegExp(`^${key}: +(\\d+) kB`, 'gm'))].reduce(
        (all, row) => all + Number(row[1]),
        0,
      );
    const dirty = sum('Private_Dirty') + sum('Shared_Dirty');
    const file = sum('Rss') - sum('Anonymous');
    const sums = `Swapped ${sum('Swap')}  Zero 2048  Locked ${sum('Locked')}  Dirty ${dirty}  File ${file}  Present ${sum('Rss')}`;
    expect(sum('Swap')).toBe(8192);
    expect(stdout).toContain(sums);
    // 43 MB in 80 cells: 8 MB swapped, 22 dirty, 2 zero, 8 never touched, a file of which half was read, 1 locked.
    expect(stdout).toMatch(/^S{15}[SD]D{39,41}[DZ]Z{2,4}z?\.{13,15}F{1,2}f?\.{1,2}l?L{1,2}$/m);
  });

  test('not a terminal: everything once, in words; a real /proc, too', async () => {
    const { stdout, status } = await top(mount.mnt);
    expect(status).toBe(0);
    expect(stdout).toContain(`Machine ${mount.mnt}, clock ${mount.read('reclaimfs/clock').trim()}.`);
    expect(stdout).toContain(`MemFree ${mount.number('meminfo', 'MemFree')} kB.`);
    expect(stdout).not.toContain('\x1b');
    const real = await top('/proc', '--plain', '--once');
    expect(real.stdout).toMatch(/^This machine, \/proc, to look at only\./);
    expect(real.stdout).toMatch(new RegExp(`^Process ${process.pid} `, 'm'));
  });

  test('mistakes are one line', async () => {
    const missing = await top('/nowhere-at-all');
    expect([missing.status, missing.stderr]).toEqual([1, expect.stringMatching(/^reclaimfs: [^\n]*\n$/)]);
    const noProc = await top(program.directory);
    expect([noProc.status, noProc.stderr]).toEqual([
      1,
      expect.stringMatching(/is no \/proc: there is no meminfo[^\n]*\n$/),
    ]);
    expect((await top(mount.mnt, '--interval', '0')).status).toBe(2);
  });

  test('every key has its effect on the mount', async () => {
    const own = await program.mount(SCENARIO, 'direct');
    const pid = (key: string): number => own.status(1234, key);
    const clock = (): string => own.read('reclaimfs/clock');
    const view = await terminal(own.mnt, 'CI=true');
    await view.shows('q quit');
    await view.shows(/^> +1234 game/m);
    const press = async (key: string, what: string, done: () => boolean): Promise<void> => {
      await view.keys(key);
      await until(done, what, WAIT_MS);
      await view.shows(': done');
    };
    await press('w', 'a kept machine', () => existsSync(own.path('reclaimfs/snapshots/top')));
    await view.keys('Right');
    await view.shows(/^ \^/m);
    const first = pid('VmSwap');
    await press('r', 'a range in swap', () => pid('VmSwap') > first);
    // One of 80 cells of 43 MB.
    expect(pid('VmSwap')).toBeLessThan(first + 600);
    await view.shows(/^DSD/m);
    const fileKb = pid('RssFile');
    await press('f', 'file reclaimed', () => pid('RssFile') < fileKb);
    expect(pid('RssAnon')).toBeGreaterThan(20_000);
    await press('a', 'anon reclaimed', () => pid('RssAnon') <= 1024);
    await view.shows(new RegExp(`^> +1234 game .* ${pid('VmRSS')} .* ${pid('VmSwap')} `, 'm'));
    await press('s', 'stopped', () => own.read('1234/status').includes('State:\tT'));
    await view.shows(/^> +1234 game +T /m);
    await press('s', 'going on', () => !own.read('1234/status').includes('State:\tT'));
    await press('t', 'a second later', () => clock().startsWith('1.000'));
    await press('+', 'twice as fast', () => clock().includes('speed 2'));
    await press('-', 'as before', () => clock().includes('speed 1'));
    await press('p', 'running', () => clock().includes('running'));
    await press('p', 'paused', () => clock().includes('paused'));
    await view.keys('Down');
    await view.shows(/^> +1300 mail/m);
    await press('A', 'all reclaimed', () => own.status(1300, 'VmRSS') === 0);
    await press('K', 'killed', () => gone(own, 1300));
    await view.shows(/^event .* exit pid=1300/m);
    await press('R', 'the machine as it was kept', () => !gone(own, 1300) && pid('VmSwap') === 0);
    expect(own.read('reclaimfs/check')).toBe('ok\n');
    await view.keys('q');
    await view.shows(/ended 0, icanon/);
    expect(await view.screen()).toContain('before');
  });

  test('colours, but not with NO_COLOR; a signal restores the terminal', async () => {
    const view = await terminal(mount.mnt);
    await view.shows('q quit');
    expect(await view.screen('-e')).toContain('\u001b[33mD');
    const sober = await terminal(mount.mnt, 'NO_COLOR=1');
    await sober.shows('q quit');
    expect(await sober.screen('-e')).not.toContain('\u001b');
    for (const one of [view, sober]) {
      process.kill(one.pid(), 'SIGTERM');
      await one.shows(/ended 143, icanon/);
    }
    expect(await view.screen()).not.toContain('q quit');
  });

  test('--plain: words and lines, keys by Enter', async () => {
    const view = await terminal(`${mount.mnt} --plain`);
    await view.shows('q: quit.');
    const before = rss(1300);
    expect(before).toBeGreaterThan(0);
    await view.keys('jA', 'Enter');
    await view.shows('all > 1300/reclaim: done');
    expect(rss(1300)).toBe(0);
    await view.keys('%', 'Enter');
    await view.shows('%: no such key');
    expect(await view.screen('-e')).not.toContain('\u001b');
    await view.keys('q', 'Enter');
    await view.shows(/ended 0, icanon/);
  });

  test('a mount that ends is one line', async () => {
    const own = await program.mount(SCENARIO, 'direct');
    const view = await terminal(own.mnt);
    await view.shows('q quit');
    await own.stop();
    await view.shows(/: the mount has ended/);
    await view.shows(/ended 1, icanon/);
  });
});

function gone(mount: ReclaimMount, pid: number): boolean {
  try {
    mount.read(`${pid}/status`);
    return false;
  } catch {
    return true;
  }
}
