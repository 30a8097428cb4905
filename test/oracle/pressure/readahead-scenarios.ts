/** Scenarios of file readahead (p80 to p95): which pages of which file are cached after reads, faults and advice of many patterns. */
import { MB, pieces, type Row, type ScenarioWriter } from './scenario-writer.ts';

/** One file a pattern: its name is the pattern's letter. */
type Pattern = (w: ScenarioWriter, object: string) => void;

/** Process a, a file of 8 MiB for each pattern; what is cached of it in the end is the result. */
function byFile(patterns: Readonly<Record<string, Pattern>>): (w: ScenarioWriter) => void {
  return (w) => {
    for (const name of Object.keys(patterns)) w.line(`object ${name} file 8M`);
    w.proc('a');
    for (const [name, pattern] of Object.entries(patterns)) {
      pattern(w, name);
      w.snap(name);
    }
  };
}

const FILE_PAGES = 8 * MB;

/** Calls of read(2), one behind the other. */
function reads(from: number, callPages: number, calls: number): Pattern {
  return (w, object) => {
    for (let i = 0; i < calls; i++) w.line(`a read ${object} ${from + i * callPages}p ${callPages}p`);
  };
}

function randomReads(callPages: number, calls: number): Pattern {
  return (w, object) => {
    for (let i = 0; i < calls; i++) w.line(`a read ${object} ${w.int(FILE_PAGES - callPages)}p ${callPages}p`);
  };
}

/** Touches of pages `stride` apart. */
function faults(from: number, nrPages: number, stride: number, how: 'read' | 'write' = 'read'): Pattern {
  return (w, object) => {
    for (let i = 0; i < nrPages; i++) w.touch('a', `m${object}`, from + i * stride, 1, how);
  };
}

function randomFaults(n: number): Pattern {
  return (w, object) => {
    for (let i = 0; i < n; i++) w.touch('a', `m${object}`, w.int(FILE_PAGES), 1, 'read');
  };
}

function mapped(pattern: Pattern, prot = 'r', advice?: string): Pattern {
  return (w, object) => {
    w.file('a', `m${object}`, object, '8M', prot);
    if (advice !== undefined) w.line(`a madvise m${object} 0 8M ${advice}`);
    pattern(w, object);
  };
}

function advised(advice: string, pattern: Pattern): Pattern {
  return (w, object) => {
    w.line(`a fadvise ${object} 0 0 ${advice}`);
    pattern(w, object);
  };
}

function both(...patterns: Pattern[]): Pattern {
  return (w, object) => {
    for (const pattern of patterns) pattern(w, object);
  };
}

const CALLS: Readonly<Record<string, Pattern>> = {
  A: reads(0, 1, 10),
  B: reads(0, 16, 3),
  C: both(reads(0, 256, 1), reads(256, 1, 1)),
  D: reads(500, 1, 3),
  E: (w, object) => {
    for (let i = 0; i < 50; i++) w.line(`a read ${object} ${i * 16}p 1p`);
  },
  F: (w, object) => {
    for (let i = 0; i < 64; i++) w.line(`a read ${object} ${600 - i}p 1p`);
  },
  G: (w, object) => {
    for (let i = 0; i < 20; i++) w.line(`a read ${object} ${i * 6000} 6000`);
  },
  H: (w, object) => {
    for (let i = 0; i < 60; i++) {
      w.line(`a read ${object} ${i}p 1p`);
      w.line(`a read ${object} ${1000 + i}p 1p`);
    }
  },
};

const RANDOM_AND_ADVICE: Readonly<Record<string, Pattern>> = {
  A: randomReads(1, 200),
  B: randomReads(4, 200),
  C: randomReads(12, 60),
  D: advised('random', both(reads(0, 1, 5), reads(100, 16, 4), randomReads(3, 50))),
  E: advised('sequential', reads(0, 4, 12)),
  F: (w, object) => w.line(`a fadvise ${object} 1M 3M willneed`),
  G: both(reads(0, 16, 40), (w, object) => {
    w.line(`a fadvise ${object} 100K 1M dontneed`);
    w.line(`a fadvise ${object} 4M 0 dontneed`);
  }),
  H: both(advised('noreuse', reads(0, 4, 12)), advised('random', reads(48, 4, 4)), advised('normal', reads(64, 4, 2))),
};

const FAULTS: Readonly<Record<string, Pattern>> = {
  A: mapped(faults(0, 100, 1)),
  B: mapped(randomFaults(100)),
  C: mapped(faults(5, 40, 40)),
  D: mapped(faults(0, 60, 1), 'r', 'sequential'),
  E: mapped(both(faults(3, 30, 20), faults(900, 40, 1)), 'r', 'random'),
  F: mapped(both(faults(7, 20, 50), faults(1200, 40, 1)), 'rx'),
  G: mapped(faults(10, 30, 45, 'write'), 'rw'),
  H: mapped((w, object) => w.line(`a madvise m${object} 1M 5M willneed`)),
};

const MISSES: Readonly<Record<string, Pattern>> = {
  A: mapped(randomFaults(600)),
  B: mapped(both(faults(0, 200, 10), faults(0, 60, 1))),
  C: mapped(both(faults(2000, 150, -7), faults(100, 100, 1))),
  D: mapped(both(faults(700, 20, 1), faults(400, 20, 3), faults(0, 8, 1)), 'r', 'sequential'),
  E: both(reads(0, 2, 20), mapped(faults(30, 60, 1))),
  F: both(mapped(faults(100, 10, 30)), reads(90, 2, 40)),
  G: mapped(
    both(
      faults(0, 30, 17),
      (w) => w.line('a madvise mG 0 8M random'),
      faults(1000, 20, 17),
      (w) => w.line('a madvise mG 0 8M normal'),
      faults(1500, 20, 17),
    ),
  ),
  H: mapped(faults(2040, 8, 1)),
};

