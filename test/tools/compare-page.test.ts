/** The page of `compare --html` in a real browser: drawn and legible, wide and narrow, light and dark; read by keyboard. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Program } from '../conformance/support/reclaim-mount.ts';
import { CHROMIUM, FLAGS, installChromium } from './support/chromium.ts';

const SCENARIO = `title A small phone <script>alert(1)</script> & "more"
machine ram=256M swap=96M swapkind=zram
object LIB file 4M
${Array.from({ length: 10 }, (_, i) => `app app${i} heap=${14 + i}M code=6M cache=3M ws=6M libs=LIB rate=500/s`).join('\n')}
user apps=all turns=30 use=1s..3s gap=500ms
duration 90s
`;

interface Plot {
  readonly width: number;
  readonly height: number;
  /** Shapes that take up room. */
  readonly seen: number;
  /** Height of the smallest text, as it is shown, in CSS pixels. */
  readonly text: number;
}

/** Run by the browser. */
const MEASURE_PLOTS = `[...document.querySelectorAll('svg.plot')].filter(svg => getComputedStyle(svg).display !== 'none').map(svg => {
  const { width, height } = svg.getBoundingClientRect();
  const seen = [...svg.querySelectorAll('path, rect, line, circle')].filter(shape => {
    const box = shape.getBBox();
    return box.width + box.height > 1;
  });
  const scale = width / svg.viewBox.baseVal.width;
  const sizes = [...svg.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize) * scale);
  return { width, height, seen: seen.length, text: Math.min(...sizes) };
})`;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Run by the browser, where AXE is: what people who read otherwise stumble over. */
const FIND_BARRIERS = `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
  .then(({ violations }) => violations.map(({ id, impact, nodes }) => impact + ' ' + id + ': ' + nodes[0].html))`;
const FITS = 'document.documentElement.scrollWidth <= innerWidth';

/** Least contrast of texts with what is behind them, and of the shapes of plots with the card (WCAG 2.2). */
const MEASURE_CONTRAST = `(() => {
  const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = colour => { const [r, g, b] = rgb(colour).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const behind = element => { for (let e = element; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c) && c !== 'transparent') return c; } };
  const visible = element => element.getClientRects().length > 0;
  const texts = [...document.querySelectorAll('p, h1, h2, h3, td, th, dt, dd, button, summary')].filter(visible).map(e => contrast(getComputedStyle(e).color, behind(e)));
  const inPlots = [...document.querySelectorAll('svg.plot text')].filter(visible).map(e => contrast(getComputedStyle(e).fill, behind(e)));
  const shapes = [...document.querySelectorAll('svg.plot .hot, svg.plot .lost, svg.plot .dot, svg.plot .layer')].filter(visible).map(e => contrast(getComputedStyle(e).fill, behind(e)));
  return { texts: Math.min(...texts), inPlots: Math.min(...inPlots), shapes: Math.min(...shapes) };
})()`;

