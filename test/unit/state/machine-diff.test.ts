import { expect, test } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';
import { cloneMachine } from '../../../src/scenario/state/image.ts';
import { diffMachines, diffText } from '../../../src/scenario/state/machine-diff.ts';
import { BASE } from './random-steps.ts';

function changed(steps: string): string[] {
  const session = new Session();
  session.load(BASE, 'test');
  const before = cloneMachine(session.machine);
  if (steps !== '') session.apply(steps);
  return diffText(diffMachines(before, session.machine)).split('\n').slice(0, -1);
}

test('equal machines differ in nothing', () => {
  expect(changed('')).toEqual([]);
});

test('says of processes, files and groups what is not the same, or who has them', () => {
  const lines = changed(
    'a touch heap 0 4M write\na reclaim anon\nb exit\na fork c pid=99\nobject NEW file 8K path="/new\\x07"\ncgroup mkdir /g\na read DB 0 1M',
  );
  expect(lines).toContain(
    'process 50 rss_kB 0 -> 0 (+0)'.replace(
      ' rss_kB 0 -> 0 (+0)',
      ' swap_kB 0 -> 4096 (+4096), minflt 0 -> 1024 (+1024)',
    ),
  );
  expect(lines).toContain('machine swap_used_kB 0 -> 4096 (+4096)');
  expect(lines.find((line) => line.startsWith('process 60 '))).toMatch(
    /^process 60 only in A: name b, comm b, state S, uid 1001/,
  );
  expect(lines.find((line) => line.startsWith('process 99 '))).toMatch(
    /^process 99 only in B: name c, comm a, .*swap_kB 4096/,
  );
  expect(lines).toContain('file /data/db cached_kB 0 -> 1024 (+1024)');
  expect(lines).toContain('file /new\\x07 only in B: kind file, size 8192');
  expect(lines.some((line) => line.startsWith('group /g only in B'))).toBe(true);
  expect(lines).toContain('counter pswpout 0 -> 1024 (+1024)');
});

test('what no file shows is found as well', () => {
  const session = new Session();
  session.load(BASE, 'test');
  session.apply('a touch heap 0 8K write');
  const other = cloneMachine(session.machine);
  session.apply('a touch heap 0 4K write');
  const diff = diffMachines(other, session.machine);
  expect(diff).toMatchObject({ machine: {}, processes: [], files: [], groups: [], counters: {} });
  expect(diffText(diff)).toMatch(/^nothing that is shown; in the model: \.mem\.\S+: \d+ and \d+\n$/);
});
