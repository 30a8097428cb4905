/** Programs as policies and metrics of `compare`: time is the machine's, so that runs repeat and are what a daemon would do. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunFigures } from '../../src/scenario/compare/recorder.ts';
import { skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const LOAD = `machine ram=128M swap=64M swapkind=zram seed=1
object L file 1M
app a heap=30M ws=4M libs=L rate=200/s
app b heap=40M ws=4M libs=L rate=200/s
app c heap=30M ws=4M libs=L rate=200/s
app d heap=20M ws=4M libs=L rate=200/s
user apps=all turns=16 use=1s..2s
duration 40s
`;
const PRESSURE = resolve(import.meta.dirname, '../../scripts/examples/policies/pressure.sh');

/** Waits in all the ways that programs wait; what it finds goes into a sysctl, and so into the run. */
const WAITS = `
import os, select, signal, subprocess, time
def now(): return round(time.clock_gettime(time.CLOCK_MONOTONIC), 6)
def took(wait):
    start = now(); found = wait(); return round(now() - start, 6), found
reader, writer = os.pipe()
poll = select.poll(); poll.register(reader, select.POLLIN)
epoll = select.epoll(); epoll.register(reader, select.EPOLLIN)
assert took(lambda: time.sleep(0.75))[0] == 0.75
assert took(lambda: poll.poll(250)) == (0.25, [])
assert took(lambda: epoll.poll(0.125)) == (0.125, [])
assert took(lambda: select.select([reader], [], [], 0.5)) == (0.5, ([], [], []))
assert abs(time.time() - time.clock_gettime(time.CLOCK_MONOTONIC) - time.clock_gettime(time.CLOCK_REALTIME) + now()) < 1e-3
assert took(lambda: time.clock_gettime(0))[0] == 0
def late():
    child = os.fork()
    if child == 0:
        time.sleep(0.3); os.write(writer, b'x'); os._exit(0)
    found = poll.poll(1000); os.waitpid(child, 0); return found
assert took(late) == (0.3, [(reader, select.POLLIN)])
assert took(lambda: epoll.poll(1)) == (0, [(reader, select.EPOLLIN)])
assert took(lambda: select.select([reader], [], [], 1)) == (0, ([reader], [], []))
rang = []
signal.signal(signal.SIGUSR1, lambda *_: rang.append(now()))
def interrupted():
    parent, child = os.getpid(), os.fork()
    if child == 0:
        time.sleep(0.2); os.kill(parent, signal.SIGUSR1); os._exit(0)
    found = poll.poll(0) and os.read(reader, 1) and poll.poll(700); os.waitpid(child, 0); return found
assert took(interrupted) == (0.7, []) and len(rang) == 1
psi = os.open('/proc/pressure/memory', os.O_RDWR | os.O_NONBLOCK)
os.write(psi, b'some 1000 500000\\0')
poll.register(psi, select.POLLPRI)
watch = open('/proc/reclaimfs/vmpressure')
told = 0
while True:
    for fd, event in poll.poll(5000):
        told += 1
        with open('/proc/sys/vm/swappiness', 'w') as file: file.write(str(told))
`;

const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-programs-'));
const built = new Program();
beforeAll(() => built.build(), 300_000);
afterAll(async () => {
  await built.dispose();
  rmSync(directory, { recursive: true, force: true });
});

function compare(name: string, ...args: string[]): { status: number | null; stderr: string; runs: RunFigures[] } {
  const file = join(directory, `${name}.jsonl`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000' };
  const main = join(built.directory, 'dist/cli/main.js');
  const load = join(directory, 'load.scn');
  writeFileSync(load, LOAD);
  const words = [main, 'compare', load, '--jsonl', file, ...args];
  const { status, stderr } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    env,
    timeout: 400_000,
    cwd: directory,
  });
  const lines = status === 0 ? readFileSync(file, 'utf8').trim().split('\n').slice(1) : [];
  const runs = lines.map((line) => (JSON.parse(line) as { figures: RunFigures }).figures);
  return { status, stderr, runs: runs.sort((x, y) => x.row - y.row || x.seed - y.seed) };
}

