/** read(2) and write(2) by a process: whose pages these are, how they age, what they cost. */
import { describe, expect, test } from 'vitest';
import { PG_ACTIVE, PG_DIRTY, PG_REFERENCED } from '../../../src/mm/pages/page-flags.ts';
import { Session } from '../../../src/scenario/session.ts';

const HEAD = `machine ram=64M swap=0 profile=linux-6.18
object F file 64p
object M memfd 64p
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
proc A cgroup=/g
proc B`;

function play(text = ''): Session {
  const session = new Session();
  session.load(`${HEAD}\n${text}`, 'test');
  return session;
}

function flagsOf({ machine }: Session, name: string, index: number): number {
  const pfn = machine.objects.get(name)!.pages.get(index);
  return pfn === 0 ? 0 : machine.mem.frames.flags[pfn]!;
}

const usage = ({ machine }: Session) => machine.cgroups.at('/g').memcg.usage;
const result = (session: Session, step: string) => session.apply(step)[0]!.result!;
const ioOf = ({ machine }: Session, name: string) => machine.named.get(name)!.io;

describe('read', () => {
  test('charges the group of who reads, and only for what is not cached', () => {
    const s = play('B read F 0 8p');
    expect(usage(s)).toBe(0);
    s.apply('A read F 0 24p');
    expect(usage(s)).toBe(16);
    expect(s.machine.objects.get('F')!.nrCached).toBe(24);
  });

  test('stops at the end of the object', () => {
    const s = play('truncate F 10000');
    expect(result(s, 'A read F 4096 64K')['ret']).toBe(5904);
    expect(result(s, 'A read F 10000 64K')['ret']).toBe(0);
    expect(ioOf(s, 'A')).toMatchObject({ rchar: 5904, syscr: 2, readBytes: 8192, wchar: 0, syscw: 0 });
  });

  test('a second one makes a page active', () => {
    const s = play('A read F 0 4p');
    expect(flagsOf(s, 'F', 1) & (PG_ACTIVE | PG_REFERENCED)).toBe(PG_REFERENCED);
    s.apply('A read F 100 4p');
    expect(flagsOf(s, 'F', 1) & PG_ACTIVE).toBe(PG_ACTIVE);
    expect(s.machine.mem.events.pgactivate).toBe(4);
  });

  test('leaves holes in shared memory alone; a page of it counts only when its beginning is read', () => {
    const s = play('A write M 0 1p\nA read M 0 4p');
    expect(s.machine.objects.get('M')!.nrCached).toBe(1);
    expect(flagsOf(s, 'M', 0) & PG_ACTIVE).toBe(PG_ACTIVE);
    const other = play('A write M 0 1p\nA read M 100 100');
    expect(flagsOf(other, 'M', 0) & PG_ACTIVE).toBe(0);
  });

  test('waits for the device', () => {
    const s = play('A read F 0 64p\ntick 1s');
    expect(s.machine.psi.text('io')).not.toMatch(/some .*total=0\n/);
  });
});

describe('write', () => {
  test('dirties pages, charges the writer, does not count as an access', () => {
    const s = play('A write F 0 8p\nA write F 0 8p');
    expect(usage(s)).toBe(8);
    expect(s.machine.mem.nrFileDirty).toBe(8);
    expect(flagsOf(s, 'F', 0) & (PG_DIRTY | PG_ACTIVE | PG_REFERENCED)).toBe(PG_DIRTY);
    expect(ioOf(s, 'A')).toMatchObject({ wchar: 65536, syscw: 2, writeBytes: 32768, readBytes: 0, syscr: 0 });
  });

  test('reads what it keeps of a page, and nothing else', () => {
    const s = play('A write F 100 3p');
    // The first and the last page in part, those between as a whole.
    expect(ioOf(s, 'A').readBytes).toBe(8192);
    s.apply('A write F 40p 1p\nA write F 64p 100');
    expect(ioOf(s, 'A').readBytes).toBe(8192);
  });

  test('makes the object longer', () => {
    const s = play();
    expect(result(s, 'A write F 64p 5000')['ret']).toBe(5000);
    expect(s.machine.objects.get('F')!.sizeBytes).toBe(64 * 4096 + 5000);
    s.apply('A mmap f obj=F shared prot=r\nA touch f 0 66p read');
    expect(result(s, 'A verify f')['bad']).toBe(0);
    expect(result(s, 'A write F 1024G 1 expect=EFBIG')).toMatchObject({ ret: -1, errno: 'EFBIG' });
  });

  test('is seen through a mapping', () => {
    const s = play('A mmap f obj=F shared prot=r\nA touch f 0 64p read');
    s.apply('B write F 0 64p');
    expect(result(s, 'A verify f')['bad']).toBe(0);
  });

  test('beyond the dirty limit is held back', () => {
    const s = play('sysctl vm.dirty_bytes 4194304\nA write F 0 16M');
    expect(s.machine.mem.events.nr_dirtied).toBe(4096);
    expect(s.machine.mem.nrFileDirty).toBeLessThan(1100);
  });

  test('of a group at its limit takes from its own page cache', () => {
    const s = play('B read F 0 64p\nA write F 64p 4p\ncgroup write /g/memory.max 1M\nA write F 64p 4M');
    expect(usage(s)).toBeLessThanOrEqual(256);
    expect(s.machine.objects.get('F')!.nrCached).toBeGreaterThan(64);
    for (let i = 0; i < 64; i++) expect(s.machine.objects.get('F')!.pages.get(i), `page ${i}`).toBeGreaterThan(0);
  });

  test('with no memory is short, or an error', () => {
    const s = play('proc C adj=-1000 cgroup=/g\ncgroup write /g/memory.max 1M');
    const short = result(s, 'C write M 0 4M');
    expect(short['ret']).toBe(256 * 4096);
    expect(s.machine.objects.get('M')!.sizeBytes).toBe(256 * 4096);
    expect(result(s, 'C write M 2M 4K expect=ENOMEM')).toMatchObject({ ret: -1, errno: 'ENOMEM' });
  });
});

test('who is killed on the way gets no further', () => {
  const s = play('cgroup write /g/memory.max 1M');
  s.apply('A write M 0 4M');
  expect(s.machine.named.has('A')).toBe(false);
});
