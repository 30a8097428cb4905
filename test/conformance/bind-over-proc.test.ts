/** A mount bound over /proc: what is simulated and what is the caller's own are both found, from whatever root and namespace. */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipMounts } from './support/mounts.ts';
import { Program, type ReclaimMount } from './support/reclaim-mount.ts';

const SCENARIO = `machine ram=128M uptime=1h
proc init pid=1 ppid=0 comm=init
proc game pid=1234 ppid=1 comm=game
`;
/** What is asked there: one simulated process, and the caller itself. */
const ASK =
  'cat /proc/1234/comm; readlink /proc/self | grep -qx "$1" && cat /proc/self/comm; test -e /proc/self/fd/1 && ps -o comm= -p 1234';
const PLAIN = '[0-9]*';

describe.skipIf(skipMounts)('a mount bound over /proc', () => {
  const program = new Program();
  let mount: ReclaimMount;
  beforeAll(async () => {
    await program.build();
    mount = await program.mount(SCENARIO, 'direct');
  });
  afterAll(() => program.dispose());

  /** In a mount namespace that goes with the script; $1 is the mount. */
  async function inside(script: string): Promise<string> {
    const argv = ['--mount', '--propagation', 'private', 'timeout', '-s', 'KILL', '30', 'sh', '-ec', script];
    const { stdout } = await promisify(execFile)('unshare', [...argv, 'sh', mount.mnt]);
    return stdout;
  }

  test('mount --bind, the genuine /proc kept elsewhere', async () => {
    const script = `mount --bind /proc /mnt; mount --bind "$1" /proc; sh -c '${ASK}' sh '${PLAIN}'`;
    expect(await inside(script)).toBe('game\ncat\ngame\n');
  });

  test('without one, files of the caller are not found, and nothing hangs', async () => {
    const script = `mount --bind "$1" /proc; cat /proc/1234/comm; cat /proc/self/comm 2>&1 || :; cat /proc/.host/stat 2>&1 || :`;
    expect(await inside(script)).toMatch(
      /^game\ncat: \S+: No such file or directory\ncat: \S+: No such file or directory\n$/,
    );
  });

  test('chroot: a procfs within the new root', async () => {
    const root = join(program.directory, 'root');
    mkdirSync(root);
    const script = `mount --rbind / ${root}; mount -t proc proc ${root}/mnt; mount --bind "$1" ${root}/proc
chroot ${root} sh -c '${ASK}' sh '${PLAIN}'`;
    expect(await inside(script)).toBe('game\ncat\ngame\n');
  });

  test('bwrap: in another pid namespace, that namespace’s', async () => {
    const script = `bwrap --bind / / --dev-bind /dev /dev --unshare-pid --proc /mnt --bind "$1" /proc sh -c '${ASK}; grep NSpid /proc/self/status' sh '.host/self'`;
    expect(await inside(script)).toMatch(/^game\ncat\ngame\nNSpid:\t\d\n$/);
  });
});
