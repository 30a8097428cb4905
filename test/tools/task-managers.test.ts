/** The task managers of scripts/examples, as users would run them, on a mount whose clock the test moves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipMounts, until } from '../conformance/support/mounts.ts';
import { Program, type ReclaimMount } from '../conformance/support/reclaim-mount.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../scripts/examples');
const program = new Program();
beforeAll(() => program.build());
afterAll(() => program.dispose());

/** Two apps in the background, the older one first; one in front that grows. */
const SCENARIO = `machine ram=256M swap=192M swapkind=zram
object PICTURES file 64M path=/data/pictures
cache PICTURES load
proc old pid=300 uid=10001 adj=901
old mmap heap size=40M anon private name=[heap]
old touch heap 0 40M write
proc newer pid=200 uid=10002 adj=900
newer mmap heap size=48M anon private name=[heap]
newer touch heap 0 48M write
proc front pid=100 uid=10003 adj=0
front mmap heap size=200M anon private name=[heap]
`;

class Script {
  output = '';
  readonly #child: ChildProcess;
  readonly ended: Promise<void>;

  constructor(name: string, mount: ReclaimMount, env: Record<string, string> = {}) {
    this.#child = spawn('sh', [join(EXAMPLES, name), mount.mnt], { env: { ...process.env, ...env } });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.ended = new Promise((settle) => {
      this.#child.once('close', () => settle());
    });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

const wait = (ms: number) => new Promise((settle) => setTimeout(settle, ms));

/** Lets the app in front grow by 8 MB a second. */
async function grow(mount: ReclaimMount, megabytes: number): Promise<void> {
  for (let at = 0; at < megabytes; at += 8) {
    mount.apply(`front touch heap ${at}M 8M write`);
    mount.write('reclaimfs/clock', '+1s\n');
    await wait(50);
  }
}

describe.skipIf(skipMounts)('the examples', () => {
  let mount: ReclaimMount;
  async function on(scenario: string): Promise<ReclaimMount> {
    mount = await program.mount(scenario, 'direct');
    return mount;
  }

  test('pressure: the app that has been in the background for longest is reclaimed first', async () => {
    await on(SCENARIO);
    const script = new Script('task-manager-pressure.sh', mount, { EVENTS: '400' });
    await wait(300);
    await grow(mount, 152);
    await until(() => script.output.includes('200 reclaimed'), 'reclaim of both');
    await script.stop();
    expect(script.output.split('\n').slice(0, 2)).toEqual(['low: 300 reclaimed', 'low: 200 reclaimed']);
    expect(mount.status(300, 'VmSwap')).toBe(40 * 1024);
    expect(mount.status(100, 'VmRSS')).toBeGreaterThan(120 * 1024);
    await mount.stop();
  });

  test('proportional: many processes give a little', async () => {
    await on(SCENARIO.replace('ram=256M', 'ram=208M'));
    const env = { PER_SWAP_SIZE: '2048', LEVELS: 'low medium' };
    const script = new Script('task-manager-proportional.sh', mount, env);
    await wait(300);
    await grow(mount, 96);
    await until(() => /^200: /m.test(script.output) && /^300: /m.test(script.output), 'shares of both');
    await script.stop();
    expect(script.output).toMatch(/^(200|300): about \d+ pages$/m);
    const shares = [...script.output.matchAll(/about (\d+) pages/g)].map((match) => Number(match[1]));
    for (const share of shares) expect(share).toBeLessThanOrEqual(2048);
    expect(mount.read('reclaimfs/check')).toBe('ok\n');
    await mount.stop();
  });

  test('compaction: file pages when an app has been left, everything when it is cached; throttled', async () => {
    await on(`machine ram=256M swap=128M swapkind=zram
object CODE file 8M path=/data/app/mail.apk
proc mail pid=100 uid=10001 adj=0
mail mmap code size=8M obj=CODE private prot=r
mail mmap heap size=24M anon private name=[heap]
mail touch code 0 8M read
mail touch heap 0 24M write
`);
    const script = new Script('task-manager-compact.sh', mount, { INTERVAL: '0.05' });
    const change = async (adj: number, seconds: number, lines: number) => {
      mount.apply(`mail adj ${adj}`);
      mount.write('reclaimfs/clock', `+${seconds}s\n`);
      await until(() => script.output.split('\n').length - 1 >= lines, `${lines} compactions`, 5_000);
    };
    await wait(500);
    await change(700, 1, 1);
    expect([mount.status(100, 'RssFile'), mount.status(100, 'VmSwap')]).toEqual([0, 0]);
    await change(900, 1, 2);
    expect(mount.status(100, 'VmSwap')).toBe(24 * 1024);
    // In front again and away at once: too soon after the last one.
    mount.apply('mail adj 0\nmail touch code 0 8M read\nmail touch heap 0 24M read');
    await wait(500);
    mount.apply('mail adj 700');
    await wait(800);
    expect(mount.status(100, 'RssFile')).toBe(8 * 1024);
    await script.stop();
    expect(script.output.split('\n').slice(0, 2)).toEqual([
      '100 some: 8192 24576 0 kB -> 0 24576 0 kB',
      '100 full: 0 24576 0 kB -> 0 0 24576 kB',
    ]);
    await mount.stop();
  });
});
