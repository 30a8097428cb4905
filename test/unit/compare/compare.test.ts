import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { appsOf } from '../../../src/machine/workload/app.ts';
import { BUILT_IN_NAMES, builtInScenario } from '../../../src/scenario/built-in.ts';
import { type Comparison, compareRuns } from '../../../src/scenario/compare/comparison.ts';
import { type Experiment, plannedRuns } from '../../../src/scenario/compare/experiment.ts';
import type { Origin } from '../../../src/scenario/compare/origin.ts';
import { comparisonPage } from '../../../src/scenario/compare/page/page.ts';
import type { RunFigures } from '../../../src/scenario/compare/recorder.ts';
import { carryOut } from '../../../src/scenario/compare/run.ts';
import { comparisonTable } from '../../../src/scenario/compare/table.ts';
import { warmUs } from '../../../src/scenario/duration.ts';
import { playScenario } from '../../../src/scenario/play.ts';
import { Session } from '../../../src/scenario/session.ts';
import { takeSnap } from '../../../src/scenario/snap.ts';
import { experimentWith, namedPolicies, SMALL_PHONE } from './small-phone.ts';

const ORIGIN: Origin = { program: 'reclaimfs', version: '0', commit: 'c', date: 'd', command: 'reclaimfs compare x' };

async function runsOf(experiment: Experiment): Promise<RunFigures[]> {
  const runs: RunFigures[] = [];
  for (const run of plannedRuns(experiment)) runs.push(await carryOut(experiment, run));
  return runs;
}

