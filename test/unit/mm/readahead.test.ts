/** Readahead of files: windows, advice, the setting, and what it costs when memory is short. The recordings p80 to p94 hold the windows to a kernel. */
import { expect, test } from 'vitest';
import { ENTRY_SHADOW } from '../../../src/mm/cache/mapping.ts';
import { firstWindow, nextWindow } from '../../../src/mm/cache/readahead.ts';
import { PG_RECLAIM } from '../../../src/mm/pages/page-flags.ts';
import { Session } from '../../../src/scenario/session.ts';

function play(text: string): Session {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

/** Pages of an object in the cache: [first, last] of each run. */
function cached(session: Session, name: string): [number, number][] {
  const mapping = session.machine.objects.get(name)!;
  const runs: [number, number][] = [];
  for (let index = 0; index < mapping.nrPages; index++) {
    const entry = mapping.pages.get(index);
    if (entry === 0 || entry >= ENTRY_SHADOW) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs;
}

test('the first window by what is asked for, the next by the last one', () => {
  expect([1, 2, 3, 8, 9, 32].map((wanted) => firstWindow(wanted, 32))).toEqual([4, 4, 8, 16, 32, 32]);
  expect([1, 4, 8].map((wanted) => firstWindow(wanted, 128))).toEqual([4, 16, 16]);
  expect([1, 2, 4, 16, 17, 32].map((size) => nextWindow(size, 32))).toEqual([4, 4, 8, 32, 32, 32]);
});

const HEAD = 'object F file 1M\nproc a\na mmap m obj=F shared prot=r\n';

test('without the word nothing is read ahead; off says the same', () => {
  for (const word of ['', ' readahead=off']) {
    const session = play(`machine ram=16M${word}\n${HEAD}a read F 0 1p\na touch m 100p 1p read`);
    expect(cached(session, 'F')).toEqual([
      [0, 0],
      [100, 100],
    ]);
  }
});

test('the least and the most that can be said; what lies beyond is refused', () => {
  expect(cached(play(`machine ram=16M readahead=4K\n${HEAD}a touch m 100p 1p read`), 'F')).toEqual([[100, 100]]);
  expect(cached(play(`machine ram=16M readahead=1G\n${HEAD}a touch m 100p 1p read`), 'F')).toEqual([[0, 255]]);
  for (const value of ['1025M', '2K', '6000', 'on'])
    expect(() => play(`machine readahead=${value}\n`)).toThrow(/readahead/);
});

test('a fault reads around itself, code from itself to the end of its mapping', () => {
  expect(cached(play(`machine ram=16M readahead=128K\n${HEAD}a touch m 100p 1p read`), 'F')).toEqual([[84, 115]]);
  const code = 'object F file 1M\nproc a\na mmap m obj=F size=110p private prot=rx\na touch m 100p 1p read';
  expect(cached(play(`machine ram=16M readahead=128K\n${code}`), 'F')).toEqual([[100, 109]]);
});

test('readahead is a matter of the open file: a child goes on in the window of its parent, a stranger does not', () => {
  const begin = `machine ram=16M readahead=128K\n${HEAD}proc b\na read F 10p 1p\na read F 11p 1p\n`;
  // Page 20 is not cached, not next to the last call of a child: read alone. Page 12 is marked: the window behind it is read.
  expect(cached(play(`${begin}a fork c\nc read F 12p 1p`), 'F')).toEqual([[10, 19]]);
  expect(cached(play(`${begin}a fork c\nc fadvise F 0 0 random\na read F 100p 1p\na read F 101p 1p`), 'F')).toEqual([
    [10, 14],
    [100, 101],
  ]);
  expect(cached(play(`${begin}b fadvise F 0 0 random\na read F 100p 1p\na read F 101p 1p`), 'F')).toEqual([
    [10, 14],
    [100, 104],
  ]);
});

test('what DONTNEED drops leaves no shadow: it is no refault when it comes back', () => {
  const session = play(`machine ram=16M\n${HEAD}a read F 0 1M\na fadvise F 0 0 dontneed\na read F 0 1M`);
  expect(session.machine.mem.events.workingset_refault_file).toBe(0);
  expect(cached(session, 'F')).toEqual([[0, 255]]);
});

test('DONTNEED keeps what is mapped, and parts of pages; what is dirty is written', () => {
  const session = play(
    `machine ram=16M\n${HEAD}a read F 0 1M\na touch m 3p 1p read\na write F 8p 2p\na fadvise F 100 ${20 * 4096 + 7} dontneed`,
  );
  const { mem } = session.machine;
  // Fault-around has mapped pages 0 to 15 beside page 3.
  expect(cached(session, 'F')).toEqual([
    [0, 15],
    [20, 255],
  ]);
  expect(mem.nrFileDirty).toBe(0);
  expect(session.machine.check()).toEqual([]);
});

test('NOREUSE: what a mapping of the file uses is not kept for it', () => {
  const text = (advice: string) => `machine ram=16M swap=0
object H file 1M
object S file 40M
proc a
a mmap h obj=H shared prot=r
a fadvise H 0 0 ${advice}
a touch h 0 1M read`;
  const left = (advice: string) => {
    const session = play(text(advice));
    for (let at = 0; at < 40; at += 2) session.apply(`a touch h 0 1M read\na read S ${at}M 2M`);
    return session.machine.mem.events.workingset_refault_file;
  };
  expect(left('normal')).toBe(0);
  expect(left('noreuse')).toBeGreaterThanOrEqual(256);
});

test('readahead looks for memory once or twice, and kills nobody for it', () => {
  const session = play(`machine ram=16M swap=0
cgroup write /cgroup.subtree_control "+memory"
cgroup mkdir /g
cgroup write /g/memory.max "80K"
object F file 1M
proc b cgroup=/g
b mmap heap size=20p anon private
b touch heap 0 20p write
b fadvise F 0 0 willneed`);
  const { memcg } = session.machine.cgroups.at('/g');
  expect([memcg.events.oom_kill, memcg.events.max]).toEqual([0, 2]);
  expect(cached(session, 'F')).toEqual([]);
  expect(session.machine.mem.triesOnce).toBe(false);
});

test('madvise: flags in smaps, until MADV_NORMAL takes them away', () => {
  const session = play(`machine ram=16M\n${HEAD}a madvise m 0 64K sequential\na madvise m 64K 64K random`);
  const flags = () => session.machine.named.get('a')!.mm!.vmas.map((vma) => (vma.flags >>> 15) & 3);
  expect(flags()).toEqual([1, 2, 0]);
  session.apply('a madvise m 0 1M normal');
  expect(flags()).toEqual([0]);
});

test('a write to a marked page takes a miss back twice, and never one that there was not (mmap_miss)', () => {
  const session = play(
    'machine ram=16M readahead=128K\nobject F file 1M\nproc a\na mmap m obj=F private\na read F 0 1p',
  );
  const { machine } = session;
  const mapping = machine.objects.get('F')!;
  const { flags } = machine.mem.frames;
  const marked = cached(session, 'F')
    .flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
    .find((index) => flags[mapping.pages.get(index)]! & PG_RECLAIM)!;
  session.apply(`a touch m ${marked}p 1p write`);
  expect(machine.named.get('a')!.mm!.files.get(mapping.id)!.mmapMiss).toBe(0);
});
