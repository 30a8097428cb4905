import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { canonicalPath, refuseServed } from '../fuse/mountpoint.ts';
import { type Capability, MountError, type TransportName } from '../fuse/types.ts';
import type { FrontWish } from './front.ts';
import { MEMORY_ADVICE } from './messages.ts';
import type { ServerOptions } from './server.ts';
import { type FromServer, revive, type StartMessage } from './server-protocol.ts';
import { sweepTemporary } from './sweep.ts';

export interface StartOptions {
  readonly mountpoint: string;
  readonly transport?: TransportName | 'auto' | undefined;
  /** A second directory, for the control groups. */
  readonly cgroupfs?: string | undefined;
  /** A third one, for its /sys. */
  readonly sysfs?: string | undefined;
  readonly allowOther?: boolean | undefined;
  readonly server: ServerOptions;
  /** True: a daemon of its own session that outlives this process; false: it ends with this process. */
  readonly detached: boolean;
  /** The mount point was made for this mount: the server removes it. */
  readonly removeMountpoint?: boolean | undefined;
  readonly ui?: FrontWish | undefined;
  readonly notice?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A server whose mount answers. */
export interface StartedServer {
  readonly pid: number;
  readonly mountpoint: string;
  readonly transport: TransportName;
  readonly capabilities: readonly Capability[];
  /** Where it is seen in the browser, if that was asked for. */
  readonly ui: string | undefined;
  /** Settles when the process has gone. */
  readonly exited: Promise<void>;
  readonly child: ChildProcess;
  /** Whether this process waits for the server: it does until the mount answers. An attached one ends with it in any case. */
  hold(): void;
  letGo(): void;
}

/**
 * Starts the server of a mount in a process of its own and resolves when the mount answers.
 *
 * Errors: MountError, ScenarioError, KernelError, as the server process met them.
 */
export async function startServer(options: StartOptions): Promise<StartedServer> {
  // Also an argument, for those who look for the server of a mount (resumeServers, ps).
  const [mountpoint = ''] = await Promise.all(
    [options.mountpoint, options.cgroupfs, options.sysfs].filter((path) => path !== undefined).map(canonicalPath),
  );
  await refuseServed(options.mountpoint, mountpoint);
  sweepTemporary();
  const log = options.detached ? openLog(options.mountpoint) : undefined;
  const output = log?.fd ?? 'inherit';
  const child = fork(new URL('../cli/serve.js', import.meta.url), [mountpoint], {
    cwd: existsSync('/proc/self') ? '/proc' : '/', // See genuine-proc.ts.
    detached: options.detached,
    execArgv: [],
    stdio: ['ignore', output, output, 'ipc'],
    env: { ...process.env, ...(log === undefined ? {} : { RECLAIMFS_LOG_FILE: log.path }) },
  });
  if (log !== undefined) closeSync(log.fd);
  const start: StartMessage = {
    mountpoint: resolve(options.mountpoint),
    transport: options.transport ?? 'auto',
    cgroupfs: options.cgroupfs === undefined ? undefined : resolve(options.cgroupfs),
    sysfs: options.sysfs === undefined ? undefined : resolve(options.sysfs),
    allowOther: options.allowOther,
    server: options.server,
    attached: !options.detached,
    removeMountpoint: options.removeMountpoint,
    ui: options.ui,
  };
  child.send(start);
  const exited = new Promise<void>((settle) => child.once('exit', () => settle()));
  return new Promise((settle, fail) => {
    child.on('message', (message: FromServer) => {
      if (message.kind === 'notice') options.notice?.(message.line);
      else if (message.kind === 'error') fail(withLog(revive(message), log?.path));
      else if (message.kind === 'ready') {
        const { mountpoint, transport, capabilities, ui } = message;
        if (options.detached) child.unref();
        const hold = (): void => {
          child.ref();
          child.channel?.ref();
        };
        const letGo = (): void => {
          child.unref();
          child.channel?.unref();
        };
        settle({ pid: child.pid ?? 0, mountpoint, transport, capabilities, ui, exited, child, hold, letGo });
      }
    });
    const abort = (): void => {
      child.kill('SIGTERM');
      fail(options.signal?.reason as Error);
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    child.once('error', (error) => fail(new MountError(`the server process cannot be started: ${error.message}`)));
    child.once('exit', (code, signal) =>
      fail(
        new MountError(
          `the server ended before its mount answered (${signal ?? `status ${code}`}${signal === 'SIGABRT' || signal === 'SIGKILL' ? `: out of memory? ${MEMORY_ADVICE}` : ''})${log ? `: see ${log.path}` : ''}`,
        ),
      ),
    );
  });
}

/** So many characters of a mount point are in the name of its log; they may be four bytes each. */
const LOG_NAME_LENGTH = 48;

/** Where the daemon of a mount point writes what it has to say; owned by and readable to this user only. */
function openLog(mountpoint: string): { path: string; fd: number } {
  const directory = ownDirectory();
  // One for each try: a mount that is refused must not touch the log of the one that is there. The hash tells mount points
  // apart whose names do not fit.
  const absolute = resolve(mountpoint);
  const name = (absolute.slice(1).replaceAll('/', '-') || 'root').slice(-LOG_NAME_LENGTH);
  const hash = createHash('sha256').update(absolute).digest('hex').slice(0, 12);
  const path = join(directory, `${name}.${hash}.${process.pid}.log`);
  return { path, fd: openSync(path, 'w', 0o600) };
}

/** A directory for what belongs to this user only. Errors: MountError. */
export function ownDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  const directory = join(process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), `reclaimfs-${uid}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (statSync(directory).uid !== uid)
    throw new MountError(`${directory} belongs to somebody else: remove it, or set TMPDIR to a directory of yours`);
  return directory;
}

/** What libfuse and its helper had to say went to the log. */
function withLog(error: Error, path: string | undefined): Error {
  const line = path === undefined || !(error instanceof MountError) ? undefined : lastLine(path);
  return line === undefined ? error : new MountError(`${error.message} (${line})`);
}

function lastLine(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').at(-1) || undefined;
  } catch {
    return undefined;
  }
}
