/** `capture --from`: copies of /proc in the forms in which people have them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { createMachine } from '../../../src/library/machine.ts';
import { captureMachine } from '../../../src/scenario/capture/capture.ts';
import { openSource } from '../../../src/scenario/capture/source.ts';

/** Archives are made by the real tar, on machines that may be busy. */
vi.setConfig({ testTimeout: 30_000 });
const scratch = mkdtempSync(join(tmpdir(), 'capture-from-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let made = 0;
const path = (name: string) => join(scratch, `${made++}-${name}`);
function file(name: string, content: string | Buffer): string {
  const at = path(name);
  writeFileSync(at, content);
  return at;
}
function copy(files: Record<string, string>): string {
  const root = path('proc');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}
async function machineOf(source: string, pid?: number) {
  const capture = captureMachine({ tree: await openSource(source, pid) });
  return { capture, machine: createMachine(capture.text) };
}
const kb = (text: string, name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]);

const MEMINFO =
  'MemTotal: 95000 kB\nMemFree: 20000 kB\nBuffers: 100 kB\nCached: 30000 kB\nAnonPages: 20000 kB\nSwapTotal: 52428 kB\nSwapFree: 40000 kB\n';
const vma = (header: string, fields: Record<string, number>, more = '') =>
  `${header}\n${Object.entries({ Size: 8192, KernelPageSize: 4, ...fields })
    .map(([key, value]) => `${key}:${String(value).padStart(16)} kB\n`)
    .join('')}${more}`;
const HEAP = vma('7f0000000000-7f0000800000 rw-p 00000000 00:00 0 ', {
  Rss: 2048,
  Pss: 2048,
  Private_Dirty: 2048,
  Anonymous: 2048,
  Swap: 1024,
});
/** A smemcap archive: meminfo, version, PID/{smaps,stat,cmdline}. */
const SMEMCAP = {
  meminfo: MEMINFO,
  version: 'Linux version 5.10',
  '77/smaps': HEAP,
  '77/stat': `77 (wor ker) S 1 77 77 0 -1 4194560 100 0 5 0 10 5 0 0 20 0 1 0 5000 8388608 512${' 0'.repeat(28)}\n`,
  '77/cmdline': 'worker\0',
};

function expectWorker({ machine }: Awaited<ReturnType<typeof machineOf>>): void {
  const status = machine.read('/proc/77/status');
  expect([kb(status, 'VmRSS'), kb(status, 'VmSwap')]).toEqual([2048, 1024]);
  expect(status).toMatch(/^Name:\twor ker$/m);
  const meminfo = machine.read('/proc/meminfo');
  for (const [name, value] of [...MEMINFO.matchAll(/^(\w+): (\d+)/gm)].map((m) => [m[1]!, Number(m[2])] as const)) {
    if (name === 'Buffers' || name === 'SwapTotal') continue;
    expect(Math.abs(kb(meminfo, name) - value) / value, name).toBeLessThan(0.01);
  }
  expect(machine.check()).toEqual([]);
}

describe('a copied /proc', () => {
  test('as a directory: totals of processes and of the machine are those of the copy', async () => {
    const result = await machineOf(copy(SMEMCAP));
    expectWorker(result);
    expect(result.capture.madeUp.join('\n')).toContain('without status: they belong to root');
  });

  test.each(['', 'proc/', './', 'sosreport-x/proc/', '/'])(
    'as a tar archive with %j before its names',
    async (before) => {
      const root = copy(
        Object.fromEntries(Object.entries(SMEMCAP).map(([name, text]) => [`a/${before}${name}`, text])),
      );
      const tar = path('archive.tar');
      execFileSync('tar', ['-cPf', tar, '-C', join(root, 'a'), '.']);
      expectWorker(await machineOf(tar));
      expectWorker(await machineOf(file('archive.tar.gz', gzipSync(execFileSync('cat', [tar])))));
    },
  );

  test('an archive with names that lead out, and links to elsewhere, gives only what is a /proc', async () => {
    const root = copy({ ...SMEMCAP, '77/environ': 'SECRET=1' });
    symlinkSync('/etc/passwd', join(root, '77/status'));
    const tar = path('hostile.tar');
    execFileSync('tar', [
      '-cPf',
      tar,
      '--transform',
      's,^77/cmdline,../../../77/cmdline,',
      '-C',
      root,
      'meminfo',
      '77',
    ]);
    const { capture } = await machineOf(tar);
    expect(capture.text).not.toMatch(/SECRET|root:x/);
    expect(capture.processes.map(({ pid }) => pid)).toEqual([77]);
    const directory = await machineOf(root);
    expect(directory.capture.text).not.toMatch(/SECRET|root:x/);
  });
});

describe('a single file', () => {
  test('smaps, with the names of anonymous memory that Android has on lines of their own', async () => {
    const smaps = HEAP.replace('Size:', 'Name:           [anon:libc_malloc]\nSize:');
    const { machine } = await machineOf(file('smaps.txt', smaps), 5);
    expect(kb(machine.read('/proc/5/status'), 'VmRSS')).toBe(2048);
    expect(machine.read('/proc/5/maps')).toContain('[anon:libc_malloc]');
  });

  test('smaps_rollup and status: mappings are made up, sums are right, and that is said', async () => {
    const rollup = `7f00-7ffd ---p 00000000 00:00 0                  [rollup]\nRss: 3000 kB\nPss: 2000 kB\nAnonymous: 1000 kB\nSwap: 400 kB\n`;
    const one = await machineOf(file('rollup', rollup), 8);
    const text = one.machine.read('/proc/8/smaps_rollup');
    expect([kb(text, 'Rss'), kb(text, 'Anonymous'), kb(text, 'Swap')]).toEqual([3000, 1000, 400]);
    expect(one.capture.madeUp.join()).toContain('made up from sums');
    const status =
      'Name:\tx\nUid:\t7\t7\t7\t7\nVmSize:\t 9999 kB\nVmRSS:\t 3000 kB\nRssAnon:\t 1000 kB\nRssFile:\t 1600 kB\nRssShmem:\t 400 kB\nVmSwap:\t 80 kB\n';
    const two = (await machineOf(file('status', status), 9)).machine.read('/proc/9/status');
    expect(['RssAnon', 'RssFile', 'RssShmem', 'VmSwap'].map((name) => kb(two, name))).toEqual([1000, 1600, 400, 80]);
    expect(two).toMatch(/^Uid:\t7\t/m);
  });

  test('meminfo alone is a machine without processes whose memory is where it was', async () => {
    const { machine } = await machineOf(file('meminfo', MEMINFO));
    const meminfo = machine.read('/proc/meminfo');
    expect(Math.abs(kb(meminfo, 'MemFree') - 20000)).toBeLessThan(200);
    expect(Math.abs(kb(meminfo, 'SwapFree') - 40000)).toBeLessThan(400);
  });

  test.each([
    ['nothing that is there', '/nowhere', /cannot be read \(ENOENT\)/],
    ['a program', '/bin/ls', /is neither/],
    ['a directory without processes', '/etc', /is no copy of \/proc/],
  ])('%s is refused with one line', async (_what, source, reason) => {
    await expect(openSource(source, undefined)).rejects.toThrow(reason);
  });

  test('damaged archives are refused', async () => {
    await expect(openSource(file('x.gz', Buffer.from('1f8b0800deadbeef', 'hex')), undefined)).rejects.toThrow(
      /damaged/,
    );
    await expect(openSource(file('x.zst', Buffer.from('28b52ffddeadbeef00', 'hex')), undefined)).rejects.toThrow(
      /damaged/,
    );
  });

  test('pages of 16 kB are refused with a clear sentence', async () => {
    const source = file('arm64', HEAP.replace(/KernelPageSize: +4/, 'KernelPageSize:       16'));
    await expect(machineOf(source, 3)).rejects.toThrow(/pages of 16 kB: only machines with pages of 4 kB/);
  });
});
