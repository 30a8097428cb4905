/**
 * Scenarios of several groups under /g (p30 to p39) and of one group doing more than touching (p40 to p49), recorded on the
 * same kernel as the others; p50 and up need groups of version 2 (memory.high, low, min, reclaim) and were recorded in a guest.
 */
import { MB, pieces, type Row, type ScenarioWriter } from './scenario-writer.ts';

/** Groups below /g, each with its files: { a: { 'memory.low': '8M' } }. */
function tree(children: Record<string, Record<string, string>>): (w: ScenarioWriter) => void {
  return (w) => {
    w.line('cgroup write /g/cgroup.subtree_control "+memory"');
    for (const [name, files] of Object.entries(children)) {
      w.line(`cgroup mkdir /g/${name}`);
      for (const [file, text] of Object.entries(files)) w.line(`cgroup write /g/${name}/${file} "${text}"`);
    }
  };
}

/** Small steps: where a recording reads the group's statistics after every step, they are fresh to so many pages. */
const STEP_PAGES = 64;

/** A mapping from its beginning, in small steps. */
function sweep(w: ScenarioWriter, proc: string, map: string, mb: number, how: 'read' | 'write'): void {
  pieces(mb * MB, STEP_PAGES, (at, n) => w.touch(proc, map, at, n, how));
}

/** A process called as its group, with anonymous memory that is written once. */
function filled(w: ScenarioWriter, name: string, mb: number): void {
  w.proc(name, `/g/${name}`);
  w.anon(name, `${name}heap`, `${mb}M`);
  sweep(w, name, `${name}heap`, mb, 'write');
}

function loop(w: ScenarioWriter, name: string, mb: number, times: number): void {
  for (let i = 1; i <= times; i++) {
    sweep(w, name, `${name}heap`, mb, 'read');
    w.snap(`${name}${i}`);
  }
}

/** A mapping that one process writes from end to end while another reads what it has, 2 MiB after 2 MiB. */
function streamBeside(w: ScenarioWriter, stream: string, mb: number, hot: string, hotMb: number): void {
  w.proc(stream, `/g/${stream}`);
  w.anon(stream, `${stream}heap`, `${mb}M`);
  pieces(mb * MB, 2 * MB, (at, n) => {
    w.touch(stream, `${stream}heap`, at, n, 'write');
    sweep(w, hot, `${hot}heap`, hotMb, 'read');
  });
  w.snap('streamed');
}

/** A group that only waits, another that streams: who loses what. */
function idleAndStream(w: ScenarioWriter, idleMb: number, streamMb: number): void {
  filled(w, 'a', idleMb);
  w.snap('idle');
  filled(w, 'b', streamMb);
  w.snap('streamed');
}

