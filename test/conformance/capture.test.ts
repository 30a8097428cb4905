/** Capture: smaps totals of this machine's processes come back within 1 % in the mounted tree. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, skipMounts, within } from './support/mounts.ts';
import { Program, type ReclaimMount } from './support/reclaim-mount.ts';

const KEYS = ['Rss', 'Pss', 'Anonymous', 'Swap'] as const;
type Totals = Record<(typeof KEYS)[number], number>;

/** 1 %, or what the rounding of a sum over many mappings may make. */
const TOLERANCE = 0.01;

/** A program with everything: private and shared memory, files, a fork with pages shared and written, locked memory. */
const PROGRAM = `
import ctypes, mmap, os, sys, time
heap = bytearray(os.urandom(1 << 20) * 24)
shared = mmap.mmap(-1, 8 << 20)
shared[:4 << 20] = bytes(4 << 20).replace(b'\\0', b's')
with open(sys.argv[1], 'r+b') as f:
    whole = mmap.mmap(f.fileno(), 0)
sum(whole[::4096])
whole[0:65536] = b'w' * 65536
libc = ctypes.CDLL(None, use_errno=True)
locked = mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
locked[:] = b'l' * len(locked)
libc.mlock(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(locked))), len(locked))
cold = mmap.mmap(-1, 4 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
cold[:] = b'c' * len(cold)
cold.madvise(21)
if os.fork() == 0:
    heap[0:6 << 20] = b'x' * (6 << 20)
print('ready', os.getpid(), flush=True)
time.sleep(600)
`;

const program = new Program();
const children: ChildProcess[] = [];
const pids: number[] = [];

function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

beforeAll(async () => {
  await program.build();
  if (skipMounts) return;
  const file = join(program.directory, 'mapped');
  writeFileSync(file, Buffer.alloc(4 << 20, 'f'));
  for (let i = 0; i < 2; i++) pids.push(start('sleep', ['600']).pid!);
  const python = start('python3', ['-c', PROGRAM, file]);
  const lines = createInterface({ input: python.stdout! });
  await within(
    new Promise<void>((settle) => {
      lines.on('line', (line) => {
        pids.push(Number(line.split(' ')[1]));
        if (pids.length === 4) settle();
      });
    }),
    'python',
    20_000,
  );
});

afterAll(async () => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  await program.dispose();
});

function totalsOf(directory: string): Totals {
  const text = readFileSync(join(directory, 'smaps'), 'utf8');
  const totals: Totals = { Rss: 0, Pss: 0, Anonymous: 0, Swap: 0 };
  for (const key of KEYS)
    for (const [, kB] of text.matchAll(new RegExp(`^${key}: +(\\d+) kB$`, 'gm'))) totals[key] += Number(kB);
  return totals;
}

function nrMappings(directory: string): number {
  return readFileSync(join(directory, 'maps'), 'utf8').trimEnd().split('\n').length;
}

async function captured(...args: string[]): Promise<{ mount: ReclaimMount; stderr: string }> {
  const main = join(program.directory, 'dist/cli/main.js');
  const { stdout, stderr, status } = await run(process.execPath, [main, 'capture', ...args], 60_000);
  expect(status).toBe(0);
  return { mount: await program.mount(stdout, 'direct'), stderr };
}

function expectAlike(mount: ReclaimMount, pid: number, real: Totals, keys: readonly (keyof Totals)[] = KEYS): void {
  const copy = totalsOf(mount.path(String(pid)));
  // Pss is cut off to whole kB for each mapping, here and there.
  const slack = nrMappings(`/proc/${pid}`) / 2;
  for (const key of keys) {
    const allowed = Math.max(real[key] * TOLERANCE, key === 'Pss' ? slack : 0);
    expect(
      Math.abs(copy[key] - real[key]),
      `${key} of ${pid}: ${copy[key]} kB, really ${real[key]} kB`,
    ).toBeLessThanOrEqual(allowed);
  }
}

describe.skipIf(skipMounts)('capture', () => {
  // Processes that come and go in the meantime change the Pss of others: a retry looks again.
  test('all processes whose memory has stood still come back alike', { retry: 3 }, async () => {
    const before = new Map(listPids().map((pid) => [pid, tryTotals(pid)]));
    const { mount } = await captured();
    for (const [pid, real] of before) {
      const after = tryTotals(pid);
      const still = (key: keyof Totals): boolean =>
        real !== undefined && after !== undefined && Math.abs(real[key] - after[key]) <= real[key] / 1000;
      // Ours sleep, but others that come and go take their share of the libraries. On a machine with few processes that
      // is the capture itself, so that no Pss stands still.
      if (pids.includes(pid)) expectAlike(mount, pid, real!, still('Pss') ? KEYS : ['Rss', 'Anonymous', 'Swap']);
      else if (KEYS.every(still)) expectAlike(mount, pid, real!);
    }
    expect(mount.read('reclaimfs/check')).toBe('ok\n');
  });

  test('locked, dirty, names and permissions of mappings, fork', async () => {
    const { mount } = await captured();
    const [, , first = 0, second = 0] = pids;
    for (const pid of [first, second]) {
      const real = readFileSync(`/proc/${pid}/status`, 'utf8');
      const copy = mount.read(`${pid}/status`);
      for (const key of ['VmLck', 'Uid', 'PPid', 'Threads', 'RssAnon', 'RssShmem', 'VmSize']) {
        const line = new RegExp(`^${key}:.*$`, 'm');
        expect(line.exec(copy)?.[0]).toBe(line.exec(real)?.[0]);
      }
      expect(mount.read(`${pid}/cmdline`)).toBe(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      const shape = (text: string): string[] =>
        text.split('\n').map((line) => line.split(/ +/, 3).slice(0, 2).join(' '));
      expect(shape(mount.read(`${pid}/maps`))).toEqual(
        shape(readFileSync(`/proc/${pid}/maps`, 'utf8').replace(/^f{8}.*\n/m, '')),
      );
    }
  });

  test.each(['one', 'two'])(
    '--pid: %s of them alone, with the Pss that they have among all',
    { retry: 3 },
    async (which) => {
      const chosen = which === 'one' ? [pids[2]!] : [pids[0]!, pids[3]!];
      const real = chosen.map((pid) => totalsOf(`/proc/${pid}`));
      const { mount, stderr } = await captured(...chosen.flatMap((pid) => ['--pid', String(pid)]));
      expect(stderr).toContain('stand-in');
      chosen.forEach((pid, i) => {
        expectAlike(mount, pid, real[i]!);
      });
    },
  );

  test('an ordinary user captures what may be read, and is told of the rest', async () => {
    const main = join(program.directory, 'dist/cli/main.js');
    const words = ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, main, 'capture'];
    const { stdout, stderr, status } = await run('setpriv', words, 60_000);
    expect(status).toBe(0);
    expect(stderr).toMatch(/left out the memory of \d+ processes .*sudo/);
    const mount = await program.mount(stdout, 'direct');
    expect(mount.read(`${pids[0]}/comm`)).toBe('sleep\n');
  });

  test('a capture of the mounted copy gives the same totals again', async () => {
    const { mount } = await captured();
    const state = mount.read('reclaimfs/state');
    const second = await program.mount(state, 'direct');
    for (const pid of pids) expect(totalsOf(second.path(String(pid)))).toEqual(totalsOf(mount.path(String(pid))));
  });
});

function listPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function tryTotals(pid: number): Totals | undefined {
  try {
    return totalsOf(`/proc/${pid}`);
  } catch {
    return undefined;
  }
}
