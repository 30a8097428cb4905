/** Unmodified readers of the kernel's log under `run`: util-linux's and busybox's dmesg, cat, a parser of the OOM killer's report. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools } from './support/inside.ts';

const SCENARIO = `machine ram=64M swap=0 uptime=100s kernel=6.1
proc init pid=1 ppid=0 comm=init
proc hog pid=300 ppid=1 uid=1000 adj=200
hog mmap heap size=63M anon private
hog touch heap 0 63M write expect=ENOMEM
`;
const KILLED =
  /^\[ +100\.000000\] Out of memory: Killed process 300 \(hog\) total-vm:64512kB, anon-rss:\d+kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:\d+kB oom_score_adj:200$/m;

describe.skipIf(skipTools)('the kernel’s log under run', () => {
  let inside: Inside;
  beforeAll(async () => {
    inside = await Inside.start({ scenario: SCENARIO });
  }, 90_000);
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  test.each(['dmesg', 'dmesg -S', 'busybox dmesg'])(
    '%s shows the machine’s, from its first line on',
    async (command) => {
      const text = await inside.text(command);
      expect(text).toMatch(/^\[ +0\.000000\] Linux version 6\.1\.0-reclaimfs /);
      expect(text).toMatch(/^\[ +100\.000000\] hog invoked oom-killer: gfp_mask=/m);
      expect(text).toMatch(KILLED);
    },
  );

  test('dmesg sorts by level and facility', async () => {
    expect(await inside.text('dmesg --level err')).toMatch(KILLED);
    expect(await inside.text('dmesg --level info')).not.toMatch(KILLED);
    expect(await inside.text('dmesg --facility user')).toBe('');
    expect(await inside.text('dmesg -x --level err | tail -1')).toMatch(/^kern {2}:err {3}: \[/);
  });

  test('the columns of the table of tasks are those of its header', async () => {
    const columns = await inside.text(`dmesg | awk '/\\[  pid  \\]/ {n = NF} /\\[ +300\\]/ {print NF - n, $NF}'`);
    // `[  pid  ]` is three words, `[    300]` two.
    expect(columns.trim()).toBe('-1 hog');
  });

  test('dmesg -w waits for what is written, and programs are told from the kernel', async () => {
    const text = await inside.text(
      '(timeout 4 dmesg -w | grep -m1 "a daemon speaks" & sleep 1; echo "<30>a daemon speaks" > /dev/kmsg; wait)',
    );
    expect(text).toMatch(/^\[ +1\d\d\.\d{6}\] a daemon speaks$/m);
    expect(await inside.text('dmesg --facility daemon')).toMatch(/a daemon speaks\n$/);
  });

  test('what has been cleared stays away', async () => {
    await inside.text('dmesg -C; echo "<4>afterwards" > /dev/kmsg');
    for (const command of ['dmesg', 'dmesg -S', 'busybox dmesg'])
      expect((await inside.text(command)).replace(/^\[.*?\] /gm, ''), command).toBe('afterwards\n');
  });
});

test.skipIf(skipTools)(
  'dmesg over fuse-native',
  async () => {
    const inside = await Inside.start({ scenario: SCENARIO, transport: 'fuse-native' });
    try {
      expect(await inside.text('dmesg')).toMatch(KILLED);
      expect(await inside.text('dmesg -S')).toMatch(KILLED);
    } finally {
      await inside.stop();
    }
  },
  90_000,
);
