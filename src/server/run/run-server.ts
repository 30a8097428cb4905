/**
 * The server of `reclaimfs run`, inside its namespaces: mounts, makes the placeholders, runs the command with the tree as
 * its /proc, and exits with its status.
 */
import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type ClockOffsets, type Surroundings, timeNamespace, withTreeAsProc } from '../../fuse/namespace.ts';
import { mountFileSystem } from '../../fuse/transport.ts';
import { MountError, type MountHandle } from '../../fuse/types.ts';
import { EXIT_FAILED } from '../../util/errors.ts';
import { logger } from '../../util/log.ts';
import { type CommandRun, runPrograms } from '../compare/command-run.ts';
import type { FinishReport } from '../compare/compare-server.ts';
import type { Front, StartFront } from '../front.ts';
import { errorLine, notice } from '../messages.ts';
import type { ProcessReport, SimulatedProcess } from '../process-reports.ts';
import { mappedIds, serverOptions } from '../server-options.ts';
import type { WarningsMessage } from '../server-protocol.ts';
import { bindOwnLinks } from './own-links.ts';
import { Placeholders } from './placeholders.ts';
import { CONTROL_FD, EVENTS_FD, type RunMessage, type RunStart } from './protocol.ts';
import { RunRecord, shellStatus } from './run-record.ts';
import type { SurroundingsReport } from './surroundings.ts';
import { type CommandEnd, Notifier, newDeskName } from './syscalls/notifier.ts';

const log = logger('run');
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'];

/** A socket, not a file: a read of a file would keep a thread of ours waiting, and process.exit() with it. */
const control = new Socket({ fd: CONTROL_FD, readable: true, writable: false });
const lines = createInterface({ input: control });
/** Before the command has been started, what would have ended it ends us. */
let signalCommand = (signal: NodeJS.Signals): void => process.exit(128 + constants.signals[signal]);
let hasCommand = false;
/** What the terminal sends is for the command, and we end with it; as long as there is none, it is for us. */
for (const signal of SIGNALS)
  process.on(signal, () => {
    if (!hasCommand) signalCommand(signal);
  });

/** Waits for the first message. `startFront`: shows the machine to people, where that is asked for. */
export function serveRun(startFront: StartFront): void {
  lines.on('line', (line) => {
    const message = JSON.parse(line) as RunMessage;
    if (message.kind === 'signal') signalCommand(message.signal);
    else
      run(message, startFront).then(
        (status) => process.exit(status),
        (error: unknown) => {
          notice(errorLine(error));
          process.exit(EXIT_FAILED);
        },
      );
  });
  /** Whoever started us has gone. */
  lines.on('close', () => signalCommand('SIGKILL'));
}

async function run(start: RunStart, startFront: StartFront): Promise<number> {
  const { compared } = start;
  const notifier = start.syscalls ? await prepareNotifier(compared !== undefined) : undefined;
  const deskName = notifier === undefined ? undefined : newDeskName();
  // Before anything else: where calls of time are asked about, the thread that starts the command makes such calls itself.
  if (deskName !== undefined) await notifier?.listen(start.mountpoint, deskName);
  const maxPlaceholders = notifier !== undefined && !start.placeholdersAsked ? 0 : start.maxPlaceholders;
  const mounting = mountFileSystem({
    mountpoint: start.mountpoint,
    transport: start.flags.transport,
    factory: new URL(compared === undefined ? '../server.js' : '../compare/compare-server.js', import.meta.url),
    factoryOptions: {
      ...serverOptions(start.source, start.flags),
      ...compared,
      hostMounted: true,
      ownProcesses: start.pidns ? 'pidns' : 'descendants',
      cgroups: true,
      sysfs: true,
      rootWithheld: start.isolation === 'default',
      reportProcesses: maxPlaceholders > 0 || notifier !== undefined,
      deskName,
    },
    handleSignals: false,
    notice,
  });
  const mount = await mounting.catch(async (error: unknown) => {
    await notifier?.close();
    throw error;
  });
  let front: Front | undefined;
  let unbindLinks = async (): Promise<void> => {};
  try {
    await bindGenuineProc(start);
    if (start.pidns && mount.transport === 'fuse-native') unbindLinks = await bindOwnLinks(start.mountpoint);
    const inbox = new Inbox(mount);
    const placeholders = maxPlaceholders > 0 ? placeholdersFor(mount, maxPlaceholders) : undefined;
    if (placeholders !== undefined || notifier !== undefined)
      await followProcesses(inbox, mount, (processes) => {
        placeholders?.follow(processes);
        notifier?.follow(processes);
      });
    const surroundings = await askSurroundings(inbox, mount);
    if (start.pidns) writeFileSync('/proc/sys/kernel/ns_last_pid', String(start.commandPid - 1));
    if (start.ui !== undefined) front = await startFront(start.mountpoint, start.ui);
    if (front !== undefined) notice(`to look at it: ${front.url}`);
    if (compared !== undefined && notifier !== undefined) {
      // Nobody is left who wants to know: the namespaces end with us.
      lines.on('close', () => process.exit(EXIT_FAILED));
      const lent = lentTo(start, surroundings, mount, inbox, notifier);
      writeFileSync(EVENTS_FD, JSON.stringify(await runPrograms({ ...compared, ...lent })));
      return 0;
    }
    const record = new RunRecord(start);
    await record.begin();
    const status = await runCommand(start, surroundings, notifier);
    placeholders?.close();
    return await record.end(status, mount.transport);
  } finally {
    await front?.close();
    await notifier?.close();
    await unbindLinks();
    await promisify(execFile)('umount', ['-l', `${start.mountpoint}/.host`]).catch(() => {});
    await mount.unmount();
  }
}

