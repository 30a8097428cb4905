/** Scenarios of kinds that p01 to p58 do not have (p60 to p79): readahead of swap, locks, advice, calls, groups of unlike settings. */
import { MB, pieces, type Row, type ScenarioWriter } from './scenario-writer.ts';

/** Groups below /g. */
function groups(...names: string[]): (w: ScenarioWriter) => void {
  return (w) => {
    w.line('cgroup write /g/cgroup.subtree_control "+memory"');
    for (const name of names) w.line(`cgroup mkdir /g/${name}`);
  };
}

/** Small steps: where a recording reads the group's statistics after every step, they are fresh to so many pages. */
const STEP_PAGES = 64;

function sweep(w: ScenarioWriter, proc: string, map: string, mb: number, how: 'read' | 'write', from = 0): void {
  pieces(mb * MB, STEP_PAGES, (at, n) => w.touch(proc, map, from * MB + at, n, how));
}

/** One access each to so many pages of a mapping, anywhere in it. */
function random(
  w: ScenarioWriter,
  proc: string,
  map: string,
  mb: number,
  n: number,
  how: 'read' | 'write' = 'read',
): void {
  for (let i = 0; i < n; i++) w.touch(proc, map, w.int(mb * MB), 1, how);
}

/** A file from its beginning by read(2) or write(2), so many pages a call. */
function call(
  w: ScenarioWriter,
  proc: string,
  word: 'read' | 'write',
  object: string,
  mb: number,
  callPages = 16,
): void {
  pieces(mb * MB, callPages, (at, n) => w.line(`${proc} ${word} ${object} ${at}p ${n}p`));
}

