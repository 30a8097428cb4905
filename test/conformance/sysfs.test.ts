/** `mount --sysfs`: the machine's /sys as a further mount. */
import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMount } from '../../src/fuse/mountinfo.ts';
import type { TransportName } from '../../src/fuse/types.ts';
import { run, skipMounts, until } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const TRANSPORTS: readonly TransportName[] = ['direct', 'fuse-native'];
const SCENARIO = 'machine ram=256M swap=256M swapkind=zram cpus=7\nproc init pid=1 ppid=0 comm=init\n';

const program = new Program();
beforeAll(() => program.build(), 180_000);
afterAll(() => program.dispose(), 60_000);

describe.skipIf(skipMounts).each(TRANSPORTS)('/sys mounted over %s', (transport) => {
  test('is that of the machine beside it, and goes with it', async () => {
    const sys = join(program.directory, `sys-${transport}`);
    const cg = join(program.directory, `cg-${transport}`);
    for (const directory of [sys, cg]) mkdirSync(directory);
    const m = await program.mount(SCENARIO, transport, '--sysfs', sys, '--cgroupfs', cg);
    try {
      expect(readFileSync(join(sys, 'devices/system/cpu/online'), 'utf8')).toBe('0-6\n');
      expect(readlinkSync(join(sys, 'block/zram0'))).toBe('../devices/virtual/block/zram0');
      expect(readFileSync(join(sys, 'block/zram0/disksize'), 'utf8')).toBe(`${256 * 2 ** 20 + 4096}\n`);
      expect(() => writeFileSync(join(sys, 'block/zram0/disksize'), '1G')).toThrow(/EBUSY/);
      expect(readFileSync(join(cg, 'cgroup.procs'), 'utf8')).toBe('1\n');
      expect((await run('umount', [m.mnt])).status).toBe(0);
      await until(() => findMount(sys) === undefined && findMount(cg) === undefined, 'end of the other mounts');
    } finally {
      await m.stop();
    }
  }, 120_000);
});
