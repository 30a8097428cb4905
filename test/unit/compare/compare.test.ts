import { beforeAll, describe, expect, test } from 'vitest';
import { BUILT_IN_NAMES, builtInScenario } from '../../../src/scenario/built-in.ts';
import { type Comparison, compareScenario, POLICY_NAMES, withPolicy } from '../../../src/scenario/compare/compare.ts';
import { comparisonPage } from '../../../src/scenario/compare/html.ts';
import { percentile } from '../../../src/scenario/compare/metrics.ts';
import { niceStep } from '../../../src/scenario/compare/plots.ts';
import { comparisonTable } from '../../../src/scenario/compare/table.ts';
import { playScenario } from '../../../src/scenario/play.ts';
import { Session } from '../../../src/scenario/session.ts';
import { takeSnap } from '../../../src/scenario/snap.ts';

/** A phone that is too small for its apps. */
const SCENARIO = `title A small phone
machine ram=256M swap=96M swapkind=zram seed=9
object LIB file 4M
app mail heap=24M code=6M cache=6M ws=6M libs=LIB rate=500/s
app maps heap=40M code=8M cache=8M ws=10M libs=LIB rate=500/s
app game heap=56M code=8M cache=8M ws=20M libs=LIB rate=500/s
app chat heap=24M code=6M cache=6M ws=6M libs=LIB rate=500/s
app shop heap=32M code=6M cache=8M ws=8M libs=LIB rate=500/s
user apps=all turns=40 use=1s..3s gap=500ms
duration 3m
`;

describe('policies on one small phone', () => {
  let comparison: Comparison;
  beforeAll(() => {
    comparison = compareScenario(SCENARIO, 'small.scn', { policies: POLICY_NAMES, seeds: [1] });
  }, 120_000);
  const of = (policy: string) => comparison.policies.find((summary) => summary.policy === policy)!;

  test('the load is the same: every app is opened as often', () => {
    for (const { hot, cold } of comparison.policies) expect(hot + cold).toBe(40);
  });

  test('the low-memory killer kills, and what it killed has lost its state', () => {
    expect(of('lmk').lmkKills).toBeGreaterThan(3);
    expect(of('lmk').lostStates).toBeGreaterThan(3);
    expect(of('kernel').lmkKills).toBe(0);
  });

  test('with reclaim by a task manager fewer apps die, and more come back as they were left', () => {
    expect(of('reclaim').cold).toBeLessThan(of('lmk').cold);
    expect(of('reclaim').hot).toBeGreaterThan(of('lmk').hot);
    expect(of('reclaim').reclaimWrites).toBeGreaterThan(20);
    expect(of('reclaim').reclaimedMb).toBeGreaterThan(100);
  });

  test('with volatile caches not more apps die', () => {
    expect(of('volatile').cold).toBeLessThanOrEqual(of('lmk').cold);
  });

  test('the figures are the same in every run', () => {
    const again = compareScenario(SCENARIO, 'small.scn', { policies: ['reclaim'], seeds: [1] });
    const first = comparison.runs.find((run) => run.policy === 'reclaim' && run.seed === 1)!;
    expect({ ...again.runs[0], wallMs: 0 }).toEqual({ ...first, wallMs: 0 });
  }, 60_000);

  test('the table has a column for each policy', () => {
    const table = comparisonTable(comparison);
    expect(table).toContain('small.scn: 3 simulated minutes, means of 1 seed,');
    expect(table).toMatch(/^ +kernel +lmk +volatile +reclaim +proportional$/m);
    for (const line of ['cold starts', 'resume p95 (ms)', 'PSI memory some (s)', 'background CPU (ms)'])
      expect(table).toContain(line);
  });

  test('the page has its plots and no address of another host', () => {
    const page = comparisonPage(comparison);
    expect(page.match(/<svg class="plot/g)).toHaveLength(2 + POLICY_NAMES.length);
    expect(page).not.toMatch(/https?:\/\/|NaN|undefined/);
  });

  test('a run under a policy is a scenario: replayed from its state it is the same machine', () => {
    const session = new Session();
    session.load(withPolicy(SCENARIO, 'reclaim', 1), 'small.scn');
    session.advance(60_000_000);
    const copy = new Session();
    copy.load(session.state(), 'state');
    expect(takeSnap(copy.machine, 'x')).toEqual(takeSnap(session.machine, 'x'));
    expect(copy.machine.check()).toEqual([]);
  });
});

test('a scenario gets its policy and seed in place', () => {
  expect(withPolicy('title t\nmachine ram=64M seed=3\npolicy lmk\nproc A', 'reclaim', 7)).toBe(
    'title t\nmachine ram=64M seed=7\npolicy reclaim\nproc A',
  );
  expect(withPolicy('proc A', 'kernel', 2)).toBe('machine seed=2\npolicy kernel\nproc A');
});

test('percentiles are of what was measured', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([0.5, 0.95, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 95, 99, 100]);
  expect(percentile([], 0.5)).toBe(0);
  expect(percentile([7], 0.99)).toBe(7);
});

test('axes have round steps', () => {
  expect([7, 95, 1000, 0.3].map((max) => niceStep(max, 5))).toEqual([2, 20, 200, 0.1]);
});

test.each(BUILT_IN_NAMES.filter((name) => name !== 'phone-16-apps'))(
  'the scenario %s plays',
  (name) => {
    const { session } = playScenario(builtInScenario(name)!, name);
    expect(session.machine.check()).toEqual([]);
  },
  30_000,
);
