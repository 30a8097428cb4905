/** A real program is recorded, and the recording played: the model agrees with the original. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Replay } from '../../src/scenario/record/replay.ts';
import { Program } from './support/reclaim-mount.ts';

const run = promisify(execFile);
const program = new Program();

/** Grows, forks, writes to what it shares, goes over it again, gives it back, becomes another program. */
const ORIGINAL = `
import os, sys, time
block = bytearray(24 << 20)
for i in range(0, len(block), 4096): block[i] = 1
time.sleep(0.4)
child = os.fork()
if child == 0:
    for i in range(0, 8 << 20, 4096): block[i] = 2
    time.sleep(0.6)
    os._exit(0)
os.waitpid(child, 0)
for i in range(0, 16 << 20, 4096): block[i]
time.sleep(0.4)
del block
time.sleep(0.3)
os.execv(sys.executable, [sys.executable, '-c', 'import time; b = bytearray(8 << 20); time.sleep(0.5)'])
`;

async function reclaimfs(...args: readonly string[]): Promise<{ stdout: string; stderr: string; code?: number }> {
  try {
    return await run(process.execPath, [join(program.directory, 'dist/cli/main.js'), ...args], { timeout: 90_000 });
  } catch (error) {
    return error as { stdout: string; stderr: string; code: number };
  }
}

beforeAll(() => program.build(), 120_000);

describe('a recording', { timeout: 180_000 }, () => {
  test('of a program, played: resident and referenced memory and minor faults within 10 % (median over intervals)', async () => {
    const script = join(program.directory, 'original.py');
    const recording = join(program.directory, 'original.scn');
    writeFileSync(script, ORIGINAL);
    const recorded = await reclaimfs('record', '--every', '200ms', '-o', recording, '--json', '--', 'python3', script);
    expect(recorded.code ?? 0).toBe(0);
    const { nrIntervals } = JSON.parse(recorded.stdout) as { nrIntervals: number };
    expect(nrIntervals).toBeGreaterThan(5);
    const text = readFileSync(recording, 'utf8');
    expect(text).toMatch(/ fork .* pid=/);
    expect(text).toMatch(/ exit\n/);
    expect(text).toMatch(/ exec comm=/);
    const { rows, medianDifference } = JSON.parse((await reclaimfs('replay', recording, '--json')).stdout) as Replay;
    for (const key of ['rss', 'referenced', 'minflt'] as const)
      expect(medianDifference[key], key).toBeLessThanOrEqual(0.1);
    // Not for lack of anything to compare.
    expect(Math.max(...rows.map(({ original }) => original.rss))).toBeGreaterThan(24 * 2 ** 20);
    expect(new Set(rows.map(({ process }) => process)).size).toBeGreaterThan(1);
  });

  test('of what cannot be recorded: one line, and no file', async () => {
    const file = join(program.directory, 'none.scn');
    for (const [args, message] of [
      [['--pid', '4194304'], 'no such process: 4194304'],
      [['--', 'no-such-command'], 'no-such-command: command not found'],
      [[], 'give --pid N, or a command behind --'],
      [['--every', '1ms', '--pid', String(process.pid)], 'intervals are at least 10 ms'],
      [
        ['--every', '1h', '--', 'true'],
        'nothing was recorded: the processes had ended before the first interval was over',
      ],
    ] as const) {
      const { stderr, code } = await reclaimfs('record', '-o', file, ...args);
      expect(stderr).toBe(`reclaimfs: ${message}\n`);
      expect(code).toBeGreaterThan(0);
    }
    expect(() => readFileSync(file)).toThrow('ENOENT');
  });

  test('is what replay takes, and nothing else', async () => {
    const file = join(program.directory, 'plain.scn');
    writeFileSync(file, 'machine ram=64M\n');
    const { stderr, code } = await reclaimfs('replay', file);
    expect(stderr).toContain('is no recording');
    expect(code).toBe(1);
  });
});
