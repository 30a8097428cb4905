/**
 * What a command under `run` can do to this machine, and what is left when it, or `run`, dies. Each attack is made twice:
 * under `run` it is refused, and says so; under `run --privileged` it does what it can do on this machine itself. An attack
 * that does nothing anywhere would prove nothing.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, sh, skipMounts, until } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const program = new Program();
let temporary = '';

beforeAll(async () => {
  await program.build();
  temporary = join(program.directory, 'tmp');
  mkdirSync(temporary);
  chmodSync(temporary, 0o1777);
  process.env['TMPDIR'] = temporary;
}, 120_000);
afterAll(() => program.dispose());

function argv(options: readonly string[], command: readonly string[]): string[] {
  return [join(program.directory, 'dist/cli/main.js'), 'run', ...options, '--', ...command];
}

async function inTree(script: string, ...options: string[]): Promise<string> {
  return (await run(process.execPath, argv(options, ['sh', '-c', script]), 60_000)).stdout.trim();
}

/** The number that a system call with senseless arguments fails with: EPERM (1) is said before they are looked at. */
function errnoOf(call: string): string {
  return `python3 -c 'import ctypes; c = ctypes.CDLL(None, use_errno=True); c.${call}; print(ctypes.get_errno())'`;
}

/** Writes to a file what it says already. */
function rewriting(path: string): string {
  return `v=$(cat ${path}); { printf '%s' "$v" > ${path}; } 2>/dev/null && echo wrote || echo refused`;
}

/** A setting below /sys of the machine, and not of the simulated one. */
function writableSysFile(): string {
  const files = ['/sys/kernel/rcu_expedited', '/sys/module/printk/parameters/time'];
  return files.find((file) => mayWrite(file)) ?? files[0]!;
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    writeFileSync(path, readFileSync(path));
    return true;
  } catch {
    return false;
  }
}

const SYS_FILE = writableSysFile();

interface Attack {
  readonly what: string;
  /** Prints one word. */
  readonly script: string;
  /** What it says under `run`, and under `run --privileged`; or, in place of that, what it does on this machine itself. */
  readonly refused: string;
  readonly privileged?: string;
  readonly here?: string;
}

const ON_THE_MACHINE: readonly Attack[] = [
  {
    what: 'write a setting of this machine',
    script: rewriting('/proc/.host/sys/vm/swappiness'),
    refused: 'refused',
    here: rewriting('/proc/sys/vm/swappiness'),
  },
  {
    what: 'press sysrq',
    script: '{ echo h > /proc/.host/sysrq-trigger; } 2>/dev/null && echo wrote || echo refused',
    refused: 'refused',
    here: '[ ! -e /proc/sysrq-trigger ] && echo refused || { { echo h > /proc/sysrq-trigger; } 2>/dev/null && echo wrote || echo refused; }',
  },
  {
    what: 'switch swap off',
    script: errnoOf('swapoff(b"/nowhere")'),
    refused: '1',
    here: errnoOf('swapoff(b"/nowhere")'),
  },
  {
    what: 'switch swap on',
    script: errnoOf('swapon(b"/nowhere", 0)'),
    refused: '1',
    here: errnoOf('swapon(b"/nowhere", 0)'),
  },
  // Of a pid namespace of its own, and with senseless numbers: EINVAL for whoever may.
  { what: 'reboot', script: errnoOf('syscall(169, 0, 0, 0, 0)'), refused: '1', privileged: '22' },
];

/** Those that change what comes behind them stand last. */
const IN_NAMESPACES: readonly Attack[] = [
  {
    what: 'make /sys writable again',
    script: 'mount -o remount,bind,rw /sys 2>/dev/null && echo done || echo refused',
    refused: 'refused',
    privileged: 'done',
  },
  {
    what: 'enter the namespaces of its server',
    script:
      'own=$(readlink /proc/.host/self/ns/mnt); entered=refused; for p in /proc/.host/[0-9]*; do [ "$(readlink $p/ns/mnt 2>/dev/null || echo $own)" = "$own" ] || { nsenter --mount=$p/ns/mnt true 2>/dev/null && entered=entered; }; done; echo $entered',
    refused: 'refused',
    privileged: 'entered',
  },
  {
    what: 'see its server',
    script:
      'seen=none; for p in /proc/.host/[0-9]*; do tr "\\0" " " < $p/cmdline 2>/dev/null | grep -q "[r]un-server" && seen=seen; done; echo $seen',
    refused: 'none',
    privileged: 'seen',
  },
  {
    what: 'write into the memory of its server',
    script:
      'may=refused; for p in /proc/.host/[0-9]*; do tr "\\0" " " < $p/cmdline 2>/dev/null | grep -q "[r]un-server" && python3 -c "import sys; open(sys.argv[1], \'r+b\', 0)" $p/mem 2>/dev/null && may=opened; done; echo $may',
    refused: 'refused',
    privileged: 'opened',
  },
  {
    what: 'mount something',
    script: 'mount -t tmpfs none /tmp 2>/dev/null && echo done || echo refused',
    refused: 'refused',
    privileged: 'done',
  },
  {
    what: 'take the tree away',
    script: 'umount -l /proc 2>/dev/null; [ -e /proc/reclaimfs ] && echo there || echo gone',
    refused: 'there',
    privileged: 'gone',
  },
  {
    what: 'write to /sys of this machine, below the simulated one',
    script: `umount -R -l /sys 2>/dev/null; ${rewriting(SYS_FILE)}`,
    refused: 'refused',
    here: rewriting(SYS_FILE),
  },
];

