/** Mounts of the program as users make them: `reclaimfs mount MNT --scenario FILE --foreground`, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TransportName } from '../../../src/fuse/types.ts';
import { compileInto } from '../../support/compiled.ts';
import { within } from './mounts.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');

/** A compiled copy of the program, and a place for mount points; `dispose` leaves nothing behind. */
export class Program {
  readonly directory = mkdtempSync(join(tmpdir(), 'reclaimfs-conformance-'));
  #mounts: ReclaimMount[] = [];
  #count = 0;

  async build(): Promise<void> {
    chmodSync(this.directory, 0o755);
    copyFileSync(join(REPOSITORY, 'package.json'), join(this.directory, 'package.json'));
    symlinkSync(join(REPOSITORY, 'node_modules'), join(this.directory, 'node_modules'));
    await compileInto(join(this.directory, 'dist'));
  }

  /** Resolves when the mount answers. The clock stands still but for what is written to it. */
  async mount(scenario: string, transport: TransportName, ...args: string[]): Promise<ReclaimMount> {
    const name = join(this.directory, `m${++this.#count}`);
    mkdirSync(name);
    writeFileSync(`${name}.scn`, scenario);
    const words = ['mount', name, '--scenario', `${name}.scn`, '--transport', transport, '--clock', 'manual'];
    const child = spawn(
      process.execPath,
      [join(this.directory, 'dist/cli/main.js'), ...words, '--foreground', ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const mount = new ReclaimMount(name, child);
    this.#mounts.push(mount);
    await within(mount.mounted, `mount (${transport})`);
    return mount;
  }

  async dispose(): Promise<void> {
    for (const mount of this.#mounts) await mount.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const FIRST_PID = 100_000;

export class ReclaimMount {
  readonly mnt: string;
  readonly mounted: Promise<void>;
  readonly #child: ChildProcess;
  /** Settles when its process has gone. */
  readonly ended: Promise<unknown>;
  #nextPid = FIRST_PID;

  constructor(mnt: string, child: ChildProcess) {
    this.mnt = mnt;
    this.#child = child;
    let stderr = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    this.ended = new Promise((settle) => {
      child.once('close', settle);
    });
    this.mounted = new Promise((settle, fail) => {
      child.stdout!.once('data', () => settle());
      void this.ended.then(() => fail(new Error(`the mount ended: ${stderr}`)));
    });
    this.mounted.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await within(this.ended, 'end of the mount');
  }

  path(name: string): string {
    return join(this.mnt, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** Carries out steps; says why they were rejected. */
  apply(steps: string): void {
    const outcome = this.write('reclaimfs/control', steps);
    if (typeof outcome === 'string') throw new Error(`${steps}: ${this.read('reclaimfs/error')}`);
  }

  /** One write(2): bytes taken, or the name of the error. */
  write(name: string, data: string | Uint8Array): number | string {
    try {
      const fd = openSync(this.path(name), 'w');
      try {
        return writeSync(fd, typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  /** One write to the reclaim file of a process. */
  reclaim(pid: number, data: string | Uint8Array): number | string {
    return this.write(`${pid}/reclaim`, data);
  }

  /** A fresh process `p<PID>`; in its steps `%` stands for its name. */
  process(steps = '', options = 'uid=1000'): number {
    const pid = this.#nextPid++;
    this.apply(`proc p${pid} pid=${pid} ${options}\n${steps.replaceAll('%', `p${pid}`)}\n`);
    return pid;
  }

  /** A number of a file of `Key: number` lines. */
  number(name: string, key: string): number {
    const match = new RegExp(`^${key.replace(/[()]/g, '\\$&')}:?\\s+(\\d+)`, 'm').exec(this.read(name));
    if (match === null) throw new Error(`no ${key} in ${name}`);
    return Number(match[1]);
  }

  status(pid: number, key: string): number {
    return this.number(`${pid}/status`, key);
  }

  vmstat(key: string): number {
    return this.number('vmstat', key);
  }

  /** Pages of a process by what they are, from the address on: `R` resident, `S` swapped, `.` neither. */
  pages(pid: number, address: number, count: number): string {
    const fd = openSync(this.path(`${pid}/pagemap`), 'r');
    try {
      const bytes = Buffer.alloc(count * 8);
      readAt(fd, bytes, (address / 4096) * 8);
      return Array.from({ length: count }, (_, i) => letterOf(bytes.readUInt32LE(i * 8 + 4))).join('');
    } finally {
      closeSync(fd);
    }
  }
}

function letterOf(high: number): string {
  return high >>> 31 ? 'R' : high & 0x40000000 ? 'S' : '.';
}

function readAt(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const n = readSync(fd, bytes, done, bytes.length - done, position + done);
    if (n === 0) return;
    done += n;
  }
}
