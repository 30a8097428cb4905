/**
 * Work without a small bound is done in pieces, so that readers are served between them: how many pieces there are is counted
 * here, what a reader notices is measured by test/bound.
 */
import { describe, expect, test } from 'vitest';
import { KIND_SWAP, PTE_PRESENT } from '../../../src/mm/pages/pte.ts';
import { createProcFs } from '../../../src/procfs/proc-fs.ts';
import { Session } from '../../../src/scenario/session.ts';
import { Clock } from '../../../src/server/clock.ts';
import { SessionHost } from '../../../src/server/session-host.ts';
import { Cancelled, finish } from '../../../src/util/job.ts';
import { newAttr, Pending } from '../../../src/vfs/types.ts';

const MIB = 64;
const PAGES = (MIB * 1024) / 4;
/** At most so many pages are dealt with at once. */
const PAGES_PER_PIECE = 4096;

const SETTING = `machine ram=512M swap=512M
proc init pid=1
proc game pid=1234
object data file ${MIB}M
object shm memfd ${MIB}M
cgroup write /cgroup.subtree_control "+memory"
cgroup mkdir /g
game mmap heap size=${MIB}M anon
game touch heap 0 ${MIB}M write
`;

/** Steps, each after those before it in its row. */
const ROWS: readonly (readonly string[])[] = [
  ['game fork kid', 'kid exit'],
  ['game exit'],
  ['game kill KILL'],
  ['game exec'],
  ...['cold', 'pageout', 'free', 'dontneed', 'populate_write'].map((advice) => [
    `game madvise heap 0 ${MIB}M ${advice}`,
  ]),
  [`game madvise heap 0 ${MIB}M pageout`, `game madvise heap 0 ${MIB}M willneed`],
  [`game mlock heap 0 ${MIB}M`, `game munlock heap 0 ${MIB}M`],
  ['game mlockall current', 'game munlockall'],
  [`game mprotect heap 0 ${MIB}M r`],
  [`game munmap heap 0 ${MIB}M`],
  [`game mremap heap 0 ${MIB}M ${MIB}M to=moved`],
  ['game pageout all', 'swapoff'],
  ['game cold all'],
  ['game clearrefs 1'],
  [`game mmap more size=${MIB}M anon populate`],
  ['cache data load', 'cache data drop'],
  ['cache data load', 'dropcaches 1'],
  [`cache data dirtywrite 0 ${MIB}M`, 'cache data sync'],
  [`fallocate shm 0 ${MIB}M`, `punch shm 0 ${MIB}M`],
  [`fallocate shm 0 ${MIB}M`, 'truncate shm 4096'],
  [`fallocate shm 0 ${MIB}M`, 'unlink shm'],
  ['cgroup write /memory.reclaim "64M"'],
  ['snap here'],
];

function session(text = SETTING): Session {
  const made = new Session();
  made.load(text, 'pieces');
  return made;
}

function piecesOf(on: Session, text: string): number {
  const job = on.applying(text);
  let pieces = 1;
  while (job.next().done !== true) pieces++;
  return pieces;
}