describe('policies on one small phone', () => {
  const experiment = experimentWith(namedPolicies(['kernel', 'lmk', 'lmkd', 'volatile', 'reclaim', 'lmk/switch']), {
    seeds: [1, 2],
  });
  let comparison: Comparison;
  beforeAll(async () => {
    comparison = compareRuns(ORIGIN, experiment, 'lmk', [], await runsOf(experiment));
  }, 120_000);
  const cell = (key: string, policy: string) =>
    comparison.metrics.find(({ metric }) => metric.key === key)!.cells[
      experiment.rows.findIndex(({ policy: { name } }) => name === policy)
    ]!;

  test('the load is the same: every app is opened as often', () => {
    for (const run of comparison.runs) expect(run.openings.length + run.failedOpenings).toBe(40);
  });

  test('the low-memory killer kills, and what it killed has lost its state', () => {
    expect(cell('kills', 'lmk').mean).toBeGreaterThan(3);
    expect(cell('states_lost', 'lmk').mean).toBeGreaterThan(3);
    expect(cell('lost_seconds', 'lmk').mean).toBeGreaterThan(3);
    expect(cell('kills', 'kernel').mean).toBe(0);
  });

  test('with compaction at every switch fewer apps die than under the killer alone, and it costs CPU', () => {
    expect(cell('cold', 'lmk/switch').mean).toBeLessThan(cell('cold', 'lmk').mean);
    expect(cell('reclaim_writes', 'lmk/switch').mean).toBeGreaterThan(20);
    expect(cell('managers_ms', 'lmk/switch').mean).toBeGreaterThan(100);
  });

  test('the differences are those of the pairs', () => {
    const difference = cell('cold', 'kernel').difference!;
    const pairs = cell('cold', 'kernel').values.map((value, i) => value - cell('cold', 'lmk').values[i]!);
    expect(difference.mean).toBeCloseTo((pairs[0]! + pairs[1]!) / 2);
    expect(cell('cold', 'lmk').difference).toBeUndefined();
  });

  test('all rows that are best are marked', () => {
    const { cells } = comparison.metrics.find(({ metric }) => metric.key === 'kills')!;
    expect(cells.filter(({ mean }) => mean === 0).length).toBeGreaterThan(1);
    for (const { mean, best } of cells) expect(best).toBe(mean === 0);
  });

  test('the table has a column for each row, intervals, differences and where it comes from', () => {
    const table = comparisonTable(comparison);
    expect(table).toContain(
      "small.scn: 3 simulated minutes, means of 2 seeds; ± is half of the 95 % interval of Student's t",
    );
    expect(table).toMatch(/^ +kernel +lmk +lmkd +volatile +reclaim +lmk\/switch$/m);
    expect(table).toMatch(/cold starts +\d+ ±[\d.]+/);
    expect(table).toContain('Differences to lmk');
    expect(table).toContain('reclaimfs 0, commit c, d');
  });

  test('the page has its pictures, in two sizes, and no address of another host', () => {
    const page = comparisonPage(comparison);
    const figures = 2 + 4 + 4;
    expect(page.match(/<svg class="plot wide/g)).toHaveLength(figures);
    expect(page.match(/<svg class="plot narrow/g)).toHaveLength(figures);
    expect(page.replace(/<script>[\s\S]*<\/script>/, '')).not.toMatch(/https?:\/\/|NaN|undefined|\[object/);
    expect(Buffer.byteLength(page)).toBeLessThan(300_000);
  });
});

test('seeds make different loads, also with a comment on the machine line; the same seed makes the same run', async () => {
  const experiment = experimentWith(namedPolicies(['lmk/switch']), { seeds: [1, 2, 1] });
  const [a, b, c] = await runsOf(experiment);
  expect(a!.openings.map(({ app }) => app)).not.toEqual(b!.openings.map(({ app }) => app));
  expect(c).toEqual(a);
}, 60_000);

test('a policy takes no pid and no name that a scenario wants', async () => {
  const text = `proc first\nproc compactd\nproc top pid=4194303\nfirst fork reclaimd pid=4194302\nfirst thread tid=4194301\nduration 1s\n`;
  const experiment = experimentWith(namedPolicies(['lmkd/switch+pressure+proportional+senpai']), { text });
  const run = await carryOut(experiment, { row: 0, seed: 1 });
  expect(run.names).toEqual([]);
  const session = new Session({ first: [{ from: 'p', step: 'impose policy lmkd/switch+pressure' }] });
  session.load(text, 'x');
  expect(session.machine.named.get('first')!.pid).toBe(1000);
  expect(session.machine.tasks.get(4194303)!.name).toBe('top');
  expect([...session.machine.tasks.values()].filter((task) => task.yields).map(({ comm }) => comm)).toEqual(
    expect.arrayContaining(['lmkd', 'compactd', 'reclaimd']),
  );
  expect(session.machine.check()).toEqual([]);
});

test('what a scenario says wrongly is told at its line, and the policy it names is not heeded', async () => {
  const text = `# one\ntitle t\nmachine ram=64M\npolicy lmk\nproc A\nA nonsense\nduration 1s\n`;
  const experiment = experimentWith(namedPolicies(['lmkd']), { text });
  await expect(carryOut(experiment, { row: 0, seed: 1 })).rejects.toThrow(/^small\.scn:6:3:/);
  const right = experimentWith(namedPolicies(['kernel']), { text: text.replace('A nonsense\n', '') });
  const session = new Session({ first: [{ from: '--policies', step: 'impose policy none/none' }] });
  session.load(right.scenario.text, 'x');
  expect(session.machine.lmk.enabled).toBe(false);
});

test('settings count over what the scenario says, wherever it says it', () => {
  const session = new Session({
    machine: { seed: '4', ram: 'x0.5', swap: '32M' },
    first: [
      { from: '--set', step: 'impose vm.swappiness 7' },
      { from: '--set', step: 'impose app.size x0.5' },
      { from: '--set', step: 'impose app.mail.heap 12M' },
      { from: '--set', step: 'impose user.turns 3' },
      { from: '--set', step: 'impose storage.times x2' },
    ],
  });
  session.load(`${SMALL_PHONE}sysctl vm.swappiness 90\nswap 1M\n`, 'x');
  const { machine } = session;
  expect(machine.options).toMatchObject({ seed: 4, ramBytes: 128 * 1024 ** 2, swapBytes: 32 * 1024 ** 2 });
  expect(machine.mem.swap!.total).toBe(32 * 256);
  expect(machine.vm.swappiness).toBe(7);
  expect(machine.storage.settings.zramWriteUs).toBe(20);
  const apps = [...appsOf(machine).list.values()].map(({ spec }) => [spec.name, spec.heapPages, spec.codePages]);
  expect(apps.slice(0, 2)).toEqual([
    ['mail', 12 * 256, 3 * 256],
    ['maps', 20 * 256, 4 * 256],
  ]);
  const copy = new Session();
  copy.load(session.state(), 'state');
  expect(takeSnap(copy.machine, 'x')).toEqual(takeSnap(machine, 'x'));
});

describe('modules of one’s own', () => {
  const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-own-'));
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return { file: name, url: pathToFileURL(join(directory, name)).href, digest: name };
  };
  const policy = (name: string, text: string) => ({
    name,
    about: '',
    source: { kind: 'module' as const, ...write(`${name}.mjs`, text) },
  });

  test('a policy sees processes and acts on them; a metric measures', async () => {
    const mine = policy(
      'mine',
      `export default { install(host) {
        host.onSwitch((pid, to) => { if (to === 'background') host.reclaim(pid, 'anon'); });
        host.every(5_000_000, () => { if (host.memory().free < 1000) host.kill(host.processes()[0].pid); });
      } };`,
    );
    const metrics = [
      {
        name: 'longest',
        ...write('m.mjs', 'export default { value: (run) => Math.max(...run.openings.map((o) => o.ms)) };'),
      },
    ];
    const experiment = experimentWith([mine, ...namedPolicies(['kernel'])], { metrics });
    const [own, kernel] = await runsOf(experiment);
    expect(own!.reclaimWrites).toBeGreaterThan(20);
    expect(own!.own['longest']).toBe(Math.max(...own!.openings.map(({ ms }) => ms)));
    expect(kernel!.reclaimWrites).toBe(0);
    rmSync(directory, { recursive: true });
  }, 60_000);

  test('it chooses whom the OOM killer ends', async () => {
    const text = `machine ram=32M swap=0\nsysctl vm.overcommit_memory 1\nproc small\nsmall mmap h size=4M anon\nsmall touch h 0 4M write\nproc big\nbig mmap h size=64M anon\nbig touch h 0 64M write\nduration 1s\n`;
    const directory2 = mkdtempSync(join(tmpdir(), 'reclaimfs-own-'));
    const file = join(directory2, 'oom.mjs');
    writeFileSync(
      file,
      `export default { install(host) { host.onOom((all) => all.find((p) => p.name === 'small')?.pid); } };`,
    );
    const source = { kind: 'module' as const, file, url: pathToFileURL(file).href, digest: '' };
    const experiment = experimentWith([{ name: 'mine', about: '', source }, ...namedPolicies(['kernel'])], { text });
    const [own, kernel] = await runsOf(experiment);
    expect(own!.kills.map(({ name }) => name)).toContain('small');
    expect(kernel!.kills.map(({ name }) => name)).toEqual(['big']);
    rmSync(directory2, { recursive: true });
  });
});

test('a policy of steps, and one that begins when the load is warm', async () => {
  const steps = { kind: 'steps' as const, file: 'p.scn', text: 'lmk adj=0,900 minfree=20000,30000' };
  const mine = [{ name: 'mine', about: '', source: steps }];
  const run = await carryOut(experimentWith(mine), { row: 0, seed: 1 });
  expect(run.kills.some(({ by }) => by === 'lmk')).toBe(true);
  const late = await carryOut(experimentWith(mine, { warmUs: 60_000_000 }), { row: 0, seed: 1 });
  expect(late.openings.length).toBeLessThan(run.openings.length);
  expect(late.kills.some(({ by }) => by === 'lmk')).toBe(true);
}, 60_000);

test('on a warm machine every policy does what it does alone, and none knows of another', async () => {
  const experiment = experimentWith(namedPolicies(['kernel', 'lmk', 'reclaim']), {
    warmUs: warmUs(`${SMALL_PHONE}warm 45s\n`),
    seeds: [1, 2],
  });
  expect(experiment.warmUs).toBe(45_000_000);
  const together = [];
  for (const row of [0, 1, 2]) together.push(await carryOut(experiment, { row, seed: 1 }));
  // Another seed in between: the machine is warmed up again.
  for (const row of [2, 0, 1]) {
    await carryOut(experiment, { row, seed: 2 });
    expect(await carryOut(experiment, { row, seed: 1 })).toEqual(together[row]);
  }
  const [kernel, , reclaim] = together;
  expect(kernel!.openings.length).toBeGreaterThan(5);
  expect(reclaim!.reclaimWrites).toBeGreaterThan(0);
  expect(kernel!.reclaimWrites).toBe(0);
}, 120_000);

test.each(BUILT_IN_NAMES.filter((name) => name !== 'phone-16-apps'))(
  'the scenario %s plays',
  (name) => {
    const { session } = playScenario(builtInScenario(name)!, name);
    expect(session.machine.check()).toEqual([]);
  },
  30_000,
);
