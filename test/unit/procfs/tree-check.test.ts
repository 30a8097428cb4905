import { describe, expect, test } from 'vitest';
import { createCgroupFs } from '../../../src/procfs/cgroupfs.ts';
import { checkText, checkTree } from '../../../src/procfs/tree-check.ts';
import { Tree } from './support.ts';

test('a tree with something of every kind has no flaw', () => {
  const tree = new Tree();
  tree.apply('cgroup mkdir /a\ncgroup write /cgroup.subtree_control "+memory +pids"');
  expect(checkTree(tree.fs)).toEqual([]);
  expect(checkTree(createCgroupFs(tree.host))).toEqual([]);
});

describe('what is wrong is found', () => {
  test.each([
    ['/meminfo', 'MemTotal: NaN kB\n'],
    ['/meminfo', 'MemFree: -4 kB\n'],
    ['/vmstat', 'pgfault 1e+21\n'],
    ['/vmstat', 'pswpin -1\n'],
    ['/50/status', 'Name:\tx\nGroups:\t1000 NaN \n'],
    ['/50/stat', `50 (a) ${'S 1 '.padEnd(90, '0 ')}\n`],
    ['/50/stat', `50 (a) S${' 0'.repeat(40)} undefined${' 0'.repeat(8)}\n`],
    ['/50/statm', '1 2 3\n'],
    ['/50/io', 'rchar: -1\n'],
    ['/uptime', 'Infinity 0.00\n'],
    ['/a/memory.max', '1.8e+25\n'],
    ['/a/memory.stat', 'anon -4096\n'],
    ['/reclaimfs/events?now', '{"comm":"a","rssKb":-1}\n'],
    ['/pressure/memory', 'some avg10=0.00 avg60=0.00 avg300=0.00 total=-5\n'],
  ])('%s: %j', (path, text) => expect(checkText(path, text)).not.toEqual([]));

  test('but not in names', () => {
    expect(checkText('/50/status', 'Name:\tNaN -1\nState:\tS (sleeping)\n')).toEqual([]);
    expect(checkText('/reclaimfs/processes', '{"pid":42,"name":"Infinity","adj":-5}\n')).toEqual([]);
    expect(checkText('/reclaimfs/processes', '{"pid":42,"name":"a","rss":-5}\n')).toHaveLength(1);
    expect(checkText('/reclaimfs/events?now', '{"adj":-17,"comm":"-0 \\" NaN","group":null}\n')).toEqual([]);
    expect(checkText('/reclaimfs/events?now', '{"type":"lmk-kill","freeKb":-768,"fileKb":96}\n')).toEqual([]);
    expect(checkText('/reclaimfs/events?now', '{"type":"lmk-kill","freeKb":-768,"fileKb":-96}\n')).toHaveLength(1);
    expect(checkText('/50/stat', `50 (NaN -1) S${' 0'.repeat(49)}\n`)).toEqual([]);
    expect(checkText('/50/maps', '1000-2000 r--p 00000000 fe:00 1001                       /undefined -1\n')).toEqual(
      [],
    );
  });
});
