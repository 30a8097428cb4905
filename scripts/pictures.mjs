/**
 * Makes the pictures of the README from the program as it is: the terminal view as an SVG, from a real session in tmux; the
 * page of --ui and that of compare, from a real browser. As root (it mounts); needs tmux and chromium.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const MAIN = new URL('../dist/cli/main.js', import.meta.url).pathname;
const PICTURES = new URL('../docs/pictures/', import.meta.url).pathname;
const SCENARIO = `title A phone with too little memory
machine ram=768M swap=256M swapkind=zram seed=5
object LIBC file 8M path=/system/lib/libc.so
${['camera', 'maps', 'mail', 'music', 'browser', 'notes', 'chat', 'news'].map((name, i) => `app ${name} heap=${60 + i * 8}M code=20M cache=12M ws=${24 + i * 3}M libs=LIBC rate=2000/s`).join('\n')}
user apps=all turns=1000 use=2s..6s gap=500ms
`;
const SECONDS = 60;
/** What sets the colours of a terminal. */
const SGR = '\u001b\\[[\\d;]*m';
const COLUMNS = 100;
const ROWS = 28;
const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-pictures-'));
/** Seen in the pictures. */
const mnt = join(tmpdir(), 'phone');
const socket = `reclaimfs-pictures-${process.pid}`;
const reclaimfs = (...args) => execFileSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
const tmux = (...args) => execFileSync('tmux', ['-L', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' });
const sleep = (ms) => new Promise((settle) => setTimeout(settle, ms));

mkdirSync(mnt);
mkdirSync(PICTURES, { recursive: true });
writeFileSync(join(directory, 'phone.scn'), SCENARIO);
process.env.XDG_RUNTIME_DIR = directory;
let browser;
try {
  const { ui } = JSON.parse(
    reclaimfs(
      'mount',
      mnt,
      '--scenario',
      join(directory, 'phone.scn'),
      '--clock',
      'manual',
      '--ui',
      '127.0.0.1:0',
      '--json',
    ),
  );
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  await pictureOfPage(ui);
  await pictureOfTop();
  await pictureOfCompare();
} finally {
  await browser?.close();
  try {
    tmux('kill-server');
  } catch {
    // It has ended.
  }
  reclaimfs('umount', mnt);
  rmdirSync(mnt);
  rmSync(directory, { recursive: true, force: true });
}
for (const name of readdirSync(PICTURES))
  console.log(`${name} ${Math.round(statSync(join(PICTURES, name)).size / 1024)} kB`);

async function pictureOfPage(url) {
  const tab = await browser.newPage({ viewport: { width: 1200, height: 1000 }, deviceScaleFactor: 1 });
  await tab.goto(url);
  for (let i = 0; i < SECONDS; i++) {
    await tab.getByRole('button', { name: '+1s', exact: true }).click();
    await sleep(150);
  }
  await tab.locator('tbody button').first().click();
  await tab.getByRole('button', { name: 'Reclaim anon' }).click();
  await tab.locator('.map canvas').waitFor();
  await sleep(1000);
  await tab.screenshot({ path: join(PICTURES, 'ui.png') });
  await tab.close();
}

async function pictureOfTop() {
  const command = `env -u NO_COLOR LC_ALL=C.UTF-8 '${process.execPath}' '${MAIN}' top '${mnt}'`;
  tmux('new-session', '-d', '-x', String(COLUMNS), '-y', String(ROWS), command);
  await until(() => tmux('capture-pane', '-p').includes('q quit'));
  tmux('send-keys', 'a');
  await until(() => tmux('capture-pane', '-p').includes(': done'));
  const text = tmux('capture-pane', '-p', '-e');
  writeFileSync(join(PICTURES, 'top.svg'), svgOf(text.trimEnd().split('\n')));
}

async function pictureOfCompare() {
  const page = join(directory, 'compare.html');
  reclaimfs('compare', 'phone-16-apps', '--policies', 'kernel,lmk,proportional', '--seeds', '2', '--html', page);
  const tab = await browser.newPage({ viewport: { width: 940, height: 900 } });
  await tab.goto(pathToFileURL(page).href);
  await tab.screenshot({ path: join(PICTURES, 'compare.png') });
  await tab.close();
}

async function until(condition) {
  for (let i = 0; i < 600; i++) {
    if (condition()) return;
    await sleep(100);
  }
  throw new Error('pictures: what was waited for did not come');
}

/** Lines with the colours that a terminal was told (SGR), drawn with one text element each. */
function svgOf(lines) {
  const [cellWidth, cellHeight, margin] = [8.4, 18, 12];
  const colors = ['#3b4048', '#ff8f8f', '#a8cf5a', '#f0c24b', '#7fb2ff', '#e79bf0', '#62cde3', '#e8eaed'];
  const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  let style = { color: '#e8eaed', bold: false, reverse: false };
  const told = (codes) => {
    for (const code of codes.split(';').map(Number)) {
      if (code === 0) style = { color: '#e8eaed', bold: false, reverse: false };
      else if (code === 1) style = { ...style, bold: true };
      else if (code === 7) style = { ...style, reverse: true };
      else if (code === 22) style = { ...style, bold: false };
      else if (code === 27) style = { ...style, reverse: false };
      else if (code === 39) style = { ...style, color: '#e8eaed' };
      else if (code >= 30 && code < 38) style = { ...style, color: colors[code - 30] };
      else if (code >= 90 && code < 98) style = { ...style, color: colors[code - 90] };
    }
  };
  const drawn = lines.map((line, row) => {
    const y = margin + (row + 1) * cellHeight - 5;
    let column = 0;
    return line
      .split(new RegExp(`(${SGR})`))
      .map((piece) => {
        const codes = new RegExp(`^${SGR}$`).exec(piece);
        if (codes !== null) {
          told(codes[0].slice(2, -1) || '0');
          return '';
        }
        if (piece === '') return '';
        const x = (margin + column * cellWidth).toFixed(1);
        const width = ([...piece].length * cellWidth).toFixed(1);
        column += [...piece].length;
        const back = style.reverse
          ? `<rect x="${x}" y="${y - 13}" width="${width}" height="${cellHeight}" fill="${style.color}"/>`
          : '';
        return `${back}<text x="${x}" y="${y}" textLength="${width}" fill="${style.reverse ? '#10151a' : style.color}"${style.bold ? ' font-weight="700"' : ''} xml:space="preserve">${escaped(piece)}</text>`;
      })
      .join('');
  });
  const width = Math.round(COLUMNS * cellWidth + 2 * margin);
  const height = lines.length * cellHeight + 2 * margin;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, DejaVu Sans Mono, monospace" font-size="14"><title>reclaimfs top</title><rect width="100%" height="100%" rx="8" fill="#10151a"/>${drawn.join('\n')}</svg>\n`;
}