describe('steps', () => {
  test.each(ROWS.map((row) => [row.join('; '), row] as const))('%s', (_name, row) => {
    const on = session();
    for (const step of row) expect(piecesOf(on, step), step).toBeGreaterThanOrEqual(PAGES / PAGES_PER_PIECE);
    expect(on.machine.check()).toEqual([]);
  });

  test('check looks at what there is, not at what there could be', () => {
    const on = session(
      'machine ram=64M swap=64G\nproc a pid=50\na mmap h size=32M anon\na touch h 0 32M write\na pageout all',
    );
    expect(on.machine.mem.swap!.nrUsed).toBe(8192);
    let pieces = 1;
    for (const job = on.machine.checking(); job.next().done !== true; ) pieces++;
    expect(pieces).toBeLessThan(100);
    // And what names a page or a slot that has never been given out is found.
    const { mem } = on.machine;
    const at = mem.tables.find(
      on.machine.tasks.get(50)!.mm!.pageDirectory,
      on.machine.tasks.get(50)!.regions.get('h')!.start,
    );
    for (const [bits, number] of [
      [KIND_SWAP << 30, mem.swap!.usedSlots],
      [PTE_PRESENT, mem.frames.fresh],
    ] as const) {
      const was = mem.tables.pte[at]!;
      mem.tables.set(at, bits, number);
      expect(on.machine.check().join()).toContain(`${number} is named, but has never been given out`);
      mem.tables.pte[at] = was;
      expect(on.machine.check()).toEqual([]);
    }
  });

  test('between two pieces every file can be read', { timeout: 120_000 }, () => {
    for (const row of ROWS) {
      const on = session();
      const fs = createProcFs(new SessionHost(on, new Clock(0, 1, false)), {});
      for (const step of row) {
        const job = on.applying(step);
        for (let n = 0; job.next().done !== true; n++) {
          if (n % 8 !== 0) continue;
          const directory = fs.lookup(fs.root, '1234', undefined);
          if (directory < 0) continue;
          for (const name of ['stat', 'status', 'maps', 'smaps', 'pagemap']) {
            const file = fs.open(fs.lookup(directory, name, undefined), 0, undefined);
            if (typeof file === 'number') continue;
            expect(file.read(0, 4096, undefined), `${name} during ${step}`).toBeInstanceOf(Uint8Array);
          }
        }
      }
    }
  });

  test('a saved machine, and the way back from a rejected batch', () => {
    const many = session('machine ram=64M\nproc many\nmany mmap row count=20000 each=4K gap=4K anon\n');
    const saving = many.saving();
    let pieces = 1;
    while (saving.next().done !== true) pieces++;
    expect(pieces).toBeGreaterThan(16);
    const on = session();
    expect(() => on.apply(`init mmap a size=4K anon\ngame munmap heap 1 4096`)).toThrow(/start of a page|EINVAL/);
    expect(on.machine.check()).toEqual([]);
  });

  test('what cannot be taken back is not given up half done, and what can be is taken back', () => {
    for (const [step, undone] of [
      ['game exit', false],
      [`game munmap heap 0 ${MIB}M`, true],
    ] as const) {
      const on = session();
      const before = on.save();
      const job = on.applying(step);
      for (let i = 0; i < 6; i++) job.next();
      try {
        job.throw(new Cancelled());
        finish(job);
      } catch {
        // Taken back.
      }
      expect(on.machine.check()).toEqual([]);
      expect(Buffer.from(on.save()).equals(before)).toBe(undone);
      if (!undone) expect(on.machine.tasks.has(1234)).toBe(false);
    }
  });
});

describe('files of a process with many mappings', () => {
  const MAPPINGS = 4000;
  const text = `machine ram=64M\nproc init pid=1\nproc many pid=1235\nmany mmap row count=${MAPPINGS} each=4K gap=4K anon\n`;

  test.each(['maps', 'smaps', 'smaps_rollup', 'numa_maps'])('%s is rendered between requests', (name) => {
    const on = session(text);
    const host = new SessionHost(on, new Clock(0, 1, false), { inSlices: true });
    // No slice is longer than one piece: time flies.
    let now = 0;
    host.wallNowMs = () => (now += 1000);
    const fs = createProcFs(host, {});
    const ino = fs.lookup(fs.lookup(fs.root, '1235', undefined), name, undefined);
    const attr = newAttr();
    fs.getattr(ino, attr);
    expect(attr.size).toBe(0);
    const file = fs.open(ino, 0, undefined);
    if (typeof file === 'number') throw new Error(String(file));
    const answer = file.read(0, 1 << 26, undefined);
    if (!(answer instanceof Pending)) throw new Error('rendered at once');
    let slices = 0;
    for (; !answer.settled; slices++) fs.work?.();
    expect(slices).toBeGreaterThan(MAPPINGS / 512);
    const whole = createProcFs(new SessionHost(on, new Clock(0, 1, false)), {});
    const again = whole.open(ino, 0, undefined);
    if (typeof again === 'number') throw new Error(String(again));
    const expected = again.read(0, 1 << 26, undefined);
    const bytes = expected instanceof Pending ? expected.take() : expected;
    expect(Buffer.from(answer.take() as Uint8Array).equals(bytes as Uint8Array)).toBe(true);
  });

  test('mappings that come and go meanwhile leave each of the others there once', () => {
    const on = session(text);
    const host = new SessionHost(on, new Clock(0, 1, false), { inSlices: true });
    let now = 0;
    host.wallNowMs = () => (now += 1000);
    const fs = createProcFs(host, {});
    const file = fs.open(fs.lookup(fs.lookup(fs.root, '1235', undefined), 'maps', undefined), 0, undefined);
    if (typeof file === 'number') throw new Error(String(file));
    const answer = file.read(0, 1 << 26, undefined);
    if (!(answer instanceof Pending)) throw new Error('rendered at once');
    for (let n = 0; !answer.settled; n++) {
      fs.work?.();
      // Some of those seen already, and some of those to come.
      if (n < 4) on.apply(`many munmap row ${n * 32}K 4K\nmany munmap row ${(3900 + n) * 8}K 4K\n`);
    }
    const lines = Buffer.from(answer.take() as Uint8Array)
      .toString()
      .trimEnd()
      .split('\n');
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.length).toBeGreaterThanOrEqual(MAPPINGS - 8);
    expect(lines).toEqual([...lines].sort());
  });
});
