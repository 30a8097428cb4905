/** Further scenarios of the kinds of p01 to p27, with other sizes (p38, p39, p48, p49, p95 to p98): what p01 to p27 agree with by luck, these do not. */
import { MB, pieces, type Row, type ScenarioWriter } from './scenario-writer.ts';

const UINT32 = 2 ** 32;

/** Pages by Zipf's law: the k-th most popular one is drawn 1/k as often as the first; which one that is, is shuffled. */
function zipf(w: ScenarioWriter, nrPages: number): () => number {
  const sums = new Float64Array(nrPages);
  let total = 0;
  for (let i = 0; i < nrPages; i++) {
    total += 1 / (i + 1);
    sums[i] = total;
  }
  const shuffled = [...Array(nrPages).keys()];
  for (let i = nrPages - 1; i > 0; i--) {
    const j = w.int(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] ?? 0, shuffled[i] ?? 0];
  }
  return () => {
    const wanted = (w.int(UINT32) / UINT32) * total;
    let low = 0;
    let high = nrPages - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return shuffled[low] ?? 0;
  };
}

/** A hot heap touched once for each piece of a stream. */
function hotStream(w: ScenarioWriter, hotMb: number, streamMb: number, pieceMb: number): void {
  w.proc('a');
  w.anon('a', 'hot', `${hotMb}M`);
  w.anon('a', 'stream', `${streamMb}M`);
  w.touch('a', 'hot', 0, hotMb * MB, 'write');
  w.touch('a', 'hot', 0, hotMb * MB, 'read');
  w.snap('filled');
  pieces(streamMb * MB, pieceMb * MB, (at, n) => {
    w.touch('a', 'stream', at, n, 'write');
    w.touch('a', 'hot', 0, hotMb * MB, 'read');
  });
  w.snap('streamed');
}

/** A parent and its child share memory; the child loops over its own, the parent reads a part of the shared each time. */
function forkShared(w: ScenarioWriter, sharedMb: number, ownMb: number, againMb: number): void {
  w.proc('a');
  w.anon('a', 'sh', `${sharedMb}M`);
  w.anon('a', 'own', `${ownMb}M`);
  w.touch('a', 'sh', 0, sharedMb * MB, 'write');
  w.line('a fork b');
  w.snap('forked');
  for (let i = 1; i <= 4; i++) {
    w.touch('b', 'own', 0, ownMb * MB, i === 1 ? 'write' : 'read');
    w.touch('a', 'sh', 0, againMb * MB, 'read');
    w.snap(`l${i}`);
  }
}

export const VARIANT_ROWS: readonly Row[] = [
  [
    'p38-fork-24M',
    'parent and child share 12M, the child then loops over 18M of its own',
    { limit: '24M' },
    (w) => forkShared(w, 12, 18, 3),
  ],
  [
    'p39-fork-40M',
    'parent and child share 24M, the child then loops over 28M of its own',
    { limit: '40M' },
    (w) => forkShared(w, 24, 28, 8),
  ],
  [
    'p48-idle-busy-24M',
    'idle process 16M, busy one loops over 16M, one group of 24M',
    { limit: '24M' },
    (w) => {
      w.proc('idle');
      w.proc('busy');
      w.anon('idle', 'iheap', '16M');
      w.anon('busy', 'bheap', '16M');
      w.touch('idle', 'iheap', 0, 16 * MB, 'write');
      w.snap('idle');
      for (let i = 1; i <= 5; i++) {
        w.touch('busy', 'bheap', 0, 16 * MB, i === 1 ? 'write' : 'read');
        w.snap(`busy${i}`);
      }
    },
  ],
  [
    'p49-shmem-24M',
    'loop over a memfd of 40M in a group of 24M',
    { limit: '24M' },
    (w) => {
      w.line('object M memfd 40M');
      w.proc('a');
      w.file('a', 'm', 'M', '40M', 'rw');
      for (let i = 1; i <= 4; i++) {
        w.touch('a', 'm', 0, 40 * MB, i === 1 ? 'write' : 'read');
        w.snap(`l${i}`);
      }
    },
  ],
  [
    'p95-anon-zipf',
    'reads by Zipf over anon, 2 x the limit',
    { limit: '32M' },
    (w) => {
      w.proc('a');
      w.anon('a', 'heap', '64M');
      w.touch('a', 'heap', 0, 64 * MB, 'write');
      w.snap('filled');
      const next = zipf(w, 64 * MB);
      for (let i = 1; i <= 3; i++) {
        for (let k = 0; k < 20000; k++) w.touch('a', 'heap', next(), 1, 'read');
        w.snap(`zipf${i}`);
      }
    },
  ],
  [
    'p96-refault-file',
    'anon 16M, then random reads over a mapped file of 20M',
    { limit: '32M' },
    (w) => {
      w.line('object F file 20M');
      w.proc('a');
      w.anon('a', 'heap', '16M');
      w.file('a', 'f', 'F', '20M');
      w.touch('a', 'heap', 0, 16 * MB, 'write');
      w.snap('filled');
      for (let i = 1; i <= 4; i++) {
        for (let k = 0; k < 8000; k++) w.touch('a', 'f', w.int(20 * MB), 1, 'read');
        w.snap(`round${i}`);
      }
    },
  ],
  [
    'p97-hot-stream-4M',
    'hot anon 14M touched once per 4M of an anon stream of 64M',
    { limit: '32M' },
    (w) => hotStream(w, 14, 64, 4),
  ],
  [
    'p98-hot-stream-1M',
    'hot anon 8M touched once per 1M of an anon stream of 80M',
    { limit: '24M' },
    (w) => hotStream(w, 8, 80, 1),
  ],
];
