/** How fast disk and zram are, and how many requests a disk works on at once: as words of the machine, and what they change. */
import { expect, test } from 'vitest';
import { createMachine } from '../../../src/library/machine.ts';

const FILE = 'object F file 1M\nproc a\n';

/** Total of the `some` line of a pressure file, microseconds. */
function stalled(text: string, resource: 'io' | 'memory'): number {
  return Number(
    /^some .*total=(\d+)$/m.exec(createMachine(`${text}\ntick 60s`).read(`/proc/pressure/${resource}`))![1],
  );
}

test('a page read from a disk stalls for as long as the machine says', () => {
  expect(stalled(`machine ram=16M\n${FILE}a read F 0 10p`, 'io')).toBe(1000);
  expect(stalled(`machine ram=16M diskread=2ms\n${FILE}a read F 0 10p`, 'io')).toBe(20_000);
});

test('a window of readahead is read as many pages at a time as the queue holds', () => {
  const text = (more: string) =>
    `machine ram=16M diskread=1ms readahead=128K ${more}\n${FILE}a mmap m obj=F shared prot=r\n`;
  const touch = 'a touch m 100p 1p read';
  expect(stalled(text('') + touch, 'io')).toBe(32_000);
  expect(stalled(text('queue=16') + touch, 'io')).toBe(2000);
  expect(stalled(text('queue=1024') + touch, 'io')).toBe(1000);
});

test('writes to a disk take their time, and side by side no longer than one', () => {
  const pending = (more: string, ms: number) => {
    const machine = createMachine(
      `machine ram=16M swap=16M swapkind=disk diskwrite=10ms ${more}\nproc a\na mmap m size=100p anon\na touch m 0 100p write\na pageout all\ntick ${ms}ms`,
    );
    return machine.machine.storage.pending;
  };
  expect(pending('', 500)).toBe(50);
  expect(pending('', 1000)).toBe(0);
  expect(pending('queue=10', 50)).toBe(100 - 41);
  expect(pending('queue=100', 9)).toBe(100);
  expect(pending('queue=100', 20)).toBe(0);
});

test('zram: what it costs to store a page and to have it back', () => {
  const text = (more: string) =>
    `machine ram=16M swap=16M ${more}\nproc a\na mmap m size=100p anon\na touch m 0 100p write\na pageout all\na touch m 0 100p read\n`;
  const systemUs = (more: string) => {
    const { machine } = createMachine(text(more));
    return machine.named.get('a')!.leader.stimeUs;
  };
  expect(systemUs('zramread=1ms') - systemUs('')).toBe(100 * (1000 - 5));
  const group = (more: string) =>
    `machine ram=64M swap=64M ${more}\ncgroup write /cgroup.subtree_control "+memory"\ncgroup mkdir /g\ncgroup write /g/memory.max 4M\nproc a cgroup=/g\na mmap m size=8M anon\na touch m 0 8M write`;
  expect(stalled(group('zramwrite=1ms'), 'memory')).toBeGreaterThan(10 * stalled(group(''), 'memory'));
});

test('from a microsecond to ten seconds; the state says what was said', () => {
  for (const key of ['diskread', 'diskwrite', 'zramread', 'zramwrite']) {
    for (const value of ['1us', '10s'])
      expect(createMachine(`machine ${key}=${value}`).read('/proc/reclaimfs/state')).toContain(
        `${key}=${value === '10s' ? 10_000_000 : 1}us`,
      );
    for (const value of ['0us', '10.1s'])
      expect(() => createMachine(`machine ${key}=${value}`)).toThrow(/from 1us to 10s/);
  }
  expect(createMachine('machine queue=7').read('/proc/reclaimfs/state')).toContain('queue=7');
});
