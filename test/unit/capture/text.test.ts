import { expect, test } from 'vitest';
import { statFields } from '../../../src/scenario/capture/proc-files.ts';
import { runTexts } from '../../../src/scenario/capture/runs.ts';
import { parseSmaps, totalsOf } from '../../../src/scenario/capture/vmas.ts';

const SMAPS = `55d4c8a00000-55d4c8a02000 r--p 00001000 fe:00 260131                     /usr/bin/with space (deleted)
Size:                  8 kB
Rss:                   8 kB
Pss:                   3 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me 
7ffd21d6d000-7ffd21d8e000 rw-p 00000000 00:00 0                          [stack]
Rss:                  12 kB
Pss:                  12 kB
Anonymous:            12 kB
Swap:                  4 kB
VmFlags: rd wr mr mw me gd ac 
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
Rss:                   4 kB
VmFlags: ex
`;

test('smaps: headers, sums and flags; what lies above user space is left out', () => {
  const vmas = parseSmaps(SMAPS);
  expect(vmas).toHaveLength(2);
  expect(vmas[0]).toMatchObject({
    start: 0x55d4c8a00,
    end: 0x55d4c8a02,
    perms: 'r--p',
    pgoff: 1,
    device: 'fe:00',
    inode: 260131,
    path: '/usr/bin/with space (deleted)',
  });
  expect(vmas[1]!.flags).toEqual(new Set(['rd', 'wr', 'mr', 'mw', 'me', 'gd', 'ac']));
  expect(totalsOf(vmas)).toEqual({ rss: 20, pss: 15, anonymous: 12, swap: 4 });
});

test('a comm with parentheses and spaces does not shift the fields of stat', () => {
  const fields = statFields('77 (a) b) (c) S 1 77 76 0 -1 4194560 5\n');
  expect(fields.slice(3, 6)).toEqual(['S', '1', '77']);
});

test('runs of pages', () => {
  expect(runTexts([0, 1, 2, 5, 6, 7], ['a', 'a', 'f', 'f', 's', 's'])).toEqual([{ offset: 0, text: '2af2-f2s' }]);
  expect(runTexts([100], ['A'])).toEqual([{ offset: 100, text: 'A' }]);
  expect(runTexts([], [])).toEqual([]);
});

test('long runs are cut into lines that follow each other', () => {
  const index = Array.from({ length: 5000 }, (_, i) => i * 2);
  const lines = runTexts(
    index,
    index.map(() => 'a'),
  );
  expect(lines.length).toBeGreaterThan(1);
  expect(lines[0]!.text.startsWith('a-a-a')).toBe(true);
  const nrPages = lines.reduce((n, { text }) => n + (text.match(/a/g)?.length ?? 0), 0);
  expect(nrPages).toBe(5000);
});
