import { describe, expect, test } from 'vitest';
import type { MachineEvent } from '../../../src/machine/event-log.ts';
import { Session } from '../../../src/scenario/session.ts';
import { takeSnap } from '../../../src/scenario/snap.ts';

const SCENARIO = `machine ram=64M swap=32M swapkind=zram seed=3
object FILE file 8M
proc A uid=1000
A mmap heap size=32M anon private
A mmap file size=8M obj=FILE private prot=r
`;

function session(steps = ''): Session {
  const made = new Session();
  made.load(SCENARIO + steps, 'test.scn');
  return made;
}

function later(s: Session, seconds: number, pieces = 1): void {
  const from = s.machine.nowUs;
  for (let i = 1; i <= pieces; i++) s.advance(from + Math.round((seconds * 1e6 * i) / pieces));
  expect(s.machine.check()).toEqual([]);
}

function events(s: Session, type: string): MachineEvent[] {
  return s.machine.events.from(0).filter((event) => event.type === type);
}

const rss = (s: Session, name = 'A') => s.machine.named.get(name)!.mm!.rss;

describe('a running workload', () => {
  test('accesses so many pages a second', () => {
    const s = session('A run sequential heap rate=1000/s write=100%');
    later(s, 3);
    // Each first access to a page costs a microsecond more.
    expect(rss(s)).toBeGreaterThan(2990);
    expect(rss(s)).toBeLessThanOrEqual(3000);
  });

  test('does the same however often one looks', () => {
    const steps = `A run zipf heap rate=3000/s write=40%
A run random file rate=500/s after=1s for=2s
A grow heap off=16M rate=1M/s
A storm children=5 rate=2/s life=700ms map=heap write=64K`;
    const [once, often] = [session(steps), session(steps)];
    later(once, 6);
    later(often, 6, 977);
    expect(takeSnap(often.machine, 'x')).toEqual(takeSnap(once.machine, 'x'));
    expect(often.machine.mem.events).toEqual(once.machine.mem.events);
    expect(often.machine.cpuTimes(often.machine.named.get('A')!.leader)).toEqual(
      once.machine.cpuTimes(once.machine.named.get('A')!.leader),
    );
  });

  test('another seed gives another load', () => {
    const run = (seed: number) => {
      const s = new Session();
      s.load(`${SCENARIO.replace('seed=3', `seed=${seed}`)}A run random heap rate=500/s write=100%`, 'test.scn');
      later(s, 2);
      return JSON.stringify(takeSnap(s.machine, 'x'));
    };
    expect(run(1)).toBe(run(1));
    expect(run(1)).not.toBe(run(2));
  });

  test('writes the share it was told', () => {
    const s = session('A run random heap rate=2000/s write=25%');
    later(s, 2);
    // Reads of untouched anonymous memory map the zero page, which is not resident.
    expect(rss(s)).toBeGreaterThan(800);
    expect(rss(s)).toBeLessThan(1100);
  });

  test('uses CPU while it runs, and none afterwards', () => {
    const s = session('A run sequential heap rate=100000/s for=2s');
    const { leader } = s.machine.named.get('A')!;
    later(s, 1);
    expect(leader.userRate).toBeCloseTo(0.1);
    expect(s.machine.cpuTimes(leader).utimeUs).toBeCloseTo(100_000, -3);
    later(s, 9);
    expect(leader.userRate).toBe(0);
    expect(s.machine.cpuTimes(leader).utimeUs).toBeCloseTo(200_000, -3);
  });

  test('does less when its pages have to be waited for', () => {
    const slow = session('sysctl vm.swappiness 100\nA run sequential file rate=20000/s for=1s');
    later(slow, 1);
    // 20 000 a second are asked for; a page that is read from the disk takes 100 µs.
    expect(slow.machine.named.get('A')!.majflt).toBe(2048);
    expect(slow.machine.psi.groups.io.some.totalUs).toBeGreaterThan(150_000);
  });

  test('stops on request, and when its process has gone', () => {
    const s = session('A run sequential heap rate=1000/s write=100%\ntick 1s\nA stop');
    const before = rss(s);
    later(s, 2);
    expect(rss(s)).toBe(before);
    s.apply('A run sequential heap rate=1000/s\nA grow heap rate=1M/s');
    s.apply('A exit');
    later(s, 2);
    expect(s.machine.mem.nrAnonMapped).toBe(0);
  });

  test('growth goes on to the end of the mapping', () => {
    const s = session('A grow heap rate=4M/s');
    later(s, 2);
    // 2048 pages less those that it would have written while its faults were handled.
    expect(rss(s)).toBe(2045);
    later(s, 10);
    expect(rss(s) + s.machine.named.get('A')!.mm!.swapents).toBe(8192);
  });

  test('a fork storm leaves nobody behind', () => {
    const s = session('A touch heap 0 4M write\nA storm children=20 rate=10/s life=500ms map=heap write=256K');
    later(s, 1);
    expect([...s.machine.tasks.values()].filter(({ name }) => name.startsWith('A.')).length).toBe(5);
    later(s, 3);
    expect(s.machine.tasks.size).toBe(1);
    expect(events(s, 'exit').length).toBe(20);
  });

  test('a stream leaves the page cache full and the process small', () => {
    const s = session('A run stream file rate=1000/s');
    later(s, 2);
    expect(s.machine.objects.get('FILE')!.nrCached).toBeGreaterThan(1500);
    expect(rss(s)).toBeLessThan(700);
  });

  test('is the same machine when it is replayed from its state', () => {
    const s = session();
    s.advance(500_000);
    s.apply('A run zipf heap rate=2000/s write=50%');
    s.advance(2_345_678);
    s.apply('A reclaim anon');
    s.advance(4_000_000);
    const copy = new Session();
    copy.load(s.state(), 'state');
    expect(copy.machine.nowUs).toBe(s.machine.nowUs);
    expect(takeSnap(copy.machine, 'x')).toEqual(takeSnap(s.machine, 'x'));
  });
});

