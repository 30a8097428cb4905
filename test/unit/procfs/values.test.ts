/** Numbers that are written to files, at the ends of their ranges; what happens when something goes wrong inside. */
import { describe, expect, test, vi } from 'vitest';
import { CGROUP_FILES } from '../../../src/machine/cgroup-files.ts';
import { createCgroupFs } from '../../../src/procfs/cgroupfs.ts';
import { sysctlRange } from '../../../src/procfs/sysctl.ts';
import { sysctlRows } from '../../../src/procfs/sysctl-rows.ts';
import { fromBuffer } from '../../../src/util/bytes.ts';
import { E2BIG, EINVAL, ENAMETOOLONG, EPERM, ERANGE } from '../../../src/util/errno.ts';
import { ROOT, STRANGER, Tree, USER } from './support.ts';

describe('sysctls take what is in their range and nothing else', () => {
  const numeric = sysctlRows.filter((row) => !row.readOnly && !row.text);
  test.each(numeric.map((row) => [row.path, row] as const))('%s', (path, row) => {
    const tree = new Tree(`machine ram=256M kernel=${row.until === undefined ? '6.18' : '5.10'}`);
    const { min, max } = sysctlRange(row);
    const rest = '\t0'.repeat(row.initial.split('\t').length - 1);
    const put = (value: number | bigint | string) =>
      tree.write(
        `sys/${path}`,
        `${value}${row.value === undefined ? rest.replaceAll('0', String(Math.max(min, 0))) : ''}\n`,
      );
    const shown = tree.read(`sys/${path}`);
    for (const bad of [min - 1, BigInt(max) + 1n, 'NaN', '1e3', 'x', '9'.repeat(100_000)]) {
      expect(put(bad), `${path} ${String(bad).slice(0, 20)}`).toBe(-EINVAL);
      expect(tree.read(`sys/${path}`)).toBe(shown);
    }
    for (const good of [max, min]) expect(put(good), `${path} ${good}`).toBeGreaterThan(0);
    expect(tree.machine.check()).toEqual([]);
  });
});

test.each([
  ['vm/dirty_bytes', '8191', '8192'],
  ['vm/dirty_bytes', '0', '4611686018427387'],
  ['vm/dirty_background_bytes', '0', '1'],
  ['kernel/msgmax', '-1', '0'],
])('%s refuses %s and takes %s', (path, bad, good) => {
  const tree = new Tree('machine ram=64M');
  expect(tree.write(`sys/${path}`, bad)).toBe(-EINVAL);
  expect(() => tree.apply(`sysctl ${path.replace('/', '.')} ${bad}`)).toThrow('from');
  expect(tree.write(`sys/${path}`, good)).toBe(good.length);
  expect(tree.read(`sys/${path}`)).toBe(`${good}\n`);
});

describe('files of control groups', () => {
  const setUp = () => {
    const tree = new Tree('machine ram=256M\ncgroup write /cgroup.subtree_control "+memory +pids"\ncgroup mkdir /g');
    const groups = createCgroupFs(tree.host);
    const g = groups.lookup(groups.root, 'g', ROOT);
    const write = (name: string, text: string): number => {
      const file = groups.open(groups.lookup(g, name, ROOT), 1, ROOT);
      return typeof file === 'number' ? file : (file.write(Buffer.from(text), 0, ROOT) as number);
    };
    const read = (name: string): string => {
      const file = groups.open(groups.lookup(g, name, ROOT), 0, ROOT);
      return typeof file === 'number' ? String(file) : fromBuffer(file.read(0, 4096, ROOT) as Uint8Array);
    };
    return { tree, groups, write, read };
  };

  const ranged = CGROUP_FILES.filter((file) => file.range !== undefined && file.where !== 'root');
  test.each(ranged.map((file) => [file.name, file] as const))('%s', (name, { range, show }) => {
    const { tree, write, read } = setUp();
    const { min, max } = range!;
    for (const bad of [min - 1, max + 1, 'NaN', '1e3', '-', '9'.repeat(100)]) {
      const before = show === undefined ? '' : read(name);
      expect([-EINVAL, -ERANGE], `${name} ${bad}`).toContain(write(name, String(bad)));
      if (show !== undefined) expect(read(name)).toBe(before);
    }
    for (const good of [min, max]) {
      expect(write(name, String(good)), `${name} ${good}`).toBeGreaterThan(0);
      // The most that a count may be is no limit.
      if (show !== undefined) expect(read(name)).toBe(good === 2147483647 ? 'max\n' : `${good}\n`);
    }
    expect(tree.machine.check()).toEqual([]);
  });

  const limits = CGROUP_FILES.filter(({ name }) => /^memory\.(swap\.)?(min|low|high|max)$/.test(name));
  test.each(limits.map(({ name }) => name))('%s: bytes to 2^63, from there on no limit', (name) => {
    const { write, read } = setUp();
    for (const [text, shown] of [
      ['0', '0\n'],
      ['4097', '4096\n'],
      ['9223372036854771711', '9223372036854767616\n'],
      ['9223372036854775807', 'max\n'],
      ['18446744073709551615', 'max\n'],
      ['max', 'max\n'],
    ] as const) {
      expect(write(name, text), text).toBe(text.length);
      expect(read(name), text).toBe(shown);
    }
    for (const bad of ['-1', 'NaN', '1.5', '1e3', '', '12x']) expect(write(name, bad), bad).toBe(-EINVAL);
    expect(write(name, '1'.repeat(4096))).toBe(-E2BIG);
  });

  test('directories have names of bytes, at most 255 of them', () => {
    const { groups } = setUp();
    for (const name of ['\xff\xfe', '\xff\xfd', 'n'.repeat(255)])
      expect(groups.mkdir!(groups.root, name, 0o755, ROOT), name).toBeGreaterThan(0);
    expect(groups.lookup(groups.root, '\xff\xfe', ROOT)).not.toBe(groups.lookup(groups.root, '\xff\xfd', ROOT));
    expect(groups.mkdir!(groups.root, 'n'.repeat(256), 0o755, ROOT)).toBe(-ENAMETOOLONG);
    expect(groups.mkdir!(groups.root, 'a\0b', 0o755, ROOT)).toBe(-EINVAL);
  });
});

