/** Scenarios of one group that touches its memory in many ways (p01 to p27). */
import { type Body, MB, pieces, type Row, type ScenarioWriter } from './scenario-writer.ts';

function loopAnon(mb: number, loops: number): Body {
  return (w) => {
    w.proc('a');
    w.anon('a', 'heap', `${mb}M`);
    w.touch('a', 'heap', 0, mb * MB, 'write');
    w.snap('filled');
    for (let i = 1; i <= loops; i++) {
      w.touch('a', 'heap', 0, mb * MB, 'read');
      w.snap(`loop${i}`);
    }
  };
}

/** A mapping that is used again and again while another one streams by. */
export function hotAndStream(
  w: ScenarioWriter,
  hotPages: number,
  streamPages: number,
  piece: number,
  how: 'read' | 'write',
): void {
  pieces(streamPages, piece, (at, n) => {
    w.touch('a', 'stream', at, n, how);
    w.touch('a', 'hot', 0, hotPages, 'read');
  });
  w.snap('streamed');
}

/** Anonymous and file pages in turns. */
function mixed(mb: number, piece: number): Body {
  return (w) => {
    w.line(`object F file ${mb}M`);
    w.proc('a');
    w.anon('a', 'heap', `${mb}M`);
    w.file('a', 'f', 'F', `${mb}M`);
    for (let i = 1; i <= 5; i++) {
      pieces(mb * MB, piece, (at, n) => {
        w.touch('a', 'heap', at, n, i === 1 ? 'write' : 'read');
        w.touch('a', 'f', at, n, 'read');
      });
      w.snap(`loop${i}`);
    }
  };
}

/** Hot and cold memory of both kinds, filled once. */
function hotAndCold(w: ScenarioWriter): void {
  w.line('object H file 12M');
  w.line('object C file 20M');
  w.proc('a');
  w.anon('a', 'cold', '20M');
  w.anon('a', 'hot', '12M');
  w.file('a', 'cf', 'C', '20M');
  w.file('a', 'hf', 'H', '12M');
  w.touch('a', 'cold', 0, 20 * MB, 'write');
  w.touch('a', 'hot', 0, 12 * MB, 'write');
  w.touch('a', 'cf', 0, 20 * MB, 'read');
  w.touch('a', 'hf', 0, 12 * MB, 'read');
  w.snap('filled');
}

function useHot(w: ScenarioWriter): void {
  w.touch('a', 'hot', 0, 12 * MB, 'read');
  w.touch('a', 'hf', 0, 12 * MB, 'read');
}

/** One mapping touched from end to end: written the first time, then read. */
function loops(w: ScenarioWriter, proc: string, map: string, mb: number, n: number, label = 'loop'): void {
  for (let i = 1; i <= n; i++) {
    w.touch(proc, map, 0, mb * MB, i === 1 ? 'write' : 'read');
    w.snap(`${label}${i}`);
  }
}

