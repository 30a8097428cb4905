/** `compare` as a command: gone on with after a crash, in shards, put together; what cannot be is told before the work. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Program } from './support/reclaim-mount.ts';

const LOAD = `machine ram=64M swap=16M swapkind=zram seed=1
object L file 1M
app a heap=20M ws=4M libs=L rate=200/s
app b heap=20M ws=4M libs=L rate=200/s
app c heap=20M ws=4M libs=L rate=200/s
user apps=all turns=8 use=1s..2s
duration 20s
`;

const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-compare-'));
const built = new Program();
beforeAll(() => built.build());
afterAll(async () => {
  await built.dispose();
  rmSync(directory, { recursive: true, force: true });
});

function program(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000' };
  const main = join(built.directory, 'dist/cli/main.js');
  return spawnSync(process.execPath, [main, 'compare', ...args], { encoding: 'utf8', env, timeout: 120_000 });
}

test('the command goes on where it was, and merged shards are one run', () => {
  const load = join(directory, 'load.scn');
  writeFileSync(load, LOAD);
  const whole = [load, '--policies', 'kernel,lmk', '--seeds', '3'];
  const one = program(...whole, '--csv', join(directory, 'one.csv'));
  expect(one.stderr).toMatch(/0 of 6 runs[\s\S]*6 of 6 runs/);
  const parts = [1, 2].map((i) => join(directory, `part-${i}.jsonl`));
  parts.forEach((part, i) => {
    expect(program(...whole, '--shard', `${i + 1}/2`, '--jsonl', part).status).toBe(0);
  });
  const merged = program('merge', ...parts, '--csv', join(directory, 'all.csv'));
  expect(merged.stdout).toBe(one.stdout);
  expect(readFileSync(join(directory, 'all.csv'), 'utf8')).toBe(readFileSync(join(directory, 'one.csv'), 'utf8'));
  // A crash in the middle of a line: the run is done again, the others are not.
  const file = parts[0]!;
  const before = readFileSync(file, 'utf8');
  const lines = before.split('\n');
  writeFileSync(file, `${lines.slice(0, 3).join('\n')}\n`);
  appendFileSync(file, lines[3]!.slice(0, 40));
  const again = program(...whole, '--shard', '1/2', '--jsonl', file);
  expect(again.stderr).toContain('2 of 3 runs were done before');
  expect(readFileSync(file, 'utf8')).toBe(before);
  expect(program('merge', file).stderr).toMatch(/runs are missing/);
  expect(program(load, '--policies', 'lmk', '--jsonl', file)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/holds other runs/),
  });
}, 180_000);

test('what cannot be is told before the work', () => {
  const load = join(directory, 'load.scn');
  writeFileSync(load, LOAD);
  const refused = (...args: string[]) => {
    const { status, stderr } = program(...args);
    expect(stderr).not.toContain(' runs');
    return `${status}: ${stderr}`;
  };
  expect(refused(load, '--html', '/nonexistent/page.html')).toMatch(/^1: .*cannot be written/);
  writeFileSync(join(directory, 'short.scn'), 'proc A\n');
  expect(refused(join(directory, 'short.scn'))).toMatch(
    /^1: .*does not say how long it goes on: add a line "duration 60s"/,
  );
  expect(refused(load, '--set', 'vm.swapiness=3')).toMatch(/^2: .*there is no setting vm.swapiness/);
  expect(refused(load, '--policy', 'mine=daemon.mjs')).toMatch(/^1: .*daemon.mjs cannot be read \(ENOENT\)/);
});

test('every example of a policy or a metric runs', () => {
  const load = join(directory, 'load.scn');
  writeFileSync(load, LOAD);
  const examples = new URL('../../scripts/examples/policies/', import.meta.url).pathname;
  const own = ['oldest-first.mjs', 'oom-by-memory.mjs', 'tight-lmk.scn'].flatMap((file, i) => [
    '--policy',
    `p${i}=${examples}${file}`,
  ]);
  const { status, stdout, stderr } = program(
    load,
    ...own,
    '--policies',
    'kernel',
    '--metric',
    `slow=${examples}slow-openings.mjs`,
  );
  expect(stderr).toMatch(/4 of 4 runs/);
  expect(status).toBe(0);
  expect(stdout).toMatch(/openings above 500 ms +\d+ +\d+ +\d+ +\d+/);
}, 60_000);
