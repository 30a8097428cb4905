import { describe, expect, it } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';

function machineOf(text: string): Session {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

/** 64 MiB, a process with 8 MiB of data and 8 MiB of cache, and somebody who presses. */
const START = `machine ram=64M swap=64M
proc A catches=SIGBUS
A mmap data size=8M anon private
A touch data 0 8M write
A mmap cache size=8M anon private
A touch cache 0 8M write
proc B
B mmap heap size=64M anon private
`;
const PRESS = 'B touch heap 0 48M write';

function last(session: Session, step: string): Record<string, unknown> {
  return session.apply(step).at(-1)!.result!;
}

describe('volatile memory', () => {
  it('is as it was when nobody pressed', () => {
    const session = machineOf(`${START}A volatile cache 0 8M`);
    expect(last(session, 'A touch cache 0 8M read')).toMatchObject({ pages: 2048, minflt: 0 });
    expect(last(session, 'A nonvolatile cache 0 8M')).toEqual({ ret: 0, purged: 0 });
    expect(last(session, 'A verify cache')).toMatchObject({ pages: 2048, bad: 0 });
    expect(session.machine.check()).toEqual([]);
  });

  it('goes before anything is swapped, and the owner is told', () => {
    const session = machineOf(`${START}A volatile cache 0 8M\nB touch heap 0 44M write`);
    const { machine } = session;
    const { mm } = machine.named.get('A')!;
    expect(machine.mem.events.pgvolatile_discarded).toBe(2048);
    expect(machine.mem.events.pswpout).toBe(0);
    expect(mm!.rssAnon).toBe(2048);
    expect(machine.events.from(0).find((event) => event.type === 'volatile-purge')).toMatchObject({
      comm: 'A',
      kind: 'vrange',
      pages: 2048,
    });
    expect(machine.check()).toEqual([]);
    expect(last(session, 'A touch cache 0 4p read')).toMatchObject({ signals: 4 });
    expect(last(session, 'A nonvolatile cache 0 8M')).toEqual({ ret: 0, purged: 1 });
    expect(last(session, 'A touch cache 0 4p read')).toMatchObject({ minflt: 4 });
    expect(last(session, 'A verify data')).toMatchObject({ bad: 0 });
    expect(machine.check()).toEqual([]);
  });

  it('goes in the order of the marks', () => {
    const session = machineOf(`${START}A volatile cache 4M 4M\nA volatile cache 0 4M\nB touch heap 0 43M write`);
    expect(last(session, 'A nonvolatile cache 0 4M')).toEqual({ ret: 0, purged: 0 });
    expect(last(session, 'A nonvolatile cache 4M 4M')).toEqual({ ret: 0, purged: 1 });
  });

  it('is never swapped, nor written by /proc/PID/reclaim', () => {
    const session = machineOf(`${START}A volatile cache 0 8M\nA pageout anon`);
    const { machine } = session;
    expect(machine.named.get('A')!.mm!.swapents).toBe(2048);
    expect(machine.mem.events.pgvolatile_discarded).toBe(2048);
    expect(machine.check()).toEqual([]);
  });

  it('of ashmem reads as zeros once thrown away', () => {
    const session = machineOf(`machine ram=64M swap=64M
object S memfd 8M
proc A catches=SIGBUS
A mmap s size=8M obj=S shared
A touch s 0 8M write
A volatile s 0 8M
proc B
B mmap heap size=64M anon private
B touch heap 0 52M write`);
    expect(session.machine.mem.events.pgvolatile_discarded).toBe(2048);
    expect(last(session, 'A touch s 0 8p read')).toMatchObject({ pages: 8, minflt: 8 });
    expect(last(session, 'A nonvolatile s 0 8M')).toEqual({ ret: 0, purged: 1 });
    expect(last(session, 'A nonvolatile s 0 8M')).toEqual({ ret: 0, purged: 0 });
    expect(session.machine.check()).toEqual([]);
  });

  it('that is shared since a fork stays', () => {
    const session = machineOf(`${START}A fork C\nA volatile cache 0 8M\n${PRESS}`);
    expect(session.machine.mem.events.pgvolatile_discarded).toBe(0);
    expect(session.machine.check()).toEqual([]);
  });

  it.each([
    ['A volatile cache 1 4096', /start of a page/],
    ['A volatile cache 0 4095', /empty/],
    ['A volatile cache 0 16M', /not mapped/],
    ['A volatile cache 0 8M kind=ashmem', /not for this kind/],
    ['A mlock cache 0 4p\nA volatile cache 0 8M', /locked/],
  ])('refuses %s', (step, reason) => {
    const session = machineOf(START);
    expect(() => session.apply(step)).toThrow(reason);
    expect(session.machine.check()).toEqual([]);
  });

  it('is the same machine after a replay of its state', () => {
    const session = machineOf(`${START}A volatile cache 0 8M\n${PRESS}\ntick 10s`);
    const again = new Session();
    again.load(session.state(), 'state');
    expect(again.machine.mem.events).toEqual(session.machine.mem.events);
    expect(again.machine.events.from(0)).toEqual(session.machine.events.from(0));
    expect(again.machine.psi.text('memory')).toBe(session.machine.psi.text('memory'));
  });
});