export const ONE_GROUP_ROWS: readonly Row[] = [
  ['p01-anon-loop-125', 'sequential loop over anon, 1.25 x the limit', { limit: '64M' }, loopAnon(80, 4)],
  ['p02-anon-loop-200', 'sequential loop over anon, 2 x the limit', { limit: '32M' }, loopAnon(64, 4)],
  [
    'p03-anon-random',
    'uniform random reads over anon, 2 x the limit',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '64M');
      w.touch('a', 'heap', 0, 64 * MB, 'write');
      w.snap('filled');
      for (let i = 1; i <= 3; i++) {
        for (let k = 0; k < 20000; k++) w.touch('a', 'heap', w.int(64 * MB), 1, 'read');
        w.snap(`random${i}`);
      }
    },
  ],
  [
    'p05-anon-hot-stream',
    'hot anon 12M touched once per 1M of an anon stream of 96M',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'hot', '12M');
      w.anon('a', 'stream', '96M');
      w.touch('a', 'hot', 0, 12 * MB, 'write');
      w.touch('a', 'hot', 0, 12 * MB, 'read');
      w.snap('filled');
      hotAndStream(w, 12 * MB, 96 * MB, MB, 'write');
    },
  ],
  [
    'p06-file-hot-stream',
    'hot mapped file 12M touched once per 1M of a mapped file stream of 96M',
    { limit: '32M', swap: '0' },
    (w) => {
      w.line('object H file 12M');
      w.line('object F file 96M');
      w.proc('a');
      w.file('a', 'hot', 'H', '12M');
      w.file('a', 'stream', 'F', '96M');
      w.touch('a', 'hot', 0, 12 * MB, 'read');
      w.touch('a', 'hot', 0, 12 * MB, 'read');
      w.snap('filled');
      hotAndStream(w, 12 * MB, 96 * MB, MB, 'read');
    },
  ],
  ...[0, 1, 60, 100, 200].map(
    (swappiness): Row => [
      `p07-mixed-sw${swappiness}`,
      `anon 32M and file 32M in turns, 1M each, four loops, swappiness ${swappiness}`,
      { limit: '48M', swappiness },
      mixed(32, MB),
    ],
  ),
  [
    'p08-dirty-file',
    'dirty shared file writes through a mapping, 3 x the limit',
    { limit: '32M', swap: '0' },
    (w) => {
      w.line('object F file 96M');
      w.proc('a');
      w.file('a', 'f', 'F', '96M', 'rw');
      pieces(96 * MB, 4 * MB, (at, n) => {
        w.touch('a', 'f', at, n, 'write');
        w.line('tick 50ms');
      });
      w.snap('written');
    },
  ],
  [
    'p09-moving-set',
    'random working set of 24M that moves by 8M, seven times',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '80M');
      for (let window = 0; window <= 7; window++) {
        for (let k = 0; k < 12000; k++) w.touch('a', 'heap', window * 8 * MB + w.int(24 * MB), 1, 'write');
        w.snap(`window${window}`);
      }
    },
  ],
  [
    'p10-idle-busy',
    'idle process 24M, busy one loops over 20M, one group of 32M',
    { limit: '32M' },
    (w) => {
      w.proc('idle');
      w.proc('busy');
      w.anon('idle', 'iheap', '24M');
      w.anon('busy', 'bheap', '20M');
      w.touch('idle', 'iheap', 0, 24 * MB, 'write');
      w.snap('idle');
      loops(w, 'busy', 'bheap', 20, 5, 'busy');
    },
  ],
  [
    'p11-file-loop-125',
    'loop over a mapped file, 1.25 x the limit',
    { limit: '32M', swap: '0' },
    (w) => {
      w.line('object F file 40M');
      w.proc('a');
      w.file('a', 'f', 'F', '40M');
      for (let i = 1; i <= 5; i++) {
        w.touch('a', 'f', 0, 40 * MB, 'read');
        w.snap(`loop${i}`);
      }
    },
  ],
  [
    'p13-no-swap',
    'no swap: anon 20M and a file stream of 64M',
    { limit: '32M', swap: '0' },
    (w) => {
      w.line('object F file 64M');
      w.proc('a');
      w.anon('a', 'heap', '20M');
      w.file('a', 'f', 'F', '64M');
      w.touch('a', 'heap', 0, 20 * MB, 'write');
      w.snap('filled');
      w.touch('a', 'f', 0, 64 * MB, 'read');
      w.snap('stream1');
      w.touch('a', 'f', 0, 64 * MB, 'read');
      w.snap('stream2');
    },
  ],
  [
    'p14-oom',
    'swap 16M fills: big idle 20M, small 4M, grower; who dies, when',
    { limit: '32M', swap: '16M' },
    (w) => {
      w.proc('big');
      w.proc('small');
      w.proc('grow');
      w.anon('big', 'b', '20M');
      w.anon('small', 's', '4M');
      w.anon('grow', 'g', '96M');
      w.touch('big', 'b', 0, 20 * MB, 'write');
      w.touch('small', 's', 0, 4 * MB, 'write');
      w.snap('filled');
      pieces(96 * MB, MB / 4, (at, n) => w.touch('grow', 'g', at, n, 'write'));
      w.snap('grown');
    },
  ],
  [
    'p15-oom-noswap',
    'no swap: grower dies itself',
    { limit: '32M', swap: '0' },
    (w) => {
      w.proc('small');
      w.proc('grow');
      w.anon('small', 's', '8M');
      w.anon('grow', 'g', '64M');
      w.touch('small', 's', 0, 8 * MB, 'write');
      w.snap('filled');
      pieces(64 * MB, MB / 4, (at, n) => w.touch('grow', 'g', at, n, 'write'));
      w.snap('grown');
    },
  ],
  [
    'p16-shmem',
    'loop over a memfd, 1.5 x the limit',
    { limit: '32M' },
    (w) => {
      w.line('object M memfd 48M');
      w.proc('a');
      w.file('a', 'm', 'M', '48M', 'rw');
      loops(w, 'a', 'm', 48, 4);
    },
  ],
  [
    'p17-mlock',
    'locked anon 16M and a loop over anon 32M',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'lock', '16M', ' locked');
      w.anon('a', 'heap', '32M');
      w.touch('a', 'lock', 0, 16 * MB, 'write');
      loops(w, 'a', 'heap', 32, 4);
    },
  ],
  [
    'p18-disk-pc0',
    'swap on disk, page-cluster 0: loop, then random reads',
    { limit: '32M', kind: 'disk', swap: '128M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '48M');
      const slowly = (how: 'read' | 'write') =>
        pieces(48 * MB, MB, (at, n) => {
          w.touch('a', 'heap', at, n, how);
          w.line('tick 30ms');
        });
      slowly('write');
      w.snap('filled');
      slowly('read');
      w.snap('loop1');
      for (let k = 0; k < 4000; k++) {
        w.touch('a', 'heap', w.int(48 * MB), 1, 'read');
        if (k % 100 === 0) w.line('tick 20ms');
      }
      w.snap('random');
    },
  ],
  [
    'p19-lower-limit',
    'hot anon 12M, cold anon 20M, hot file 12M, cold file 20M, then the limit goes from 72M to 32M in steps',
    { limit: '72M' },
    (w) => {
      hotAndCold(w);
      for (const mb of [60, 52, 44, 38, 32]) {
        useHot(w);
        w.line(`cgroup write /g/memory.max "${mb}M"`);
        w.snap(`limit${mb}`);
      }
    },
  ],
  [
    'p20-exec-stream',
    'hot executable mapping 8M used every 4M of a file stream',
    { limit: '32M', swap: '0' },
    (w) => {
      w.line('object X file 8M');
      w.line('object D file 8M');
      w.line('object F file 128M');
      w.proc('a');
      w.file('a', 'x', 'X', '8M', 'rx', 'private');
      w.file('a', 'd', 'D', '8M', 'r', 'private');
      w.file('a', 'f', 'F', '128M');
      w.touch('a', 'x', 0, 8 * MB, 'read');
      w.touch('a', 'd', 0, 8 * MB, 'read');
      pieces(128 * MB, 12 * MB, (at, n) => {
        w.touch('a', 'f', at, n, 'read');
        w.touch('a', 'x', 0, 8 * MB, 'read');
        w.touch('a', 'd', 0, 8 * MB, 'read');
      });
      w.snap('streamed');
    },
  ],
  [
    'p21-fork-shared',
    'parent and child share 16M, the child then loops over 24M of its own',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'sh', '16M');
      w.anon('a', 'own', '24M');
      w.touch('a', 'sh', 0, 16 * MB, 'write');
      w.line('a fork b');
      w.snap('forked');
      for (let i = 1; i <= 4; i++) {
        w.touch('b', 'own', 0, 24 * MB, i === 1 ? 'write' : 'read');
        w.touch('a', 'sh', 0, 4 * MB, 'read');
        w.snap(`loop${i}`);
      }
    },
  ],
  [
    'p22-anon-hot-file-stream',
    'hot anon 16M touched once per 2M of a mapped file stream of 128M',
    { limit: '32M' },
    (w) => {
      w.line('object F file 128M');
      w.proc('a');
      w.anon('a', 'hot', '16M');
      w.file('a', 'f', 'F', '128M');
      w.touch('a', 'hot', 0, 16 * MB, 'write');
      w.touch('a', 'hot', 0, 16 * MB, 'read');
      w.snap('filled');
      pieces(128 * MB, 2 * MB, (at, n) => {
        w.touch('a', 'f', at, n, 'read');
        w.touch('a', 'hot', 0, 16 * MB, 'read');
      });
      w.snap('streamed');
    },
  ],
  [
    'p23-anon-random-write',
    'uniform random writes over anon, 1.5 x the limit',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '48M');
      for (let i = 1; i <= 3; i++) {
        for (let k = 0; k < 20000; k++) w.touch('a', 'heap', w.int(48 * MB), 1, 'write');
        w.snap(`random${i}`);
      }
    },
  ],
  [
    'p24-cold-anon-file-loop',
    'cold anon 24M, then a loop over 16M of file: does the cold anon go (swappiness 60)',
    { limit: '32M' },
    (w) => {
      w.line('object F file 16M');
      w.proc('a');
      w.anon('a', 'cold', '24M');
      w.file('a', 'f', 'F', '16M');
      w.touch('a', 'cold', 0, 24 * MB, 'write');
      w.snap('filled');
      for (let i = 1; i <= 6; i++) {
        w.touch('a', 'f', 0, 16 * MB, 'read');
        w.snap(`loop${i}`);
      }
    },
  ],
  [
    'p25-proactive',
    'hot anon 12M, cold anon 20M, hot file 12M, cold file 20M; memory.reclaim of 8M four times, then 4M of anon only',
    { limit: '128M' },
    (w) => {
      hotAndCold(w);
      for (let i = 1; i <= 4; i++) {
        useHot(w);
        w.line('cgroup write /g/memory.reclaim "8M"');
        w.snap(`reclaim${i}`);
      }
    },
  ],
  ...[60, 200].map(
    (swappiness): Row => [
      `p27-mixed-fine-sw${swappiness}`,
      `as p07 in pieces of 32 pages: for --flush 1, swappiness ${swappiness}`,
      { limit: '24M', swappiness },
      mixed(16, 32),
    ],
  ),
];
