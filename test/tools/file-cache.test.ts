/** What is in the page cache of files of the simulated disk, as programs under `run` ask: fincore, bare system calls. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools } from './support/inside.ts';

const CALLS = join(import.meta.dirname, 'support/cache-calls.py');
const SCENARIO = `machine ram=512M readahead=0 cpus=2
proc init pid=1 ppid=0 comm=init
object LIB file 8p path=/system/lib.so
object BIG file 200M path=/system/big.apk
cache LIB loadpart 0 3p
cache BIG loadpart 64M 100M
`;
const DISK = '/proc/reclaimfs/disk/system';

describe.skipIf(skipTools).each(['direct', 'fuse-native'] as const)(
  'files of the simulated disk over %s',
  (transport) => {
    let inside: Inside;
    beforeAll(async () => {
      inside = await Inside.start({ scenario: SCENARIO, transport });
    }, 90_000);
    afterAll(async () => {
      await inside.check();
      await inside.stop();
    });

    test('cachestat, posix_fadvise and mincore', async () => {
      expect(JSON.parse(await inside.text(['/usr/bin/python3', CALLS, `${DISK}/lib.so`, '/bin/sh']))).toEqual({
        before: [3, 0, 0, 0, 0],
        incore: '###-----',
        from: '#---',
        range: [2, 0, 0, 0, 0],
        flags: 'EINVAL',
        bad: 'EBADF',
        dropped: '#-#-----',
        loaded: '#-#--##-',
        after: [0, 0, 0, 0, 0],
        negative: 'EINVAL',
        other: true,
        other_incore: '#',
      });
    });

    test('fincore counts the pages of a large file', async () => {
      expect(await inside.text(`fincore -bno RES,PAGES,SIZE ${DISK}/big.apk`)).toMatch(
        /^ *104857600 +25600 +209715200\n$/,
      );
    });
  },
);
