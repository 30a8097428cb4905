/** What a group has besides memory: freezing, CPU time, pids, peaks of its own; recorded by hand on cgroup2 of 6.18. */
import { describe, expect, it } from 'vitest';
import { createMachine, type ReclaimMachine } from '../../../src/index.ts';

const G = '/sys/fs/cgroup/g';

function machineWith(steps = '', controllers = '+memory +pids'): ReclaimMachine {
  return createMachine(`machine ram=128M swap=128M
cgroup write /cgroup.subtree_control "${controllers}"
cgroup mkdir /g
proc a pid=50 cgroup=/g
a mmap heap size=32M anon
${steps}`);
}

function errno(act: () => unknown): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    return String((error as { code?: string }).code);
  }
}

function ticks(machine: ReclaimMachine, pid: number): number {
  return Number(machine.read(`${pid}/stat`).split(' ')[13]);
}

describe('cgroup.freeze', () => {
  it('stops workloads and CPU time, which go on where they were', () => {
    const m = machineWith('a load user=60 system=0\na grow heap rate=1M/s');
    m.apply('tick 4s');
    expect(ticks(m, 50)).toBeGreaterThan(150);
    m.write(`${G}/cgroup.freeze`, '1\n');
    const rss = /VmRSS:.*/.exec(m.read('50/status'))![0];
    const used = ticks(m, 50);
    m.apply('tick 10s');
    expect(m.read(`${G}/cgroup.events`)).toBe('populated 1\nfrozen 1\n');
    expect(m.read(`${G}/cgroup.stat.local`)).toBe('frozen_usec 10000000\n');
    expect(/VmRSS:.*/.exec(m.read('50/status'))![0]).toBe(rss);
    expect(ticks(m, 50)).toBe(used);
    m.write('50/reclaim', 'anon');
    m.apply('tick 10s');
    expect(m.read('50/status')).toMatch(/VmRSS:\t {7}0 kB/);
    m.write(`${G}/cgroup.freeze`, '0');
    m.apply('tick 2s');
    expect(m.read('50/status')).toMatch(/VmRSS:\t {4}(1|2)\d{3} kB/);
    expect(ticks(m, 50) - used).toBeLessThan(150);
    expect(m.read(`${G}/cgroup.stat.local`)).toBe('frozen_usec 20000000\n');
    expect(m.check()).toEqual([]);
  });

  it('holds for groups below, for who moves in and out, and for children; a signal kills all the same', () => {
    const m = machineWith('cgroup mkdir /g/x\nproc b pid=51\nproc c pid=52 cgroup=/g/x', '+memory');
    m.write(`${G}/cgroup.freeze`, '1');
    expect(m.read(`${G}/x/cgroup.events`)).toContain('frozen 1');
    expect(m.read(`${G}/x/cgroup.freeze`)).toBe('0\n');
    m.apply('b load user=100 system=0');
    m.write(`${G}/cgroup.procs`, '51');
    m.apply('b fork d pid=53\nd load user=100 system=0\nc load user=100 system=0\ntick 5s');
    for (const pid of [51, 52, 53]) expect(ticks(m, pid)).toBe(0);
    m.write('/sys/fs/cgroup/cgroup.procs', '51');
    m.apply('tick 1s');
    expect(ticks(m, 51)).toBe(100);
    m.apply('c kill KILL');
    expect(m.read(`${G}/x/cgroup.events`)).toBe('populated 0\nfrozen 1\n');
  });

  it.each([
    ['2', 'ERANGE'],
    ['-1', 'ERANGE'],
    ['abc', 'EINVAL'],
    ['1 1', 'EINVAL'],
    ['0', 'ok'],
  ])('%j is %s', (text, outcome) => {
    const m = machineWith();
    for (const file of ['cgroup.freeze', 'cgroup.pressure'])
      expect(errno(() => m.write(`${G}/${file}`, text))).toBe(outcome);
  });

  it('survives save, load and the state', () => {
    const m = machineWith('a load user=50 system=0\ntick 1s');
    m.write(`${G}/cgroup.freeze`, '1');
    m.apply('tick 1s');
    for (const same of [createMachine(m.save()), createMachine(m.state())]) {
      same.apply('tick 3s');
      expect(same.read(`${G}/cgroup.stat.local`)).toBe('frozen_usec 4000000\n');
      expect(same.read(`${G}/cpu.stat`)).toBe(m.read(`${G}/cpu.stat`));
    }
  });
});

describe('a stopped process', () => {
  it('touches nothing, and its time does not count as CPU time when it goes on', () => {
    const m = machineWith('a grow heap rate=1M/s\na load user=100 system=0\ntick 2s\na kill STOP');
    const rss = /VmRSS:.*/.exec(m.read('50/status'))![0];
    const used = ticks(m, 50);
    m.apply('tick 10s');
    expect(/VmRSS:.*/.exec(m.read('50/status'))![0]).toBe(rss);
    m.apply('a kill CONT');
    expect(ticks(m, 50)).toBe(used);
    expect(m.read('50/stat')).toContain(' R ');
    m.apply('tick 1s');
    expect(ticks(m, 50)).toBe(used + 100);
  });

  it.each([
    ['run', 'a run sequential heap rate=1000/s'],
    ['storm', 'a storm children=100 rate=10/s life=1s'],
  ])('%s waits', (_name, workload) => {
    const m = machineWith(`${workload}\ntick 2s\na kill STOP\ntick 1s`);
    const faults = () => m.read('vmstat').match(/^pgfault \d+/m)![0];
    const before = [faults(), m.read('loadavg').split(' ')[4]];
    m.apply('tick 5s');
    expect([faults(), m.read('loadavg').split(' ')[4]]).toEqual(before);
    m.apply('a kill CONT\ntick 1s');
    expect([faults(), m.read('loadavg').split(' ')[4]]).not.toEqual(before);
  });
});