describe('reclaimfs compare --html', () => {
  const program = new Program();
  const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-page-'));
  const page = join(directory, 'page.html');
  let browser: Browser;

  beforeAll(async () => {
    installChromium();
    await program.build();
    const main = join(program.directory, 'dist/cli/main.js');
    const args = [main, 'compare', '-', '--policies', 'kernel,lmk,lmk/switch', '--seeds', '2', '--html', page];
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

  const open = async (width: number, colorScheme: 'light' | 'dark'): Promise<Page> => {
    const tab = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
    await tab.goto(pathToFileURL(page).href);
    return tab;
  };

  test.each([
    [1100, 'light'],
    [1100, 'dark'],
    [400, 'light'],
    [400, 'dark'],
  ] as const)('is drawn and legible, %i pixels, %s', async (width, colorScheme) => {
    const tab = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
    const complaints: string[] = [];
    const requests: string[] = [];
    tab.on('console', (message) => complaints.push(message.text()));
    tab.on('pageerror', (error) => complaints.push(String(error)));
    tab.on('dialog', (dialog) => complaints.push(dialog.message()));
    tab.on('request', (request) => requests.push(request.url()));
    await tab.goto(pathToFileURL(page).href);

    const plots = await tab.evaluate<Plot[]>(MEASURE_PLOTS);
    expect(plots).toHaveLength(2 + 4 + 3);
    for (const plot of plots) {
      expect(plot.width).toBeGreaterThan(width === 400 ? 300 : 800);
      expect(plot.height).toBeGreaterThan(60);
      expect(plot.seen).toBeGreaterThan(5);
      expect(plot.text).toBeGreaterThanOrEqual(11);
    }
    const contrast = await tab.evaluate<Record<string, number>>(MEASURE_CONTRAST);
    expect(contrast['texts']).toBeGreaterThanOrEqual(4.5);
    expect(contrast['inPlots']).toBeGreaterThanOrEqual(4.5);
    expect(contrast['shapes']).toBeGreaterThanOrEqual(3);
    expect(await tab.evaluate(FITS)).toBe(true);
    await tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })");
    await tab.evaluate(AXE);
    expect(await tab.evaluate<string[]>(FIND_BARRIERS)).toEqual([]);
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => !url.startsWith('file:') && !url.startsWith('data:'))).toEqual([]);
    await tab.close();
  });

  test('no two processes of a plot have one colour, and each has its name beside it', async () => {
    const tab = await open(1100, 'light');
    const plot = tab.locator('figure[data-name^=memory] svg.wide').first();
    const fills = await plot
      .locator('path.layer')
      .evaluateAll((layers) =>
        (layers as unknown as { getAttribute(name: string): string | null }[]).map((layer) =>
          layer.getAttribute('fill'),
        ),
      );
    expect(fills).toHaveLength(10);
    expect(new Set(fills).size).toBe(fills.length);
    await tab.close();
  });

  test('RAM, titles of axes, the spread over seeds and every kill of a run are drawn; what is equal is marked alike', async () => {
    const tab = await open(1100, 'light');
    const texts = (figure: string) =>
      tab.locator(`figure[data-name^=${figure}] svg.wide`).first().locator('text').allTextContents();
    expect(await texts('memory')).toEqual(expect.arrayContaining(['MB', 'minutes', 'RAM 256 MB']));
    expect(await texts('openings')).toContain('openings per run');
    expect(await texts('latency')).toContain('time until ready (log scale)');
    expect(await texts('open_ms')).toContain('mean (ms)');
    expect(await tab.locator('figure[data-name=openings] svg.wide path.whisker').count()).toBe(3);
    for (const name of ['kernel', 'lmk', 'lmk-switch']) {
      const plot = tab.locator(`figure[data-name=memory-${name}]`);
      const said = (await tab.locator('h3', { has: tab.locator('.unit') }).allTextContents()).find((text) =>
        text.startsWith(`${name.replace('-', '/')} `),
      );
      const drawn = ((await plot.locator('svg.wide path.kill').getAttribute('d')) ?? '').match(/M/g)?.length ?? 0;
      expect(said).toContain(drawn === 0 ? 'nobody was killed' : `${drawn} kill`);
    }
    const marks = await tab
      .locator('section', { has: tab.locator('h2', { hasText: /^Figures$/ }) })
      .locator('tr')
      .evaluateAll((rows) =>
        (rows as unknown as { cells: { textContent: string; className: string; tagName: string }[] }[]).map((row) =>
          [...row.cells]
            .filter(({ tagName }) => tagName === 'TD')
            .map(({ textContent, className }) => [textContent, className]),
        ),
      );
    for (const cells of marks) {
      const best = cells.filter(([, mark]) => mark === 'best').map(([text]) => text);
      if (best.length > 0) expect(best.length).toBeLessThan(cells.length);
      for (const [text, mark] of cells) if (text === best[0]) expect(mark).toBe('best');
    }
    expect(marks.flat().some(([, mark]) => mark === 'best')).toBe(true);
    await tab.close();
  });

  test('the keyboard reads the values, and reaches everything', async () => {
    const tab = await open(1100, 'light');
    const reading = tab.locator('.reading').first();
    await reading.focus();
    await tab.keyboard.press('End');
    const last = await tab.locator('output').first().textContent();
    expect(last).toMatch(/^1\.5 min: .*page cache [\d]+.* MB$/);
    await tab.keyboard.press('ArrowLeft');
    expect(await tab.locator('output').first().textContent()).not.toBe(last);
    const reached = new Set<string>();
    for (let i = 0; i < 80; i++) {
      await tab.keyboard.press('Tab');
      reached.add(await tab.evaluate('document.activeElement.dataset.save ?? document.activeElement.tagName'));
    }
    for (const what of ['svg', 'csv', 'runs', 'SUMMARY']) expect(reached).toContain(what);
    await tab.close();
  });

  test('pictures and numbers can be saved', async () => {
    const tab = await open(1100, 'light');
    const save = async (button: string): Promise<string> => {
      const [download] = await Promise.all([tab.waitForEvent('download'), tab.locator(button).first().click()]);
      return readFileSync(await download.path(), 'utf8');
    };
    const picture = await save('figure[data-name=openings] [data-save=svg]');
    expect(picture).toMatch(/^<svg .*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(picture).toContain('fill: rgb(');
    expect(await save('figure[data-name=openings] [data-save=csv]')).toMatch(
      /^row,hot,hot from,hot to,lost,first starts\nkernel,\d/,
    );
    const runs = await save('[data-save=runs]');
    expect(runs).toContain('# title A small phone <script>alert(1)</script> & "more"');
    expect(runs.split('\n').filter((line) => /^lmk,lmk,[12],/.test(line))).toHaveLength(2);
    await tab.close();
  });

  test('says where it comes from, needs nothing else, and is small', async () => {
    const text = readFileSync(page, 'utf8');
    expect(text).toMatch(/reclaimfs \d+\.\d+\.\d+, commit (unknown|[0-9a-f]{12}\+?), \d{4}-/);
    expect(text).toContain('reclaimfs compare - --policies kernel,lmk,lmk/switch --seeds 2');
    expect(text).not.toMatch(/https?:\/\/|<link[^>]*stylesheet|<script[^>]*src/);
    expect(Buffer.byteLength(text)).toBeLessThan(300_000);
  });
});
