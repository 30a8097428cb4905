import { describe, expect, test } from 'vitest';
import { PROFILES, type ProfileName } from '../../../src/machine/profiles.ts';
import { parseReclaim } from '../../../src/machine/reclaim-request.ts';
import { EINVAL, ERANGE } from '../../../src/util/errno.ts';

function parse(text: string, profile: ProfileName = '2013-05') {
  return parseReclaim(Buffer.from(text, 'latin1'), PROFILES[profile].grammar);
}

/** What a text asks for, in one line. */
function meaning(text: string, profile?: ProfileName): string | number {
  const parsed = parse(text, profile);
  if (typeof parsed === 'number') return parsed;
  const { kind, range } = parsed.request;
  return range === undefined ? `${parsed.taken} ${kind}` : `${parsed.taken} ${kind} ${range.start}-${range.end}`;
}

describe('profile 2013-05, rows 17 to 47 of the conformance checklist', () => {
  test.each([
    ['all', '3 all'],
    ['all\n', '4 all'],
    ['  anon \t\n', '9 anon'],
    ['file', '4 file'],
    ['\xa0all\xa0', '5 all'],
    ['all\0junk', '8 all'],
    ['0x100000 8K', '11 all 256-258'],
    ['0x100000 2M', '11 all 256-768'],
    ['1048576 8192', '12 all 256-258'],
    ['0x100000 1', '10 all 256-257'],
    ['010000 4096', '11 all 1-2'],
    ['4K 4K', '5 all 1-2'],
    ['0x1000 0', '8 all 1-1'],
    ['0x1000  8192', '12 all 1-1'],
    ['0x1000 -1', '9 all 1-1'],
    ['0x1000 abc', '10 all 1-1'],
    ['0x1000 8192 junk', '16 all 1-3'],
    ['0x1000zz 8192', '13 all 1-3'],
    ['0 0xfffffffffffff000', '20 all 0-4503599627370495'],
    ['0 16E', '5 all 0-0'],
    [`all${' '.repeat(300)}`, '199 all'],
  ])('%j is %s', (text, wanted) => {
    expect(meaning(text)).toBe(wanted);
  });

  test.each([
    'ALL',
    'allx',
    'all file',
    'both',
    'full',
    "'all'",
    '',
    '\n',
    '   ',
    '1',
    '2',
    '3',
    '1000',
    '4096',
    '0',
    '0x100001 4096',
    '4096\t8192',
    '0x1000\n8192',
    '0x1000-0x3000',
    '-4096 4096',
    '+4096 4096',
    '0x1000 18446744073709551615',
    '0x1000 0xfffffffffffff000',
    'x'.repeat(300),
    'shmem',
  ])('%j is EINVAL', (text) => {
    expect(meaning(text)).toBe(-EINVAL);
  });
});

describe('the other dialects', () => {
  test.each<[ProfileName, string, string | number]>([
    ['2013', '1', '1 file'],
    ['2013', '2\n', '2 anon'],
    ['2013', '3', '1 all'],
    ['2013', '4', -EINVAL],
    ['2013', '1000', -EINVAL],
    ['2013', '4 1048576 4096', '14 file 256-257'],
    ['2013', '5 0x100000 8K', '13 anon 256-258'],
    ['2013', 'anon', '4 anon'],
    ['2013', '0x100000 8K', '11 all 256-258'],
    ['2013-04', '1', '1 file'],
    ['2013-04', 'all', -EINVAL],
    ['2013-04', '6 1048576 4096', '14 all 256-257'],
    ['2013-04', '6 0x100000 4096', -EINVAL],
    ['2013-04', `3${' '.repeat(300)}`, -EINVAL],
    ['2013-04', '9999999999', -ERANGE],
    ['2016-06', '2', '1 anon'],
    ['2016-06', '4', -EINVAL],
    ['2016-06', '9999999999', -ERANGE],
    ['2016-06', 'anon', -EINVAL],
    ['chromeos', 'shmem', '5 shmem'],
    ['chromeos', 'all', '3 all'],
    ['linux-6.18', 'shmem', -EINVAL],
  ])('%s: %j', (profile, text, wanted) => {
    expect(meaning(text, profile)).toBe(wanted);
  });
});
