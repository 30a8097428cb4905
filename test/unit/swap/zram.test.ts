/** The zram device below a swap area: what is stored how, limits, marks, writing back, compressing again. */
import { describe, expect, test } from 'vitest';
import { createMachine } from '../../../src/index.ts';
import type { Machine } from '../../../src/machine/machine.ts';
import { Session } from '../../../src/scenario/session.ts';

function machineWith(scenario: string): { session: Session; machine: Machine } {
  const session = new Session({ profile: 'linux-6.18' });
  session.load(scenario, 'test');
  return { session, machine: session.machine };
}

function zram(machine: Machine) {
  const area = machine.mem.swap!;
  return { area, zram: area.zram! };
}

const START = 'machine ram=64M swap=32M spare=1M profile=linux-6.18\nproc a\na mmap h size=16M anon private\n';

describe('kinds of content', () => {
  test('compress as measured, by the algorithm of the device', () => {
    const sizes: Record<string, number> = {};
    for (const [algorithm, kind] of [
      ['lzo-rle', 'text'],
      ['lzo-rle', 'heap'],
      ['lzo-rle', 'bitmap'],
      ['lzo-rle', 'random'],
      ['zstd', 'heap'],
      ['zstd', 'random'],
    ] as const) {
      const { machine } = machineWith(
        `${START}swapoff\nzram reset 1\nzram comp_algorithm ${algorithm}\nzram disksize 16M\nswapon\na touch h 0 4M write content=${kind}\na pageout anon`,
      );
      const { area } = zram(machine);
      expect(machine.check()).toEqual([]);
      sizes[`${algorithm} ${kind}`] = Math.round((100 * 4 * 2 ** 20) / area.compressedBytes) / 100;
    }
    // The measured means (src/mm/pages/page-kinds.ts), within what 1,024 pages of sixteen sizes give.
    expect(sizes['lzo-rle text']).toBeCloseTo(1.78, 1);
    expect(sizes['lzo-rle heap']).toBeCloseTo(2.84, 0);
    expect(sizes['lzo-rle bitmap']).toBeGreaterThan(13);
    expect(sizes['lzo-rle random']).toBe(1);
    expect(sizes['zstd heap']).toBeCloseTo(3.76, 0);
    expect(sizes['zstd random']).toBe(1);
  });

  test('incompressible pages are stored as they are, and pages of one word not at all', () => {
    const { machine } = machineWith(
      `${START}a touch h 0 16p write content=random\na touch h 16p 64p write content=bitmap\na pageout anon`,
    );
    const { area, zram: z } = zram(machine);
    expect(z.hugePages).toBe(16);
    expect(z.samePages).toBeGreaterThan(0);
    expect(z.pagesStored).toBe(80);
    expect(area.compressedBytes).toBeLessThan(16 * 4096 + 64 * 1018 + 1);
    expect(machine.check()).toEqual([]);
  });

  test('go along with the page: copied by fork, read back and written again', () => {
    const { machine, session } = machineWith(
      `${START}a touch h 0 16p write content=random\na fork b\nb touch h 16p 4p write content=text\nb touch h 0 16p write fill=word\nb pageout anon\na exit\nb pageout anon`,
    );
    expect(zram(machine).zram.hugePages).toBe(16);
    session.apply('b verify h 0 16p', 'test');
    expect(machine.check()).toEqual([]);
  });

  test('of the machine count where a step says nothing', () => {
    const { machine } = machineWith(
      'machine ram=64M swap=32M content=random profile=linux-6.18\nproc a\na mmap h size=1M anon private\na touch h 0 32p write\na touch h 32p 32p write content=plain\na touch h 64p 32p write\na pageout anon',
    );
    expect(zram(machine).zram.hugePages).toBe(64);
  });
});

