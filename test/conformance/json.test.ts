/** What --json prints is what the published schemas say (schemas/), judged by ajv. */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { type Outcome, run, skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const SCHEMAS = resolve(import.meta.dirname, '../../schemas');
const SCENARIO = 'machine ram=64M swap=16M\nproc game pid=1234\ngame mmap heap size=4M\ngame touch heap 0 4M write\n';
const program = new Program();
let scenario = '';

beforeAll(async () => {
  await program.build();
  scenario = join(program.directory, 'story.scn');
  writeFileSync(scenario, SCENARIO);
});
afterAll(() => program.dispose());

function reclaimfs(...args: string[]): Promise<Outcome> {
  return run(process.execPath, [join(program.directory, 'dist/cli/main.js'), ...args], 120_000);
}

/** The document, when it is as its schema says. */
function valid(name: string, text: string): unknown {
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(
    JSON.parse(readFileSync(join(SCHEMAS, `${name}.schema.json`), 'utf8')),
  );
  const document: unknown = JSON.parse(text);
  expect(validate(document), JSON.stringify(validate.errors, undefined, 1)).toBe(true);
  return document;
}

test('every command with --json has a schema, and every schema but that of steps a command', () => {
  const withJson = createProgram().commands.flatMap((command) =>
    [command, ...command.commands].flatMap((one) =>
      one.options.some(({ long }) => long === '--json')
        ? [one === command ? one.name() : `${command.name()}-${one.name()}`]
        : [],
    ),
  );
  // What compare merge prints is what compare prints.
  const expected = withJson.filter((name) => name !== 'compare-merge').concat('step');
  expect(readdirSync(SCHEMAS).sort()).toEqual(expected.map((name) => `${name}.schema.json`).sort());
});

test('doctor', async () => {
  const findings = valid('doctor', (await reclaimfs('doctor', '--json')).stdout) as { check: string }[];
  expect(findings.map(({ check }) => check)).toContain('/dev/fuse');
});

test('diff', async () => {
  const other = join(program.directory, 'other.scn');
  writeFileSync(other, `${SCENARIO}game reclaim anon\nproc more\nobject F file 8K\n`);
  expect(valid('diff', (await reclaimfs('diff', scenario, scenario, '--json')).stdout)).toMatchObject({ same: true });
  expect(valid('diff', (await reclaimfs('diff', scenario, other, '--json')).stdout)).toMatchObject({ same: false });
});

test('scenario list and check', async () => {
  valid('scenario-list', (await reclaimfs('scenario', 'list', '--json')).stdout);
  const right = valid('scenario-check', (await reclaimfs('scenario', 'check', scenario, '--json')).stdout);
  expect(right).toMatchObject({ ok: true, problems: [] });
  const wrong = join(program.directory, 'wrong.scn');
  writeFileSync(wrong, `${SCENARIO}game tuoch heap 0 1M\n`);
  const found = valid('scenario-check', (await reclaimfs('scenario', 'check', wrong, '--json')).stdout);
  expect(found).toMatchObject({ ok: false, problems: [{ line: 5, hint: expect.stringContaining('touch') }] });
});

test('play, of text, of a snap and of a golden with its validity', async () => {
  writeFileSync(scenario, `${SCENARIO}game reclaim anon\nsnap end\n`);
  expect(valid('play', (await reclaimfs('play', scenario, '--json')).stdout)).toMatchObject({ profile: '2013' });
});

test('wss', async () => {
  const load = join(program.directory, 'wss.scn');
  writeFileSync(load, `${SCENARIO}game touch heap 0 4M write\n`);
  const { stdout } = await reclaimfs('wss', load, '--memory', '2M,4M', '--ram', '64M', '--json');
  // Each page is accessed twice, 1023 others between.
  expect(valid('wss', stdout)).toMatchObject({
    accesses: 2048,
    footprintKb: 4096,
    curve: [{ faults: 1024 }, { faults: 0 }],
    measured: [{ ramKb: 65536, usedKb: 4096, faults: 0, lru: { faults: 0 } }],
  });
});

test('compare', { timeout: 120_000 }, async () => {
  const load = join(program.directory, 'load.scn');
  writeFileSync(load, `${SCENARIO}duration 1s\n`);
  const { stdout } = await reclaimfs('compare', load, '--policies', 'kernel,lmk', '--seeds', '2', '--json');
  expect(valid('compare', stdout)).toMatchObject({ baseline: 'kernel', experiment: { seeds: [1, 2] } });
});

test('capture: with -o only', { timeout: 120_000 }, async () => {
  const { status, stderr } = await reclaimfs('capture', '--json');
  expect([status, stderr]).toEqual([2, 'reclaimfs: --json: where does the scenario go? Give -o FILE, too\n']);
  const output = join(program.directory, 'captured.scn');
  const pid = String(process.pid);
  const { stdout } = await reclaimfs('capture', '--pid', pid, '-o', output, '--json');
  const captured = valid('capture', stdout) as { processes: { pid: number; totals: { rss: number } }[] };
  expect(captured).toMatchObject({ output, gone: [] });
  expect(captured.processes[0]!.totals.rss).toBeGreaterThan(10_000);
  expect(readFileSync(output, 'utf8')).toContain(`pid=${pid}`);
});

describe.skipIf(skipMounts)('of a mount', { timeout: 120_000 }, () => {
  test('mount, status and umount', async () => {
    const mnt = join(program.directory, 'json-mnt');
    mkdirSync(mnt);
    const mounted = valid('mount', (await reclaimfs('mount', mnt, '--scenario', scenario, '--json')).stdout);
    expect(mounted).toMatchObject({ mountpoint: mnt, cgroupfs: null });
    const [status] = valid('status', (await reclaimfs('status', mnt, '--json')).stdout) as unknown[];
    expect(status).toMatchObject({ mountpoint: mnt, state: 'ok', profile: '2013', swapTotalKb: 16 * 1024 });
    valid('status', (await reclaimfs('status', '--json')).stdout);
    const unmounted = valid('umount', (await reclaimfs('umount', mnt, '--json')).stdout);
    expect(unmounted).toEqual({ unmounted: [{ mountpoint: mnt, detached: false }], failed: [] });
    expect((await reclaimfs('status', mnt)).stderr).toBe(`reclaimfs: nothing of reclaimfs is mounted on ${mnt}\n`);
    rmdirSync(mnt);
  });

  test('run', async () => {
    const { stderr, status } = await reclaimfs('run', '--scenario', scenario, '--json', '--', 'false');
    expect(status).toBe(1);
    expect(valid('run', stderr)).toMatchObject({ command: ['false'], exitStatus: 1, commandStatus: 1 });
  });
});
