/** What killed processes have left in /tmp goes when the next one starts; what may be in use stays. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sweepTemporary } from '../../../src/server/sweep.ts';

const directory = mkdtempSync(join(tmpdir(), 'sweep-'));
const uid = process.geteuid?.() ?? 0;
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const HOUR_S = 3600;

/** A directory of an age in hours, with a file in it or not. */
function make(name: string, hours: number, file?: string): string {
  const path = join(directory, name);
  mkdirSync(path, { recursive: true });
  if (file !== undefined) writeFileSync(join(path, file), 'x');
  const when = Date.now() / 1000 - hours * HOUR_S;
  if (file !== undefined) utimesSync(join(path, file), when, when);
  utimesSync(path, when, when);
  return path;
}

test('empty directories of ours go, when they are old', () => {
  const gone = [make('reclaimfs-run-AbC123', 1), make('reclaimfs-xYz789', 1)];
  const kept = [
    make('reclaimfs-run-young1', 0),
    make('reclaimfs-used01', 1, 'file'),
    make('reclaimfs-conformance-AbC123', 1),
    make('somebody-else', 1),
  ];
  sweepTemporary(directory);
  expect(gone.filter(existsSync)).toEqual([]);
  expect(kept.filter(existsSync)).toEqual(kept);
});

test('logs go after a week, and their directory with the last', () => {
  const logs = make(`reclaimfs-${uid}`, 0, 'old.log');
  const when = Date.now() / 1000 - 8 * 24 * HOUR_S;
  utimesSync(join(logs, 'old.log'), when, when);
  writeFileSync(join(logs, 'new.log'), 'x');
  sweepTemporary(directory);
  expect([existsSync(join(logs, 'old.log')), existsSync(join(logs, 'new.log'))]).toEqual([false, true]);
  utimesSync(join(logs, 'new.log'), when, when);
  sweepTemporary(directory);
  expect(existsSync(logs)).toBe(false);
});

test('a directory that cannot be read is no reason to fail', () => {
  expect(() => sweepTemporary(join(directory, 'nothing'))).not.toThrow();
});