describe('the limit of the pool', () => {
  test('lets writes fail: the pages stay in the swap cache, dirty, and are found there', () => {
    const { machine, session } = machineWith(
      `${START}zram mem_limit 64K\na touch h 0 32p write content=random\na pageout anon`,
    );
    const { zram: z } = zram(machine);
    expect(z.hugePages).toBe(16);
    expect(z.failedWrites).toBe(16);
    expect(machine.mem.nrSwapCache).toBe(16);
    // Counted all the same, as the kernel does.
    expect(machine.mem.events.pswpout).toBe(32);
    expect(machine.mem.frames.nrUsed).toBeGreaterThanOrEqual(16);
    expect(z.maxUsedPages).toBe(17);
    expect(machine.check()).toEqual([]);
    const [touch] = session.apply('a touch h 0 32p read', 'test');
    expect(touch!.result).toMatchObject({ minflt: 16, majflt: 16 });
    session.apply('a verify h', 'test');
    session.apply('zram mem_limit 0\na pageout anon', 'test');
    expect(machine.mem.nrSwapCache).toBe(0);
    expect(machine.check()).toEqual([]);
    expect(
      machine.kernelLog
        .from(0)
        .map(({ text }) => text)
        .join(),
    ).toContain('Write-error on swap-device (253:0:');
  });
});

test('a limit that is too low, as a recording of Linux 6.18 has it (its 64K hold the header of the area, too)', () => {
  const { machine, session } = machineWith(`${START}zram mem_limit 60K`);
  const { zram: z } = zram(machine);
  const step = (text: string) => session.apply(text, 'test').at(-1)!.result;
  const now = () => [z.hugePages, z.hugePagesSince, z.failedWrites, z.maxUsedPages, machine.mem.nrSwapCache];
  step('a touch h 0 32p write content=random');
  expect(step('a pageout anon')).toMatchObject({ vmstat: { pswpout: 32 } });
  expect(now()).toEqual([15, 15, 17, 16, 17]);
  step('a pageout anon');
  expect(now()).toEqual([15, 15, 17, 16, 17]);
  expect(step('a touch h 0 32p read')).toMatchObject({ minflt: 17, majflt: 15 });
  expect(now()).toEqual([0, 15, 17, 16, 17]);
  expect(step('a pageout anon')).toMatchObject({ vmstat: { pswpout: 32 } });
  expect(now()).toEqual([15, 30, 34, 16, 17]);
  expect(step('a touch h 0 8p write content=random')).toMatchObject({ minflt: 0, majflt: 8 });
  expect(now()).toEqual([7, 30, 34, 16, 17]);
  step('a munmap h 0 16p');
  expect(now()).toEqual([0, 30, 34, 16, 16]);
  expect(step('a verify h')).toMatchObject({ bad: 0 });
});

describe('marks', () => {
  test('of idle pages go when a page is read, and by age fall on what is older', () => {
    const { machine, session } = machineWith(
      `${START}a touch h 0 32p write content=heap\na pageout range h 0 16p\ntick 100s\na pageout anon\ntick 10s`,
    );
    const idle = () => zram(machine).zram.flags.filter((flags) => flags & 16).length;
    session.apply('zram idle 60', 'test');
    const old = idle();
    expect(old).toBeGreaterThan(12);
    expect(old).toBeLessThanOrEqual(16);
    session.apply('zram idle all', 'test');
    expect(idle()).toBeGreaterThan(old);
    session.apply('a fork b\na touch h 0 8p read', 'test');
    expect(idle()).toBeLessThan(32);
  });
});

const BACKED = `${START}swapoff\nzram reset 1\nzram backing_dev /dev/vdc\nzram recomp_algorithm algo=zstd\nzram disksize 16M\nswapon\n`;