describe('apps', () => {
  const APPS = `machine ram=128M swap=64M swapkind=zram seed=1
object LIB file 4M
app mail heap=12M code=4M cache=2M ws=4M libs=LIB rate=500/s
app maps heap=16M code=4M cache=2M ws=6M libs=LIB rate=500/s
`;
  function phone(steps = ''): Session {
    const made = new Session();
    made.load(APPS + steps, 'phone.scn');
    return made;
  }

  test('a start is measured: pages, faults, time', () => {
    const s = phone('mail launch');
    later(s, 5);
    const [launch] = events(s, 'launch');
    const pages = (12 + 4 + 2 + 4) * 256;
    expect(launch).toMatchObject({ app: 'mail', finished: true, pages, majflt: 2048, lost: false });
    // 40 µs of CPU a page, 100 µs for each page of the files, 1 µs a fault.
    expect(launch!['ms']).toBeGreaterThan((pages * 40 + 2048 * 100) / 1000);
    expect(launch!['ms']).toBeLessThan((pages * 42 + 2048 * 101) / 1000);
  });

  test('the one that was in front goes to the background, with the scores of Android', () => {
    const s = phone('mail launch\ntick 3s\nmaps launch\ntick 3s');
    const adj = (name: string) => s.machine.named.get(name)!.oomScoreAdj;
    expect([adj('mail'), adj('maps')]).toEqual([700, 0]);
    expect(events(s, 'background').map((event) => event['app'])).toEqual(['mail']);
  });

  test('a resume is hot; after reclaim it takes longer and faults', () => {
    const s = phone('mail launch\ntick 3s\nmaps launch\ntick 3s\nmail resume\ntick 3s\nmail background');
    s.apply('mail reclaim all\nmail resume\ntick 3s');
    const [warm, reclaimed] = events(s, 'resume');
    expect(warm).toMatchObject({ app: 'mail', majflt: 0 });
    expect(reclaimed!['majflt']).toBeGreaterThan(1024);
    expect(Number(reclaimed!['ms'])).toBeGreaterThan(2 * Number(warm!['ms']));
    expect(reclaimed!['pages']).toBe(warm!['pages']);
  });

  test('a resume after a kill is a cold start, its state lost', () => {
    const s = phone('mail launch\ntick 3s\nmaps launch\ntick 3s\nmail kill KILL\nmail resume\ntick 3s');
    expect(events(s, 'resume')).toEqual([]);
    expect(events(s, 'launch').at(-1)).toMatchObject({ app: 'mail', lost: true });
  });

  test('only the app in front can be used', () => {
    const s = phone('mail launch');
    expect(() => s.apply('maps use 5s')).toThrow('maps is not in front');
    expect(() => s.apply('mail launch')).toThrow('mail runs already');
    expect(() => s.apply('chess resume')).toThrow('there is no app chess');
    s.apply('mail use 5s');
  });

  test('a user opens as many apps as told, every one once a round', () => {
    const s = phone('user apps=mail,maps turns=6 use=1s..2s gap=500ms order=shuffle');
    later(s, 60);
    expect(events(s, 'launch').length + events(s, 'resume').length).toBe(6);
    expect(events(s, 'launch').length).toBe(2);
    expect(events(s, 'user')).toHaveLength(1);
  });
});
