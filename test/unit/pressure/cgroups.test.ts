import { describe, expect, it } from 'vitest';
import { cgroupFile } from '../../../src/machine/cgroup-access.ts';
import { Session } from '../../../src/scenario/session.ts';

function machineOf(text: string): Session {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

function read(session: Session, path: string): string {
  const { machine } = session;
  const slash = path.lastIndexOf('/');
  const group = machine.cgroups.at(path.slice(0, slash));
  return cgroupFile(machine, group, path.slice(slash + 1))!.show!(machine, group);
}

const START = `machine ram=128M swap=128M
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /apps
cgroup mkdir /sys
proc A pid=1001
proc B pid=1002
cgroup write /apps/cgroup.procs 1001
cgroup write /sys/cgroup.procs 1002
A mmap heap size=64M anon private
B mmap heap size=64M anon private
`;

describe('control groups', () => {
  it('say how to get a file that their parent does not hand down', () => {
    const write = 'cgroup write /apps/memory.high 64M';
    expect(() => machineOf(`machine ram=64M\ncgroup mkdir /apps\n${write}`)).toThrow(
      'its parent does not hand memory down (cgroup write /cgroup.subtree_control +memory)',
    );
    expect(() =>
      machineOf(`machine ram=64M\ncgroup mkdir /apps\ncgroup mkdir /apps/a\ncgroup write /apps/a/pids.max 5`),
    ).toThrow('(cgroup write /apps/cgroup.subtree_control +pids)');
    expect(() =>
      machineOf(`machine ram=64M\ncgroup write /cgroup.subtree_control +memory\ncgroup mkdir /apps\n${write}`),
    ).not.toThrow();
  });

  it('charge pages to the group that brought them', () => {
    const session = machineOf(`${START}A touch heap 0 8M write\nB touch heap 0 4M write`);
    expect(read(session, '/apps/memory.current')).toBe(`${8 * 2 ** 20}\n`);
    expect(read(session, '/sys/memory.current')).toBe(`${4 * 2 ** 20}\n`);
    expect(read(session, '/apps/memory.stat')).toContain(`anon ${8 * 2 ** 20}\n`);
    session.apply('A munmap heap 0 6M');
    expect(read(session, '/apps/memory.current')).toBe(`${2 * 2 ** 20}\n`);
    expect(read(session, '/apps/memory.peak')).toBe(`${8 * 2 ** 20}\n`);
    expect(session.machine.check()).toEqual([]);
  });

  it('stay below memory.max by reclaiming from themselves only', () => {
    const session = machineOf(
      `${START}B touch heap 0 16M write\ncgroup write /apps/memory.max 8M\nA touch heap 0 32M write`,
    );
    const current = Number(read(session, '/apps/memory.current'));
    expect(current).toBeLessThanOrEqual(8 * 2 ** 20);
    expect(current).toBeGreaterThan(7 * 2 ** 20);
    expect(Number(read(session, '/apps/memory.swap.current'))).toBe(32 * 2 ** 20 - current);
    expect(session.machine.named.get('B')!.mm!.swapents).toBe(0);
    expect(read(session, '/apps/memory.events')).toMatch(/max [1-9]/);
    expect(session.apply('A verify heap').at(-1)!.result).toMatchObject({ bad: 0 });
    expect(session.machine.check()).toEqual([]);
  });

  it('kill of their own when that is not enough', () => {
    const session = machineOf(
      `${START}cgroup write /apps/memory.max 8M\ncgroup write /apps/memory.swap.max 0\nB touch heap 0 32M write`,
    );
    session.apply('A touch heap 0 32M write');
    expect(session.machine.named.has('A')).toBe(false);
    expect(session.machine.named.has('B')).toBe(true);
    expect(read(session, '/apps/memory.events')).toContain('oom 1\noom_kill 1\n');
    expect(session.machine.events.from(0).find((event) => event.type === 'oom-kill')).toMatchObject({
      comm: 'A',
      constraint: 'memcg',
      group: '/apps',
    });
    expect(read(session, '/apps/memory.current')).toBe('0\n');
  });

  it('are slowed down beyond memory.high, not killed', () => {
    const session = machineOf(`${START}cgroup write /apps/memory.high 8M\ncgroup write /apps/memory.swap.max 0`);
    session.apply('A touch heap 0 16M write');
    expect(session.machine.named.has('A')).toBe(true);
    expect(read(session, '/apps/memory.current')).toBe(`${16 * 2 ** 20}\n`);
    expect(read(session, '/apps/memory.events')).toMatch(/high [1-9]/);
    session.machine.advance(10_000_000);
    expect(read(session, '/apps/memory.pressure')).not.toContain('some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n');
    expect(read(session, '/sys/memory.pressure')).toContain('some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n');
  });

  it('are protected by memory.low while others have something to give', () => {
    const session = machineOf(
      `${START}cgroup write /apps/memory.low 32M\nA touch heap 0 32M write\nB touch heap 0 64M write`,
    );
    session.apply('proc C\nC mmap heap size=64M anon private\nC touch heap 0 48M write');
    expect(session.machine.named.get('A')!.mm!.swapents).toBe(0);
    expect(session.machine.named.get('B')!.mm!.swapents).toBeGreaterThan(0);
  });

  it('reclaim what is asked for', () => {
    const session = machineOf(`${START}A touch heap 0 16M write\ncgroup write /apps/memory.reclaim 4M`);
    const current = Number(read(session, '/apps/memory.current'));
    expect(current).toBeLessThanOrEqual(12 * 2 ** 20);
    expect(current).toBeGreaterThan(11 * 2 ** 20);
    expect(session.machine.mem.events.pgscan_direct).toBe(0);
    session.apply('cgroup write /apps/memory.reclaim 100');
    expect(() => session.apply('cgroup write /apps/memory.reclaim 64M')).toThrow(/EAGAIN/);
    expect(() => session.apply('cgroup write /apps/memory.reclaim ""')).toThrow(/size/);
    expect(() => session.apply('cgroup write /apps/memory.reclaim "1M swappiness=201"')).toThrow(/200/);
    expect(() => session.apply('cgroup write /apps/memory.reclaim "1M foo=1"')).toThrow(/not known/);
    session.apply('cgroup write /apps/memory.reclaim "1M swappiness=max"');
  });

  it('have the rules of the tree', () => {
    const session = machineOf(START);
    const refused: [string, RegExp][] = [
      ['cgroup mkdir /apps', /is a control group/],
      ['cgroup mkdir /none/x', /no control group/],
      ['cgroup rmdir /apps', /in use/],
      ['cgroup rmdir /', /in use/],
      ['cgroup write /apps/cgroup.subtree_control +memory', /no processes of its own/],
      ['cgroup write /cgroup.subtree_control +cpu', /the controllers are memory and pids/],
      ['cgroup write /apps/cgroup.procs 99', /no such process/],
      ['cgroup write /apps/memory.max 1x', /no size/],
      ['cgroup write /apps/memory.current 1', /not for writing/],
      ['cgroup write /memory.max 1', /no file/],
    ];
    for (const [step, reason] of refused) expect(() => session.apply(step)).toThrow(reason);
    session.apply('cgroup write /cgroup.procs 1001\ncgroup rmdir /apps');
    expect(session.machine.named.get('A')!.cgroup).toBe('/');
    expect(session.machine.cgroups.root.children.has('apps')).toBe(false);
  });

  it('hand what they hold to their parent when they go', () => {
    const session = machineOf(`${START}A touch heap 0 8M write\ncgroup write /cgroup.procs 1001\ncgroup rmdir /apps`);
    expect(session.apply('A verify heap').at(-1)!.result).toMatchObject({ bad: 0 });
    session.apply('A munmap heap 0 64M');
    expect(session.machine.check()).toEqual([]);
  });

  it('are shrunk by a loop in the manner of senpai until pressure says stop', () => {
    // Half of A's memory is used all the time, the rest never again.
    const session = machineOf(`${START}A touch heap 0 32M write`);
    const { machine } = session;
    let limit = 32 * 2 ** 20;
    let last = 0;
    for (let second = 0; second < 240; second++) {
      session.apply('tick 1s\nA touch heap 0 16M read');
      const total = Number(/some .* total=(\d+)/.exec(read(session, '/apps/memory.pressure'))![1]);
      const stalled = total - last;
      last = total;
      if (stalled > 10_000) limit = Math.floor(limit * 1.02);
      else limit = Math.floor(limit * 0.99);
      session.apply(`cgroup write /apps/memory.high ${limit - (limit % 4096)}`);
    }
    const current = Number(read(session, '/apps/memory.current'));
    expect(current).toBeLessThan(26 * 2 ** 20);
    expect(current).toBeGreaterThan(8 * 2 ** 20);
    expect(session.apply('A verify heap').at(-1)!.result).toMatchObject({ bad: 0 });
    expect(machine.check()).toEqual([]);
  }, 30_000);
});
