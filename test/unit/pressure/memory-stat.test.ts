/** memory.stat of a control group: its rows, and that they move. */
import { describe, expect, it } from 'vitest';
import { cgroupFile } from '../../../src/machine/cgroup-access.ts';
import { Session } from '../../../src/scenario/session.ts';

function play(text: string): Session {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

function statOf({ machine }: Session, path = '/g'): Record<string, number> {
  const group = machine.cgroups.at(path);
  const text = cgroupFile(machine, group, 'memory.stat')!.show!(machine, group);
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]),
  );
}

const HEAD = (kind: string, limit = 'max') => `machine ram=128M swap=64M swapkind=${kind} profile=linux-6.18
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
cgroup write /g/memory.max ${limit}
object F file 16M
proc A cgroup=/g
A mmap heap size=32M anon private
`;

/** mm/memcontrol.c of 6.18: memory_stats, memcg_vm_event_stat, with SWAP, ZSWAP, TRANSPARENT_HUGEPAGE, without NUMA_BALANCING. */
const ROWS =
  `anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped file_mapped
  file_dirty file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon active_anon inactive_file active_file
  unevictable slab_reclaimable slab_unreclaimable slab workingset_refault_anon workingset_refault_file
  workingset_activate_anon workingset_activate_file workingset_restore_anon workingset_restore_file
  workingset_nodereclaim pgdemote_kswapd pgdemote_direct pgdemote_khugepaged pgdemote_proactive pgscan pgsteal pswpin
  pswpout pgscan_kswapd pgscan_direct pgscan_khugepaged pgscan_proactive pgsteal_kswapd pgsteal_direct
  pgsteal_khugepaged pgsteal_proactive pgfault pgmajfault pgrefill pgactivate pgdeactivate pglazyfree pglazyfreed
  swpin_zero swpout_zero zswpin zswpout zswpwb thp_fault_alloc thp_collapse_alloc thp_swpout thp_swpout_fallback`.split(
    /\s+/,
  );

describe('memory.stat', () => {
  it('has the rows of 6.18 in its order', () => {
    expect(Object.keys(statOf(play(HEAD('zram'))))).toEqual(ROWS);
  });

  it('counts faults, swap traffic and refaults of the group alone', () => {
    const s = play(`${HEAD('zram', '8M')}proc B\nB mmap heap size=4M anon private\nB touch heap 0 4M write`);
    s.apply('A touch heap 0 12M write\nA touch heap 0 12M read\nA touch heap 0 1M write fill=zero');
    const stat = statOf(s);
    const { events } = s.machine.mem;
    for (const key of [
      'pswpin',
      'pswpout',
      'pgmajfault',
      'workingset_refault_anon',
      'pgrefill',
      'pgdeactivate',
    ] as const)
      expect([key, stat[key]]).toEqual([key, events[key]]);
    expect(stat['pswpin']).toBeGreaterThan(1024);
    expect(stat['pgfault']).toBe(events.pgfault - 1024);
    expect(stat['pgscan']).toBe(stat['pgscan_direct']);
    expect(stat['kernel_stack']).toBe(16384);
  });

  it('counts lazily freed pages and pages of zeros', () => {
    const s = play(`${HEAD('zram')}A touch heap 0 4p write\nA madvise heap 0 4p free\nA pageout range heap 0 4p`);
    s.apply('A touch heap 8p 3p write fill=zero\nA pageout range heap 8p 3p\nA touch heap 8p 2p read');
    expect(statOf(s)).toMatchObject({ pglazyfree: 4, pglazyfreed: 4, swpout_zero: 3, swpin_zero: 2, pswpout: 0 });
    expect(s.machine.mem.events).toMatchObject({ swpout_zero: 3, swpin_zero: 2 });
  });

  it('counts mapped anonymous memory as anon; the swap cache is not file', () => {
    const s = play(`${HEAD('disk')}A touch heap 0 8p write\nA pageout all\ntick 1s`);
    expect(statOf(s)).toMatchObject({ anon: 0, swapcached: 8 * 4096, file: 0, inactive_anon: 8 * 4096 });
    s.apply('A touch heap 0 3p read');
    expect(statOf(s)).toMatchObject({ anon: 3 * 4096, swapcached: 8 * 4096 });
  });
});
