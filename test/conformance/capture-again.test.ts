/** A captured machine, mounted and captured again, is the same scenario: bytes that are no text, deleted files, states, swap. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captureMachine } from '../../src/scenario/capture/capture.ts';
import { LiveTree } from '../../src/scenario/capture/proc-tree.ts';
import { skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const SCENARIO = `machine ram=64M swap=16M uptime=100s hostname="h\\xf6st"
object LIB file 64K path="/lib/new\\nline b\\xffs.so"
object GONE file 64K path=/lib/gone.so
object SHM memfd 64K path="/memfd:x\\xe9 (deleted)"
proc init pid=1 ppid=0
proc a pid=50 uid=3000000000 comm="bad\\xff\\xfex\\n\\\\" cmdline="caf\\xe9\\0-x\\0" exe="/bin/\\xe9" cwd="/tmp/\\xa0" cgroup="/g\\xff"
a mmap l size=64K obj=LIB private prot=r
a mmap g size=64K obj=GONE private prot=r
a mmap s size=64K obj=SHM shared
a mmap h size=64K anon name=[heap]
a touch h 0 64K write
a touch l 0 16K read
a touch s 0 16K write
a thread tid=51 comm="t\\x80" state=t tracer=1
a fork b pid=60
b touch h 0 8K write
unlink GONE
a pageout anon
`;

const program = new Program();
beforeAll(() => program.build());
afterAll(() => program.dispose());

test.skipIf(skipMounts)('capture, mount, capture: the same', async () => {
  const captureOf = async (scenario: string): Promise<string> => {
    const mount = await program.mount(scenario, 'direct');
    const { text } = captureMachine({ tree: new LiveTree(mount.mnt) });
    await mount.stop();
    return text.replace(/^title .*\n/, '');
  };
  const first = await captureOf(SCENARIO);
  expect(first).toContain('comm="bad\\xff\\xfex\\x0a\\\\" cgroup="/g\\xff" cmdline="caf\\xe9\\x00-x\\x00"');
  expect(first).toContain('path="/lib/gone.so (deleted)"');
  expect(first).toContain('comm="t\\x80" state=t tracer=1');
  expect(await captureOf(first)).toBe(first);
});
