/** Reclaim by generations: what kernels of MGLRU do with pages that are used, used again, or not at all. */
import { describe, expect, it } from 'vitest';
import { createMachine } from '../../../src/index.ts';
import { GEN_ANON, GEN_FILE } from '../../../src/mm/pages/generations.ts';
import { LruGen, packShadow, refsOfShadow, tierOf } from '../../../src/mm/reclaim/lru-gen.ts';

const GROUP = 1;

function machineWith(...lines: string[]) {
  const machine = createMachine(
    [
      'machine ram=256M swap=128M readahead=off lru=generations',
      'cgroup write /cgroup.subtree_control "+memory"',
      'cgroup mkdir /g',
      'object F file 16M',
      'proc a pid=1001',
      'cgroup write /g/cgroup.procs "1001"',
      'a mmap heap size=16M anon private',
      'a mmap f obj=F size=16M shared prot=r',
      ...lines,
    ].join('\n'),
  );
  const { mem } = machine.machine;
  const inGeneration = (seq: number, type: number) => mem.frames.nrInGeneration(GROUP, seq % 4, type);
  return {
    apply: (line: string) => machine.apply(line),
    check: () => machine.check(),
    mem,
    maxSeq: () => mem.frames.generations!.maxSeq[GROUP]!,
    minSeq: (type: number) => mem.frames.generations!.minSeq[GROUP * 2 + type]!,
    inGeneration,
    stat: (key: string) =>
      Number(new RegExp(`^${key} (\\d+)`, 'm').exec(machine.read('/sys/fs/cgroup/g/memory.stat').toString())?.[1] ?? 0),
  };
}

describe('a page comes', () => {
  it('to the youngest generation by a fault', () => {
    const { apply, inGeneration, maxSeq } = machineWith();
    apply('a touch heap 0 1M write');
    apply('a touch f 0 1M read');
    expect([inGeneration(maxSeq(), GEN_ANON), inGeneration(maxSeq(), GEN_FILE)]).toEqual([256, 256]);
  });

  it('to an old one by read(2), and by a mapping that is read once', () => {
    const { apply, inGeneration, maxSeq, minSeq } = machineWith('a madvise f 0 1M sequential');
    apply('a read F 2M 1M');
    apply('a touch f 0 1M read');
    expect([inGeneration(maxSeq(), GEN_FILE), inGeneration(minSeq(GEN_FILE) + 1, GEN_FILE)]).toEqual([0, 512]);
  });

  it('to the second youngest when MADV_COLD has taken it there', () => {
    const { apply, inGeneration, maxSeq } = machineWith();
    apply('a touch heap 0 1M write');
    apply('a madvise heap 0 512K cold');
    expect([inGeneration(maxSeq(), GEN_ANON), inGeneration(maxSeq() - 1, GEN_ANON)]).toEqual([128, 128]);
  });
});

describe('ageing', () => {
  it('begins a younger generation, to which belongs what has been used', () => {
    const { apply, inGeneration, maxSeq } = machineWith('a touch heap 0 1M write');
    apply('lrugen "+ 2 0 3"');
    expect([maxSeq(), inGeneration(3, GEN_ANON), inGeneration(4, GEN_ANON)]).toEqual([4, 256, 0]);
    apply('a touch heap 0 512K read');
    apply('lrugen "+ 2 0 4"');
    expect([maxSeq(), inGeneration(3, GEN_ANON), inGeneration(4, GEN_ANON)]).toEqual([5, 128, 128]);
    expect([...Array(4).keys()].map((at) => inGeneration(at, GEN_FILE))).toEqual([0, 0, 0, 0]);
  });

  it('keeps the length of what counts as active and inactive', () => {
    const { apply, stat, check } = machineWith('a touch heap 0 1M write');
    expect([stat('active_anon'), stat('inactive_anon')]).toEqual([1 << 20, 0]);
    apply('lrugen "+ 2 0 3"');
    expect(stat('active_anon')).toBe(1 << 20);
    apply('lrugen "+ 2 0 4"');
    // It was used before the first of the two, so that it is two generations old.
    expect([stat('active_anon'), stat('inactive_anon')]).toEqual([0, 1 << 20]);
    expect(check()).toEqual([]);
  });

  it('walks no page tables where that is switched off', () => {
    const { apply, inGeneration } = machineWith('sysctl lru_gen.enabled 1', 'a touch heap 0 1M write');
    expect(() => apply('lrugen "+ 2 0 3 60 0"')).toThrow('ERANGE');
    apply('lrugen "- 2 0 1"');
    apply('lrugen "+ 2 0 3 60 0"');
    apply('a touch heap 0 512K read');
    apply('lrugen "+ 2 0 4 60 0"');
    expect([inGeneration(3, GEN_ANON), inGeneration(4, GEN_ANON)]).toEqual([256, 0]);
  });

  it('has at most four generations: the oldest goes into the next', () => {
    const { apply, maxSeq, minSeq, inGeneration, check } = machineWith('a touch heap 0 1M write');
    for (let seq = 3; seq < 9; seq++) apply(`lrugen "+ 2 0 ${seq}"`);
    expect([maxSeq(), minSeq(GEN_ANON), minSeq(GEN_FILE), inGeneration(6, GEN_ANON)]).toEqual([9, 6, 6, 256]);
    expect(check()).toEqual([]);
  });
});

