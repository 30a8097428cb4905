/** `reclaimfs report`: the numbers that damo prints of the same accesses. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { damonToScenario } from '../../../src/index.ts';
import { distribution, memoryReport } from '../../../src/scenario/heat/report.ts';

const RECORDINGS = join(import.meta.dirname, '../damon/recordings');
const recording = readFileSync(join(RECORDINGS, 'walk.data'));
const damo = readFileSync(join(RECORDINGS, 'walk.wss-percentiles'), 'utf8').split('\n').slice(1).join('\n').trim();

test('the working set of a recording is printed as damo prints it', () => {
  const { text } = memoryReport(Buffer.from(damonToScenario(recording).text), 'walk');
  expect(damo).toContain('# avr:\t9.043 MiB');
  expect(text).toContain(`working set of damon1: different pages accessed in 0.1 s\n${damo}\n`);
});

test('with less memory than is accessed some of it is swapped, and the report says so', () => {
  const { text } = memoryReport(Buffer.from(damonToScenario(recording, { ramBytes: 32 * 1024 ** 2 }).text), 'walk');
  const [, resident, swapped] = /^ +(\d+) +(\d+) {2}damon1$/m.exec(text)!;
  expect(Number(swapped)).toBeGreaterThan(10_000);
  expect(Number(resident) + Number(swapped)).toBe((1024 ** 2 + 6 * 8 * 1024 ** 2 + 132 * 1024) / 1024);
  expect(text).toMatch(/^swapped memory of damon1, every 0.1 s\n# <percentile> <swapped>\n# avr:\t[1-9]/m);
  expect(text).toContain('heat map of damon1');
});

test('the process that is named, by name or pid; else the largest', () => {
  const two = Buffer.from(
    'proc a pid=7\na mmap heap size=1M\na touch heap 0 1M write\nproc b pid=8\nb mmap heap size=2M\nb touch heap 0 2M write\ntick 1s\n',
  );
  expect(memoryReport(two, 'two').text).toContain('working set of b:');
  expect(memoryReport(two, 'two', 'a').text).toContain('working set of a:');
  expect(memoryReport(two, 'two', '7').text).toMatch(/heat map of 7: 256 accesses/);
  expect(() => memoryReport(two, 'two', 'shell')).toThrow('there is no process "shell" (one of a b)');
  expect(memoryReport(Buffer.from('machine ram=64M\n'), 'none').text).toMatch(/no process has memory/);
});

test('sizes and percentiles are written as damo writes them', () => {
  expect(distribution('wss', [])).toBe('# <percentile> <wss>\n# no snapshot');
  expect(distribution('wss', [0, 0, 1024 ** 2, 3 * 1024 ** 3])).toBe(
    [
      '# <percentile> <wss>',
      '# avr:\t768.250 MiB',
      `  0             0 B |${' '.repeat(59)}|`,
      ` 25             0 B |${' '.repeat(59)}|`,
      ` 50    1024.000 KiB |${' '.repeat(59)}|`,
      // Not full, by rounding: so damo prints it, too.
      ` 75       3.000 GiB |${'*'.repeat(58)} |`,
      `100       3.000 GiB |${'*'.repeat(58)} |`,
    ].join('\n'),
  );
});