/** A file streams by while another is in use. */
function hotAndStream(w: ScenarioWriter, one: (object: string, page: number, n: number) => void): void {
  pieces(64 * MB, 4 * MB, (at, n) => {
    for (let page = at; page < at + n; page += 16) one('F', page, 16);
    for (let page = 0; page < 8 * MB; page += 64) one('H', page, 64);
  });
  w.snap('streamed');
}

export const READAHEAD_ROWS: readonly Row[] = [
  [
    'p80-read-windows',
    'read(2) in order, in steps, backwards, from two places',
    { limit: '256M', readahead: '128K' },
    byFile(CALLS),
  ],
  [
    'p81-read-random',
    'read(2) at random, and what posix_fadvise changes',
    { limit: '256M', readahead: '128K' },
    byFile(RANDOM_AND_ADVICE),
  ],
  [
    'p82-fault-windows',
    'faults in order, at random, in steps; madvise; code; writes',
    { limit: '256M', readahead: '128K' },
    byFile(FAULTS),
  ],
  [
    'p83-fault-misses',
    'faults until readahead gives up; faults and calls on one file',
    { limit: '256M', readahead: '128K' },
    byFile(MISSES),
  ],
  ['p84-read-wide', 'as p80, half a MiB of readahead', { limit: '256M', readahead: '512K' }, byFile(CALLS)],
  ['p85-read-narrow', 'as p80, 32 KiB of readahead', { limit: '256M', readahead: '32K' }, byFile(CALLS)],
  ['p86-fault-wide', 'as p82, half a MiB of readahead', { limit: '256M', readahead: '512K' }, byFile(FAULTS)],
  ['p87-advice-narrow', 'as p81, 32 KiB of readahead', { limit: '256M', readahead: '32K' }, byFile(RANDOM_AND_ADVICE)],
  ['p88-advice-off', 'as p81, without readahead', { limit: '256M', readahead: 'off' }, byFile(RANDOM_AND_ADVICE)],
  ['p89-faults-off', 'as p82, without readahead', { limit: '256M', readahead: 'off' }, byFile(FAULTS)],
  [
    'p90-read-pressure',
    'read(2) with readahead: a hot file of 8M between pieces of a stream of 64M; no swap',
    { limit: '24M', swap: '0', readahead: '128K' },
    (w) => {
      w.line('object H file 8M');
      w.line('object F file 64M');
      w.proc('a');
      hotAndStream(w, (object, page, n) => w.line(`a read ${object} ${page}p ${n}p`));
    },
  ],
  [
    'p91-fault-pressure',
    'faults with readahead: a hot file of 8M between pieces of a stream of 64M; no swap',
    { limit: '24M', swap: '0', readahead: '128K' },
    (w) => {
      w.line('object H file 8M');
      w.line('object F file 64M');
      w.proc('a');
      w.file('a', 'mH', 'H', '8M');
      w.file('a', 'mF', 'F', '64M');
      hotAndStream(w, (object, page, n) => w.touch('a', `m${object}`, page, n, 'read'));
    },
  ],
  [
    'p92-random-pressure',
    'random faults with readahead over a file of 40M beside anon of 16M',
    { limit: '32M', readahead: '128K' },
    (w) => {
      w.line('object F file 40M');
      w.proc('a');
      w.anon('a', 'heap', '16M');
      w.file('a', 'f', 'F', '40M');
      w.touch('a', 'heap', 0, 16 * MB, 'write');
      for (let i = 1; i <= 2; i++) {
        for (let k = 0; k < 1000; k++) {
          w.touch('a', 'f', w.int(40 * MB), 1, 'read');
          w.touch('a', 'heap', w.int(16 * MB), 1, 'read');
        }
        w.snap(`round${i}`);
      }
    },
  ],
  [
    'p93-sequential-recency',
    'what is mapped with MADV_SEQUENTIAL counts for nothing: a hot file of 4M so, another not, between an anon stream',
    { limit: '16M' },
    (w) => {
      w.line('object H file 4M');
      w.line('object K file 4M');
      w.proc('a');
      w.file('a', 'mH', 'H', '4M');
      w.file('a', 'mK', 'K', '4M');
      w.anon('a', 'heap', '24M');
      w.line('a madvise mH 0 4M sequential');
      pieces(24 * MB, MB, (at, n) => {
        for (const map of ['mH', 'mK']) pieces(4 * MB, 64, (page, pages) => w.touch('a', map, page, pages, 'read'));
        pieces(n, 64, (page, pages) => w.touch('a', 'heap', at + page, pages, 'write'));
      });
      w.snap('streamed');
    },
  ],
  [
    'p94-two-readers',
    'two processes read one file, each with a window of its own; a child goes on where its parent was',
    { limit: '256M', readahead: '128K' },
    (w) => {
      w.line('object F file 16M');
      w.line('object G file 16M');
      w.proc('a');
      w.proc('b');
      for (let i = 0; i < 40; i++) {
        w.line(`a read F ${i * 2}p 2p`);
        w.line(`b read F ${2000 + i * 3}p 3p`);
        w.line(`b read G ${i}p 1p`);
      }
      w.line('b fork c');
      for (let i = 40; i < 60; i++) w.line(`c read G ${i}p 1p`);
      w.snap('read');
    },
  ],
];
