import { describe, expect, test } from 'vitest';
import { EAGAIN, EINVAL } from '../../../src/util/errno.ts';
import { type OpenFile, POLLIN, WAIT } from '../../../src/vfs/types.ts';
import { Tree } from './support.ts';

const O_NONBLOCK = 0o4000;

function opened(tree: Tree, path: string, flags = 0): OpenFile {
  const file = tree.open(path, flags);
  if (typeof file === 'number') throw new Error(`open ${path}: ${file}`);
  return file;
}

describe('events', () => {
  test('come as lines; a reader at the end waits and is woken', () => {
    const tree = new Tree();
    const file = opened(tree, 'reclaimfs/events');
    while (file.read(0, 65536, undefined) !== WAIT);
    let woken = 0;
    file.waitQueue?.add(() => woken++);
    expect(file.poll?.()).toBe(0);
    tree.apply('other exit');
    expect(woken).toBeGreaterThan(0);
    expect(file.poll?.()).toBe(POLLIN);
    const line = file.read(0, 65536, undefined);
    if (!(line instanceof Uint8Array)) throw new Error('nothing read');
    expect(JSON.parse(Buffer.from(line).toString().split('\n')[0]!)).toMatchObject({ type: 'exit', pid: 5000 });
    expect(file.read(0, 65536, undefined)).toBe(WAIT);
  });

  test('are given in pieces to a small buffer, and EAGAIN to those who do not want to wait', () => {
    const tree = new Tree('machine ram=64M\n');
    const file = opened(tree, 'reclaimfs/events', O_NONBLOCK);
    expect(file.read(0, 100, undefined)).toBe(-EAGAIN);
    tree.apply('proc a pid=10\na exit');
    let text = '';
    for (;;) {
      const part = file.read(0, 7, undefined);
      if (!(part instanceof Uint8Array)) break;
      text += Buffer.from(part).toString();
    }
    expect(text).toContain('"type":"exit"');
    expect(text.endsWith('\n')).toBe(true);
  });
});

describe('control', () => {
  test('takes several steps, all or none', () => {
    const tree = new Tree();
    expect(
      tree.write('reclaimfs/control', 'proc x pid=7000\nx mmap heap size=1M anon\nx touch heap 0 64K write\n'),
    ).toBe(66);
    expect(tree.read('7000/status')).toMatch(/VmRSS:\t {6}64 kB/);
    const before = tree.read('reclaimfs/state');
    expect(tree.write('reclaimfs/control', 'x touch heap 0 1M write\nx touch nothing 0 4K write\n')).toBe(-EINVAL);
    expect(tree.read('7000/status')).toMatch(/VmRSS:\t {6}64 kB/);
    expect(tree.read('reclaimfs/state')).toBe(before);
    expect(tree.read('reclaimfs/error')).toMatch(/^line 2, column \d+: .*\n/);
  });

  test('is not read', () => {
    expect(new Tree().bytes('reclaimfs/control')).toBe(-EINVAL);
  });
});

test('disk shows files as they are on the simulated disk', () => {
  const tree = new Tree();
  expect(tree.names('reclaimfs/disk')).toEqual(['lib', 'data']);
  expect(tree.names('reclaimfs/disk/lib')).toEqual(['libc.so']);
  expect(tree.attr('reclaimfs/disk/data/file.db').size).toBe(1 << 20);
  const before = tree.bytes('reclaimfs/disk/data/file.db') as Buffer;
  expect(before.length).toBe(1 << 20);
  tree.apply('game reclaim file\ntick 60s');
  const after = tree.bytes('reclaimfs/disk/data/file.db') as Buffer;
  expect(after.subarray(0, 256 * 1024).equals(before.subarray(0, 256 * 1024))).toBe(false);
  expect(after.subarray(256 * 1024).equals(before.subarray(256 * 1024))).toBe(true);
});

test('check is ok, the clock and the settings read', () => {
  const tree = new Tree();
  expect(tree.read('reclaimfs/check')).toBe('ok\n');
  expect(tree.read('reclaimfs/clock')).toMatch(/^110\.000000 paused/);
  tree.write('reclaimfs/clock', '+5s');
  expect(tree.read('uptime')).toMatch(/^115\.00 /);
  expect(tree.read('reclaimfs/settings')).toContain('profile 2013\n');
});

test('a file kept open shows the present again from its beginning, and one instant otherwise', () => {
  const tree = new Tree();
  const file = opened(tree, 'uptime');
  const read = (offset: number): string => Buffer.from(file.read(offset, 6, undefined) as Uint8Array).toString();
  expect(read(0)).toBe('110.00');
  tree.write('reclaimfs/clock', '+5s');
  expect(read(2)).toBe('0.00 2');
  expect(read(0)).toBe('115.00');
});

test('processes says of each process what status and stat say', () => {
  const tree = new Tree();
  const lines = tree.read('reclaimfs/processes').trimEnd().split('\n');
  const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows.map(({ pid }) => pid)).toEqual([...tree.machine.tasks.keys()].sort((a, b) => a - b));
  for (const row of rows) {
    const status = tree.read(`${row['pid']}/status`);
    const of = (key: string): string | undefined => new RegExp(`^${key}:\\s+(\\S+)`, 'm').exec(status)?.[1];
    const kb = (key: string): number | undefined => (of(key) === undefined ? undefined : Number(of(key)));
    expect(row).toEqual({
      pid: Number(of('Pid')),
      name: /^Name:\t(.*)$/m.exec(status)?.[1],
      state: of('State'),
      uid: Number(of('Uid')),
      adj: Number(tree.read(`${row['pid']}/oom_score_adj`)),
      majflt: Number(tree.read(`${row['pid']}/stat`).split(') ').at(-1)!.split(' ')[9]),
      anonKb: kb('RssAnon'),
      fileKb: kb('RssFile'),
      shmemKb: kb('RssShmem'),
      swapKb: kb('VmSwap'),
    });
  }
});