describe('eviction', () => {
  it('takes the oldest generation, and spares what a walk or a look has found in use', () => {
    const { apply, stat, mem, check } = machineWith('a touch heap 0 1M write', 'lrugen "+ 2 0 3"', 'lrugen "+ 2 0 4"');
    apply('a touch heap 0 512K read');
    apply('lrugen "- 2 0 3"');
    expect([stat('anon'), mem.events.pswpout]).toEqual([512 << 10, 128]);
    expect(stat('pgactivate')).toBeGreaterThan(0);
    expect(check()).toEqual([]);
  });

  it('does not take generations that are too young', () => {
    const { apply } = machineWith('a touch heap 0 1M write');
    expect(() => apply('lrugen "- 2 0 2"')).toThrow('the youngest generation that may go is 1');
  });

  it('counts pages that come back, and marks those of a fault', () => {
    const { apply, stat } = machineWith(
      'a touch heap 0 1M write',
      'lrugen "+ 2 0 3"',
      'lrugen "+ 2 0 4"',
      'lrugen "- 2 0 3"',
    );
    apply('a touch heap 0 256K read');
    expect([stat('workingset_refault_anon'), stat('workingset_restore_anon')]).toEqual([0, 0]);
    apply('lrugen "+ 2 0 5"');
    apply('lrugen "+ 2 0 6"');
    apply('a touch heap 1M 1M write');
    apply('lrugen "- 2 0 5 200 32"');
    apply('a touch heap 0 256K read');
    expect(stat('workingset_refault_anon')).toBe(stat('workingset_restore_anon'));
    expect(stat('workingset_refault_anon')).toBeGreaterThan(0);
  });
});

describe('tiers', () => {
  it('are logarithms of uses', () => {
    expect([0, 1, 2, 3, 4].map(tierOf)).toEqual([0, 1, 2, 2, 3]);
  });

  it('go as long as they come back no more than the first', () => {
    const gen = new LruGen();
    expect(gen.lastTier(GEN_FILE)).toBe(3);
    gen.refaulted[4 + 2] = 100;
    gen.evicted[4 + 2] = 100;
    expect(gen.lastTier(GEN_FILE)).toBe(1);
    gen.evicted[4] = 100;
    gen.refaulted[4] = 100;
    expect(gen.lastTier(GEN_FILE)).toBe(3);
  });

  it('decide by swappiness which type goes', () => {
    const gen = new LruGen();
    expect(gen.typeToScan(60)).toBe(GEN_FILE);
    gen.refaulted[4] = 1000;
    gen.evicted[4] = 1000;
    gen.evicted[0] = 1000;
    expect(gen.typeToScan(60)).toBe(GEN_ANON);
  });

  it('of the oldest generation count half in the next', () => {
    const gen = new LruGen();
    gen.refaulted[5] = 9;
    gen.evicted[5] = 6;
    gen.protected[5] = 4;
    gen.carryOver(GEN_FILE);
    expect([gen.avgRefaulted[5], gen.avgTotal[5], gen.refaulted[5], gen.evicted[5]]).toEqual([4, 5, 0, 0]);
  });

  it('are in the shadow of a page, for its group and generation only', () => {
    for (const refs of [0, 1, 2, 4]) expect(refsOfShadow(packShadow(7, 70_000, refs), 7, 70_000)).toBe(refs);
    expect(refsOfShadow(packShadow(7, 5, 1), 6, 5)).toBe(-1);
    expect(refsOfShadow(packShadow(7, 5, 1), 7, 6)).toBe(-1);
  });
});

describe('both policies', () => {
  it('can be changed at any moment; pages keep their order', () => {
    const { apply, mem, check, stat } = machineWith(
      'a touch heap 0 4M write',
      'a touch f 0 2M read',
      'lrugen "+ 2 0 3; + 2 0 4"',
    );
    apply('sysctl lru_gen.enabled 0');
    expect(mem.frames.generations).toBeNull();
    expect([stat('inactive_anon'), stat('active_anon')]).toEqual([4 << 20, 0]);
    expect(check()).toEqual([]);
    apply('cgroup write /g/memory.reclaim 1M');
    apply('sysctl lru_gen.enabled 7');
    expect(check()).toEqual([]);
    apply('cgroup write /g/memory.max 2M');
    expect(stat('anon') + stat('file')).toBeLessThanOrEqual(2 << 20);
    expect(check()).toEqual([]);
  });
});