describe('writing back', () => {
  test('takes huge, idle or single pages to the backing device, from where they are read again', () => {
    const { machine, session } = machineWith(
      `${BACKED}a touch h 0 8p write content=random\na touch h 8p 24p write content=text\na pageout anon\nzram writeback huge`,
    );
    const { area, zram: z } = zram(machine);
    expect([z.backingPages, z.backingWrites, z.hugePages]).toEqual([8, 8, 0]);
    expect(z.pagesStored).toBe(32);
    session.apply('zram writeback page_index=9', 'test');
    session.apply('zram writeback page_indexes=10-12', 'test');
    expect(z.backingPages).toBe(12);
    session.apply('zram idle all\nzram writeback type=idle', 'test');
    expect(z.backingPages).toBe(32);
    expect(area.compressedBytes).toBe(0);
    session.apply('a verify h', 'test');
    expect(z.backingReads).toBe(32);
    expect(z.backingPages).toBe(0);
    expect(machine.check()).toEqual([]);
  });

  test('ends at the limit (EIO) and where the device is full (ENOSPC), larger pages having gone first', () => {
    const { machine, session } = machineWith(
      `${BACKED}a touch h 0 4p write content=text\na touch h 4p 4p write content=random\na touch h 8p 2M write content=heap\na pageout anon\nzram idle all\nzram writeback_limit 4\nzram writeback_limit_enable 1`,
    );
    const { zram: z } = zram(machine);
    session.apply('zram writeback idle expect=EIO', 'test');
    expect([z.backingPages, z.hugePages, z.writebackLimit]).toEqual([4, 0, 0n]);
    session.apply('zram writeback_limit_enable 0\nzram writeback idle expect=ENOSPC', 'test');
    expect(z.backingPages).toBe(255);
    expect(machine.check()).toEqual([]);
  });

  test('waits for a read of the disk where zram would be fast', () => {
    const { machine, session } = machineWith(
      `${BACKED}a touch h 0 64p write content=random\na pageout anon\nzram writeback huge`,
    );
    const turns = machine.mem.readTurns;
    session.apply('a touch h 0 64p read', 'test');
    expect(machine.mem.readTurns - turns).toBe(64);
  });
});

describe('compressing again', () => {
  test('makes pages smaller by the second algorithm; what nothing makes smaller is marked incompressible', () => {
    const { machine, session } = machineWith(
      `${BACKED}a touch h 0 64p write content=text\na touch h 64p 8p write content=random\na pageout anon`,
    );
    const { area, zram: z } = zram(machine);
    const before = area.compressedBytes;
    session.apply('zram recompress type=huge', 'test');
    expect(area.compressedBytes).toBe(before);
    session.apply('zram writeback incompressible', 'test');
    expect(z.backingPages).toBe(8);
    session.apply('zram recompress threshold=1700', 'test');
    const some = area.compressedBytes;
    expect(some).toBeLessThan(before - 8 * 4096);
    session.apply('zram idle all\nzram recompress type=idle max_pages=4', 'test');
    session.apply('zram recompress algo=zstd', 'test');
    expect(area.compressedBytes).toBeLessThan(some);
    // What has been looked at is idle no more; what zstd has compressed, or could not, is not looked at again.
    expect(z.flags.every((flags) => (flags & 16) === 0 || flags >>> 6 === 1 || flags & 32)).toBe(true);
    session.apply('a verify h', 'test');
    expect(machine.check()).toEqual([]);
  });
});

test('/proc/swaps has the name and the priority that were given', () => {
  const machine = createMachine('machine ram=64M swap=32M swapname=/dev/block/zram0\nswapoff\nswapon priority=32767');
  expect(machine.read('/proc/swaps').split('\n')[1]).toBe(
    '/dev/block/zram0                        partition\t32768\t\t0\t\t32767',
  );
  const same = createMachine(machine.state());
  expect(same.read('/proc/swaps')).toBe(machine.read('/proc/swaps'));
  expect(() => createMachine('machine swapname=zram0')).toThrow('is no path');
  expect(() => createMachine('swapon priority=-1')).toThrow('priority');
});

test('a saved machine has its zram, and the history makes the same one', () => {
  const { machine, session } = machineWith(
    `${BACKED}zram mem_limit 8M\na touch h 0 64p write content=heap\na touch h 64p 8p write content=random\na pageout anon\nzram idle all\nzram writeback huge\nzram recompress type=idle`,
  );
  const other = new Session();
  other.load(session.state(), 'state');
  const [a, b] = [zram(machine), zram(other.machine)];
  expect(b.zram.flags.subarray(0, 80)).toEqual(a.zram.flags.subarray(0, 80));
  expect({ ...b.zram, flags: 0, size: 0, accessed: 0 }).toEqual({ ...a.zram, flags: 0, size: 0, accessed: 0 });
  const saved = new Session();
  saved.load(Buffer.from(session.save()).toString('latin1'), 'snapshot');
  expect({ ...zram(saved.machine).zram, flags: 0, size: 0, accessed: 0 }).toEqual({
    ...a.zram,
    flags: 0,
    size: 0,
    accessed: 0,
  });
});