export const TREE_ROWS: readonly Row[] = [
  [
    'p30-two-groups-idle',
    'two groups under one limit: 20M that wait, a loop over 24M',
    { limit: '32M', groups: tree({ a: {}, b: {} }) },
    (w) => {
      filled(w, 'a', 20);
      w.snap('idle');
      filled(w, 'b', 24);
      loop(w, 'b', 24, 4);
    },
  ],
  [
    'p31-two-groups-hot',
    'two groups under one limit: 12M in use again and again, an anon stream of 64M',
    { limit: '32M', groups: tree({ a: {}, b: {} }) },
    (w) => {
      filled(w, 'a', 12);
      sweep(w, 'a', 'aheap', 12, 'read');
      w.snap('filled');
      streamBeside(w, 'b', 64, 'a', 12);
    },
  ],
  [
    'p32-three-groups',
    'three groups of 6M, 12M and 24M, filled one after the other, then each read twice',
    { limit: '32M', groups: tree({ a: {}, b: {}, c: {} }) },
    (w) => {
      filled(w, 'a', 6);
      filled(w, 'b', 12);
      filled(w, 'c', 24);
      w.snap('filled');
      for (let i = 0; i < 2; i++) {
        loop(w, 'c', 24, 1);
        loop(w, 'a', 6, 1);
        loop(w, 'b', 12, 1);
      }
    },
  ],
  [
    'p33-limit-of-a-child',
    'a child with a limit of its own loops over more; its neighbour must not lose anything',
    { limit: '64M', groups: tree({ a: { 'memory.max': '12M' }, b: {} }) },
    (w) => {
      filled(w, 'b', 24);
      w.snap('idle');
      filled(w, 'a', 16);
      loop(w, 'a', 16, 3);
    },
  ],
  [
    'p34-file-of-a-neighbour',
    'a file read first by one group is charged to it; another uses it while it streams',
    { limit: '32M', groups: tree({ a: {}, b: {} }) },
    (w) => {
      w.line('object F file 8M');
      w.proc('a', '/g/a');
      w.file('a', 'af', 'F', '8M');
      sweep(w, 'a', 'af', 8, 'read');
      w.proc('b', '/g/b');
      w.file('b', 'bf', 'F', '8M');
      w.anon('b', 'bheap', '48M');
      sweep(w, 'b', 'bf', 8, 'read');
      w.snap('read');
      pieces(48 * MB, 4 * MB, (at, n) => {
        w.touch('b', 'bheap', at, n, 'write');
        sweep(w, 'b', 'bf', 8, 'read');
      });
      w.snap('streamed');
    },
  ],
  [
    'p35-removed-group',
    'a group is removed, what it had cached stays; then there is pressure',
    { limit: '32M', groups: tree({ a: {}, b: {} }) },
    (w) => {
      w.line('object F file 12M');
      w.proc('a', '/g/a');
      w.file('a', 'af', 'F', '12M');
      sweep(w, 'a', 'af', 12, 'read');
      w.line('a exit');
      w.snap('read');
      w.line('cgroup rmdir /g/a');
      w.snap('removed');
      filled(w, 'b', 28);
      loop(w, 'b', 28, 2);
    },
  ],
  [
    'p36-lower-limit-of-a-tree',
    'two groups of 16M, one used again; then the limit over both goes from 40M to 16M in steps',
    { limit: '40M', groups: tree({ a: {}, b: {} }) },
    (w) => {
      filled(w, 'a', 16);
      filled(w, 'b', 16);
      w.snap('filled');
      for (const mb of [30, 26, 22, 16]) {
        sweep(w, 'b', 'bheap', 4, 'read');
        w.line(`cgroup write /g/memory.max "${mb}M"`);
        w.snap(`limit${mb}`);
      }
    },
  ],
  [
    'p37-old-and-young-files',
    'two groups with files of 16M: one read once, long ago; one looped over; 24M for both',
    { limit: '24M', swap: '0', groups: tree({ a: {}, b: {} }) },
    (w) => {
      w.line('object F file 16M');
      w.line('object G file 16M');
      w.proc('a', '/g/a');
      w.file('a', 'af', 'F', '16M');
      sweep(w, 'a', 'af', 16, 'read');
      w.snap('old');
      w.proc('b', '/g/b');
      w.file('b', 'bf', 'G', '16M');
      for (let i = 1; i <= 4; i++) {
        sweep(w, 'b', 'bf', 16, 'read');
        w.snap(`young${i}`);
      }
    },
  ],
  [
    'p40-shmem-and-file',
    'a memfd and a file of 20M in turns, 1M each, three loops',
    { limit: '32M' },
    (w) => {
      w.line('object M memfd 20M');
      w.line('object F file 20M');
      w.proc('a');
      w.file('a', 'm', 'M', '20M', 'rw');
      w.file('a', 'f', 'F', '20M');
      for (let i = 1; i <= 3; i++) {
        pieces(20 * MB, STEP_PAGES, (at, n) => {
          w.touch('a', 'm', at, n, i === 1 ? 'write' : 'read');
          w.touch('a', 'f', at, n, 'read');
        });
        w.snap(`loop${i}`);
      }
    },
  ],
  [
    'p41-fork-heavy',
    'six children of one process, each writes 3M of what it shares, then each reads all of it',
    { limit: '24M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'sh', '12M');
      sweep(w, 'a', 'sh', 12, 'write');
      const children = ['b', 'c', 'd', 'e', 'f', 'h'];
      children.forEach((child, i) => {
        w.line(`a fork ${child}`);
        w.touch(child, 'sh', (i % 4) * 3 * MB, 3 * MB, 'write');
      });
      w.snap('forked');
      for (const child of children) sweep(w, child, 'sh', 12, 'read');
      w.snap('read');
      for (const child of children.slice(0, 3)) w.line(`${child} exit`);
      sweep(w, 'a', 'sh', 12, 'read');
      w.snap('left');
    },
  ],
  [
    'p42-swap-nearly-full',
    'limit 32M and swap 20M; anon of 50M looped over, then a file of 12M beside it',
    { limit: '32M', swap: '20M' },
    (w) => {
      w.line('object F file 12M');
      w.proc('a');
      w.anon('a', 'heap', '50M');
      w.file('a', 'f', 'F', '12M');
      for (let i = 1; i <= 3; i++) {
        sweep(w, 'a', 'heap', 50, i === 1 ? 'write' : 'read');
        w.snap(`loop${i}`);
      }
      sweep(w, 'a', 'f', 12, 'read');
      w.snap('file');
    },
  ],
  [
    'p43-exec-workingset',
    'an executable mapping of 12M comes back again and again, between anon and data streams',
    { limit: '24M' },
    (w) => {
      w.line('object X file 12M');
      w.line('object D file 48M');
      w.proc('a');
      w.file('a', 'x', 'X', '12M', 'rx', 'private');
      w.file('a', 'd', 'D', '48M', 'r', 'private');
      w.anon('a', 'heap', '24M');
      sweep(w, 'a', 'x', 12, 'read');
      w.snap('loaded');
      pieces(48 * MB, 8 * MB, (at, n) => {
        w.touch('a', 'd', at, n, 'read');
        w.touch('a', 'heap', at / 2, n / 2, 'write');
        sweep(w, 'a', 'x', 12, 'read');
      });
      w.snap('streamed');
    },
  ],
  [
    'p44-madvise-cold',
    'the middle 8M of 24M are called cold; then 16M more: do the cold ones go',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '24M');
      w.anon('a', 'more', '16M');
      sweep(w, 'a', 'heap', 24, 'write');
      sweep(w, 'a', 'heap', 24, 'read');
      w.line(`a madvise heap ${8 * MB}p ${8 * MB}p cold`);
      w.snap('cold');
      sweep(w, 'a', 'more', 16, 'write');
      w.snap('more');
      sweep(w, 'a', 'heap', 24, 'read');
      w.snap('back');
    },
  ],
  [
    'p45-madvise-pageout',
    '8M of 24M are paged out by their owner, then 20M more, then all is read',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '24M');
      w.anon('a', 'more', '20M');
      sweep(w, 'a', 'heap', 24, 'write');
      w.line(`a madvise heap ${4 * MB}p ${8 * MB}p pageout`);
      w.snap('pagedout');
      sweep(w, 'a', 'more', 20, 'write');
      w.snap('more');
      sweep(w, 'a', 'heap', 24, 'read');
      w.snap('back');
    },
  ],
  [
    'p46-drop-caches',
    'half of a file is mapped, half only cached; drop_caches; then a stream, then the file again',
    { limit: '32M', swap: '0' },
    (w) => {
      w.line('object F file 16M');
      w.line('object G file 32M');
      w.proc('a');
      w.file('a', 'f', 'F', '16M');
      w.file('a', 'g', 'G', '32M');
      sweep(w, 'a', 'f', 16, 'read');
      sweep(w, 'a', 'g', 24, 'read');
      w.line(`a munmap f 0 ${8 * MB}p`);
      w.snap('before');
      w.line('dropcaches 1');
      w.snap('dropped');
      sweep(w, 'a', 'g', 32, 'read');
      w.snap('streamed');
      w.touch('a', 'f', 8 * MB, 8 * MB, 'read');
      w.snap('again');
    },
  ],
  [
    'p47-willneed-free',
    'MADV_FREE of 8M of 24M, then 20M more: the freed ones go without a write',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '24M');
      w.anon('a', 'more', '20M');
      sweep(w, 'a', 'heap', 24, 'write');
      w.line(`a madvise heap ${4 * MB}p ${8 * MB}p free`);
      w.snap('freed');
      w.touch('a', 'heap', 10 * MB, 2 * MB, 'write');
      sweep(w, 'a', 'more', 20, 'write');
      w.snap('more');
    },
  ],
  [
    'p50-high',
    'memory.high of 24M under a limit of 48M, a loop over 32M',
    { limit: '48M', groups: (w) => w.line('cgroup write /g/memory.high "24M"') },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '32M');
      for (let i = 1; i <= 2; i++) {
        sweep(w, 'a', 'heap', 32, i === 1 ? 'write' : 'read');
        w.snap(`loop${i}`);
      }
    },
  ],
  [
    'p51-low',
    'memory.low of 12M protects a group of 16M that waits from a stream of 40M',
    { limit: '32M', groups: tree({ a: { 'memory.low': '12M' }, b: {} }) },
    (w) => idleAndStream(w, 16, 40),
  ],
  [
    'p52-min',
    'memory.min of 16M: nothing of it is taken',
    { limit: '32M', groups: tree({ a: { 'memory.min': '16M' }, b: {} }) },
    (w) => idleAndStream(w, 16, 40),
  ],
  [
    'p53-low-shared',
    'three groups ask for more protection than their parent has: it is shared out',
    {
      limit: '32M',
      groups: (w) => {
        w.line('cgroup write /g/memory.low "16M"');
        tree({ a: { 'memory.low': '12M' }, b: { 'memory.low': '12M' }, c: {} })(w);
      },
    },
    (w) => {
      filled(w, 'a', 12);
      filled(w, 'b', 8);
      w.snap('idle');
      filled(w, 'c', 40);
      w.snap('streamed');
    },
  ],
  [
    'p54-reclaim-swappiness',
    'memory.reclaim of 6M: as it is, of anon only (swappiness=200), of files only (swappiness=0)',
    { limit: '64M' },
    (w) => {
      w.line('object F file 20M');
      w.proc('a');
      w.anon('a', 'heap', '20M');
      w.file('a', 'f', 'F', '20M');
      sweep(w, 'a', 'heap', 20, 'write');
      sweep(w, 'a', 'f', 20, 'read');
      w.snap('filled');
      for (const [label, text] of [
        ['plain', '6M'],
        ['anon', '6M swappiness=200'],
        ['file', '6M swappiness=0'],
      ] as const) {
        w.line(`cgroup write /g/memory.reclaim "${text}"`);
        w.snap(label);
      }
    },
  ],
  [
    'p55-reclaim-of-a-tree',
    'memory.reclaim on a parent: 8M three times from groups of 8M, 16M and 24M; then from one of them',
    { limit: '64M', groups: tree({ a: {}, b: {}, c: {} }) },
    (w) => {
      filled(w, 'a', 8);
      filled(w, 'b', 16);
      filled(w, 'c', 24);
      w.snap('filled');
      for (let i = 1; i <= 3; i++) {
        w.line('cgroup write /g/memory.reclaim "8M"');
        w.snap(`reclaim${i}`);
      }
      w.line('cgroup write /g/c/memory.reclaim "4M"');
      w.snap('child');
    },
  ],
  [
    'p56-high-of-a-child',
    'memory.high of a child: its neighbour loses nothing',
    { limit: '64M', groups: tree({ a: { 'memory.high': '12M' }, b: {} }) },
    (w) => {
      filled(w, 'b', 16);
      w.snap('idle');
      filled(w, 'a', 16);
      loop(w, 'a', 16, 1);
    },
  ],
  [
    'p57-dirty-file',
    'a file of 48M is written through a mapping; dirty pages are throttled and written back',
    { limit: '24M', swap: '0' },
    (w) => {
      w.line('object F file 48M');
      w.proc('a');
      w.file('a', 'f', 'F', '48M', 'rw');
      pieces(48 * MB, 4 * MB, (at, n) => {
        w.touch('a', 'f', at, n, 'write');
        w.line('tick 100ms');
      });
      w.snap('written');
    },
  ],
  [
    'p58-low-given-up',
    'memory.low of two groups is more than there is: it is given up in the end',
    { limit: '24M', groups: tree({ a: { 'memory.low': '24M' }, b: { 'memory.low': '24M' } }) },
    (w) => {
      filled(w, 'a', 12);
      w.snap('idle');
      filled(w, 'b', 24);
      w.snap('streamed');
    },
  ],
];
