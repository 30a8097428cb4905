/** Runs in files: as the published schema says, read after a crash, put together from shards. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { combinationsOf, plannedRuns, rowsOf, shardOf } from '../../../src/scenario/compare/experiment.ts';
import {
  headerLine,
  headerOf,
  inOrder,
  mismatch,
  readRecords,
  runLine,
} from '../../../src/scenario/compare/records.ts';
import { carryOut } from '../../../src/scenario/compare/run.ts';
import { experimentWith, namedPolicies } from './small-phone.ts';

const LOAD = `machine ram=64M swap=16M swapkind=zram seed=1
object L file 1M
app a heap=20M ws=4M libs=L rate=200/s
app b heap=20M ws=4M libs=L rate=200/s
app c heap=20M ws=4M libs=L rate=200/s
user apps=all turns=8 use=1s..2s
duration 20s
`;
const ORIGIN = { program: 'reclaimfs', version: '1', commit: 'c', date: '2026-01-01T00:00:00Z', command: 'x' } as const;

test('every line of a file is as the published schema says', async () => {
  const schema = JSON.parse(
    readFileSync(new URL('../../../native-notes/compare-run.schema.json', import.meta.url), 'utf8'),
  );
  const validate = new Ajv({ allowUnionTypes: true }).compile(schema);
  const experiment = experimentWith(namedPolicies(['lmk']), { text: LOAD, settings: [{ 'vm.swappiness': '80' }] });
  const header = headerOf(ORIGIN, experiment, 'lmk', []);
  for (const line of [headerLine(header), runLine(header, await carryOut(experiment, { row: 0, seed: 1 }))]) {
    expect(validate(JSON.parse(line)) || validate.errors).toBe(true);
    expect(validate({ ...JSON.parse(line), surplus: 1 })).toBe(false);
  }
});

test('a file is read up to what a crash has left; shards give the whole; other experiments are refused', async () => {
  const experiment = experimentWith(namedPolicies(['lmk', 'kernel']), { text: LOAD, seeds: [1, 2] });
  const header = headerOf(ORIGIN, experiment, 'lmk', []);
  const planned = plannedRuns(experiment);
  const all = [...shardOf(planned, 2, 3), ...shardOf(planned, 1, 3), ...shardOf(planned, 3, 3)];
  expect(all).toHaveLength(4);
  const runs = [];
  for (const run of all) runs.push(await carryOut(experiment, run));
  const text = headerLine(header) + runs.map((run) => runLine(header, run)).join('');
  const recorded = readRecords(`${text}{"type":"run","na`, 'f');
  expect(recorded.soundBytes).toBe(Buffer.byteLength(text));
  expect(inOrder(experiment, recorded.runs).map(({ row, seed }) => ({ row, seed }))).toEqual(planned);
  expect(() => inOrder(experiment, recorded.runs.slice(1))).toThrow(
    /^1 of 4 runs are missing, the first is kernel, seed 1/,
  );
  expect(() => readRecords(text.replace('"type":"run"', '"type":"ru"'), 'f')).toThrow(/f:2: this line is damaged/);
  expect(() => readRecords('hello\n', 'f')).toThrow(/does not begin as a file of compare --jsonl/);
  const other = headerOf(ORIGIN, { ...experiment, durationUs: 1 }, 'lmk', []);
  expect(mismatch(header, other)).toMatch(/another scenario/);
  expect(mismatch(header, { ...header, origin: { ...ORIGIN, commit: 'd' } })).toMatch(/reclaimfs 1 \(c\) here/);
  expect(mismatch(header, header)).toBeUndefined();
}, 60_000);

test('a row for each combination of settings, with what differs in its name', () => {
  const sets = combinationsOf(
    new Map([
      ['machine.ram', ['64M', '96M']],
      ['vm.swappiness', ['80']],
    ]),
  );
  expect(rowsOf(namedPolicies(['lmk', 'kernel']), sets).map(({ name }) => name)).toEqual([
    'lmk machine.ram=64M',
    'kernel machine.ram=64M',
    'lmk machine.ram=96M',
    'kernel machine.ram=96M',
  ]);
});