function without({ row: _, ...figures }: RunFigures): Omit<RunFigures, 'row'> {
  return figures;
}

describe.skipIf(skipMounts)('a program', { timeout: 500_000 }, () => {
  test('in sh decides as the policy of ours that it was written after, in every figure, and does so again', () => {
    const args = ['--policies', 'none/pressure', '--policy', `mine=sh ${PRESSURE}`, '--seeds', '2'];
    const { stderr, runs } = compare('pressure', ...args);
    expect(stderr).toContain('4 of 4 runs');
    expect(runs).toHaveLength(4);
    expect(runs[0]!.reclaimWrites).toBeGreaterThan(2);
    expect(runs[0]).not.toEqual({ ...runs[1], seed: 1 });
    expect(runs.slice(2).map(without)).toEqual(runs.slice(0, 2).map(without));
    const again = compare('again', ...args, '--threads', '1');
    expect(again.runs).toEqual(runs);
    const bytes = (name: string) =>
      readFileSync(join(directory, `${name}.jsonl`), 'utf8')
        .split('\n')
        .slice(1)
        .sort();
    expect(bytes('again')).toEqual(bytes('pressure'));
  });

  test('waits by sleeping, poll, select, epoll and for a trigger in the time of the machine', () => {
    writeFileSync(join(directory, 'waits.py'), WAITS);
    writeFileSync(join(directory, 'told.sh'), 'cat /proc/sys/vm/swappiness\n');
    const args = ['--policy', 'waits=/usr/bin/python3 waits.py', '--metric', 'told=sh told.sh'];
    const first = compare('waits', ...args);
    expect(first.stderr).toContain('1 of 1 runs');
    expect(first.runs[0]!.own['told']).toBeGreaterThan(0);
    expect(first.runs[0]!.own['told']).toBeLessThan(40);
    expect(compare('waits-again', ...args).runs).toEqual(first.runs);
  });

  test('that kills is told from the OOM killer, and a metric is the last line that its program prints', () => {
    writeFileSync(
      join(directory, 'kill.sh'),
      'sleep 20\nfor dir in /proc/[0-9]*; do\n  case $(cat "$dir/comm") in a | b) kill -9 "$(basename "$dir")" ;; esac\ndone\n',
    );
    const args = ['--policy', 'kill=sh kill.sh', '--metric', "when=sleep 1; echo words; cut -d' ' -f1 /proc/uptime"];
    const { stderr, runs } = compare('kill', ...args);
    expect(stderr).toContain('1 of 1 runs');
    expect(runs[0]!.kills.map(({ by, name }) => `${by} ${name}`).sort()).toEqual(['policy a', 'policy b']);
    expect(runs[0]!.kills[0]!.at).toBe(20);
    expect(runs[0]!.own['when']).toBe(runs[0]!.simulatedSeconds + 1);
  });

  test('that cannot be under virtual time, fails, or gives no number is told in a line', () => {
    const refused = (option: string, text: string) => {
      const { status, stderr } = compare('refused', option, `mine=${text}`);
      rmSync(join(directory, 'refused.jsonl'), { force: true });
      expect(stderr).not.toContain('    at ');
      return `${status}: ${stderr.trim().split('\n').at(-1)}`;
    };
    expect(refused('--policy', 'sh not-there.sh')).toMatch(
      /^1: .*mine, seed 1: "sh not-there.sh" ended with status 2 .*not-there/,
    );
    expect(refused('--policy', "/usr/bin/python3 -c 'import signal; signal.setitimer(0, 1)'")).toMatch(
      /^1: .*setitimer goes by this machine's clock/,
    );
    expect(refused('--policy', "/usr/bin/python3 -c 'import time\nwhile True: time.time()'")).toMatch(
      /^1: .*a loop that waits for the clock/,
    );
    expect(refused('--metric', 'echo many; true')).toMatch(
      /^1: .*metric mine: the last line .* is "many": it has to be a number/,
    );
  });
});
