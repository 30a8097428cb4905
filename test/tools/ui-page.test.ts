/** The page of `mount --ui` and `run --ui` in a real browser: what it shows stands in the files, what it does shows in them. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, skipMounts, sleep, until } from '../conformance/support/mounts.ts';
import { Program } from '../conformance/support/reclaim-mount.ts';
import { CHROMIUM, FLAGS, installChromium } from './support/chromium.ts';

const SCENARIO = `machine ram=512M swap=128M seed=3
object LIBC file 2M path=/system/lib/libc.so
proc game pid=1234 uid=10042
game mmap heap size=40M anon private name=[heap]
game mmap libc obj=LIBC size=2M private prot=rx
game touch heap 0 30M write
game touch libc 0 1M read
proc mail pid=1300 uid=10043 comm="<i>mail</i>"
mail mmap heap size=8M anon
mail touch heap 0 8M write
`;
const WAIT_MS = 60_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(skipMounts)('--ui', { timeout: 180_000 }, () => {
  const program = new Program();
  const runtime = mkdtempSync(join(tmpdir(), 'reclaimfs-ui-'));
  const before = process.env['XDG_RUNTIME_DIR'];
  let browser: Browser;
  let mount: Shown;
  const shown: Shown[] = [];
  let url = '';
  let port = 0;

  const main = (): string => join(program.directory, 'dist/cli/main.js');
  /** At a port of its own, unless one is given. The clock stands still but for what is written to it. */
  const mounted = async (scenario: string, at = 0, ...more: string[]): Promise<Shown> => {
    const mnt = mkdtempSync(join(program.directory, 'ui-'));
    writeFileSync(`${mnt}.scn`, scenario);
    const words = ['mount', mnt, '--scenario', `${mnt}.scn`, '--transport', 'direct', '--clock', 'manual', '--json'];
    const { stdout, stderr } = await run(
      process.execPath,
      [main(), ...words, '--ui', `127.0.0.1:${at}`, ...more],
      WAIT_MS,
    );
    if (stdout === '') throw new Error(stderr);
    const { ui, serverPid } = JSON.parse(stdout) as { ui: string; serverPid: number };
    const own = new Shown(mnt, ui, serverPid, main());
    shown.push(own);
    return own;
  };
  const token = (): string =>
    readFileSync(join(runtime, `reclaimfs-${process.getuid?.()}`, 'ui-token'), 'latin1').trim();

  beforeAll(async () => {
    process.env['XDG_RUNTIME_DIR'] = runtime;
    installChromium();
    await program.build();
    mount = await mounted(SCENARIO);
    url = mount.url;
    port = Number(new URL(url).port);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  }, 300_000);

  afterAll(async () => {
    await browser?.close();
    for (const own of shown) await own.stop();
    await program.dispose();
    rmSync(runtime, { recursive: true, force: true });
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = before;
  }, 120_000);

  const open = async (options: Parameters<Browser['newPage']>[0] = {}, at = url): Promise<Page> => {
    const tab = await browser.newPage({ viewport: { width: 1200, height: 900 }, ...options });
    tab.setDefaultTimeout(WAIT_MS);
    await tab.goto(at);
    await tab.waitForSelector('tbody button');
    return tab;
  };

  test('no request without the token, of another name or another page has an effect', async () => {
    const body = JSON.stringify({ act: 'clock', text: '+1s' });
    const json = { 'content-type': 'application/json' };
    const path = (name: string, key = token()): string => `/${key}/${name}`;
    const clock = mount.read('reclaimfs/clock');
    const host = `127.0.0.1:${port}`;
    const refused = [
      await ask(port, 'POST', '/act', json, body),
      await ask(port, 'POST', path('act', '0'.repeat(32)), json, body),
      await ask(port, 'POST', path('act'), { ...json, host: `evil.example:${port}` }, body),
      await ask(port, 'POST', path('act'), { ...json, origin: 'http://evil.example' }, body),
      await ask(port, 'POST', path('act'), { ...json, origin: 'null' }, body),
      await ask(port, 'POST', path('act'), { 'content-type': 'text/plain' }, body),
      await ask(port, 'GET', path('live'), { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }),
      await ask(port, 'GET', '/'),
      await ask(port, 'PUT', path('act'), json, body),
    ];
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    expect(refused.map(({ text }) => text).join('')).not.toContain(token());
    const wrong = [
      '{"act":"keep","name":"../control"}',
      '{"act":"reclaim","pid":"../x","kind":"all"}',
      '{',
      '{"act":"no"}',
    ];
    for (const text of wrong) expect((await ask(port, 'POST', path('act'), json, text)).status).toBe(400);
    expect((await ask(port, 'GET', path('../../package.json'))).status).toBe(404);
    expect(mount.read('reclaimfs/clock')).toBe(clock);
    const good = await ask(port, 'POST', path('act'), { ...json, origin: `http://${host}` }, body);
    expect([good.status, good.text]).toEqual([200, '{"done":"+1s > reclaimfs/clock: done"}']);
    expect(mount.read('reclaimfs/clock')).not.toBe(clock);
    const page = await ask(port, 'GET', path(''));
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none';/);
    const files = readdirSync(join(program.directory, 'dist/ui/page'));
    const bytes = files.reduce((sum, name) => sum + statSync(join(program.directory, 'dist/ui/page', name)).size, 0);
    expect(bytes).toBeLessThan(300_000);
  });

  test('only on this machine', async () => {
    for (const address of ['0.0.0.0:7110', '192.168.0.1:80', 'example.com:80', '127.0.0.1:99999', '/tmp']) {
      const { status, stderr } = await run(process.execPath, [main(), 'mount', runtime, '--ui', address], WAIT_MS);
      expect([status, stderr.trim().split('\n').length], stderr).toEqual([2, 1]);
    }
    const empty = mkdtempSync(join(runtime, 'mnt-'));
    const taken = await run(process.execPath, [main(), 'mount', empty, '--ui', `127.0.0.1:${port}`], WAIT_MS);
    expect(taken.status).toBe(1);
    expect(taken.stderr).toMatch(/--ui: 127.0.0.1:\d+ cannot be had \(EADDRINUSE\): give another HOST:PORT/);
  });

  test('every button has its effect on the mount', async () => {
    const own = await mounted(SCENARIO);
    const tab = await open({}, own.url);
    const kb = (pid: number, key: string): number => own.status(pid, key);
    const press = async (name: string, done: () => boolean): Promise<void> => {
      await tab.getByRole('button', { name, exact: true }).click();
      await until(done, name, WAIT_MS);
    };
    const clock = (): string => own.read('reclaimfs/clock');
    await tab.locator('#process-1234').click();
    const majorFaults = own.read('1234/stat').split(') ')[1]!.split(' ')[9];
    expect(await tab.locator('tr.selected td').allTextContents()).toEqual(
      ['1234', 'S', '', kb(1234, 'VmRSS'), kb(1234, 'RssAnon'), kb(1234, 'RssFile'), 0, 0, majorFaults].map(String),
    );
    await tab.getByLabel('name to keep').fill('here');
    await press('Keep', () => existsSync(own.path('reclaimfs/snapshots/here')));
    await tab.locator('.map').focus();
    await tab.keyboard.press('ArrowRight');
    await tab.keyboard.press('Shift+ArrowRight');
    await press('Reclaim range', () => kb(1234, 'VmSwap') > 0);
    // Two of 512 cells of 42 MB.
    expect(kb(1234, 'VmSwap')).toBeLessThan(200);
    await tab.locator('.range', { hasText: 'swapped' }).waitFor();
    await press('Reclaim file', () => kb(1234, 'RssFile') === 0);
    expect(kb(1234, 'RssAnon')).toBeGreaterThan(20_000);
    await press('Reclaim anon', () => kb(1234, 'RssAnon') === 0);
    await press('Freeze', () => own.read('1234/status').includes('State:\tT'));
    await press('Go on', () => own.read('1234/status').includes('State:\tS'));
    await press('+100ms', () => clock().startsWith('0.100'));
    await press('+1s', () => clock().startsWith('1.100'));
    await press('+10s', () => clock().startsWith('11.100'));
    await press('×2, twice the speed', () => clock().includes('speed 2'));
    await press('÷2, half the speed', () => clock().includes('speed 1'));
    await press('Run', () => clock().includes('running'));
    await press('Pause', () => clock().includes('paused'));
    await tab.locator('#process-1300').click();
    await press('Reclaim all', () => kb(1300, 'VmRSS') === 0);
    await press('Kill', () => !existsSync(own.path('1300/status')) || own.read('1300/stat').includes(') Z '));
    await tab.locator('.events li', { hasText: 'exit pid=1300' }).waitFor();
    await press('back to here', () => kb(1234, 'VmSwap') === 0 && existsSync(own.path('1300/status')));
    await press('forget here', () => !existsSync(own.path('reclaimfs/snapshots/here')));
    await tab.getByLabel(/All are carried out/).fill('game reclaim anon');
    await press('Apply', () => kb(1234, 'VmSwap') > 0);
    await press('again: game reclaim anon', () => true);
    expect(await tab.locator('textarea').inputValue()).toBe('game reclaim anon');
    expect(own.read('reclaimfs/check')).toBe('ok\n');
    await tab.close();
    await own.stop();
  });

  test('steps are completed, and what is wrong is shown where it is', async () => {
    const tab = await open();
    const steps = tab.locator('textarea');
    const options = (): Promise<string[]> => tab.locator('#completions [role=option]').allTextContents();
    await steps.focus();
    await tab.keyboard.type('ga');
    expect(await options()).toEqual(['game']);
    await tab.keyboard.press('ArrowDown');
    await tab.keyboard.press('Enter');
    await tab.keyboard.type('mma');
    await tab.keyboard.press('ArrowDown');
    await tab.keyboard.press('Enter');
    expect(await steps.inputValue()).toBe('game mmap ');
    await tab.keyboard.type('more si');
    expect(await options()).toEqual(['size=']);
    await expect.poll(() => tab.locator('#step-help').textContent()).toContain('mmap');
    await steps.fill('tick 1s\ngame tuch heap 0 1M');
    await tab.keyboard.press('Control+Enter');
    const alert = tab.getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toContain('did you mean touch?');
    expect(await alert.locator('pre').textContent()).toBe('game tuch heap 0 1M\n     ^');
    expect(await steps.getAttribute('aria-invalid')).toBe('true');
    await tab.keyboard.type('touch');
    expect(await steps.inputValue()).toBe('tick 1s\ngame touch heap 0 1M');
    await tab.close();
  });

  test('by keyboard alone', async () => {
    const own = await mounted(SCENARIO);
    const tab = await open({}, own.url);
    const focused = (): Promise<string> =>
      tab.evaluate('document.activeElement.id || document.activeElement.textContent');
    const tabTo = async (name: string): Promise<void> => {
      for (let i = 0; i < 60 && (await focused()) !== name; i++) await tab.keyboard.press('Tab');
      expect(await focused()).toBe(name);
    };
    await tabTo('process-1234');
    await tab.keyboard.press('ArrowDown');
    expect(await focused()).toBe('process-1300');
    await tabTo('Reclaim all');
    await tab.keyboard.press('Enter');
    await until(() => own.status(1300, 'VmRSS') === 0, 'reclaimed by keys', WAIT_MS);
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      await tab.keyboard.press('Tab');
      seen.add(
        await tab.evaluate(
          'document.activeElement.id || document.activeElement.className || document.activeElement.textContent',
        ),
      );
    }
    for (const what of ['Run', '+1s', 'Keep', 'map', 'Reclaim range', 'step-text', 'Apply', 'scroll events'])
      expect([...seen]).toContain(what);
    await tab.close();
    await own.stop();
  });

  test.each([
    [1200, 'light'],
    [1200, 'dark'],
    [400, 'light'],
    [400, 'dark'],
  ] as const)('legible and accessible, %i pixels, %s; nothing from elsewhere', async (width, colorScheme) => {
    const complaints: string[] = [];
    const requests: string[] = [];
    const tab = await browser.newPage({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
    tab.on('console', (message) => complaints.push(message.text()));
    tab.on('pageerror', (error) => complaints.push(String(error)));
    tab.on('request', (made) => requests.push(made.url()));
    await tab.goto(url);
    await tab.locator('#process-1300').click();
    await tab.locator('canvas').first().waitFor();
    await tab.locator('summary', { hasText: 'mappings' }).click();
    expect(await tab.locator('#process-1300').textContent()).toBe('<i>mail</i>');
    await tab.evaluate(AXE);
    const found = await tab.evaluate<{ id: string; impact: string; nodes: { html: string }[] }[]>(
      "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) => violations)",
    );
    const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
    expect(await tab.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(complaints).toEqual([]);
    expect(requests.filter((made) => !made.startsWith(url) && !made.startsWith('data:'))).toEqual([]);
    await tab.close();
  });

  test('survives a reload, and the end of the server and its return', async () => {
    const at = await freePort();
    let own = await mounted(SCENARIO, at);
    const tab = await open({}, own.url);
    await tab.locator('#process-1234').click();
    await tab.getByRole('button', { name: '+1s' }).click();
    await tab.getByText('0.00 s to 1.00 s').waitFor();
    await tab.locator('textarea').fill('tick 5s');
    await tab.reload();
    await tab.locator('tr.selected', { hasText: 'game' }).waitFor();
    expect(await tab.locator('textarea').inputValue()).toBe('tick 5s');
    await tab.getByText('0.00 s to 1.00 s').waitFor();
    await own.stop();
    await tab.getByText('The server does not answer').waitFor();
    own = await mounted(SCENARIO.replace('30M write', '20M write'), at);
    await tab.locator('tr.selected td', { hasText: /^20480$/ }).waitFor();
    await tab.getByText('The server does not answer').waitFor({ state: 'detached' });
    await tab.close();
    await own.stop();
  });

  test('a thousand processes stay fluid', async () => {
    const many = `machine ram=1G swap=64M\n${Array.from({ length: 1000 }, (_, i) => `proc p${i}\np${i} mmap heap size=512K anon\np${i} touch heap 0 ${64 + (i % 50) * 4}K write\n`).join('')}${Array.from({ length: 100 }, (_, i) => `p${i} run zipf heap rate=200/s write=50%\n`).join('')}`;
    const own = await mounted(many, 0, '--clock', 'real');
    const tab = await open({}, own.url);
    await tab.getByText('1000 processes').waitFor();
    await sleep(1000);
    const gaps = await tab.evaluate<number[]>(`new Promise(settle => {
      const gaps = []; let last = performance.now(); const end = last + 4000;
      const frame = now => { gaps.push(now - last); last = now; now < end ? requestAnimationFrame(frame) : settle(gaps); };
      requestAnimationFrame(frame);
    })`);
    gaps.sort((a, b) => a - b);
    expect(gaps[Math.floor(gaps.length / 2)]).toBeLessThan(50);
    const [typed] = await Promise.all([
      tab.evaluate<number>(`new Promise(settle => document.querySelector('input[type=search]').addEventListener('input', event => {
        const start = performance.now(); requestAnimationFrame(() => requestAnimationFrame(() => settle(performance.now() - start)));
      }, { once: true }))`),
      tab.getByLabel('Find').fill('p99'),
    ]);
    expect(typed).toBeLessThan(500);
    await tab.close();
    await own.stop();
  });

  test('nothing is done when nobody looks', async () => {
    const own = await mounted(SCENARIO, 0, '--clock', 'real');
    const pid = own.serverPid;
    const tab = await open({}, own.url);
    const isOpen = (): boolean =>
      readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`).startsWith(own.mnt));
    await until(isOpen, 'events are followed', WAIT_MS);
    await tab.close();
    await until(() => !isOpen(), 'no file of the mount is open', WAIT_MS);
    const start = switchesOf(pid);
    await sleep(1500);
    // A look at mountinfo each 400 ms is that of every mount.
    expect(switchesOf(pid) - start).toBeLessThan(30);
    await own.stop();
  });

  test('run --ui shows the machine that the command sees', async () => {
    const at = await freePort();
    const script = 'sleep 2; until grep -q "State:.T" /proc/1234/status; do sleep 0.1; done; echo stopped';
    const words = ['run', '--scenario', '-', '--ui', `127.0.0.1:${at}`, '--', 'sh', '-c', script];
    const child = spawn(process.execPath, [main(), ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((settle) => {
      child.once('close', settle);
    });
    child.stdin.end(SCENARIO);
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    await until(() => /to look at it: http:\S+\n/.test(err), 'the address', WAIT_MS);
    const tab = await open({}, /http:\S+/.exec(err)![0]);
    await tab.locator('#process-1234').click();
    await tab.getByRole('button', { name: 'Freeze' }).click();
    expect(await ended).toBe(0);
    expect(out).toBe('stopped\n');
    await tab.close();
  });
});

/** A mount and its page. */
class Shown {
  readonly mnt: string;
  readonly url: string;
  readonly serverPid: number;
  readonly #main: string;

  constructor(mnt: string, url: string, serverPid: number, main: string) {
    this.mnt = mnt;
    this.url = url;
    this.serverPid = serverPid;
    this.#main = main;
  }

  path(name: string): string {
    return join(this.mnt, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** kB. */
  status(pid: number, key: string): number {
    return Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(this.read(`${pid}/status`))?.[1]);
  }

  /** Also where it has ended already. */
  async stop(): Promise<void> {
    await run(process.execPath, [this.#main, 'umount', this.mnt], WAIT_MS);
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

function ask(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  return new Promise((settle, fail) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => settle({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    asked.on('error', fail);
    asked.end(body);
  });
}

function freePort(): Promise<number> {
  return new Promise((settle, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => settle(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Of all threads: how often one has gone to sleep. */
function switchesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, tid) => {
    const count = /^voluntary_ctxt_switches:\t(\d+)$/m.exec(textOf(`/proc/${pid}/task/${tid}/status`))?.[1];
    return sum + Number(count ?? 0);
  }, 0);
}
