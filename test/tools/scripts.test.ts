import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXAMPLES, Inside, MACHINE, skipTools } from './support/inside.ts';
import { parseKeys, table } from './support/tree.ts';

/** Scripts as users write them, run as they are. */
describe.skipIf(skipTools)('scripts', () => {
  let inside: Inside;
  beforeAll(async () => {
    // Room for everything that the scripts send to swap.
    inside = await Inside.start({ scenario: readFileSync(MACHINE, 'utf8').replace(' swap=512M', ' swap=2G') });
  });
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  const script = (name: string, ...args: (string | number)[]) => [`${EXAMPLES}/${name}`, ...args.map(String)];
  const status = async (pid: number): Promise<Readonly<Record<string, number>>> =>
    parseKeys(await inside.read(`/proc/${pid}/status`));

  test('reclaim-by-name.sh', async () => {
    const before = await status(702);
    expect(await inside.text(script('reclaim-by-name.sh', 'worker process', 'anon'))).toBe(
      '701 anon\n702 anon\n703 anon\n704 anon\n',
    );
    const after = await status(702);
    expect(before['RssAnon']).toBeGreaterThan(5000);
    expect([after['RssAnon'], after['VmSwap']]).toEqual([0, before['RssAnon']]);
    expect((await inside.run(script('reclaim-by-name.sh', 'worker process', 'nonsense'))).stdout).toBe('');
  });

  test('reclaim-background.sh, with thread ids', async () => {
    await inside.text('printf "%s\\n" 5000 2003 6001 4190000 99999 > /tmp/reclaimfs-tasks');
    const app = await status(2000);
    await inside.step('hog adj 1000\nwebapp adj 1000\nhigh adj 800');
    expect((await inside.read('/proc/5000/oom_adj')).trim()).toBe('15');
    await inside.text([...script('reclaim-background.sh'), '/tmp/reclaimfs-tasks']);
    await inside.text('rm /tmp/reclaimfs-tasks');
    expect((await status(5000))['VmRSS']).toBeLessThan(100);
    // 2003 is a thread of 2000.
    expect((await status(2000))['VmSwap']).toBe(app['RssAnon']);
    expect((await status(6001))['VmSwap']).toBe(0);
    expect((await status(4190000))['VmSwap']).toBe(0);
  });

  test('memory-monitor.sh', async () => {
    await inside.step('hog touch heap 0 100M read');
    const rows = (await inside.text(script('memory-monitor.sh', 1, 2))).trim().split('\n');
    expect(rows).toHaveLength(2);
    const swap = parseKeys(await inside.read('/proc/meminfo'));
    expect(rows[1]).toContain(` swapped ${swap['SwapTotal']! - swap['SwapFree']!} kB written 0 pages largest `);
    expect(rows[1]).toMatch(/largest \d+ kB 4000 Web$/);
  });

  test('app-compactor.sh: some, full, and its throttles', async () => {
    await inside.step('browser adj 905\nbrowser2 adj 400\nhog adj 0\nhigh adj 0');
    const env = { POLL: '1', SOME_AFTER_SOME: '2', FULL_AFTER_FULL: '2' };
    const rows = (await inside.text(script('app-compactor.sh', 5), { env })).trim().split('\n');
    const of = (pid: number): string[] => rows.filter((row) => row.startsWith(`compacted ${pid} `));
    // Cached, with much anonymous memory: once; nothing has changed since, so not again.
    expect(of(4000)).toHaveLength(1);
    expect(of(4000)[0]).toMatch(/^compacted 4000 all: \d+ \d{6} 0 -> \d+ 0 \d{6}$/);
    // Perceptible: only its files, again and again, but not each second.
    expect(of(4010).length).toBeGreaterThanOrEqual(2);
    expect(of(4010).length).toBeLessThanOrEqual(4);
    expect(of(4010)[0]).toMatch(/ file: \d+ (\d+) (\d+) -> 0 \1 \2$/);
    // The foreground is left alone.
    expect(of(1)).toEqual([]);
    expect(of(5000)).toEqual([]);
    // Again when it has been in use.
    await inside.step('browser touch heap 0 200M read');
    expect(await inside.text(script('app-compactor.sh', 1))).toMatch(/^compacted 4000 all:/m);
  });

  test('working-set-trimmer.sh', async () => {
    await inside.step('cc1 touch heap 0 90M write');
    expect(await inside.text(script('working-set-trimmer.sh', 3021, 77777, 2))).toBe('');
    expect((await status(3021))['VmSwap']).toBeGreaterThan(90_000);
  });

  test('vm-concierge.sh: kernels without the word shmem take file', async () => {
    expect(await inside.text(script('vm-concierge.sh', 900))).toBe('file 0\n');
    expect((await inside.run(script('vm-concierge.sh', 77777))).status).toBe(1);
  });

  test('swap-test.sh', async () => {
    await inside.step(
      'proc tast pid=9000 ppid=1\ntast mmap heap size=100M anon private name=[heap]\ntast touch heap 0 100M write',
    );
    expect(await inside.text(script('swap-test.sh', 9000, 100))).toMatch(/\nPASS\n$/);
    expect((await inside.run(script('swap-test.sh', 9000, 100))).status).toBe(1);
  });

  test('memory-reclaimerd.sh: a place in swap for each page, no two the same', async () => {
    const text = await inside.text([...script('memory-reclaimerd.sh', 3002), '/tmp/reclaimfs-writeback']);
    const places = table(await inside.text('cat /tmp/reclaimfs-writeback; rm /tmp/reclaimfs-writeback')).flat();
    const pages = (await status(3002))['VmSwap']! / 4;
    expect(pages).toBeGreaterThan(300);
    expect(text).toBe(`${pages} pages of 3002 in swap\n`);
    expect(new Set(places).size).toBe(pages);
    for (const place of places) expect(place).toMatch(/^page_index=\d+$/);
  });
});

describe.skipIf(skipTools)('scripts on a ChromeOS kernel', () => {
  test('vm-concierge.sh: the word shmem', async () => {
    const inside = await Inside.start({ options: ['--profile', 'chromeos'] });
    expect(await inside.text([`${EXAMPLES}/vm-concierge.sh`, '900'])).toBe('shmem 0\n');
    await inside.check();
    await inside.stop();
  });
});
