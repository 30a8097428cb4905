import { describe, expect, it } from 'vitest';
import { scoreAdjOf } from '../../../src/machine/lmk.ts';
import { oomScore } from '../../../src/machine/oom.ts';
import { Session } from '../../../src/scenario/session.ts';

function machineOf(text: string): Session {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

function eventsOf(session: Session, type: string) {
  return session.machine.events.from(0).filter((event) => event.type === type);
}

const THREE_APPS = `machine ram=64M swap=0
proc fg adj=0
fg mmap heap size=16M anon private
fg touch heap 0 16M write
proc big adj=900
big mmap heap size=12M anon private
big touch heap 0 12M write
proc old adj=906
old mmap heap size=6M anon private
old touch heap 0 6M write
`;

describe('the OOM killer', () => {
  it('kills the process with the highest badness and says why', () => {
    const session = machineOf(THREE_APPS);
    // 16384 pages: badness of big = 3072 + 6 tables + 900 × 16; of old 1536 + … + 906 × 16
    session.apply('proc eater adj=-900\neater mmap heap size=40M anon private\neater touch heap 0 28M write');
    const [kill] = eventsOf(session, 'oom-kill');
    expect(kill).toMatchObject({ comm: 'big', adj: 900, by: 'eater', constraint: 'none', anonRssKb: 12288 });
    expect(session.machine.named.has('big')).toBe(false);
    expect(session.machine.named.has('old')).toBe(true);
    expect(session.machine.mem.events.oom_kill).toBe(1);
    expect(session.machine.check()).toEqual([]);
  });

  it('kills one when sysrq asks for it, and then the machine does not stop for panic_on_oom', () => {
    const session = machineOf(`${THREE_APPS}sysctl vm.panic_on_oom 2`);
    session.apply('sysrq f');
    expect(eventsOf(session, 'oom-kill')).toMatchObject([{ comm: 'big', by: 'kernel' }]);
    expect(session.machine.panicked).toBe(false);
    session.apply('proc init pid=1\nsysrq e');
    expect([...session.machine.named.keys()]).toEqual(['init']);
    session.apply('sysrq f');
    expect(eventsOf(session, 'oom')).toHaveLength(1);
    session.apply('sysrq c');
    expect(session.machine.panicked).toBe(true);
    expect(session.machine.check()).toEqual([]);
  });

  it('lets who asks for too much die at the end of its step', () => {
    const session = machineOf('machine ram=64M swap=0\nproc A');
    session.apply('A mmap heap size=64M anon private');
    session.apply('A touch heap 0 64M write');
    expect(eventsOf(session, 'oom-kill')).toHaveLength(1);
    expect(session.machine.named.has('A')).toBe(false);
    expect(session.machine.check()).toEqual([]);
    expect(session.machine.mem.nrAnonMapped).toBe(0);
  });

  it('spares those with adj -1000; the allocation fails then', () => {
    const session = machineOf('machine ram=64M swap=0\nproc A adj=-1000\nA mmap heap size=64M anon private');
    const [record] = session.apply('A touch heap 0 64M write');
    expect(record?.result).toMatchObject({ errno: 'ENOMEM' });
    expect(session.machine.named.has('A')).toBe(true);
    expect(session.machine.check()).toEqual([]);
  });

  it('kills who allocates when told so', () => {
    const session = machineOf(`${THREE_APPS}sysctl vm.oom_kill_allocating_task 1`);
    session.apply('proc eater adj=-900\neater mmap heap size=40M anon private\neater touch heap 0 40M write');
    expect(eventsOf(session, 'oom-kill')).toMatchObject([{ comm: 'eater' }]);
  });

  it('stops the machine when told so', () => {
    const session = machineOf(`${THREE_APPS}sysctl vm.panic_on_oom 1`);
    session.apply('fg mmap more size=64M anon private\nfg touch more 0 64M write');
    expect(eventsOf(session, 'panic')).toHaveLength(1);
    expect(eventsOf(session, 'oom-kill')).toHaveLength(0);
  });

  it('scores as /proc/PID/oom_score does', () => {
    const { machine } = machineOf(THREE_APPS);
    // old: 1536 + tables, + 906 × 16 of 16384 pages → 977…; (1000 + 978) × 2 / 3
    const task = machine.named.get('old')!;
    const points = 1536 + task.mm!.pageDirectory.size + 906 * 16;
    expect(oomScore(machine, task)).toBe(Math.trunc(((1000 + Math.trunc((points * 1000) / 16384)) * 2) / 3));
  });
});

describe('the low-memory killer', () => {
  it('converts adj of the old scale', () => {
    expect([-17, 0, 1, 6, 12, 15].map(scoreAdjOf)).toEqual([-1000, 0, 58, 352, 705, 1000]);
    const { machine } = machineOf('lmk adj=0,1,6,12 minfree=1536,2048,4096,16384');
    expect(machine.lmk.adj).toEqual([0, 58, 352, 705]);
    machine.lmk.configure({ adj: [0, 100, 900] });
    expect(machine.lmk.adj).toEqual([0, 100, 900]);
  });

  it('takes the highest adj first, then the largest', () => {
    const { machine } = machineOf(`${THREE_APPS}proc older adj=906
older mmap heap size=1M anon private
older touch heap 0 1M write`);
    expect(machine.lmk.selectVictim(0)?.name).toBe('old');
    expect(machine.lmk.selectVictim(907)).toBeUndefined();
  });

  it('kills before the OOM killer would, from the adj that its table says', () => {
    const session = machineOf(`${THREE_APPS}lmk adj=0,900 minfree=256,2048 accounting=early`);
    session.apply('proc eater adj=0\neater mmap heap size=40M anon private\neater touch heap 0 26M write');
    expect(eventsOf(session, 'lmk-kill')[0]).toMatchObject({ comm: 'old', adj: 906, minAdj: 900, rssKb: 6144 });
    expect(eventsOf(session, 'oom-kill')).toHaveLength(0);
    expect(session.machine.check()).toEqual([]);
  });

  it('leaves everybody alone while switched off', () => {
    const session = machineOf(`${THREE_APPS}lmk on\nlmk off`);
    session.apply('proc eater adj=0\neater mmap heap size=40M anon private\neater touch heap 0 24M write');
    expect(eventsOf(session, 'lmk-kill')).toHaveLength(0);
  });
});
