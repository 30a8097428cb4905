/** The library as a program uses it; the same from the built package is in test/conformance/library.test.ts. */
import { expect, test } from 'vitest';
import { createMachine, KernelError, ScenarioError } from '../../../src/index.ts';

const SCENARIO = `proc a pid=1000 uid=1000
a mmap heap size=4M anon
a touch heap 0 4M write
`;

test('steps in, rendered files out', () => {
  const machine = createMachine(SCENARIO);
  expect(machine.read('/proc/1000/status')).toMatch(/^VmRSS:\t {4}4096 kB$/m);
  expect(machine.write('/proc/1000/reclaim', 'anon')).toBe(4);
  expect(machine.read('1000/status')).toMatch(/^VmSwap:\t {4}4096 kB$/m);
  machine.apply('a touch heap 0 1M read\ntick 5s');
  expect(machine.read('/proc/1000/status')).toMatch(/^VmSwap:\t {4}3072 kB$/m);
  expect(machine.list('/proc')).toContain('1000');
  expect(machine.check()).toEqual([]);
});

test('the settings override the scenario', () => {
  const machine = createMachine(`machine profile=2013 swapkind=zram\n${SCENARIO}`, {
    profile: '2013-04',
    swap: 'disk',
  });
  expect(() => machine.write('/proc/1000/reclaim', 'anon')).toThrow(KernelError);
  expect(machine.write('/proc/1000/reclaim', '2')).toBe(1);
  expect(machine.read('/proc/swaps')).not.toContain('zram');
});

test('errors are of their classes and tell what they are about', () => {
  const machine = createMachine(SCENARIO, { file: 'test.scn' });
  expect(() => machine.read('/proc/77/status')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(() => machine.write('/proc/1000/reclaim', 'rubbish')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  expect(() => createMachine('proc a pid=x', { file: 'test.scn' })).toThrow(ScenarioError);
  expect(() => machine.apply('a touch heap 0 4M write\na bogus')).toThrow(
    expect.objectContaining({ name: 'ScenarioError', line: 2 }),
  );
});

test('a batch that fails in the middle changes nothing', () => {
  const machine = createMachine(SCENARIO);
  const before = machine.read('/proc/1000/smaps');
  expect(() => machine.apply('a reclaim anon\na touch nosuch 0 4K read')).toThrow(ScenarioError);
  expect(machine.read('/proc/1000/smaps')).toBe(before);
});

test('state() gives the same machine', () => {
  const machine = createMachine(SCENARIO);
  machine.write('/proc/1000/reclaim', 'anon');
  machine.write('/proc/1000/oom_score_adj', '500');
  const copy = createMachine(machine.state());
  for (const name of ['status', 'smaps', 'oom_score_adj'])
    expect(copy.read(`/proc/1000/${name}`)).toBe(machine.read(`/proc/1000/${name}`));
});
