/** The page of `compare --html` in a real browser: its plots are drawn, its hints work, nothing complains, in light and dark. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Program } from '../conformance/support/reclaim-mount.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

const SCENARIO = `title A small phone
machine ram=256M swap=96M swapkind=zram
object LIB file 4M
app mail heap=24M code=6M cache=6M ws=6M libs=LIB rate=500/s
app maps heap=40M code=8M cache=8M ws=10M libs=LIB rate=500/s
app game heap=56M code=8M cache=8M ws=20M libs=LIB rate=500/s
app shop heap=32M code=6M cache=8M ws=8M libs=LIB rate=500/s
user apps=all turns=16 use=1s..3s gap=500ms
duration 90s
`;

interface Plot {
  readonly width: number;
  readonly height: number;
  /** Shapes that take up room. */
  readonly seen: number;
}

/** Run by the browser. */
const MEASURE_PLOTS = `[...document.querySelectorAll('svg.plot')].map(svg => {
  const { width, height } = svg.getBoundingClientRect();
  const seen = [...svg.querySelectorAll('path, rect, line')].filter(shape => {
    const box = shape.getBBox();
    return box.width + box.height > 1;
  });
  return { width, height, seen: seen.length };
})`;
const FITS = 'document.documentElement.scrollWidth <= innerWidth';

function installChromium(): void {
  if (existsSync(CHROMIUM)) return;
  spawnSync('apt-get', ['update'], { timeout: 120_000 });
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { timeout: 280_000 });
  if (!existsSync(CHROMIUM)) throw new Error('chromium cannot be installed: apt-get install -y chromium');
}

describe('reclaimfs compare --html', () => {
  const program = new Program();
  const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-page-'));
  const page = join(directory, 'page.html');
  let browser: Browser;

  beforeAll(async () => {
    installChromium();
    await program.build();
    const main = join(program.directory, 'dist/cli/main.js');
    const args = [main, 'compare', '-', '--policies', 'lmk,reclaim', '--html', page];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { input: SCENARIO, encoding: 'utf8' });
    expect(stderr).toContain('written');
    expect(status).toBe(0);
    expect(stdout).toContain('hot resumes');
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });

  afterAll(async () => {
    await browser?.close();
    await program.dispose();
    rmSync(directory, { recursive: true, force: true });
  });

  test.each(['light', 'dark'] as const)('is drawn, %s', async (colorScheme) => {
    const tab = await browser.newPage({ colorScheme, viewport: { width: 1100, height: 900 } });
    const complaints: string[] = [];
    const requests: string[] = [];
    tab.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    tab.on('pageerror', (error) => complaints.push(String(error)));
    tab.on('request', (request) => requests.push(request.url()));
    await tab.goto(pathToFileURL(page).href);

    const plots = await tab.evaluate<Plot[]>(MEASURE_PLOTS);
    expect(plots).toHaveLength(4);
    for (const plot of plots) {
      expect(plot.width).toBeGreaterThan(800);
      expect(plot.height).toBeGreaterThan(60);
      expect(plot.seen).toBeGreaterThan(5);
    }
    expect(await tab.locator('svg.memory path.layer').count()).toBeGreaterThan(8);
    const background = await tab.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(colorScheme === 'dark' ? 'rgb(20, 23, 26)' : 'rgb(251, 250, 248)');
    expect(await tab.evaluate(FITS)).toBe(true);

    await tab.locator('svg.memory').first().hover();
    const hint = tab.locator('#hint');
    expect(await hint.isVisible()).toBe(true);
    expect(await hint.textContent()).toMatch(/ s\n[\s\S]*page cache [\d.,]+ MB/);

    expect(complaints).toEqual([]);
    expect(requests.filter((url) => !url.startsWith('file:') && !url.startsWith('data:'))).toEqual([]);
    await tab.close();
  });

  test('fits a telephone', async () => {
    const tab = await browser.newPage({ viewport: { width: 390, height: 800 } });
    await tab.goto(pathToFileURL(page).href);
    expect(await tab.evaluate(FITS)).toBe(true);
    await tab.close();
  });

  test('needs nothing else', () => {
    expect(readFileSync(page, 'utf8')).not.toMatch(/https?:\/\/|<link[^>]*stylesheet|<script[^>]*src/);
  });
});
