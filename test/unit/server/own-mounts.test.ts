/** What a program under `run` is told of mounts, made of the genuine list. */
import { expect, test } from 'vitest';
import { OwnMounts } from '../../../src/server/run/own-mounts.ts';

/** As in a namespace of `run`: this machine's mounts, with the tree's over them. */
const GENUINE = `66 63 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard
69 66 0:20 / /proc rw,relatime - proc proc rw
70 69 0:50 / /proc rw,nosuid - proc proc rw,hidepid=2
71 66 0:21 / /sys ro,relatime - sysfs sysfs rw
75 71 0:7 / /sys/kernel/debug ro - debugfs debugfs rw
72 71 0:37 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw
76 72 0:39 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
73 72 0:38 /.cgroup /sys/fs/cgroup rw,nosuid,nodev,relatime - fuse.reclaimfs reclaimfs rw,user_id=0
74 70 0:38 / /proc rw,nosuid,nodev,relatime - fuse.reclaimfs reclaimfs rw,user_id=0
77 74 0:43 / /proc/.host rw,nosuid - proc proc rw,hidepid=ptraceable
85 66 0:44 / /mnt\\040ro ro,nosuid,noatime - tmpfs none rw,size=4k
`.replaceAll('\\\\', '\\');
const OPTIONS = 'rw,nosuid,nodev,noexec,relatime';

test('mountinfo has one /proc, one /sys and one hierarchy of control groups, each below a mount that is there', () => {
  expect(
    new OwnMounts(GENUINE).mountinfo(),
  ).toBe(`66 63 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard
71 66 0:21 / /sys ${OPTIONS} - sysfs sysfs rw
73 71 0:38 / /sys/fs/cgroup ${OPTIONS} - cgroup2 cgroup2 rw
74 66 0:38 / /proc ${OPTIONS} - proc proc rw
85 66 0:44 / /mnt\\040ro ro,nosuid,noatime - tmpfs none rw,size=4k
`);
});

test('mounts has the mode first, and ro where mount or file system are', () => {
  expect(new OwnMounts(GENUINE).mounts()).toBe(`/dev/vda / ext4 rw,relatime,discard 0 0
sysfs /sys sysfs ${OPTIONS} 0 0
cgroup2 /sys/fs/cgroup cgroup2 ${OPTIONS} 0 0
proc /proc proc ${OPTIONS} 0 0
none /mnt\\040ro tmpfs ro,nosuid,noatime,size=4k 0 0
`);
});

test('mountstats names the same', () => {
  expect(new OwnMounts(GENUINE).mountstats()).toContain(
    'device cgroup2 mounted on /sys/fs/cgroup with fstype cgroup2\n',
  );
});

test('what covers another mount counts, and those below it hang from it', () => {
  const text =
    '1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /sys rw - sysfs s rw\n3 2 0:3 / /sys rw - fuse.x f rw\n4 3 0:3 /.cgroup /sys/fs/cgroup rw - fuse.x f rw\n';
  expect(new OwnMounts(text).mountinfo()).toContain(`3 1 0:3 / /sys ${OPTIONS} - sysfs sysfs rw\n4 3 `);
});
