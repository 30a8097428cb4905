/** Readahead from swap: how much, where, and what it counts as. */
import { describe, expect, it, test } from 'vitest';
import { windowPages } from '../../../src/mm/swap/swap-readahead.ts';
import { Session } from '../../../src/scenario/session.ts';

function play(text: string): Session {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

test('the window: two more than hits rounded up, one without hits unless adjacent, never below half the last', () => {
  const cases: [number, number, number, number, number, number][] = [
    // previous, here, hits, most, last window → pages (mm/swap_state.c:__swapin_nr_pages)
    [0, 100, 0, 8, 0, 1],
    [99, 100, 0, 8, 0, 2],
    [101, 100, 0, 8, 0, 2],
    [0, 100, 1, 8, 0, 4],
    [0, 100, 3, 8, 0, 8],
    [0, 100, 4, 32, 0, 8],
    [0, 100, 7, 32, 0, 16],
    [0, 100, 20, 8, 0, 8],
    [0, 100, 0, 8, 8, 4],
    [0, 100, 0, 8, 1, 1],
  ];
  for (const [previous, here, hits, most, last, pages] of cases)
    expect([previous, here, hits, most, last, windowPages(previous, here, hits, most, last)]).toEqual([
      previous,
      here,
      hits,
      most,
      last,
      pages,
    ]);
});

const swapped = (rotational: boolean, pages = 256) => {
  const s = play(
    `machine ram=32M swap=16M swapkind=disk profile=linux-6.18\nsysctl vm.page-cluster 3\nproc A\nA mmap heap size=${pages}p anon private`,
  );
  s.machine.mem.swap!.rotational = rotational;
  s.apply(`A touch heap 0 ${pages}p write\nA pageout all\ntick 1s\nsqueeze`);
  return s;
};
const last = (s: Session, step: string) => s.apply(step).at(-1)!.result!;

describe('in the address space', () => {
  it('reads ahead in the direction of the faults; the hits keep the window open', () => {
    const s = swapped(false);
    // The first window: 8 pages (4 hits to begin with) around the fault at page 64: 61 … 68.
    expect(last(s, 'A touch heap 64p 1p read')).toMatchObject({ majflt: 1, vmstat: { pswpin: 8 } });
    expect(last(s, 'A touch heap 61p 8p read')).toMatchObject({ minflt: 7, majflt: 0 });
    const { events } = s.machine.mem;
    expect([events.swap_ra, events.swap_ra_hit]).toEqual([7, 7]);
    // Seven hits: 16 pages, at most 8; the fault follows the last one, so all of them lie ahead.
    expect(last(s, 'A touch heap 69p 1p read')).toMatchObject({ majflt: 1, vmstat: { pswpin: 8 } });
    expect(last(s, 'A touch heap 70p 7p read')).toMatchObject({ majflt: 0, minflt: 7 });
  });

  it('without hits the window halves down to one page', () => {
    const s = swapped(false);
    const reads = [16, 80, 144, 208].map(
      (page) => (last(s, `A touch heap ${page}p 1p read`)['vmstat'] as Record<string, number>)['pswpin'],
    );
    expect(reads).toEqual([8, 4, 2, 1]);
  });

  it('the page after the last fault, or before it, opens the window again, in that direction', () => {
    const up = swapped(false);
    for (const page of [16, 80, 144, 208]) up.apply(`A touch heap ${page}p 1p read`);
    expect(last(up, 'A touch heap 209p 1p read')).toMatchObject({ majflt: 1, vmstat: { pswpin: 2 } });
    expect(last(up, 'A touch heap 210p 1p read')).toMatchObject({ minflt: 1, majflt: 0 });
    const down = swapped(false);
    for (const page of [16, 80, 144, 208]) down.apply(`A touch heap ${page}p 1p read`);
    expect(last(down, 'A touch heap 207p 1p read')).toMatchObject({ majflt: 1, vmstat: { pswpin: 2 } });
    expect(last(down, 'A touch heap 206p 1p read')).toMatchObject({ minflt: 1, majflt: 0 });
  });
});

it('a page still in the swap cache that nobody has read ahead is no hit', () => {
  for (const rotational of [true, false]) {
    const s = play(
      'machine ram=32M swap=16M swapkind=disk profile=linux-6.18\nsysctl vm.page-cluster 3\nproc A\nA mmap heap size=16p anon private\nA touch heap 0 16p write\nA pageout all',
    );
    const { swap, events, swapWindow } = s.machine.mem;
    swap!.rotational = rotational;
    const { hits } = swapWindow;
    expect(last(s, 'A touch heap 0 16p read')).toMatchObject({ minflt: 16, majflt: 0 });
    expect([events.swap_ra_hit, swapWindow.hits]).toEqual([0, hits]);
  }
});

describe('on a disk that rotates', () => {
  it('reads the aligned neighbours in swap, whoever they belong to', () => {
    const s = play(
      'machine ram=32M swap=16M swapkind=disk profile=linux-6.18\nsysctl vm.page-cluster 3\nproc A\nproc B\nA mmap a size=4p anon private\nB mmap b size=64p anon private',
    );
    // Slots 1 to 4 are A's, 5 and on are B's.
    s.apply('A touch a 0 4p write\nB touch b 0 60p write\nA pageout all\nB pageout all\ntick 1s\nsqueeze');
    expect(last(s, 'A touch a 0 1p read')).toMatchObject({ majflt: 1, vmstat: { pswpin: 7 } });
    expect(last(s, 'B touch b 0 3p read')).toMatchObject({ majflt: 0, minflt: 3 });
    expect(last(s, 'B touch b 3p 1p read')).toMatchObject({ majflt: 1 });
    expect(last(s, 'A verify a')).toMatchObject({ bad: 0 });
    expect(last(s, 'B verify b')).toMatchObject({ bad: 0 });
    expect(s.machine.check()).toEqual([]);
  });

  it('without hits the window halves down to one page', () => {
    const s = swapped(true);
    const reads = [16, 80, 144, 208].map(
      (page) => (last(s, `A touch heap ${page}p 1p read`)['vmstat'] as Record<string, number>)['pswpin'],
    );
    expect(reads).toEqual([8, 4, 2, 1]);
  });

  it('shared memory goes by neighbours in swap', () => {
    const s = play(
      'machine ram=32M swap=16M swapkind=disk profile=linux-6.18\nsysctl vm.page-cluster 3\nobject M memfd 64p\nproc A\nA mmap m size=64p obj=M shared',
    );
    s.apply('A touch m 0 64p write\nA pageout all\ntick 1s\nsqueeze');
    expect(last(s, 'A touch m 16p 1p read')).toMatchObject({ majflt: 1, vmstat: { pswpin: 8 } });
    expect(last(s, 'A touch m 20p 1p read')).toMatchObject({ majflt: 0, minflt: 1 });
    expect(last(s, 'A verify m')).toMatchObject({ bad: 0 });
    expect(s.machine.check()).toEqual([]);
  });
});

it('pages read ahead are refaults, counted once', () => {
  const s = play(
    'machine ram=64M swap=64M swapkind=disk profile=linux-6.18\nsysctl vm.page-cluster 3\ncgroup write /cgroup.subtree_control +memory\ncgroup mkdir /g\nproc A cgroup=/g\nA mmap heap size=8M anon private\nA touch heap 0 8M write\ntick 1s',
  );
  s.apply('cgroup write /g/memory.reclaim "4M swappiness=max"');
  s.apply('tick 1s');
  const { events } = s.machine.mem;
  const before = events.workingset_refault_anon;
  const read = (last(s, 'A touch heap 0 4M read')['vmstat'] as Record<string, number>)['pswpin']!;
  expect(read).toBeGreaterThan(0);
  expect(events.swap_ra).toBeGreaterThan(0);
  expect(events.workingset_refault_anon - before).toBe(read);
});
