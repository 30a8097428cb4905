import { describe, expect, test } from 'vitest';
import { EACCES, EINVAL, EIO, ENOENT, EPERM } from '../../../src/util/errno.ts';
import { ROOT, STRANGER, Tree, USER } from './support.ts';

const TRACED = ['maps', 'smaps', 'smaps_rollup', 'numa_maps', 'environ', 'mem', 'pagemap', 'auxv'];
/** Opened by whom the mode lets in, read by tracers only. */
const TRACED_READS = ['io', 'stack', 'syscall', 'personality'];

describe('where the caller is known', () => {
  test('files for those who may trace are open to root and the owner', () => {
    const tree = new Tree();
    for (const name of TRACED) {
      const ino = tree.ino(`4242/${name}`);
      expect(typeof tree.fs.open(ino, 0, ROOT), name).toBe('object');
      expect(typeof tree.fs.open(ino, 0, USER), name).toBe('object');
      expect(tree.fs.open(ino, 0, STRANGER), name).toBe(-EACCES);
    }
    for (const name of TRACED_READS) {
      const file = tree.fs.open(tree.ino(`4242/${name}`), 0, STRANGER);
      if (typeof file === 'number') throw new Error(`${name} is not open`);
      expect(file.read(0, 100, STRANGER), name).toBeLessThan(0);
      expect(file.read(0, 100, ROOT), name).toBeInstanceOf(Uint8Array);
      expect(tree.attr(`4242/${name}`).mode & 0o777, name).toBe(0o400);
    }
    for (const name of ['exe', 'cwd', 'root'])
      expect(tree.fs.readlink(tree.ino(`4242/${name}`), STRANGER)).toBe(-EACCES);
    expect(tree.fs.readdir(tree.ino('4242/fdinfo'), STRANGER)).toBe(-EACCES);
    expect(tree.fs.readlink(tree.ino('4242/fd/0'), STRANGER)).toBe(-EACCES);
    expect(tree.attr('4242/maps').mode).toBe(0o100444);
  });

  test('and closed to the owner of a process that cannot be dumped', () => {
    const tree = new Tree();
    tree.apply('game dumpable 0');
    expect(tree.fs.open(tree.ino('4242/maps'), 0, USER)).toBe(-EACCES);
    expect([tree.attr('4242/reclaim').uid, tree.attr('4242').uid]).toEqual([0, 1000]);
  });
});

test('where the caller is not known, the mode keeps others out', () => {
  const tree = new Tree(undefined, { callerKnown: false });
  for (const name of TRACED) expect(tree.attr(`4242/${name}`).mode & 0o077, name).toBe(0);
  expect(tree.attr('4242/status').mode).toBe(0o100444);
  const hidden = new Tree(undefined, { callerKnown: false, hidepid: 1 });
  expect(hidden.attr('4242').mode).toBe(0o040500);
});

describe('hidepid', () => {
  test('1 closes directories of others', () => {
    const tree = new Tree(undefined, { callerKnown: true, hidepid: 1 });
    expect(tree.names('', STRANGER)).toContain('4242');
    expect(tree.ino('4242/status', STRANGER)).toBe(-EPERM);
    expect(tree.ino('4242/status', USER)).toBeGreaterThan(0);
  });

  test('2 hides them', () => {
    const tree = new Tree(undefined, { callerKnown: true, hidepid: 2 });
    expect(tree.names('', USER)).toContain('4242');
    expect(tree.names('', STRANGER)).not.toContain('4242');
    expect(tree.ino('4242', STRANGER)).toBe(-ENOENT);
  });
});

