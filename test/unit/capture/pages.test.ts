/** The step `pages`: long runs, over several mappings, and what is wrong with them. */
import { describe, expect, test } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';
import { Tree } from '../procfs/support.ts';

const HEAD = 'machine ram=256M swap=64M\nproc A pid=50\nA mmap h size=100M anon private';

describe('pages', () => {
  test('of one run are the same as page by page, over the borders of tables and mappings', () => {
    const one = new Tree(`${HEAD}\nA mprotect h 8M 1M r\nA pages h 0 300a20-5000A3z2s100a`);
    const steps: string[] = [];
    let at = 0;
    for (const [count, letter] of [
      [300, 'a'],
      [20, '-'],
      [5000, 'A'],
      [3, 'z'],
      [2, 's'],
      [100, 'a'],
    ] as const) {
      for (let i = 0; i < count && letter !== '-'; i++) steps.push(`A pages h ${at + i}p ${letter}`);
      at += count;
    }
    const other = new Tree(`${HEAD}\nA mprotect h 8M 1M r\n${steps.join('\n')}`);
    for (const file of ['/50/smaps', '/50/status', '/meminfo', '/vmstat'])
      expect(other.bytes(file)).toEqual(one.bytes(file));
    expect(one.machine.check()).toEqual([]);
  });

  test('are put into place in pieces', () => {
    const session = new Session();
    session.load(HEAD, 'test');
    const job = session.applying('A pages h 0 25600a');
    let pieces = 1;
    while (job.next().done !== true) pieces++;
    expect(pieces).toBeGreaterThan(3);
  });

  test('stop at one that is there, and where memory ends; then nothing has happened', () => {
    const session = new Session();
    session.load(`${HEAD}\nA pages h 70p a`, 'test');
    const before = session.machine.mem.frames.nrUsed;
    expect(() => session.apply('A pages h 60p 20a')).toThrow('there is a page at offset 70p');
    expect(() => session.apply('A mmap big size=400M anon private noreserve\nA pages big 0 90000a')).toThrow(
      'memory is full',
    );
    expect(() => session.apply('A pages h 90M 9000a')).toThrow('nothing is mapped');
    expect(session.machine.mem.frames.nrUsed).toBe(before);
    expect(session.machine.check()).toEqual([]);
  });
});
