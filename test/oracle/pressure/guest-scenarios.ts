/** Scenarios in which a whole machine is short of memory (g01 to g06). */
import { hotAndStream } from './one-group-scenarios.ts';
import { type Body, MB, pieces, type ScenarioWriter } from './scenario-writer.ts';

type GuestRow = readonly [name: string, title: string, swap: string, body: Body];

const guestAnon = (w: ScenarioWriter, proc: string, map: string, mb: number) =>
  w.anon(proc, map, `${mb}M`, ' noreserve');

function guestOom(idle: number): Body {
  return (w) => {
    w.proc('idle', '');
    w.proc('grow', '');
    guestAnon(w, 'idle', 'i', idle);
    guestAnon(w, 'grow', 'g', 160);
    w.touch('idle', 'i', 0, idle * MB, 'write');
    w.snap('filled');
    pieces(160 * MB, MB / 2, (at, n) => w.touch('grow', 'g', at, n, 'write'));
    w.snap('grown');
  };
}

export const GUEST_ROWS: readonly GuestRow[] = [
  [
    'g01-anon-loop',
    'loop over anon of 100M',
    '256M',
    (w) => {
      w.proc('a', '');
      guestAnon(w, 'a', 'heap', 100);
      for (let i = 0; i < 4; i++) {
        w.touch('a', 'heap', 0, 100 * MB, i > 0 ? 'read' : 'write');
        w.snap(`loop${i}`);
      }
    },
  ],
  [
    'g02-hot-stream',
    'hot anon 24M once per 4M of an anon stream of 128M',
    '256M',
    (w) => {
      w.proc('a', '');
      guestAnon(w, 'a', 'hot', 24);
      guestAnon(w, 'a', 'stream', 128);
      w.touch('a', 'hot', 0, 24 * MB, 'write');
      w.touch('a', 'hot', 0, 24 * MB, 'read');
      w.snap('filled');
      hotAndStream(w, 24 * MB, 128 * MB, 4 * MB, 'write');
    },
  ],
  [
    'g03-hot-file-stream',
    'hot anon 40M once per 4M of a file stream of 96M',
    '256M',
    (w) => {
      w.line('object F file 96M');
      w.proc('a', '');
      guestAnon(w, 'a', 'hot', 40);
      w.file('a', 'f', 'F', '96M');
      w.touch('a', 'hot', 0, 40 * MB, 'write');
      w.touch('a', 'hot', 0, 40 * MB, 'read');
      w.snap('filled');
      pieces(96 * MB, 4 * MB, (at, n) => {
        w.touch('a', 'f', at, n, 'read');
        w.touch('a', 'hot', 0, 40 * MB, 'read');
      });
      w.snap('streamed');
    },
  ],
  [
    'g04-cold-anon-file-loop',
    'cold anon 48M, then three loops over 40M of file',
    '256M',
    (w) => {
      w.line('object F file 40M');
      w.proc('a', '');
      guestAnon(w, 'a', 'cold', 48);
      w.file('a', 'f', 'F', '40M');
      w.touch('a', 'cold', 0, 48 * MB, 'write');
      w.snap('filled');
      for (let i = 1; i <= 3; i++) {
        w.touch('a', 'f', 0, 40 * MB, 'read');
        w.snap(`loop${i}`);
      }
    },
  ],
  ['g05-oom-noswap', 'no swap: 24M idle, a grower', '0', guestOom(24)],
  ['g06-oom-swap', 'swap of 24M fills: 52M idle, a grower', '24M', guestOom(52)],
];