/** `self` and the numbers of real processes lead into .host. */
async function bindGenuineProc({ mountpoint, pidns, isolation }: RunStart): Promise<void> {
  const host = `${mountpoint}/.host`;
  const mount = (args: readonly string[]): Promise<unknown> => promisify(execFile)('mount', [...args, host]);
  // A procfs that does not show whom the command may not trace: us, above all.
  if (pidns && isolation !== 'privileged') {
    const hiding = await mount(['-t', 'proc', '-o', 'nosuid,nodev,noexec,hidepid=ptraceable', 'proc']).then(
      () => true,
      () => false,
    );
    if (hiding) return;
    notice('this kernel (before 5.8) cannot hide the server from the command: it is seen in /proc/.host');
  }
  try {
    await mount(['--rbind', '/proc']);
  } catch (error) {
    throw new MountError(`the genuine /proc cannot be bound into the tree: ${(error as Error).message.split('\n')[1]}`);
  }
}

/** What the file system sends, by its kind: one handler each. */
class Inbox {
  readonly #handlers = new Map<string, (message: never) => void>();

  constructor(mount: MountHandle) {
    this.on<WarningsMessage>('warnings', ({ lines }) => lines.forEach(notice));
    mount.onMessage((message) => this.#handlers.get((message as { readonly kind: string }).kind)?.(message as never));
  }

  on<M extends { readonly kind: string }>(kind: M['kind'], handler: (message: M) => void): void {
    this.#handlers.set(kind, handler as (message: never) => void);
  }
}

/** The machine's name and clock; without the clock where no time namespace can be made. */
async function askSurroundings(inbox: Inbox, mount: MountHandle): Promise<Surroundings> {
  const { hostname, clockOffsets } = await new Promise<SurroundingsReport>((settle) => {
    inbox.on<SurroundingsReport>('surroundings', settle);
    mount.send({ kind: 'surroundings' });
  });
  return { hostname, clockOffsets: (await mayShiftClocks(clockOffsets)) ? clockOffsets : undefined };
}

/** Kernels before 5.6 have no time namespaces, util-linux before 2.36 does not know them, and no clock may stand below 0. */
function mayShiftClocks(offsets: ClockOffsets): Promise<boolean> {
  return promisify(execFile)('unshare', [...timeNamespace(offsets), '--', 'true']).then(
    () => true,
    () => false,
  );
}

/** Undefined where it cannot be, with a notice; not for lack of koffi, which `doctor` tells of. */
async function prepareNotifier(virtualTime: boolean): Promise<Notifier | undefined> {
  const notifier = await Notifier.prepare({ virtualTime });
  if (!('obstacle' in notifier)) return notifier;
  if (virtualTime) throw new MountError(`programs cannot take part in a comparison here: ${notifier.obstacle}`);
  log('system calls are not answered: %s', notifier.obstacle);
  return undefined;
}

function placeholdersFor(mount: MountHandle, most: number): Placeholders {
  return new Placeholders(most, mappedIds() === undefined, (signal) => mount.send(signal));
}

/** Resolves when whoever follows them has seen the processes that there are now. */
function followProcesses(
  inbox: Inbox,
  mount: MountHandle,
  follow: (processes: readonly SimulatedProcess[]) => void,
): Promise<void> {
  return new Promise((settle) => {
    inbox.on<ProcessReport>('processes', ({ processes }) => {
      follow(processes);
      settle();
    });
    mount.send({ kind: 'report' });
  });
}

/** What the programs of a comparison need of this process. */
function lentTo(
  { mountpoint, isolation, noNewPrivs }: RunStart,
  surroundings: Surroundings,
  mount: MountHandle,
  inbox: Inbox,
  notifier: Notifier,
): Omit<CommandRun, 'experiment' | 'planned'> {
  // Its clocks are the machine's already.
  const of = { isolation, noNewPrivs, surroundings: { hostname: surroundings.hostname } };
  const env = { ...process.env, RECLAIMFS: '1' };
  return {
    mount,
    onTime: (told) => {
      notifier.onTime = told;
    },
    onFinished: (told) => inbox.on<FinishReport>('finished', told),
    runShell: (command) => notifier.run(withTreeAsProc(mountpoint, ['sh', '-c', command], of), env, tellOf, true),
  };
}

/** The exit status of the command, as a shell gives it: 128 + n when signal n has ended it. */
async function runCommand(start: RunStart, surroundings: Surroundings, notifier?: Notifier): Promise<number> {
  const { mountpoint, command, isolation, noNewPrivs } = start;
  const argv = withTreeAsProc(mountpoint, command, { isolation, noNewPrivs, surroundings });
  const env = { ...process.env, RECLAIMFS: '1' };
  hasCommand = true;
  try {
    const { code, signal } = await (notifier === undefined ? spawned(argv, env) : notifier.run(argv, env, tellOf));
    return shellStatus(code, signal);
  } catch (error) {
    throw new MountError(`unshare cannot be run (${errorLine(error)}): install util-linux`);
  }
}

/** Signals for the command go to this process from now on. */
function tellOf(pid: number): void {
  signalCommand = (signal) => {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended.
    }
  };
}

function spawned(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandEnd> {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { stdio: 'inherit', env });
  signalCommand = (signal) => void child.kill(signal);
  return new Promise((settle, fail) => {
    child.once('error', fail);
    child.once('exit', (code, signal) => settle({ code, signal }));
  });
}
