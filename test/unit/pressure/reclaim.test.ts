import { describe, expect, it } from 'vitest';
import {
  LRU_ACTIVE_ANON,
  LRU_ACTIVE_FILE,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
} from '../../../src/mm/pages/frames.ts';
import { ScanControl } from '../../../src/mm/reclaim/scan-control.ts';
import { inactiveIsLow } from '../../../src/mm/reclaim/two-list-lru.ts';
import { shrinkNode, tryToFreePages } from '../../../src/mm/reclaim/vmscan.ts';
import { Session } from '../../../src/scenario/session.ts';

function machineOf(text: string) {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

describe('the lists', () => {
  it('give pages a second chance: a page used since the last look stays', () => {
    const { machine } = machineOf(`machine ram=64M swap=64M
object F file 1024p
proc A
A mmap f size=1024p obj=F private prot=r
A touch f 0 1024p read`);
    const { mem } = machine;
    const sc = new ScanControl('direct', 32, 60);
    sc.priority = 5; // 1024 >> 5 = 32 pages: all were used, so all stay
    shrinkNode(mem, sc);
    expect(sc.nrScanned).toBe(32);
    expect(sc.nrReclaimed).toBe(0);
    expect(mem.frames.nrOnList[LRU_INACTIVE_FILE]).toBe(1024);
    const again = new ScanControl('direct', 1024, 60);
    again.priority = 0;
    shrinkNode(mem, again);
    expect(again.nrReclaimed).toBe(32);
    const third = new ScanControl('direct', 1024, 60);
    third.priority = 0;
    shrinkNode(mem, third);
    expect(third.nrReclaimed).toBe(992);
    expect(machine.check()).toEqual([]);
  });

  it('activate what is used twice', () => {
    const session = machineOf(`machine ram=64M swap=64M
object F file 64p
proc A
A mmap f size=64p obj=F private prot=r
A touch f 0 64p read`);
    const { mem } = session.machine;
    for (const expected of [0, 64]) {
      const sc = new ScanControl('direct', 64, 60);
      sc.priority = 0;
      shrinkNode(mem, sc);
      expect(mem.frames.nrOnList[LRU_ACTIVE_FILE]).toBe(expected);
      session.apply('A touch f 0 64p read');
    }
    expect(mem.events.pgactivate).toBe(64);
  });

  it('are balanced: one inactive for each active below a GiB', () => {
    const { machine } = machineOf('machine ram=64M');
    const on = machine.mem.frames.nrOnList;
    on[LRU_INACTIVE_ANON] = 100;
    on[LRU_ACTIVE_ANON] = 100;
    expect(inactiveIsLow(machine.mem, machine.mem.rootMemcg, LRU_INACTIVE_ANON)).toBe(false);
    on[LRU_ACTIVE_ANON] = 101;
    expect(inactiveIsLow(machine.mem, machine.mem.rootMemcg, LRU_INACTIVE_ANON)).toBe(true);
    // 4 GiB: int_sqrt(40) = 6
    on[LRU_INACTIVE_ANON] = 200_000;
    on[LRU_ACTIVE_ANON] = 900_000;
    expect(inactiveIsLow(machine.mem, machine.mem.rootMemcg, LRU_INACTIVE_ANON)).toBe(false);
  });

  it('leave locked pages alone and take lazily freeable ones first', () => {
    const session = machineOf(`machine ram=64M swap=64M
proc A
A mmap locked size=256p anon private
A touch locked 0 256p write
A mlock locked 0 256p
A mmap lazy size=256p anon private
A touch lazy 0 256p write
A madvise lazy 0 256p free`);
    const { mem } = session.machine;
    const sc = new ScanControl('direct', 256, 60);
    expect(tryToFreePages(mem, sc)).toBe(256);
    expect(mem.events.pglazyfreed).toBe(256);
    expect(mem.events.pswpout).toBe(0);
    expect(session.machine.named.get('A')!.mm!.rssAnon).toBe(256);
    expect(session.machine.check()).toEqual([]);
  });

  it('do not touch anonymous memory when swappiness is 0 and there is page cache', () => {
    const session = machineOf(`machine ram=64M swap=64M
sysctl vm.swappiness 0
object F file 24M
cache F load
proc A
A mmap heap size=48M anon private
A touch heap 0 48M write`);
    expect(session.machine.mem.events.pswpout).toBe(0);
    expect(session.machine.mem.events.pgsteal_file).toBeGreaterThan(2000);
  });
});

describe('a machine that is short of memory', () => {
  const SHORT = `machine ram=64M swap=128M
object F file 24M
proc A
A mmap heap size=80M anon private
A mmap f size=24M obj=F private prot=r
`;

  it('wakes kswapd at the low mark and reaches the high one in time', () => {
    const session = machineOf(`${SHORT}cache F load\nA touch heap 0 36M write`);
    const { machine } = session;
    expect(machine.mem.events.pageoutrun).toBeGreaterThan(0);
    machine.advance(machine.nowUs + 5_000_000);
    expect(machine.mem.nrFree).toBeGreaterThanOrEqual(machine.mem.watermarks.high);
    expect(machine.pressure.kswapd.awake).toBe(false);
    expect(machine.mem.events.pgsteal_kswapd).toBeGreaterThan(0);
    expect(machine.check()).toEqual([]);
  });

  it('makes who is faster than kswapd reclaim for itself, and counts it as pressure', () => {
    const session = machineOf(`${SHORT}A touch heap 0 80M write`);
    const { machine } = session;
    expect(machine.mem.events.allocstall_normal).toBeGreaterThan(0);
    expect(machine.pressure.directUs).toBeGreaterThan(0);
    machine.advance(machine.nowUs + 20_000_000);
    expect(machine.psi.text('memory')).not.toContain('some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n');
    expect(machine.named.has('A')).toBe(true);
  });

  it('keeps what was written, and says when pages come back', () => {
    const session = machineOf(`${SHORT}A touch heap 0 80M write\nA touch f 0 24M read\nA verify heap\nA verify f`);
    const { machine } = session;
    expect(machine.mem.events.workingset_refault_anon).toBeGreaterThan(0);
    expect(session.apply('A verify heap').at(-1)?.result).toMatchObject({ pages: 20480, bad: 0 });
    expect(machine.check()).toEqual([]);
  });

  it('does not count what /proc/PID/reclaim does', () => {
    const session = machineOf(`machine ram=256M swap=128M
object F file 24M
proc A
A mmap heap size=80M anon private
A mmap f size=24M obj=F private prot=r
A touch heap 0 80M write
A touch f 0 24M read
A reclaim all`);
    const { events } = session.machine.mem;
    expect(events.pswpout).toBe(20480);
    for (const [name, value] of Object.entries(events)) {
      if (/^(pgscan|pgsteal|pgrefill|allocstall|pageoutrun)/.test(name)) expect([name, value]).toEqual([name, 0]);
    }
    expect(session.machine.vmpressure.sequence).toBe(0);
  });

  it.each([
    [1_000, 33],
    [10_000, 100],
  ])(
    'kswapd that meets pages under writeback again waits for 33 writes, or 100 ms: writes of %d us',
    (writeUs, waits) => {
      // Mirrors: PGDAT_WRITEBACK, reclaim_throttle(VMSCAN_THROTTLE_WRITEBACK), __acct_reclaim_writeback.
      const session = machineOf(SHORT.replace('swap=128M', 'swap=128M swapkind=disk'));
      const { machine } = session;
      machine.storage.settings.writeUs = writeUs;
      session.apply('A touch heap 0 60M write');
      const { events } = machine.mem;
      const moments: number[] = [];
      for (let ms = 1, before = events.pgscan_kswapd; ms <= 700; ms++) {
        machine.advance(ms * 1000);
        if (events.pgscan_kswapd === before) continue;
        before = events.pgscan_kswapd;
        moments.push(ms);
      }
      const between = moments.slice(1).map((ms, i) => ms - moments[i]!);
      // The first pass marks the pages, the others find them marked.
      expect(between.slice(1, 3)).toEqual([waits, waits]);
    },
  );

  it('gives the same machine however often time is told', () => {
    const runs = [1, 7, 1000].map((pieces) => {
      const session = machineOf(`${SHORT.replace('swap=128M', 'swap=128M swapkind=disk')}A touch heap 0 60M write`);
      const { machine } = session;
      for (let i = 1; i <= pieces; i++) machine.advance(Math.round((3_000_000 * i) / pieces));
      session.apply('A touch heap 0 60M write');
      for (let i = 1; i <= pieces; i++) machine.advance(Math.round(3_000_000 + (30_000_000 * i) / pieces));
      expect(machine.check()).toEqual([]);
      return [machine.mem.events, machine.psi.text('memory'), machine.psi.text('io'), machine.events.end];
    });
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });
});

describe('dirty pages', () => {
  it('are written beyond the background limit, and writers wait beyond the other', () => {
    const session = machineOf(`machine ram=64M swap=0
object F file 48M
sysctl vm.dirty_background_ratio 5
sysctl vm.dirty_ratio 10
cache F dirtywrite 0 16M`);
    const { machine } = session;
    expect(machine.mem.nrFileDirty).toBeLessThanOrEqual(machine.pressure.dirty.background + 1);
    const { threshold, background } = machine.pressure.dirty;
    expect(machine.mem.nrFileDirty + machine.mem.nrWriteback).toBeLessThanOrEqual(threshold + background);
    expect(machine.mem.events.nr_written).toBeGreaterThan(0);
    expect(machine.check()).toEqual([]);
  });
});

describe('page-cluster', () => {
  it('reads the neighbours of a swapped page from a disk, not from zram', () => {
    for (const [kind, ahead] of [
      ['disk', 7],
      ['zram', 0],
    ] as const) {
      const session = machineOf(`machine ram=64M swap=64M swapkind=${kind}
sysctl vm.page-cluster 3
proc A
A mmap heap size=64p anon private at=0x10000000
A touch heap 0 64p write
A reclaim all
tick 1s
A touch heap 16p 1p read`);
      const { mem } = session.machine;
      expect(mem.events.swap_ra).toBe(ahead);
      expect(mem.events.pgmajfault).toBe(1);
      const [record] = session.apply('A touch heap 15p 8p read');
      expect(record?.result).toMatchObject(ahead > 0 ? { minflt: 7, majflt: 0 } : { minflt: 0, majflt: 7 });
      expect(mem.events.swap_ra_hit).toBe(ahead);
      expect(session.apply('A verify heap').at(-1)?.result).toMatchObject({ pages: 64, bad: 0 });
      expect(session.machine.check()).toEqual([]);
    }
  });
});

describe('fork', () => {
  it('frees memory for page tables first, or fails', () => {
    const session = machineOf(
      'machine ram=8M swap=0\nproc A adj=-1000\nA mmap heap size=1200M noreserve\nA touch heap 0 1200M write stride=2M',
    );
    let forks = 0;
    try {
      for (; forks < 50; forks++) session.apply(`A fork C${forks}`);
    } catch {}
    expect(forks).toBeLessThan(50);
    expect(session.machine.check()).toEqual([]);
  });
});
