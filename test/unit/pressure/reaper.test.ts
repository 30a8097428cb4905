/** Deaths of large processes in the middle of somebody's allocation: in portions, and to the same end as at once. */
import { describe, expect, test } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';
import { cloneMachine } from '../../../src/scenario/state/image.ts';
import { Clock } from '../../../src/server/clock.ts';
import { SessionHost } from '../../../src/server/session-host.ts';
import { finish, type Job } from '../../../src/util/job.ts';

const MIB = 256;
/** More frames than this are never freed between two pieces: a portion, and what fills the reserve. */
const MOST_AT_ONCE = 3 * (1 << 13);
const BIG = `machine ram=1G swap=0\nproc init pid=1\nproc big pid=50 adj=500\nbig mmap heap size=512M anon\nbig touch heap 0 512M write\n`;

function session(text: string): Session {
  const made = new Session();
  made.load(text, 'test');
  return made;
}

/** Carries a job out; the most frames that were freed between two of its pieces. */
function mostFreed(on: Session, job: Job<unknown>): number {
  const { frames } = on.machine.mem;
  let most = 0;
  for (let used = frames.nrUsed; ; used = frames.nrUsed) {
    const { done } = job.next();
    most = Math.max(most, used - frames.nrUsed);
    if (done === true) return most;
  }
}

const kills = (on: Session): unknown[] =>
  on.machine.events
    .from(0)
    .filter(({ type }) => type === 'oom-kill' || type === 'lmk-kill')
    .map(({ pid }) => pid);

describe('in portions dies', () => {
  test('somebody else', () => {
    const on = session(`${BIG}proc game pid=51\ngame mmap heap size=700M anon\n`);
    expect(mostFreed(on, on.applying('game touch heap 0 700M write'))).toBeLessThan(MOST_AT_ONCE);
    expect(kills(on)).toEqual([50]);
    expect([...on.machine.tasks.keys()]).toEqual([1, 51]);
    expect(on.machine.tasks.get(51)!.mm!.rss).toBe((700 * 1024) / 4);
    expect(on.machine.check()).toEqual([]);
  });

  test('who asks for the memory', () => {
    const on = session(
      'machine ram=1G swap=0\nproc init pid=1\nproc game pid=51\ngame mmap heap size=2G anon noreserve\n',
    );
    expect(mostFreed(on, on.applying('game touch heap 0 2G write'))).toBeLessThan(MOST_AT_ONCE);
    expect(kills(on)).toEqual([51]);
    expect([...on.machine.tasks.keys()]).toEqual([1]);
    expect(on.machine.check()).toEqual([]);
  });

  test('a control group as a whole, at its limit', () => {
    const on = session(
      `machine ram=2G swap=0\nproc init pid=1\ncgroup write /cgroup.subtree_control "+memory"\ncgroup mkdir /g\ncgroup write /g/memory.oom.group "1"
proc a pid=50 cgroup=/g\na mmap heap size=400M anon\na touch heap 0 400M write
proc b pid=51 cgroup=/g\nb mmap heap size=400M anon\nb touch heap 0 300M write\ncgroup write /g/memory.max "${MIB * 3}M"\n`,
    );
    expect(mostFreed(on, on.applying('b touch heap 0 400M write'))).toBeLessThan(MOST_AT_ONCE);
    expect([...on.machine.tasks.keys()]).toEqual([1]);
    expect(on.machine.cgroups.at('/g').memcg.events.oom_group_kill).toBe(1);
    expect(on.machine.check()).toEqual([]);
  });

  test('the victim of the low-memory killer', () => {
    const on = session(`${BIG}lmk adj=0 minfree=20000\nproc game pid=51\ngame mmap heap size=600M anon\n`);
    expect(mostFreed(on, on.applying('game touch heap 0 600M write'))).toBeLessThan(MOST_AT_ONCE);
    expect(kills(on)[0]).toBe(50);
    expect(on.machine.check()).toEqual([]);
  });
});

describe('as time passes', () => {
  const GROWING = `${BIG}proc game pid=51\ngame mmap heap size=900M anon\ngame grow heap rate=200M/s\n`;

  /** Advances until somebody is half dead. */
  function halfway(on: Session): Job<void> {
    const job = on.advancing(on.machine.nowUs + 10_000_000);
    while (on.machine.pressure.reaper.isIdle) if (job.next().done === true) throw new Error('nobody dies');
    return job;
  }

  test('a process dies in portions, and can be looked at meanwhile', () => {
    const on = session(GROWING);
    const job = halfway(on);
    const big = on.machine.tasks.get(50)!;
    expect(on.machine.pressure.isDying(big)).toBe(true);
    const { rss } = big.mm!;
    expect(rss).toBeGreaterThan(0);
    expect(on.machine.check()).toEqual([]);
    job.next();
    expect(big.mm!.rss).toBeLessThan(rss);
    finish(job);
    expect(on.machine.tasks.has(50)).toBe(false);
  });

  test('a machine that is taken in the middle of a death goes on to the same end', () => {
    const on = session(GROWING);
    const job = halfway(on);
    const twin = cloneMachine(on.machine);
    finish(job);
    twin.advance(on.machine.nowUs);
    expect(twin.tasks.has(50)).toBe(false);
    expect(twin.mem.frames.nrUsed).toBe(on.machine.mem.frames.nrUsed);
    expect(twin.check()).toEqual([]);
  });

  test('a change meets nobody half dead, so that the state tells the same machine', () => {
    const on = session(GROWING);
    halfway(on);
    on.apply('proc other pid=99');
    expect(on.machine.tasks.has(50)).toBe(false);
    on.advance(9_000_000);
    const again = session(on.state());
    again.advance(9_000_000);
    expect(Buffer.from(again.save()).equals(on.save())).toBe(true);
  });

  test('nor does one that is no step', () => {
    const on = session(GROWING);
    halfway(on);
    const host = new SessionHost(on, new Clock(on.machine.nowUs, 1, false));
    expect(host.run(() => on.machine.tasks.has(50))).toBe(false);
  });
});
