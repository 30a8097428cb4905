/** A real browser: Debian's Chromium, installed where it is missing. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export const CHROMIUM = '/usr/bin/chromium';
export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
];

/** Throws where it cannot be installed. */
export function installChromium(): void {
  if (existsSync(CHROMIUM)) return;
  spawnSync('apt-get', ['update'], { timeout: 120_000 });
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { timeout: 280_000 });
  if (!existsSync(CHROMIUM)) throw new Error('chromium cannot be installed: apt-get install -y chromium');
}