const ATTACKS = [...ON_THE_MACHINE, ...IN_NAMESPACES];

describe.skipIf(skipMounts)('a command under run cannot', () => {
  /** What each attack said. */
  let underRun: readonly string[] = [];
  let underPrivilegedRun: readonly string[] = [];

  beforeAll(async () => {
    const all = ATTACKS.map(({ script }) => `( ${script} )`).join('\n');
    underRun = (await inTree(all)).split('\n');
    underPrivilegedRun = (await inTree(all, '--privileged')).split('\n');
  }, 120_000);

  test.each(ATTACKS.map((attack, i) => [attack.what, attack, i] as const))(
    '%s',
    { timeout: 60_000 },
    async (_what, { refused, privileged, here }, i) => {
      expect(underRun[i]).toBe(refused);
      const able = here === undefined ? privileged : (await sh(here)).stdout.trim();
      expect(underPrivilegedRun[i]).toBe(able);
    },
  );

  test('end a process of this machine, by its pid or by -1', { timeout: 120_000 }, async () => {
    const victim = spawn('sleep', ['300'], { stdio: 'ignore' });
    try {
      await inTree(`kill -9 ${victim.pid}`);
      await inTree('kill -9 -1; echo survived');
      expect(victim.exitCode ?? victim.signalCode).toBeNull();
      process.kill(victim.pid!, 0);
      expect(await inTree(`kill -9 ${victim.pid} && echo killed`, '--no-pidns')).toBe('killed');
    } finally {
      victim.kill('SIGKILL');
    }
  });
});

describe.skipIf(skipMounts)('when run dies', () => {
  /** A command under `run` in a process group of its own; resolves when the command runs. */
  async function begin(marker: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, argv([], ['sh', '-c', `echo ready; exec sleep ${marker}`]), {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await new Promise<void>((settle) => child.stdout!.once('data', () => settle()));
    return child;
  }

  /** Nothing of it is left: directory, mount, processes. */
  async function expectNothing(marker: string): Promise<void> {
    const left = (): string[] => [
      ...readdirSync(temporary),
      ...readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .filter((line) => line.includes(temporary)),
      ...processes(`sleep\0${marker}`),
      ...processes(join(program.directory, 'dist/cli/run/run-server.js')),
    ];
    await until(() => left().length === 0, `nothing being left of ${marker}: ${left().join(' ')}`, 30_000);
  }

  function processes(text: string): string[] {
    return readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });
  }

  test.each([
    ['KILL', 5101],
    ['TERM', 5102],
    ['HUP', 5103],
    ['INT', 5104],
  ] as const)('of SIG%s, nothing is left', { timeout: 120_000 }, async (signal, marker) => {
    const child = await begin(String(marker));
    child.kill(`SIG${signal}`);
    await expectNothing(String(marker));
  });

  test('with its whole process group, nothing is left', { timeout: 120_000 }, async () => {
    const child = await begin('5105');
    process.kill(-child.pid!, 'SIGKILL');
    await expectNothing('5105');
  });

  test('because its server was killed, nothing is left', { timeout: 120_000 }, async () => {
    await begin('5106');
    const servers = processes(join(program.directory, 'dist/cli/run/run-server.js'));
    expect(servers.length).toBeGreaterThan(0);
    for (const pid of servers) process.kill(Number(pid), 'SIGKILL');
    await expectNothing('5106');
  });
});

describe.skipIf(skipMounts)('on a terminal', () => {
  /** Presses Ctrl-C after a while, or hangs up; prints the status of `run`, or "goes on". */
  const TERMINAL = `
import os, pty, select, sys, time
wait, what, argv = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
pid, fd = pty.fork()
if pid == 0: os.execvp(argv[0], argv)
seen, end = b'', time.time() + (wait or 40)
while time.time() < end and (wait or b'ready' not in seen):
    if select.select([fd], [], [], 0.1)[0]: seen += os.read(fd, 1000)
if what == 'interrupt': os.write(fd, b'\\x03')
else: os.close(fd)
end = time.time() + 40
while time.time() < end:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done: print('ended', os.waitstatus_to_exitcode(status)); break
    if what == 'interrupt' and select.select([fd], [], [], 0.1)[0]:
        try: os.read(fd, 1000)
        except OSError: pass
    else: time.sleep(0.05)
else: print('goes on')
`;

  async function onTerminal(wait: number, what: string): Promise<string> {
    const command = argv([], ['sh', '-c', 'echo ready; exec sleep 600']);
    const words = ['-c', TERMINAL, String(wait), what, process.execPath, ...command];
    return (await run('python3', words, 100_000)).stdout.trim();
  }

  test('Ctrl-C ends a command', { timeout: 120_000 }, async () => {
    expect(await onTerminal(0, 'interrupt')).toBe('ended 130');
  });

  // Where it meets the start depends on the machine: at none of these moments may it be lost.
  test.each([0.3, 0.8, 1.5])('Ctrl-C %s s after the start ends it', { timeout: 120_000 }, async (wait) => {
    expect(await onTerminal(wait, 'interrupt')).toMatch(/^ended (130|-2)$/);
  });

  test('a terminal that goes away takes it along', { timeout: 120_000 }, async () => {
    expect(await onTerminal(0, 'hang up')).toMatch(/^ended/);
  });

  test('nothing is left behind', { timeout: 60_000 }, async () => {
    await until(() => readdirSync(temporary).length === 0, 'nothing being left', 30_000);
  });
});
