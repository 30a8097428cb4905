import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { inNamespaces } from '../../fuse/namespace.ts';
import { EVENT_TYPES, type EventType } from '../../machine/event-types.ts';
import { pidsFor } from '../../server/run/pids.ts';
import { CONTROL_FD, type RunMessage } from '../../server/run/protocol.ts';
import type { MountFlags } from '../../server/server-options.ts';
import { sweepTemporary } from '../../server/sweep.ts';
import { suggestion } from '../../util/suggest.ts';
import { CliError, type CommandRow, errorLine } from '../command.ts';
import { checkWritable } from '../compare/output.ts';
import { addMountOptions, readScenario } from '../machine-options.ts';
import { notice } from '../output.ts';
import { UI_HELP, type UiAddress, uiAddress, uiWish } from '../ui-option.ts';

const HELP = `
Examples:
  reclaimfs run -- ps aux
  reclaimfs run -- sh -c 'echo all > /proc/1234/reclaim; free -m'
  reclaimfs run -- bash              kill works on simulated processes
  reclaimfs run --fail-on oom-kill --events events.jsonl -- my-daemon --once

The command finds RECLAIMFS=1 in its environment. It sees the tree as /proc,
itself as /proc/self, the machine's /sys and the control groups in
/sys/fs/cgroup; system calls about the machine and its processes are answered
from it (doctor tells when they cannot be). It runs in namespaces of its own: no
signal of it reaches a process of this machine. The exit status is its own, or
128 + n when signal n has ended it; 3 when it has succeeded but an event of
--fail-on has happened.

It can write files and use the network and devices as its user may. It cannot
write /sys or the settings below /proc/.host, swapon, swapoff, reboot, mount,
set the clock, load modules, or look into the memory of the server
(--privileged: it can). Not a sandbox: see SECURITY.md.`;

/** More simulated processes than this get no placeholders unless asked for. */
const DEFAULT_PLACEHOLDERS = 500;
/** To be handed on; the terminal sends SIGINT and SIGQUIT to the command by itself. */
const FORWARDED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'];
const OF_THE_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

interface Flags extends MountFlags {
  readonly scenario: string;
  readonly pidns: boolean;
  /** A number, true (asked for without one), false, or undefined. */
  readonly placeholders?: number | boolean;
  readonly syscalls: boolean;
  readonly privileged?: boolean;
  readonly unprivileged?: boolean;
  readonly newPrivs: boolean;
  readonly events?: string;
  readonly stateAtEnd?: string;
  readonly failOn?: readonly EventType[];
  readonly summary?: string;
  readonly json?: boolean;
  readonly ui?: UiAddress | true;
}

export const runCommand: CommandRow = {
  name: 'run',
  register(program: Command): void {
    addMountOptions(program.command('run <command...>').description('run a command with the tree as its /proc'))
      .option('--no-pidns', "keep this machine's pid namespace: signals reach real processes")
      .option('--placeholders [n]', 'real idle tasks for simulated processes, if there are at most n', count)
      .option('--no-placeholders', 'none, also where system calls are not answered')
      .option('--no-syscalls', 'system calls tell of this machine, not of the simulated one')
      .addOption(new Option('--privileged', 'the command keeps all that its user may').conflicts('unprivileged'))
      .option('--unprivileged', 'the command has no capability at all, and no new privileges')
      .option('--no-new-privs', 'set-uid programs give the command nothing')
      .option('--ui [host:port]', UI_HELP, uiAddress)
      .option('--events <file>', 'write what happens there, a JSON line each')
      .option('--state-at-end <file>', 'write the machine there that the command has left, as a scenario')
      .option('--fail-on <types>', 'exit with 3 when one of these events happens: oom-kill,lmk-kill', eventTypes)
      .option('--summary <file>', 'write one JSON object there that says how it went')
      .option('--json', 'the same as the last line of stderr')
      .passThroughOptions()
      .addHelpText('after', HELP)
      .action(run);
  },
};

const TYPES = Object.keys(EVENT_TYPES) as EventType[];

function eventTypes(text: string): readonly EventType[] {
  return text.split(',').map((name) => {
    const type = TYPES.find((known) => known === name);
    if (type === undefined) throw new InvalidArgumentError(`There is no event ${name}: ${suggestion(name, TYPES)}`);
    return type;
  });
}

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Give a number.');
  return Number(text);
}