test('timerslack_ns is for the process itself and CAP_SYS_NICE', () => {
  const tree = new Tree();
  expect(tree.write('4242/timerslack_ns', '1000', ROOT)).toBe(4);
  for (const caller of [USER, STRANGER]) {
    expect(tree.write('4242/timerslack_ns', '2000', caller)).toBe(-EPERM);
    expect(tree.bytes('4242/timerslack_ns', caller)).toBe(-EPERM);
  }
  expect(tree.read('4242/timerslack_ns')).toBe('1000\n');
  const nobodyKnown = new Tree(undefined, { callerKnown: false });
  const { uid, mode } = nobodyKnown.attr('4242/timerslack_ns');
  expect([uid, mode & 0o777]).toEqual([0, 0o600]);
});

test('a reader of events that is too slow is told how many it has missed', () => {
  const tree = new Tree('machine ram=64M\nproc a pid=50');
  const file = tree.open('reclaimfs/events', 0o4000);
  const pressure = tree.open('reclaimfs/vmpressure', 0o4000);
  if (typeof file === 'number' || typeof pressure === 'number') throw new Error('not open');
  tree.machine.log('user', { turns: -1 });
  file.read(0, 1 << 20, ROOT);
  for (let i = 0; i < 25_000; i++) tree.machine.log('user', { turns: i });
  const lines = fromBuffer(file.read(0, 1 << 24, ROOT) as Uint8Array).split('\n');
  const { count } = JSON.parse(lines[0]!) as { count: number };
  expect(lines[0]).toBe(`{"type":"lost","count":${count}}`);
  expect(JSON.parse(lines[1]!)).toMatchObject({ type: 'user', turns: count });
  expect(lines.length - 2 + count).toBe(25_000);
  expect(pressure.read(0, 4096, ROOT)).toBeLessThan(0);
});

test('user apps=all without apps is refused', () => {
  const tree = new Tree('machine ram=64M');
  expect(() => tree.apply('user apps=all turns=3')).toThrow('there are no apps to open');
});

test('what goes wrong as time passes is no answer to a read: check tells it, and time stands still', () => {
  const silence = vi.spyOn(console, 'error').mockImplementation(() => {});
  const tree = new Tree('machine ram=64M\nproc a pid=50');
  let failing = true;
  tree.machine.tickers.push({
    nextUs: () => (failing ? 3_000_000 : Number.POSITIVE_INFINITY),
    run: () => {
      throw new Error('a mistake of ours \x1b[2J');
    },
  });
  expect(tree.write('reclaimfs/clock', '+5s')).toBe(3);
  expect(tree.read('50/status')).toContain('Pid:\t50\n');
  expect(tree.read('reclaimfs/check')).toBe('time stopped at 3.000000 s: a mistake of ours \\x1b[2J\n');
  expect(tree.read('uptime')).toMatch(/^3\.00 /);
  expect(tree.names('')).toContain('50');
  failing = false;
  expect(tree.write('reclaimfs/clock', 'run')).toBe(3);
  expect(tree.read('reclaimfs/check')).toBe('ok\n');
  silence.mockRestore();
});
