/** `reclaimfs run`: a command with the tree as its /proc. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, run, skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const SCENARIO = `proc init pid=1
proc game pid=1234 uid=1000
game mmap heap size=4M anon
game touch heap 0 4M write
proc notes pid=1305 uid=1001
proc kthread pid=40 kthread
`;

const program = new Program();
let scenario = '';
let temporary = '';

beforeAll(async () => {
  await program.build();
  scenario = join(program.directory, 'run.scn');
  writeFileSync(scenario, SCENARIO);
  temporary = join(program.directory, 'tmp');
  mkdirSync(temporary);
  chmodSync(temporary, 0o1777);
  process.env['TMPDIR'] = temporary;
});
afterAll(() => program.dispose());

function argv(options: readonly string[], command: readonly string[]): string[] {
  return [join(program.directory, 'dist/cli/main.js'), 'run', '--scenario', scenario, ...options, '--', ...command];
}

function inTree(script: string, ...options: string[]): Promise<Outcome> {
  return run(process.execPath, argv(options, ['sh', '-c', script]), 40_000);
}

describe.skipIf(skipMounts)('run', () => {
  test.each(['direct', 'fuse-native'])(
    'over %s the command sees the tree as /proc and itself as self',
    async (name) => {
      const script =
        'cat /proc/1234/comm; echo anon > /proc/1234/reclaim; grep VmSwap /proc/1234/status; cat /proc/self/comm';
      const { stdout, stderr, status } = await inTree(script, '--transport', name);
      expect(stderr).toBe('');
      expect(stdout).toBe('game\nVmSwap:\t    4096 kB\ncat\n');
      expect(status).toBe(0);
    },
  );

  const CAPABILITIES = "sed -n 's/^CapEff:\\t//p' /proc/self/status";
  /** Bits of linux/capability.h: SYS_MODULE 16, SYS_RAWIO 17, SYS_PTRACE 19, SYS_ADMIN 21, SYS_BOOT 22, SYS_TIME 25. */
  const DANGEROUS = [16n, 17n, 19n, 21n, 22n, 25n];

  test('the command has lost what would change this machine', async () => {
    const { stdout } = await inTree(CAPABILITIES);
    const effective = BigInt(`0x${stdout.trim()}`);
    for (const bit of DANGEROUS) expect((effective >> bit) & 1n, `capability ${bit}`).toBe(0n);
  });

  test('--unprivileged leaves it nothing, --privileged everything', async () => {
    const script = `${CAPABILITIES}; grep NoNewPrivs /proc/self/status`;
    expect((await inTree(script, '--unprivileged')).stdout).toBe('0000000000000000\nNoNewPrivs:\t1\n');
    const own = /^CapEff:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    expect((await inTree(CAPABILITIES, '--privileged')).stdout).toBe(`${own}\n`);
    expect((await inTree('grep NoNewPrivs /proc/self/status', '--no-new-privs')).stdout).toBe('NoNewPrivs:\t1\n');
  });

  test('its exit status is told, whatever it has done to the directory in /tmp', async () => {
    expect((await inTree(`rmdir ${temporary}/reclaimfs-run-*; exit 3`)).status).toBe(3);
  });

  test('bash, /dev/stdin and df work', async () => {
    const script = 'bash -c "cat <(echo one)"; echo two | cat /dev/stdin; df / >/dev/null && echo three';
    expect(await inTree(script)).toMatchObject({ stdout: 'one\ntwo\nthree\n', status: 0 });
  });

  test.each([
    ['exit 7', 7],
    ['kill -9 $$', 137],
    ['kill -TERM $$', 143],
  ])('%s: its exit status is ours', async (script, status) => {
    expect((await inTree(script)).status).toBe(status);
  });

  test('a command that does not exist is said to be so', async () => {
    const { status, stderr } = await run(process.execPath, argv([], ['nosuchcommand']), 30_000);
    expect(status).toBe(127);
    expect(stderr).toContain('nosuchcommand: not found');
  });

  describe('what is told beside the output', () => {
    /** Its heap takes all of the memory within two seconds. */
    const LEAK = 'machine ram=64M swap=0\nproc leak pid=4000\nleak mmap heap size=60M\nleak grow heap rate=60M/s\n';
    const killed = `while [ -d /proc/4000 ]; do sleep 0.1; done`;

    function leaking(options: readonly string[], script = killed): Promise<Outcome> {
      const file = join(program.directory, 'leak.scn');
      writeFileSync(file, LEAK);
      const main = join(program.directory, 'dist/cli/main.js');
      return run(process.execPath, [main, 'run', '--scenario', file, ...options, '--', 'sh', '-c', script], 60_000);
    }

    test('--fail-on: a command that succeeds while its type of event happens gives 3, and says which it was', async () => {
      const { status, stderr } = await leaking(['--fail-on', 'lmk-kill,oom-kill']);
      expect(stderr).toMatch(/^reclaimfs: oom-kill of 4000 \(leak\) at [\d.]+ s \(--fail-on lmk-kill,oom-kill\)\n$/);
      expect(status).toBe(3);
    });

    test('another type of event, or a command that fails by itself, leaves its status', async () => {
      expect(await leaking(['--fail-on', 'lmk-kill'])).toMatchObject({ status: 0, stderr: '' });
      expect((await leaking(['--fail-on', 'oom-kill'], `${killed}; exit 7`)).status).toBe(7);
    });

    test('--fail-on of nothing is wrong usage, with a suggestion', async () => {
      const { status, stderr } = await leaking(['--fail-on', 'oom-kil']);
      expect(stderr).toMatch(/^reclaimfs: .*There is no event oom-kil: did you mean oom-kill\?.*\n$/);
      expect(status).toBe(2);
    });

    test('--events, --state-at-end and --summary: files that say what the command has done', async () => {
      const file = (name: string): string => join(program.directory, name);
      const options = ['--events', file('events'), '--state-at-end', file('after.scn'), '--summary', file('summary')];
      const script = 'echo $RECLAIMFS; echo anon > /proc/1234/reclaim; exit 5';
      expect(await inTree(script, ...options)).toMatchObject({ status: 5, stdout: '1\n', stderr: '' });
      const events = readFileSync(file('events'), 'utf8').trimEnd().split('\n');
      expect(events.map((line) => JSON.parse(line))).toContainEqual(
        expect.objectContaining({ type: 'reclaim', pid: 1234, request: 'anon' }),
      );
      expect(JSON.parse(readFileSync(file('summary'), 'utf8'))).toMatchObject({
        command: ['sh', '-c', script],
        exitStatus: 5,
        commandStatus: 5,
        failedOn: null,
        events: { reclaim: 1 },
      });
      const again = ['run', '--scenario', file('after.scn'), '--', 'grep', 'VmSwap', '/proc/1234/status'];
      const main = join(program.directory, 'dist/cli/main.js');
      expect((await run(process.execPath, [main, ...again], 60_000)).stdout).toBe('VmSwap:\t    4096 kB\n');
    });

    test('--json: the summary is the last line of stderr', async () => {
      const { stderr } = await inTree('echo said >&2', '--json');
      const [said, json = ''] = stderr.split('\n');
      expect(said).toBe('said');
      expect(JSON.parse(json)).toMatchObject({ exitStatus: 0, events: {} });
    });

    test('files that cannot be written are refused before, full ones make the run fail in one line', async () => {
      for (const option of ['--events', '--state-at-end', '--summary']) {
        const { status, stdout, stderr } = await inTree('echo ran', option, '/nowhere/file');
        expect(stderr).toMatch(
          new RegExp(`^reclaimfs: ${option}: /nowhere/file cannot be written \\(ENOENT\\)[^\n]*\n$`),
        );
        expect([status, stdout]).toEqual([1, '']);
      }
      const { status, stderr } = await leaking(['--events', '/dev/full']);
      expect(stderr).toBe('reclaimfs: --events: /dev/full cannot be written (ENOSPC)\n');
      expect(status).toBe(1);
    });
  });

  test('SIGTERM is handed on', async () => {
    const out = join(program.directory, 'handed-on');
    const command = argv([], ['sh', '-c', '\'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done\'']).join(' ');
    const script = `${process.execPath} ${command} >${out} & pid=$!; until grep -q ready ${out}; do sleep 0.1; done; kill -TERM $pid; wait $pid; echo $?`;
    expect((await run('sh', ['-c', script], 30_000)).stdout).toBe('9\n');
  });

  test('standard input reaches the command', async () => {
    const command = argv([], ['cat'])
      .map((word) => `'${word}'`)
      .join(' ');
    const script = `echo hello | ${process.execPath} ${command}`;
    expect((await run('sh', ['-c', script], 30_000)).stdout).toBe('hello\n');
  });

  describe.each([
    ['answered calls', []],
    ['placeholders', ['--no-syscalls']],
  ])('signals by %s', (_by, options) => {
    test('one that ends a process ends the simulated one', async () => {
      const script = `
      free0=$(awk '/MemFree/ { print $2 }' /proc/meminfo)
      kill -0 1234 && kill 1234; sleep 0.5
      ls /proc | grep -c '^1234$'; kill -0 1234 2>/dev/null || echo gone
      free1=$(awk '/MemFree/ { print $2 }' /proc/meminfo)
      [ $((free1 - free0)) -ge 4096 ] && echo freed`;
      expect((await inTree(script, ...options)).stdout).toBe('0\ngone\nfreed\n');
    });

    test('SIGSTOP and SIGCONT stop and continue it', async () => {
      const state = "awk '/State/ { print $2 }' /proc/1305/status";
      const script = `kill -STOP 1305; sleep 0.5; ${state}; kill -CONT 1305; sleep 0.5; ${state}`;
      expect((await inTree(script, ...options)).stdout).toBe('T\nS\n');
    });

    test('a process that has exited is not found, a new one is', async () => {
      const script = `
      echo 'game exit' > /proc/reclaimfs/control; echo 'proc fresh pid=2345' > /proc/reclaimfs/control; sleep 0.5
      kill -0 1234 2>/dev/null || echo gone; kill -0 2345 && echo there`;
      expect((await inTree(script, ...options)).stdout).toBe('gone\nthere\n');
    });

    test('a kernel thread outlives any signal', async () => {
      const script = 'kill -9 40; sleep 0.5; cat /proc/40/comm; kill -0 40 && echo there';
      expect((await inTree(script, ...options)).stdout).toBe('kthread\nthere\n');
    });
  });

  test('no signal from inside reaches a process of the host', async () => {
    const { stdout } = await inTree(
      `kill -0 ${process.pid} 2>/dev/null && echo reached || echo safe`,
      '--no-placeholders',
    );
    expect(stdout).toBe('safe\n');
  });

  test('--no-placeholders --no-syscalls: simulated processes cannot be signalled', async () => {
    expect((await inTree('kill -0 1234 2>/dev/null || echo none', '--no-placeholders', '--no-syscalls')).stdout).toBe(
      'none\n',
    );
  });

  test('--no-pidns keeps the pids of the host', async () => {
    const { stdout } = await inTree(`kill -0 ${process.pid} && echo reached; cat /proc/self/comm`, '--no-pidns');
    expect(stdout).toBe('reached\ncat\n');
    expect((await inTree('true', '--no-pidns', '--placeholders')).status).toBe(2);
  });

  test('an ordinary user may run where /dev/fuse may be opened', async () => {
    const mode = statSync('/dev/fuse').mode & 0o777;
    chmodSync('/dev/fuse', 0o666);
    try {
      const script =
        'cat /proc/1234/comm; echo anon > /proc/1234/reclaim && grep VmSwap /proc/1234/status; kill 1305; sleep 0.5; ls -d /proc/1305 2>/dev/null; id -u';
      const words = ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath];
      const { stdout, stderr } = await run('setpriv', [...words, ...argv([], ['sh', '-c', script])], 40_000);
      expect(stderr).toBe('');
      expect(stdout).toBe('game\nVmSwap:\t    4096 kB\n0\n');
    } finally {
      chmodSync('/dev/fuse', mode);
    }
  });

  test('nothing is left behind', () => {
    expect(readdirSync(temporary)).toEqual([]);
  });
});