async function run(command: readonly string[], flags: Flags): Promise<void> {
  await checkWritable('--state-at-end', flags.stateAtEnd);
  await checkWritable('--summary', flags.summary);
  const source = await readScenario(flags.scenario, flags.masimRate);
  const { firstPid, commandPid } = pidsFor(source.text, flags.pidns);
  sweepTemporary();
  const mountpoint = mkdtempSync(join(tmpdir(), 'reclaimfs-run-'));
  const guard = guardDirectory(mountpoint);
  try {
    const eventsFd = flags.events === undefined ? undefined : openEvents(flags.events);
    const server = fileURLToPath(new URL('../run/run-server.js', import.meta.url));
    const argv = inNamespaces({ pidns: flags.pidns, userns: process.geteuid?.() !== 0, firstPid }, [
      process.execPath,
      server,
    ]);
    process.exitCode = await supervise(
      argv,
      {
        kind: 'start',
        mountpoint,
        source,
        flags,
        pidns: flags.pidns,
        maxPlaceholders: maxPlaceholders(flags),
        placeholdersAsked: flags.placeholders !== undefined,
        syscalls: flags.syscalls,
        commandPid,
        command,
        isolation: flags.privileged ? 'privileged' : flags.unprivileged ? 'unprivileged' : 'default',
        noNewPrivs: !flags.newPrivs,
        ui: uiWish(flags.ui),
        wishes: {
          eventsFile: absolute(flags.events),
          stateFile: absolute(flags.stateAtEnd),
          failOn: flags.failOn ?? [],
          summaryFile: absolute(flags.summary),
          json: flags.json ?? false,
        },
      },
      eventsFd,
    );
  } finally {
    guard.stdin?.end('done\n');
    removeDirectory(mountpoint);
  }
}

function absolute(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path);
}

/** Here and not in the namespaces: what the shell has opened for us is known by number only. */
function openEvents(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new CliError(
      `--events: ${path} cannot be written (${(error as NodeJS.ErrnoException).code}): give another file`,
    );
  }
}

/** A process in a session of its own that removes the directory when this one is killed: the namespaces end by themselves. */
function guardDirectory(path: string): ChildProcess {
  const script = 'trap \'\' HUP INT QUIT TERM; read -r _ || rmdir "$1"';
  const options: SpawnOptions = { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] };
  const guard = spawn('sh', ['-c', script, 'reclaimfs-guardian', path], options);
  guard.on('error', () => {});
  guard.stdin?.on('error', () => {});
  guard.unref();
  (guard.stdin as (Writable & { unref?(): void }) | null)?.unref?.();
  return guard;
}

/** What the command has put there, or taken away, is no reason to lose its exit status. */
function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') notice(`${path} could not be removed: ${errorLine(error)}`);
  }
}

function maxPlaceholders({ placeholders, pidns }: Flags): number {
  if (placeholders === false) return 0;
  if (!pidns) {
    if (placeholders === undefined) return 0;
    throw new CliError('placeholders need the pid namespace: leave out --no-pidns or --placeholders', 2);
  }
  return typeof placeholders === 'number' ? placeholders : DEFAULT_PLACEHOLDERS;
}

/** Runs the server in its namespaces and hands signals on; its exit status. */
function supervise(argv: readonly string[], start: RunMessage, eventsFd = openSync('/dev/null', 'w')): Promise<number> {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { stdio: ['inherit', 'inherit', 'inherit', 'pipe', eventsFd] });
  closeSync(eventsFd);
  const control = child.stdio[CONTROL_FD] as Writable;
  control.on('error', () => {}); // It has ended already: its exit status tells.
  const send = (message: RunMessage): unknown => control.write(`${JSON.stringify(message)}\n`);
  send(start);
  for (const signal of FORWARDED) process.on(signal, () => send({ kind: 'signal', signal }));
  for (const signal of OF_THE_TERMINAL)
    process.on(signal, () => {
      if (!isatty(0)) send({ kind: 'signal', signal });
    });
  return new Promise((settle, fail) => {
    child.once('error', (error) => fail(new CliError(`unshare cannot be run (${error.message}): install util-linux`)));
    child.once('exit', (code, signal) => {
      control.destroy();
      for (const name of [...FORWARDED, ...OF_THE_TERMINAL]) process.removeAllListeners(name);
      settle(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
