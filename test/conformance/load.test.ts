/**
 * The load attack in short (scripts/soak-mount runs for an hour): clients in bursts, readers that wait, are woken, are
 * killed or never read. Nobody gets an error that he has not asked for, and nothing of them stays in the server.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, skipMounts, sleep, until } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const CLIENTS = 6;
const SECONDS = 4;
const CLIENT = join(import.meta.dirname, 'load/clients.py');
const SCENARIO = `machine ram=256M swap=128M
proc init pid=1
proc game pid=1234 uid=1000 adj=200
game mmap heap size=64M anon
game touch heap 0 48M write
object data file 8M
proc reader pid=1300
reader mmap d size=8M obj=data shared
reader touch d 0 8M read
`;

interface Seen {
  readonly load: { readonly ops: number; readonly errors: Readonly<Record<string, number>> };
  readonly woken: number;
  readonly killed: number;
  readonly open: number;
  readonly slow: { readonly lost: number; readonly ends: number };
}

const program = new Program();
beforeAll(() => program.build());
afterAll(() => program.dispose());

/** The process that serves a mount point: it is among its arguments. */
function serverOf(mnt: string): string {
  const found = readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && isServer(pid, mnt));
  if (found === undefined) throw new Error(`nobody serves ${mnt}`);
  return found;
}

function isServer(pid: string, mnt: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.some((word) => word.endsWith('/serve.js')) && words.includes(mnt);
  } catch {
    return false;
  }
}

describe.skipIf(skipMounts).each(['direct', 'fuse-native'] as const)('under load over %s', (transport) => {
  test('everybody is served, and nothing of those who have gone stays', { timeout: 240_000 }, async () => {
    const m = await program.mount(SCENARIO, transport, '--clock', 'real', '--speed', '100');
    const server = serverOf(m.mnt);
    const descriptors = (): number => readdirSync(`/proc/${server}/fd`).length;
    m.read('1/status');
    const before = descriptors();
    const { stdout, stderr, status } = await run('python3', [CLIENT, m.mnt, String(CLIENTS), String(SECONDS)], 200_000);
    expect([status, stderr]).toEqual([0, '']);
    const seen = JSON.parse(stdout) as Seen;
    expect(seen).toMatchObject({ load: { errors: {} }, woken: 100, killed: 30, open: 500 });
    expect(seen.load.ops).toBeGreaterThan(CLIENTS * 20);
    expect(seen.slow.lost).toBeGreaterThan(0);
    // Each of the 24,000 is told of, or counted.
    expect(seen.slow.lost + seen.slow.ends).toBeGreaterThanOrEqual(24_000);
    // (mountinfo is opened when somebody waits for the first time.)
    await until(() => descriptors() <= before + 1, 'descriptors as before', 20_000);
    await sleep(500);
    expect(m.read('reclaimfs/check')).toBe('ok\n');
    expect(m.read('1234/stat')).toMatch(/^1234 \(game\) /);
    const residentKb = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server}/status`, 'latin1'))?.[1]);
    // A small machine and 20,000 events; what is left behind by thousands of processes would be more.
    expect(residentKb).toBeLessThan(400_000);
  });
});
