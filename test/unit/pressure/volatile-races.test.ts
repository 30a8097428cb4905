/** Looking for memory may take away the very page that is being brought back: volatile memory goes first. */
import { describe, expect, it } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';

/** Process A has memory in swap that is volatile, and there is no room for it but by throwing some of it away. */
function shortOfMemory(kind: 'zram' | 'disk', mapping: 'heap' | 'shm') {
  const session = new Session();
  session.load(
    `machine ram=32M swap=24M swapkind=${kind}
object S memfd 12M
object F file 64M
proc A
A mmap heap size=12M anon private
A mmap shm size=12M obj=S shared
A touch ${mapping} 0 8M write
A reclaim all
tick 10s
A volatile ${mapping} 0 8M
proc B
B mmap heap size=40M anon private
B mlock heap 0 25M
`,
    'test',
  );
  return session;
}

describe.each(['zram', 'disk'] as const)('on %s', (kind) => {
  it.each(['heap', 'shm'] as const)('a page of volatile memory that is thrown away while it is read: %s', (mapping) => {
    const session = shortOfMemory(kind, mapping);
    const { machine } = session;
    const swapped = () => machine.mem.swap!.nrUsed;
    expect(swapped()).toBe(2048);
    const before = machine.mem.events.pgvolatile_discarded;
    // 8 MiB are not to be had besides what B holds.
    const [record] = session.apply(`A verify ${mapping}`);
    expect(machine.check()).toEqual([]);
    expect(machine.mem.events.pgvolatile_discarded).toBeGreaterThan(before);
    expect(record?.result).toMatchObject(mapping === 'heap' ? { bad: 0, signal: 'SIGBUS', died: true } : { bad: 0 });
  });

  it('a page that another process still has in swap stays on its list', () => {
    const session = new Session();
    session.load(
      `machine ram=32M swap=48M swapkind=${kind}
proc A
A mmap heap size=4M anon private
A touch heap 0 4M write
A fork C
A volatile heap 0 4M
object F file 40M
cache F load
C reclaim all
tick 1s
proc B
B mmap heap size=40M anon private
B touch heap 0 40M write
`,
      'test',
    );
    const { machine } = session;
    expect(machine.check()).toEqual([]);
    expect(session.apply('C verify heap')[0]?.result).toMatchObject({ bad: 0 });
    expect(machine.check()).toEqual([]);
  });

  it('swapoff brings back what is left of it', () => {
    const session = shortOfMemory(kind, 'heap');
    const { machine } = session;
    try {
      session.apply('swapoff');
    } catch (error) {
      expect(String(error)).toMatch(/memory does not suffice/);
    }
    expect(machine.check()).toEqual([]);
  });
});