export const FURTHER_ROWS: readonly Row[] = [
  [
    'p60-disk-pc3',
    'swap on disk, page-cluster 3: two loops over 48M, then random reads',
    { limit: '32M', kind: 'disk', pageCluster: 3 },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '48M');
      sweep(w, 'a', 'heap', 48, 'write');
      w.snap('filled');
      for (let i = 1; i <= 2; i++) {
        sweep(w, 'a', 'heap', 48, 'read');
        w.snap(`loop${i}`);
      }
      random(w, 'a', 'heap', 48, 4000);
      w.snap('random');
    },
  ],
  [
    'p61-zram-pc3-shared',
    'zram, page-cluster 3: what two processes share is read back with its neighbours in memory',
    { limit: '32M', pageCluster: 3 },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '20M');
      sweep(w, 'a', 'heap', 20, 'write');
      w.line('a fork b');
      w.anon('b', 'own', '24M');
      sweep(w, 'b', 'own', 24, 'write');
      w.snap('out');
      sweep(w, 'a', 'heap', 20, 'read');
      w.snap('back');
      random(w, 'a', 'heap', 20, 3000);
      w.snap('random');
    },
  ],
  [
    'p62-swappiness-of-groups',
    'two groups with anon and files of 10M each, one of swappiness 0, one of 200',
    {
      limit: '32M',
      groups: (w) => {
        groups('a', 'b')(w);
        w.line('cgroup swappiness /g/a 0');
        w.line('cgroup swappiness /g/b 200');
      },
    },
    (w) => {
      for (const name of ['a', 'b']) {
        w.line(`object ${name.toUpperCase()} file 10M`);
      }
      for (const name of ['a', 'b']) {
        w.proc(name, `/g/${name}`);
        w.anon(name, `${name}heap`, '10M');
        w.file(name, `${name}f`, name.toUpperCase(), '10M');
        sweep(w, name, `${name}heap`, 10, 'write');
        sweep(w, name, `${name}f`, 10, 'read');
      }
      w.snap('filled');
      for (let i = 1; i <= 2; i++)
        for (const name of ['a', 'b']) {
          sweep(w, name, `${name}heap`, 10, 'read');
          sweep(w, name, `${name}f`, 10, 'read');
          w.snap(`${name}${i}`);
        }
    },
  ],
  [
    'p63-mlock-later',
    'swapped memory is locked, memory streams by, it is unlocked again, more streams by',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '24M');
      w.anon('a', 'stream', '48M');
      sweep(w, 'a', 'heap', 24, 'write');
      sweep(w, 'a', 'stream', 24, 'write');
      w.line('a mlock heap 4M 12M');
      w.snap('locked');
      sweep(w, 'a', 'stream', 24, 'write', 24);
      w.snap('streamed');
      w.line('a munlock heap 4M 12M');
      sweep(w, 'a', 'stream', 48, 'read');
      w.snap('unlocked');
      sweep(w, 'a', 'heap', 24, 'read');
      w.snap('read');
    },
  ],
  [
    'p64-free-and-again',
    'MADV_FREE of 16M of 24M, half of it written again; then 20M more, then all is read',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '24M');
      w.anon('a', 'more', '20M');
      sweep(w, 'a', 'heap', 24, 'write');
      w.line('a madvise heap 4M 16M free');
      sweep(w, 'a', 'heap', 8, 'write', 8);
      w.snap('freed');
      sweep(w, 'a', 'more', 20, 'write');
      w.snap('filled');
      // Not what was given up: there the zero page would be mapped.
      sweep(w, 'a', 'heap', 4, 'read');
      sweep(w, 'a', 'heap', 8, 'read', 8);
      sweep(w, 'a', 'heap', 4, 'read', 20);
      w.snap('read');
    },
  ],
  [
    'p65-cow-pressure',
    'two children write half of what they share with their parent of 14M; then the parent reads all, twice',
    { limit: '24M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '14M');
      sweep(w, 'a', 'heap', 14, 'write');
      w.line('a fork b');
      w.line('a fork c');
      w.snap('forked');
      sweep(w, 'b', 'heap', 7, 'write');
      sweep(w, 'c', 'heap', 7, 'write', 7);
      w.snap('copied');
      sweep(w, 'a', 'heap', 14, 'read');
      w.snap('parent1');
      sweep(w, 'b', 'heap', 14, 'read');
      sweep(w, 'a', 'heap', 14, 'read');
      w.snap('parent2');
    },
  ],
  [
    'p66-shmem-of-two',
    'a memfd of 20M that one writes and another reads, then an anon stream, then the first reads it again',
    { limit: '28M' },
    (w) => {
      w.line('object M memfd 20M');
      w.proc('a');
      w.proc('b');
      w.file('a', 'm', 'M', '20M', 'rw');
      w.file('b', 'n', 'M', '20M');
      w.anon('b', 'own', '40M');
      sweep(w, 'a', 'm', 20, 'write');
      sweep(w, 'b', 'n', 10, 'read');
      w.snap('shared');
      sweep(w, 'b', 'own', 40, 'write');
      w.snap('streamed');
      sweep(w, 'a', 'm', 20, 'read');
      w.snap('read');
    },
  ],
  [
    'p67-read-calls',
    'read(2): a hot file of 8M between pieces of a stream of 64M, twice; no swap',
    { limit: '24M', swap: '0' },
    (w) => {
      w.line('object H file 8M');
      w.line('object F file 64M');
      w.proc('a');
      call(w, 'a', 'read', 'H', 8);
      call(w, 'a', 'read', 'H', 8);
      w.snap('hot');
      for (let i = 1; i <= 2; i++) {
        pieces(64 * MB, 4 * MB, (at, n) => {
          for (let page = at; page < at + n; page += 16) w.line(`a read F ${page}p 16p`);
          call(w, 'a', 'read', 'H', 8, 64);
        });
        w.snap(`stream${i}`);
      }
    },
  ],
  [
    'p68-read-and-anon',
    'random reads over anon 20M and calls of read(2) on a file of 24M in turns',
    { limit: '32M' },
    (w) => {
      w.line('object F file 24M');
      w.proc('a');
      w.anon('a', 'heap', '20M');
      sweep(w, 'a', 'heap', 20, 'write');
      for (let i = 1; i <= 3; i++) {
        for (let k = 0; k < 200; k++) {
          random(w, 'a', 'heap', 20, 20);
          w.line(`a read F ${w.int(24 * MB - 16)}p 16p`);
        }
        w.snap(`round${i}`);
      }
    },
  ],
  [
    'p69-random-mixed',
    'random reads over anon 24M and a mapped file of 24M',
    { limit: '32M' },
    (w) => {
      w.line('object F file 24M');
      w.proc('a');
      w.anon('a', 'heap', '24M');
      w.file('a', 'f', 'F', '24M');
      sweep(w, 'a', 'heap', 24, 'write');
      for (let i = 1; i <= 2; i++) {
        for (let k = 0; k < 5000; k++) {
          w.touch('a', 'heap', w.int(24 * MB), 1, 'read');
          w.touch('a', 'f', w.int(24 * MB), 1, 'read');
        }
        w.snap(`round${i}`);
      }
    },
  ],
  [
    'p70-oom-of-a-tree',
    'no swap: three groups under one limit, adj 0, 300 and -500; who grows, who dies',
    { limit: '32M', swap: '0', groups: groups('a', 'b', 'c') },
    (w) => {
      for (const [name, adj, mb] of [
        ['a', 0, 14],
        ['b', 300, 6],
        ['c', -500, 8],
      ] as const) {
        w.proc(name, `/g/${name}`);
        w.line(`${name} adj ${adj}`);
        w.anon(name, `${name}heap`, `${mb}M`);
        sweep(w, name, `${name}heap`, mb, 'write');
      }
      w.snap('filled');
      w.proc('d', '/g/a');
      w.anon('d', 'dheap', '20M');
      // In turns, so that the line at which somebody idle is killed is known to one turn.
      pieces(20 * MB, STEP_PAGES, (at, n) => {
        w.touch('d', 'dheap', at, n, 'write');
        w.touch('c', 'cheap', 0, 1, 'read');
      });
      w.snap('grown');
    },
  ],
  [
    'p71-nested-limits',
    'limits of 40M, 24M below it and 12M below that: loops at each level',
    {
      limit: '40M',
      groups: (w) => {
        groups('a', 'b')(w);
        w.line('cgroup write /g/a/memory.max "24M"');
        w.line('cgroup write /g/a/cgroup.subtree_control "+memory"');
        w.line('cgroup mkdir /g/a/x');
        w.line('cgroup write /g/a/x/memory.max "12M"');
        w.line('cgroup mkdir /g/a/y');
      },
    },
    (w) => {
      for (const [name, group, mb] of [
        ['b', '/g/b', 20],
        ['y', '/g/a/y', 16],
        ['x', '/g/a/x', 16],
      ] as const) {
        w.proc(name, group);
        w.anon(name, `${name}heap`, `${mb}M`);
        sweep(w, name, `${name}heap`, mb, 'write');
        w.snap(`${name}filled`);
      }
      for (const [name, mb] of [
        ['x', 16],
        ['y', 16],
        ['b', 20],
        ['x', 16],
      ] as const)
        sweep(w, name, `${name}heap`, mb, 'read');
      w.snap('looped');
    },
  ],
  [
    'p72-swap-freed',
    'swap of 16M fills; a process that has most of it goes; there is room for the others again',
    { limit: '24M', swap: '16M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'aheap', '16M');
      sweep(w, 'a', 'aheap', 16, 'write');
      w.proc('b');
      w.anon('b', 'bheap', '22M');
      sweep(w, 'b', 'bheap', 22, 'write');
      w.snap('full');
      w.line('a exit');
      w.anon('b', 'more', '14M');
      sweep(w, 'b', 'more', 14, 'write');
      w.snap('room');
      sweep(w, 'b', 'bheap', 22, 'read');
      w.snap('read');
    },
  ],
  [
    'p73-four-in-turns',
    'four processes of 10M in one group of 32M, 256K each in turns, three rounds',
    { limit: '32M' },
    (w) => {
      const names = ['a', 'b', 'c', 'd'];
      for (const name of names) {
        w.proc(name);
        w.anon(name, `${name}heap`, '10M');
      }
      for (let i = 1; i <= 3; i++) {
        pieces(10 * MB, 64, (at, n) => {
          for (const name of names) w.touch(name, `${name}heap`, at, n, i === 1 ? 'write' : 'read');
        });
        w.snap(`round${i}`);
      }
    },
  ],
  [
    'p74-shared-and-private',
    'a file of 16M: one maps it shared, another writes half of its private view; then an anon stream, then both read',
    { limit: '28M' },
    (w) => {
      w.line('object F file 16M');
      w.proc('a');
      w.proc('b');
      w.file('a', 'f', 'F', '16M');
      w.file('b', 'p', 'F', '16M', 'rw', 'private');
      w.anon('a', 'heap', '32M');
      sweep(w, 'a', 'f', 16, 'read');
      sweep(w, 'b', 'p', 8, 'write', 4);
      w.snap('mapped');
      sweep(w, 'a', 'heap', 32, 'write');
      w.snap('streamed');
      sweep(w, 'b', 'p', 16, 'read');
      sweep(w, 'a', 'f', 16, 'read');
      w.snap('read');
    },
  ],
  [
    'p75-willneed',
    'MADV_WILLNEED of 12M that are in swap, some anon more, then they are read',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '24M');
      w.anon('a', 'more', '32M');
      sweep(w, 'a', 'heap', 24, 'write');
      sweep(w, 'a', 'more', 24, 'write');
      w.snap('out');
      w.line('a madvise heap 4M 12M willneed');
      w.snap('asked');
      sweep(w, 'a', 'more', 8, 'write', 24);
      sweep(w, 'a', 'heap', 16, 'read', 2);
      w.snap('read');
    },
  ],
  [
    'p77-write-calls',
    'write(2): a file of 16M is written in a group of 32M beside anon of 24M, then read',
    { limit: '32M' },
    (w) => {
      w.line('object F file 16M');
      w.proc('a');
      w.anon('a', 'heap', '24M');
      sweep(w, 'a', 'heap', 24, 'write');
      call(w, 'a', 'write', 'F', 16);
      w.snap('written');
      sweep(w, 'a', 'heap', 24, 'read');
      w.snap('read');
      call(w, 'a', 'read', 'F', 16);
      w.snap('again');
    },
  ],
  [
    'p78-idle-groups',
    'five groups of 6M that wait, of different age and kind, and a stream of 48M in a sixth',
    { limit: '40M', groups: groups('a', 'b', 'c', 'd', 'e', 's') },
    (w) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        w.line(`object ${name.toUpperCase()} file 6M`);
      }
      for (const [at, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
        w.proc(name, `/g/${name}`);
        const map = `${name}m`;
        if (at % 2 === 0) {
          w.anon(name, map, '6M');
          sweep(w, name, map, 6, 'write');
        } else {
          w.file(name, map, name.toUpperCase(), '6M');
          sweep(w, name, map, 6, 'read');
        }
        if (at < 2) sweep(w, name, map, 6, 'read');
      }
      w.snap('idle');
      w.proc('s', '/g/s');
      w.anon('s', 'stream', '48M');
      sweep(w, 's', 'stream', 48, 'write');
      w.snap('streamed');
      for (const name of ['a', 'b', 'c', 'd', 'e']) sweep(w, name, `${name}m`, 6, 'read');
      w.snap('back');
    },
  ],
];
