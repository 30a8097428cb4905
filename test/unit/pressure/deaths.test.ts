/** Who dies, of what, and when nobody does. */
import { describe, expect, it } from 'vitest';
import { createMachine } from '../../../src/library/machine.ts';
import { Session } from '../../../src/scenario/session.ts';

function play(text: string): Session {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

const last = (session: Session, step: string) => session.apply(step).at(-1)!.result;
const kills = ({ machine }: Session, type: string) =>
  machine.events
    .from(0)
    .filter((event) => event.type === type)
    .map(({ comm }) => comm);

describe('a signal of a failed access', () => {
  const READ_ONLY = 'object F file 4p\nA mmap r size=8p obj=F prot=r private';

  it('ends the accesses and the process', () => {
    const s = play(`machine ram=16M\nproc A\n${READ_ONLY}`);
    expect(last(s, 'A touch r 0 8p read')).toMatchObject({ pages: 5, signals: 1, signal: 'SIGBUS', died: true });
    expect(s.machine.named.has('A')).toBe(false);
    expect(kills(s, 'signal')).toEqual(['A']);
    expect(s.machine.events.from(0).find(({ type }) => type === 'exit')).toMatchObject({ comm: 'A', code: 7 });
    expect(s.machine.check()).toEqual([]);
  });

  it('is counted where the scenario says that the process catches it, and each access is tried', () => {
    const s = play(`machine ram=16M\nproc A catches=SIGBUS\n${READ_ONLY}`);
    const result = last(s, 'A touch r 0 8p read');
    expect(result).toMatchObject({ pages: 8, signals: 4, signal: 'SIGBUS' });
    expect(result).not.toHaveProperty('died');
    expect(last(s, 'A touch r 0 1p write')).toMatchObject({ signal: 'SIGSEGV', died: true });
  });

  it('is inherited by fork, forgotten by exec, and shown in status', () => {
    const m = createMachine(`machine ram=16M\nproc A pid=7 catches=SIGSEGV,SIGBUS\n${READ_ONLY}\nA fork B pid=8`);
    expect(m.read('/proc/8/status')).toContain('SigCgt:\t0000000000000440\n');
    m.apply('B exec');
    expect(m.read('/proc/8/status')).toContain('SigCgt:\t0000000000000000\n');
    expect(() => m.apply('proc C catches=SIGTERM')).toThrow('SIGSEGV,SIGBUS, or none');
  });

  it('ends a process that compares what it may not read, and one whose workload leaves its mapping', () => {
    const s = play(
      'machine ram=16M\nproc A\nA mmap h size=8p anon private\nA touch h 0 8p write\nA mprotect h 4p 4p none\nA fork B',
    );
    expect(last(s, 'A verify h')).toMatchObject({ pages: 5, bad: 1, died: true });
    s.apply('B run sequential h rate=100/s\ntick 1s');
    expect(s.machine.named.has('B')).toBe(false);
  });

  it('does not end the processes of a recording: the recorder catches', () => {
    const s = play(`machine ram=16M\nvalidity madvise\nproc A\n${READ_ONLY}`);
    expect(last(s, 'A touch r 0 8p read')).toMatchObject({ pages: 8, signals: 4 });
    // Neither do those of a scenario that a caller plays as linux-6.18, as a recording is compared; its state says so.
    const played = new Session({ profile: 'linux-6.18' });
    played.load(`proc A\n${READ_ONLY}`, 'test');
    for (const session of [played, play(played.state())])
      expect(last(session, 'A touch r 0 8p read')).toMatchObject({ pages: 8, signals: 4 });
  });
});

describe('the low-memory killer', () => {
  it('waits while the one it has killed is still giving its memory back', () => {
    const s = play(
      `machine ram=128M swap=0\nlmk adj=0,50,100 minfree=1024,2048,8192
proc fg adj=0\nfg mmap heap size=20M anon private\nfg touch heap 0 20M write
proc hog adj=100\nhog mmap heap size=110M anon private\nhog touch heap 0 90M write`,
    );
    s.apply('hog touch heap 90M 20M write');
    expect(kills(s, 'lmk-kill')).toEqual(['hog']);
    expect([...s.machine.named.keys()]).toEqual(['fg']);
  });

  it('a process that is to die gets no further than the access under way', () => {
    const s = play(
      `machine ram=128M swap=0\nlmk adj=0,50,100 minfree=1024,2048,8192
proc hog adj=100\nhog mmap heap size=126M anon private`,
    );
    // It is killed by kswapd's pass, long before memory has run out for it.
    const result = last(s, 'hog touch heap 0 126M write');
    expect(kills(s, 'lmk-kill')).toEqual(['hog']);
    expect(s.machine.named.has('hog')).toBe(false);
    expect(result).not.toHaveProperty('errno');
    expect(result!['pages']).toBeLessThan((126 * 2 ** 20) / 4096);
  });
});

describe('the OOM killer in a control group', () => {
  const GROUP = `machine ram=256M swap=64M
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
cgroup write /g/memory.max 64M
proc big cgroup=/g
big mmap heap size=40M anon private locked
proc small cgroup=/g adj=200
small mmap heap size=20M anon private locked
proc asker cgroup=/g adj=-1000
asker mmap heap size=10M anon private
asker mlock heap 0 10M`;

  it('scales adj by the limit and the swap that the group may use', () => {
    // Of 16384 pages 200 thousandths are 3200: 5120 + 3200 < 10240. With 16384 slots of swap they are 6400.
    expect(kills(play(GROUP), 'oom-kill')).toEqual(['small']);
  });

  it('by the limit alone where it may not swap', () => {
    expect(kills(play(GROUP.replace('proc big', 'cgroup write /g/memory.swap.max 0\nproc big')), 'oom-kill')).toEqual([
      'big',
    ]);
    expect(kills(play(GROUP.replace('proc big', 'sysctl vm.swappiness 0\nproc big')), 'oom-kill')).toEqual(['big']);
    expect(kills(play(GROUP.replace('proc big', 'cgroup swappiness /g 0\nproc big')), 'oom-kill')).toEqual(['big']);
  });
});

it('of two that are equally bad the younger dies', () => {
  const s = play('machine ram=64M swap=0\nproc A adj=500\nA mmap h size=20M anon private\nA touch h 0 10M write');
  s.apply('proc B adj=500\nB mmap h size=20M anon private\nB touch h 0 10M write');
  s.apply('proc eater adj=-900\neater mmap heap size=60M anon private\neater touch heap 0 40M write');
  expect(kills(s, 'oom-kill')[0]).toBe('B');
});

it('proc cgroup=/g charges the group', () => {
  const s = play(
    'machine ram=64M\ncgroup write /cgroup.subtree_control +memory\ncgroup mkdir /g\nproc A cgroup=/g\nA mmap h size=4M anon private\nA touch h 0 4M write',
  );
  expect(s.machine.cgroups.at('/g').memcg.usage).toBe(1024);
});