describe('writing', () => {
  test.each([
    ['4242/oom_score_adj', '500\n', 4],
    ['4242/oom_score_adj', '1001', -EINVAL],
    ['4242/oom_score_adj', 'x', -EINVAL],
    ['4242/oom_score_adj', '', -EINVAL],
    ['4242/oom_score_adj', '99999999999', -34],
    ['4242/oom_adj', '-17', 3],
    ['4242/oom_adj', '-18', -EINVAL],
    ['4242/comm', 'a very long name indeed\n', 24],
    ['4242/coredump_filter', '0x7f', 4],
    ['4242/timerslack_ns', '100000', 6],
    ['4242/clear_refs', '1\n', 2],
    ['4242/clear_refs', '6', -EINVAL],
    ['4242/clear_refs', '0', -EINVAL],
    ['4242/status', 'x', -EINVAL],
    ['4242/attr/current', 'x', -EINVAL],
    ['meminfo', 'x', -EIO],
    ['sys/vm/swappiness', '100\n', 4],
    ['sys/vm/swappiness', '201', -EINVAL],
    ['sys/vm/swappiness', 'abc', -EINVAL],
    ['sys/vm/drop_caches', '3\n', 2],
    ['sys/vm/drop_caches', '5', -EINVAL],
    ['sys/kernel/printk', '7 4 1 7\n', 8],
    ['sys/kernel/hostname', 'phone\n', 6],
    ['sys/kernel/osrelease', 'x', -EACCES],
    ['reclaimfs/control', 'game adj 900\n', 13],
    ['reclaimfs/control', 'nonsense\n', -EINVAL],
    ['reclaimfs/clock', '+5s\n', 4],
    ['reclaimfs/clock', 'backwards', -EINVAL],
    ['pressure/memory', 'some 1 2', -EINVAL],
  ])('%s takes "%s": %i', (path, text, taken) => {
    expect(new Tree().write(path, text)).toBe(taken);
  });

  test('shows', () => {
    const tree = new Tree();
    tree.write('4242/oom_score_adj', '500\n');
    expect([tree.read('4242/oom_score_adj'), tree.read('4242/oom_adj')]).toEqual(['500\n', '8\n']);
    tree.write('4242/oom_adj', '15');
    expect(tree.read('4242/oom_score_adj')).toBe('1000\n');
    tree.write('4242/comm', 'a very long name indeed\n');
    expect(tree.read('4242/comm')).toBe('a very long nam\n');
    expect(tree.read('4242/stat')).toMatch(/^4242 \(a very long nam\) /);
    tree.write('4242/task/4243/comm', 'thread');
    expect([tree.read('4242/comm'), tree.read('4242/task/4243/comm')]).toEqual(['a very long nam\n', 'thread\n']);
    tree.write('4242/coredump_filter', '0x7f');
    expect(tree.read('4242/coredump_filter')).toBe('0000007f\n');
    tree.write('sys/vm/swappiness', '100\n');
    expect(tree.read('sys/vm/swappiness')).toBe('100\n');
    tree.write('sys/kernel/printk', '7 4 1 7');
    expect(tree.read('sys/kernel/printk')).toBe('7\t4\t1\t7\n');
    tree.write('sys/kernel/hostname', 'phone\n');
    expect(tree.read('sys/kernel/hostname')).toBe('phone\n');
    tree.write('4242/clear_refs', '1');
    expect(tree.read('4242/smaps_rollup')).toMatch(/Referenced: +0 kB/);
  });

  test('protects a process only for root', () => {
    const tree = new Tree();
    expect(tree.write('4242/oom_score_adj', '300', USER)).toBe(3);
    expect(tree.write('4242/oom_score_adj', '200', USER)).toBe(-EACCES);
    expect(tree.write('4242/oom_score_adj', '200', ROOT)).toBe(3);
  });

  test('to the sysctls that are only written, reading is refused even to root', () => {
    expect(new Tree().bytes('sys/vm/drop_caches')).toBe(-EACCES);
  });

  test('changes no mode; owner and length as procfs does', () => {
    const tree = new Tree();
    const ino = tree.ino('4242/reclaim');
    expect(tree.fs.setattr(ino, { mode: 0o666 }, ROOT)).toBe(-EPERM);
    expect(tree.fs.setattr(ino, { uid: 0 }, ROOT)).toBe(0);
    expect(tree.fs.setattr(ino, { uid: 0 }, USER)).toBe(-EPERM);
    expect(tree.fs.setattr(ino, { size: 100 }, USER)).toBe(0);
    expect(tree.attr('4242/reclaim').size).toBe(0);
  });
});

test('mem reads and writes real bytes, through reclaim', () => {
  const tree = new Tree();
  const heap = tree
    .read('4242/maps')
    .split('\n')
    .find((line) => line.endsWith('[heap]'))!;
  const address = Number.parseInt(heap, 16) + 4000;
  const file = tree.open('4242/mem', 2);
  if (typeof file === 'number') throw new Error('not open');
  const bytes = Buffer.from('pattern'.repeat(100));
  expect(file.write(bytes, address, ROOT)).toBe(bytes.length);
  expect(tree.write('4242/reclaim', 'all')).toBe(3);
  expect(Buffer.from(file.read(address, bytes.length, ROOT) as Uint8Array)).toEqual(bytes);
  expect(file.read(0, 10, ROOT)).toBe(-EIO);
  tree.apply('game exec');
  expect(file.read(address, 10, ROOT)).toEqual(new Uint8Array(0));
});

test('state is a scenario that gives the same files', () => {
  const tree = new Tree();
  tree.write('4242/reclaim', 'anon');
  tree.write('4242/comm', 'x y');
  tree.write('4242/oom_score_adj', '7');
  tree.write('5000/reclaim', Buffer.from('0 16E'));
  const again = new Tree(tree.read('reclaimfs/state'));
  for (const path of tree.files()) {
    if (/\/(mem|pagemap|events|events\?now|vmpressure|state|snapshot|settings)$/.test(path)) continue;
    expect(String(again.bytes(path)) === String(tree.bytes(path)), path).toBe(true);
  }
});
