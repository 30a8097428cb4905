/** `scripts/demo` tells its story on machines of every kind: each is this one, looked at through changed files and limits. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { skipTools } from './support/inside.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const DEMO = join(REPOSITORY, 'scripts/demo');
const LIMIT_MS = 170_000;

const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-demo-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a shell script in a mount namespace of its own, `$D` being a directory of its own, `$DEMO` the demo. */
function elsewhere(name: string, script: string): Promise<{ status: number; output: string }> {
  const own = join(directory, name);
  mkdirSync(own);
  const argv = ['--mount', '--propagation', 'private', 'sh', '-euc', script];
  const env = { ...process.env, D: own, DEMO, REPOSITORY };
  return new Promise((settle) => {
    execFile('unshare', argv, { env, timeout: LIMIT_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) =>
      settle({ status: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr }),
    );
  });
}

/** /proc/meminfo and /proc/swaps of a machine with so much swap, some of it in use. */
function withSwap(totalKb: number, freeKb: number): string {
  const meminfo = readFileSync('/proc/meminfo', 'utf8')
    .replace(/^SwapTotal:.*$/m, `SwapTotal: ${totalKb} kB`)
    .replace(/^SwapFree:.*$/m, `SwapFree: ${freeKb} kB`);
  const swaps = 'Filename\tType\tSize\tUsed\tPriority\n';
  const row = totalKb === 0 ? '' : `/dev/sda2 partition ${totalKb} ${totalKb - freeKb} -2\n`;
  writeFileSync(join(directory, `meminfo-${totalKb}-${freeKb}`), meminfo);
  writeFileSync(join(directory, `swaps-${totalKb}-${freeKb}`), swaps + row);
  return `mount --bind "$D/../meminfo-${totalKb}-${freeKb}" /proc/meminfo
    mount --bind "$D/../swaps-${totalKb}-${freeKb}" /proc/swaps
    "$DEMO"`;
}

/** A root directory that is no mount point, with this machine's directories in it. */
const CHROOT = `
  mkdir "$D/root"; cd "$D/root"
  for name in bin lib lib32 lib64 sbin; do [ ! -L /$name ] || cp -P /$name .; done
  for name in usr etc root opt home work proc sys dev bin lib lib64 sbin; do
    [ -d /$name ] && [ ! -L /$name ] || continue
    mkdir $name; mount --rbind /$name $name
  done
  mkdir -p tmp ".$REPOSITORY"
  [ -e ".$DEMO" ] || mount --bind "$REPOSITORY" ".$REPOSITORY"
  exec chroot . env -u TMPDIR "$DEMO"`;

const MACHINES: Readonly<Record<string, () => string>> = {
  'no swap': () => withSwap(0, 0),
  '32 MB of swap': () => withSwap(32 << 10, 32 << 10),
  '64 GB of swap': () => withSwap(64 << 20, 64 << 20),
  'all swap in use': () => withSwap(2 << 20, 100),
  'one CPU': () => 'exec taskset -c "$(taskset -pc $$ | sed "s/.*: //; s/[-,].*//")" "$DEMO"',
  'a limit on memory': () => `
    group=/sys/fs/cgroup/reclaimfs-demo-$$
    trap 'echo $$ > /sys/fs/cgroup/cgroup.procs; rmdir "$group"' EXIT
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
      mkdir "$group"; echo $$ > "$group/cgroup.procs"
      [ ! -e "$group/memory.max" ] || echo 512M > "$group/memory.max"
    else trap - EXIT; fi
    "$DEMO"`,
  'another language': () => 'LANG=de_DE.UTF-8 LC_ALL=tr_TR.UTF-8 LANGUAGE=de "$DEMO"',
  'a TMPDIR that runs nothing': () => 'mount -t tmpfs -o noexec,nosuid,nodev none "$D"; TMPDIR="$D" "$DEMO"',
  'a chroot': () => CHROOT,
};

describe.skipIf(skipTools)('the demo', () => {
  test.each(Object.keys(MACHINES))('on a machine with %s', { timeout: 180_000 }, async (name) => {
    const { status, output } = await elsewhere(name.replaceAll(' ', '-'), MACHINES[name]!());
    expect(output).not.toContain('NOT TRUE');
    expect(output).toMatch(/19 claims checked, all true/);
    expect(status, output).toBe(0);
  });
});
