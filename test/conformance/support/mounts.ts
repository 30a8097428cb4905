import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { findMount, isOurs } from '../../../src/fuse/mountinfo.ts';
import type { CloseReason, TransportName } from '../../../src/fuse/types.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const WAIT_MS = 10_000;
const COMMAND_MS = 15_000;

/** Whether mounts can be made here: by root, with the device at hand. */
export function canMount(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return process.geteuid?.() === 0;
  } catch {
    return false;
  }
}

/** Tests that mount may be skipped on a developer's machine, never where CI=true. */
export const skipMounts = !canMount() && process.env['CI'] !== 'true';

/** What a command printed and how it ended. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | string;
}

/** Runs a command in a child process; one that hangs is killed. */
export function run(command: string, args: readonly string[], timeoutMs = COMMAND_MS): Promise<Outcome> {
  return new Promise((settle) => {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 << 20 } as const;
    execFile(command, args, options, (error, stdout, stderr) => {
      settle({ stdout, stderr, status: error ? (error.code ?? error.signal ?? 'failed') : 0 });
    });
  });
}

export function sh(script: string, timeoutMs?: number): Promise<Outcome> {
  return run('sh', ['-c', script], timeoutMs);
}

/** What `promise` gives, or an error that says what did not come in time. */
export async function within<T>(promise: Promise<T>, what: string, ms = WAIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(`no ${what} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, ms = WAIT_MS): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(20);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((settle) => setTimeout(settle, ms));
}

/** A place with compiled servers and mount points; `dispose` leaves no mount and no process behind. */
export class Workshop {
  readonly directory = mkdtempSync(join(tmpdir(), 'reclaimfs-transport-'));
  #servers: Server[] = [];
  #nrMountpoints = 0;

  /** Compiles src/fuse and this folder, whatever state the rest of the sources is in. */
  async build(): Promise<void> {
    chmodSync(this.directory, 0o755);
    writeFileSync(join(this.directory, 'package.json'), '{"type":"module"}');
    symlinkSync(join(REPOSITORY, 'node_modules'), join(this.directory, 'node_modules'));
    const tsc = join(REPOSITORY, 'node_modules/.bin/tsc');
    const project = join(import.meta.dirname, 'tsconfig.build.json');
    const built = await run(tsc, ['-p', project, '--outDir', this.directory], 60_000);
    if (built.status !== 0) throw new Error(`tsc: ${built.stdout}${built.stderr}`);
  }

  newMountpoint(): string {
    const mountpoint = join(this.directory, `mnt${++this.#nrMountpoints}`);
    mkdirSync(mountpoint);
    return mountpoint;
  }

  /** Starts a server and waits until its mount answers. */
  async serve(
    transport: TransportName | 'auto',
    mountpoint = this.newMountpoint(),
    args: string[] = [],
  ): Promise<Server> {
    const server = this.start(transport, mountpoint, args);
    await within(server.mounted, `mount (${transport}): ${server.stderr}`);
    return server;
  }

  /** Starts a server. */
  start(transport: TransportName | 'auto', mountpoint: string, args: string[] = []): Server {
    const server = new Server(this.script('serve'), mountpoint, ['--transport', transport, ...args]);
    this.#servers.push(server);
    return server;
  }

  /**
   * Whether a mount may be taken away by the clean-up: one of reclaimfs, in this very directory. Tests name other places
   * too (to see them refused), and once the real /proc of the machine went that way.
   */
  #isMine(mountpoint: string): boolean {
    const mount = findMount(mountpoint);
    return mount !== undefined && isOurs(mount) && mountpoint.startsWith(`${this.directory}/`);
  }

  script(name: string): string {
    return join(this.directory, `test/conformance/support/${name}.js`);
  }

  async dispose(): Promise<void> {
    for (const server of this.#servers) {
      for (let i = 0; i < 3 && this.#isMine(server.mountpoint); i++)
        await run('umount', ['-f', '-l', server.mountpoint]);
      server.child.kill('SIGKILL');
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A server process and what it has printed. */
export class Server {
  readonly mountpoint: string;
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  stderr = '';
  /** The transport that was chosen; fails when the process ends without a mount. */
  readonly mounted: Promise<string>;
  /** Exit status, or signal. */
  readonly exited: Promise<number | string>;

  constructor(script: string, mountpoint: string, args: readonly string[]) {
    this.mountpoint = mountpoint;
    this.child = spawn(process.execPath, [script, mountpoint, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = new Promise((settle) => {
      this.child.once('close', (code, signal) => settle(code ?? signal ?? 'unknown'));
    });
    this.mounted = new Promise((settle, fail) => {
      createInterface({ input: this.child.stdout! }).on('line', (line) => {
        this.lines.push(line);
        if (line.startsWith('mounted ')) settle(line.slice('mounted '.length));
      });
      void this.exited.then((status) => fail(new Error(`the server ended (${status}): ${this.stderr}`)));
    });
    this.mounted.catch(() => {});
  }

  get isMounted(): boolean {
    return findMount(this.mountpoint) !== undefined;
  }

  path(name: string): string {
    return join(this.mountpoint, name);
  }

  /** Waits for the end of the process; gives its exit status and why it says its mount has ended. */
  async ended(): Promise<{ status: number | string; reason: CloseReason | undefined }> {
    const status = await within(this.exited, 'end of the server');
    const line = this.lines.find((text) => text.startsWith('closed '));
    return { status, reason: line ? JSON.parse(line.slice('closed '.length)) : undefined };
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await within(this.exited, 'end of the server');
  }
}
