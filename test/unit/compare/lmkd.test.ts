/** lmkd decides as AOSP's does: the cascade of mp_event_psi, case by case; and it acts by it on a machine. */
import { expect, test } from 'vitest';
import { aospMinfreeKb } from '../../../src/scenario/compare/task-managers/aosp-minfree.ts';
import { decide, LMKD_REASONS } from '../../../src/scenario/compare/task-managers/lmkd.ts';
import { Session } from '../../../src/scenario/session.ts';
import { SMALL_PHONE } from './small-phone.ts';

const CALM = {
  critical: false,
  cycleAfterKill: false,
  swapIsLow: false,
  directReclaim: false,
  watermark: 3,
  thrashing: 0,
  limit: 100,
  limitProperty: 100,
};
const [MIN, LOW, HIGH, NONE] = [0, 1, 2, 3];

test.each([
  ['nothing is wrong', {}, undefined],
  ['below the low mark, but neither swap nor cache suffers', { watermark: LOW }, undefined],
  ['below the min mark just after a kill', { cycleAfterKill: true, watermark: MIN }, ['pressure-after-kill', 0]],
  ['below the low mark after a kill', { cycleAfterKill: true, watermark: LOW }, undefined],
  ['everybody was stalled', { critical: true }, ['not-responding', 0]],
  ['swap low, cache thrashing', { swapIsLow: true, thrashing: 101 }, ['low-swap-and-thrashing', 201]],
  ['the same below min', { swapIsLow: true, thrashing: 101, watermark: MIN }, ['low-swap-and-thrashing', 0]],
  ['thrashing at the limit is not above it', { swapIsLow: true, thrashing: 100 }, undefined],
  ['swap low, below the low mark', { swapIsLow: true, watermark: LOW }, ['low-mem-and-swap', 201]],
  ['swap low, below the min mark', { swapIsLow: true, watermark: MIN }, ['low-mem-and-swap', 0]],
  ['swap low, below the high mark only', { swapIsLow: true, watermark: HIGH }, undefined],
  ['below low, thrashing', { watermark: LOW, thrashing: 51, limit: 50 }, ['low-mem-and-thrashing', 201]],
  [
    'the limit has been cut, not the property',
    { swapIsLow: true, thrashing: 51, limit: 50, watermark: NONE },
    undefined,
  ],
  [
    'direct reclaim, thrashing',
    { directReclaim: true, thrashing: 51, limit: 50 },
    ['direct-reclaim-and-thrashing', 201],
  ],
] as const)('%s', (_, seen, expected) => {
  const decision = decide({ ...CALM, ...seen });
  expect(decision && [decision.reason, decision.minAdj]).toEqual(expected);
});

test('the low-memory killer’s table is that of ProcessList.updateOomLevels', () => {
  // As shown by phones: 700 MB and more, 350 MB and less, between.
  expect(aospMinfreeKb(2048)).toEqual([73_728, 92_160, 110_592, 129_024, 147_456, 184_320]);
  expect(aospMinfreeKb(256)).toEqual([12_288, 18_432, 24_576, 36_864, 43_008, 49_152]);
  expect(aospMinfreeKb(544)[5]).toBe(124_073);
  expect(aospMinfreeKb(525)).toEqual([43_008, 55_296, 67_584, 82_944, 95_232, 116_736]);
});

/** A small phone, short of memory: what lmkd kills, and why. */
function killsWith(...settings: string[]): Readonly<Record<string, unknown>>[] {
  const imposed = [...settings, 'app.size x2', 'policy lmkd/none'].map((setting) => `impose ${setting}`);
  const session = new Session({ first: imposed.map((step) => ({ from: 'test', step })) });
  session.load(SMALL_PHONE, 'load');
  session.advance(180_000_000);
  expect(session.machine.check()).toEqual([]);
  return session.machine.events.from(0).filter(({ type }) => type === 'lmkd-kill');
}

test('it kills what has been out of sight longest, and says why', () => {
  const kills = killsWith('ro.lmk.swap_free_low_percentage 50');
  expect(kills.length).toBeGreaterThan(0);
  for (const { adj, minAdj, reason } of kills) {
    expect(adj).toBeGreaterThanOrEqual(minAdj as number);
    expect(LMKD_REASONS).toContain(reason);
    // Five apps: one in front, one before it, three cached; the oldest of those that run dies.
    expect(adj).toBeGreaterThanOrEqual(700);
  }
}, 60_000);

test('its properties count: with no trigger it never wakes', () => {
  expect(killsWith('ro.lmk.psi_partial_stall_ms 0', 'ro.lmk.psi_complete_stall_ms 0')).toEqual([]);
}, 60_000);
