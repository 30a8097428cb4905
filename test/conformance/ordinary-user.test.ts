/** What somebody who is not root sees first: mounts of their own by fusermount, in a mount namespace that the test ends. */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, run, skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

/** nobody: fusermount wants a user who has a name. */
const UID = 65534;
const SCENARIO = 'proc game pid=1234 uid=10042\ngame mmap heap size=4M anon\ngame touch heap 0 4M write\n';
const program = new Program();
let mnt = '';

beforeAll(async () => {
  await program.build();
  mnt = join(program.directory, 'theirs');
  mkdirSync(mnt);
  chownSync(mnt, UID, UID);
  writeFileSync(join(program.directory, 'story.scn'), SCENARIO);
  const temporary = join(program.directory, 'tmp');
  mkdirSync(temporary);
  chmodSync(temporary, 0o1777);
});
afterAll(() => program.dispose());

/** A script with `$reclaimfs` and `$theirs`, both as the ordinary user; /dev/fuse has this mode. */
function asUser(mode: string, script: string): Promise<Outcome> {
  // Our sources may lie in a directory of root's: this capability lets the program, and only it, read them.
  const user = `setpriv --reuid ${UID} --regid ${UID} --clear-groups`;
  const reading = '--inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search';
  const main = `${process.execPath} ${join(program.directory, 'dist/cli/main.js')}`;
  const before = [
    'set -e',
    'mount -t tmpfs device /mnt',
    `mknod -m ${mode} /mnt/fuse c 10 229`,
    'mount --bind /mnt/fuse /dev/fuse',
    'set +e',
    `cd ${program.directory}`,
    `export TMPDIR=${program.directory}/tmp XDG_RUNTIME_DIR= HOME=/nonexistent MNT=${mnt}`,
    'unset XDG_RUNTIME_DIR',
    `reclaimfs() { ${user} ${reading} ${main} "$@"; }`,
    `theirs() { ${user} sh -c "$1"; }`,
  ];
  return run('unshare', ['-m', '--propagation', 'private', 'sh', '-c', [...before, script].join('\n')], 120_000);
}

describe.skipIf(skipMounts)('an ordinary user', { timeout: 120_000 }, () => {
  test.each(['mount "$MNT"', 'mount --transport fuse-native "$MNT"', 'run true'])(
    '%s, where the device is for root only: one line says so, and what to do',
    async (words) => {
      const { stderr, status } = await asUser('600', `reclaimfs ${words}`);
      expect(status).toBe(1);
      const ours = stderr.split('\n').filter((line) => line.startsWith('reclaimfs'));
      expect(ours).toEqual([
        expect.stringMatching(
          /cannot be mounted: \/dev\/fuse may not be opened \(EACCES\): as root: chmod 666 \/dev\/fuse( \(fuse: .*\))?$/,
        ),
      ]);
    },
  );

  test('has the direct transport by fusermount: callers are known, and it ends without a trace', async () => {
    const ask = 'readlink $MNT/self; echo anon > $MNT/1234/reclaim && grep VmSwap $MNT/1234/status';
    const { stdout, stderr, status } = await asUser(
      '666',
      `reclaimfs mount --transport direct --uid me --scenario story.scn "$MNT" && theirs '${ask}'; reclaimfs umount "$MNT" && ! mountpoint -q "$MNT"`,
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^mounted .*transport direct\n\d+\nVmSwap:\t {4}4096 kB\n/);
    expect(status).toBe(0);
  });

  test('is told whose the files are, and how to be the one who may write', async () => {
    const write = 'echo anon > $MNT/1234/reclaim && grep VmSwap $MNT/1234/status';
    const { stdout, stderr, status } = await asUser(
      '666',
      `reclaimfs mount --scenario story.scn "$MNT" && theirs '${write}'; reclaimfs umount "$MNT"
       reclaimfs mount --scenario story.scn --uid me "$MNT" && theirs '${write}; stat -c %u $MNT/1234/reclaim $MNT/meminfo; wc -l <$MNT/1234/maps'
       reclaimfs umount "$MNT"`,
    );
    expect(stderr).toMatch(/^reclaimfs: .*use --uid me, or "reclaimfs run"\n.*Permission denied\n$/);
    expect(stdout.split('\n').filter((line) => !line.startsWith('mounted'))).toEqual([
      'VmSwap:\t    4096 kB',
      String(UID),
      String(UID),
      expect.stringMatching(/^\d+$/),
      '',
    ]);
    expect(status).toBe(0);
  });

  test('run works without more', async () => {
    const script = 'echo anon > /proc/1234/reclaim && grep VmSwap /proc/1234/status';
    const { stdout } = await asUser('666', `reclaimfs run --scenario story.scn -- sh -c '${script}'`);
    expect(stdout).toBe('VmSwap:\t    4096 kB\n');
  });

  test('umount --all takes their mounts away and leaves those of others', async () => {
    const script = `
      mkdir ${program.directory}/root ${program.directory}/second; chown ${UID} ${program.directory}/second
      ${process.execPath} dist/cli/main.js mount ${program.directory}/root
      reclaimfs mount "$MNT" 2>/dev/null; reclaimfs mount ${program.directory}/second 2>/dev/null
      reclaimfs umount --all --json; echo status $?
      grep -c " ${program.directory}/root " /proc/self/mountinfo
      ${process.execPath} dist/cli/main.js umount ${program.directory}/root`;
    const { stdout, stderr } = await asUser('666', script);
    expect(stderr).toBe('');
    const json = stdout.slice(stdout.indexOf('{'), stdout.lastIndexOf('}') + 1);
    expect(JSON.parse(json)).toEqual({
      unmounted: [mnt, join(program.directory, 'second')].map((mountpoint) => ({ mountpoint, detached: false })),
      failed: [],
    });
    expect(stdout).toMatch(/\nstatus 0\n1\n$/);
  });
});
