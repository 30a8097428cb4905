import { describe, expect, test } from 'vitest';
import { findMount, isOurs, parseMountInfo } from '../../../src/fuse/mountinfo.ts';

const TEXT = String.raw`22 27 0:21 / /proc rw,relatime - proc proc rw
36 35 98:0 /mnt1 /mnt\040a\011b\134c rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue
42 27 0:39 / /mnt rw,nosuid,nodev,relatime - fuse.reclaimfs reclaimfs rw,user_id=0
43 42 0:40 / /mnt rw - tmpfs none rw
44 27 0:41 / /other rw - fuse reclaimfs rw
45 27 0:42 / /third rw - fuse.sshfs reclaimfs rw
garbage
`;

describe('mountinfo', () => {
  test('is parsed with optional fields and escapes', () => {
    expect(parseMountInfo(TEXT)).toHaveLength(6);
    expect(parseMountInfo(TEXT)[1]).toEqual({
      id: 36,
      device: '98:0',
      root: '/mnt1',
      mountpoint: '/mnt a\tb\\c',
      type: 'ext3',
      source: '/dev/root',
      superOptions: 'rw,errors=continue',
    });
  });

  test('the topmost of several mounts counts', () => {
    expect(findMount('/mnt', TEXT)?.type).toBe('tmpfs');
    expect(findMount('/mnt/', TEXT)).toBeUndefined();
    expect(findMount('/nowhere', TEXT)).toBeUndefined();
  });

  test('ours are told from others', () => {
    expect(parseMountInfo(TEXT).map(isOurs)).toEqual([false, false, true, false, true, false]);
  });

  test('the real one is read', () => {
    expect(findMount('/proc')?.type).toBe('proc');
  });
});