describe('cpu.stat', () => {
  it('keeps what those used who have moved, ended, or whose group has gone', () => {
    const m = machineWith('a load user=30 system=10\ncgroup mkdir /g/x\ntick 10s', '+memory');
    expect(m.read(`${G}/cpu.stat`)).toBe('usage_usec 4000000\nuser_usec 3000000\nsystem_usec 1000000\nnice_usec 0\n');
    m.write(`${G}/x/cgroup.procs`, '50');
    m.apply('a nice 5\ntick 10s\na exit');
    expect(m.read(`${G}/x/cpu.stat`)).toBe(
      'usage_usec 4000000\nuser_usec 3000000\nsystem_usec 1000000\nnice_usec 3000000\n',
    );
    m.rmdir(`${G}/x`);
    const sums = 'usage_usec 8000000\nuser_usec 6000000\nsystem_usec 2000000\nnice_usec 3000000\n';
    expect(m.read(`${G}/cpu.stat`)).toBe(sums);
    expect(m.read('/sys/fs/cgroup/cpu.stat')).toBe(sums);
  });
});

describe('pids', () => {
  it('are counted by threads, limited at fork, and what was refused is told upwards', () => {
    const m = machineWith();
    expect(m.read(`${G}/cgroup.controllers`)).toBe('memory pids\n');
    m.apply('a thread tid=60\na fork b pid=51');
    expect(m.read(`${G}/pids.current`)).toBe('3\n');
    expect(m.read(`${G}/pids.max`)).toBe('max\n');
    m.write(`${G}/pids.max`, '3');
    m.apply('a fork c pid=52 expect=EAGAIN\na thread tid=61 expect=EAGAIN');
    expect(m.read(`${G}/pids.events`)).toBe('max 2\n');
    expect(m.read(`${G}/pids.events.local`)).toBe('max 2\n');
    m.apply('b exit zombie');
    expect(m.read(`${G}/pids.current`)).toBe('3\n');
    m.apply('b reap\na fork c pid=52\nc exit');
    expect(m.read(`${G}/pids.current`)).toBe('2\n');
    expect(m.read(`${G}/pids.peak`)).toBe('3\n');
    for (const bad of ['-1', '4194305', 'many', '3 4'])
      expect(errno(() => m.write(`${G}/pids.max`, bad))).toBe('EINVAL');
    m.write(`${G}/pids.max`, '4194304');
    m.write(`${G}/pids.max`, '0');
    m.apply('a fork d expect=EAGAIN');
    expect(m.list('/sys/fs/cgroup')).not.toContain('pids.current');
  });

  it('are there only where the controller is', () => {
    const m = machineWith('', '+memory');
    expect(m.list(G)).not.toContain('pids.max');
    expect(errno(() => m.write(`${G}/cgroup.subtree_control`, '+pids'))).toBe('ENOENT');
    m.write('/sys/fs/cgroup/cgroup.subtree_control', '+pids -memory');
    expect(m.read('/sys/fs/cgroup/cgroup.subtree_control')).toBe('pids\n');
    expect(m.list(G)).toContain('pids.max');
    expect(m.list(G)).not.toContain('memory.max');
    expect(errno(() => m.write('/sys/fs/cgroup/cgroup.subtree_control', '+cpu'))).toBe('EINVAL');
  });
});

it('cgroup.stat counts the groups that have each controller', () => {
  const m = machineWith('cgroup mkdir /g/x', '+memory');
  expect(m.read('/sys/fs/cgroup/cgroup.stat')).toBe(
    'nr_descendants 2\nnr_subsys_memory 2\nnr_subsys_pids 1\nnr_dying_descendants 0\nnr_dying_subsys_memory 0\nnr_dying_subsys_pids 0\n',
  );
});

it('cgroup.pressure takes the pressure files away', () => {
  const m = machineWith();
  m.write(`${G}/cgroup.pressure`, '0');
  expect(m.list(G).filter((name) => name.endsWith('pressure'))).toEqual(['cgroup.pressure']);
  m.write(`${G}/cgroup.pressure`, '1');
  expect(m.list(G)).toContain('memory.pressure');
});

it('memory.swap.high slows down who swaps beyond it, and is counted', () => {
  const m = machineWith();
  m.write(`${G}/memory.swap.high`, '4M');
  m.write(`${G}/memory.high`, '8M');
  m.apply('a touch heap 0 32M write');
  expect(m.read(`${G}/memory.swap.events`)).toMatch(/^high [1-9]/);
  expect(Number(m.read(`${G}/memory.swap.peak`))).toBe(Number(m.read(`${G}/memory.swap.current`)));
  m.apply('a munmap heap 0 32M');
  expect(m.read(`${G}/memory.swap.current`)).toBe('0\n');
  expect(Number(m.read(`${G}/memory.swap.peak`))).toBeGreaterThan(20 << 20);
});

it('memory.numa_stat has the rows of memory.stat that are kept by node', () => {
  const m = machineWith('a touch heap 0 8M write');
  const text = m.read(`${G}/memory.numa_stat`);
  expect(text).toMatch(/^anon N0=8388608\nfile N0=0\nkernel_stack N0=\d+\npagetables N0=/);
  expect(text).not.toMatch(/^(kernel|slab|pgfault|percpu) /m);
});
