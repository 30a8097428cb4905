/** The library reaches control groups by their paths. */
import { expect, test } from 'vitest';
import { createMachine } from '../../../src/library/machine.ts';

test('control groups are made, listed, read, written and removed by path', () => {
  const m = createMachine('machine ram=64M\nproc A pid=7\nA mmap h size=4M anon private');
  const root = '/sys/fs/cgroup';
  m.write(`${root}/cgroup.subtree_control`, '+memory\n');
  m.mkdir(`${root}/g`);
  m.write(`${root}/g/cgroup.procs`, '7\n');
  m.apply('A touch h 0 2M write');
  expect(m.read(`${root}/g/memory.current`)).toBe(`${2 * 2 ** 20}\n`);
  expect(m.read(`${root}/g/memory.stat`)).toContain(`anon ${2 * 2 ** 20}\n`);
  expect(m.list(`${root}/g`)).toContain('memory.max');
  m.write(`${root}/g/memory.max`, '1M\n');
  expect(m.read(`${root}/g/memory.max`)).toBe('1048576\n');
  expect(() => m.rmdir(`${root}/g`)).toThrow('EBUSY');
  expect(() => m.read(`${root}/none/memory.max`)).toThrow('ENOENT');
  expect(() => m.mkdir('/proc/g')).toThrow('EPERM');
  m.apply('A exit');
  m.rmdir(`${root}/g`);
  expect(m.list(root)).not.toContain('g');
  // What was done by path is part of the state.
  const again = createMachine(m.state());
  expect(again.list(root)).not.toContain('g');
  expect(again.read(`${root}/cgroup.subtree_control`)).toBe('memory\n');
});
