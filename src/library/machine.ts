import type { MachineEvent } from '../machine/event-log.ts';
import type { Machine } from '../machine/machine.ts';
import type { ProfileName } from '../machine/profiles.ts';
import type { SwapKind } from '../mm/swap/swap.ts';
import { createCgroupFs } from '../procfs/cgroupfs.ts';
import { createProcFs } from '../procfs/proc-fs.ts';
import { scenarioBytes } from '../scenario/play.ts';
import { Session, type StepRecord } from '../scenario/session.ts';
import { Clock } from '../server/clock.ts';
import { SessionHost } from '../server/session-host.ts';
import { bytesOf, jsonOf, utf8Of } from '../util/bytes.ts';
import { EAGAIN, ENOENT, EPERM } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { finish } from '../util/job.ts';
import { type FileSystem, type Ino, newAttr, type OpenFile, S_IFLNK, S_IFMT, withoutDelay } from '../vfs/types.ts';

/** What may be imposed on a scenario, over its own `machine` line. */
export interface MachineSettings {
  /** The name that messages about the scenario use. */
  readonly file?: string;
  readonly profile?: ProfileName;
  readonly swap?: SwapKind;
}

const ROOT_CALLER = { uid: 0, gid: 0, pid: 0 };
const O_RDONLY = 0;
const O_WRONLY = 1;
const CHUNK_BYTES = 1 << 20;
const MAX_LINKS = 8;
/** Where the control groups are, as in a machine that a program sees under `run`. */
const CGROUP_ROOT = '/sys/fs/cgroup';

/**
 * A simulated machine in this process: steps in, rendered files out. Time is virtual and stands still but for the steps
 * `tick` and `at`. Paths may begin with /proc; those that begin with /sys/fs/cgroup are of control groups. Everything is
 * done as root.
 */
export class ReclaimMachine {
  readonly #session: Session;
  readonly #host: SessionHost;
  readonly #fs: FileSystem;
  readonly #groups: FileSystem;

  /** Throws ScenarioError. */
  constructor(scenario: string | Uint8Array, settings: MachineSettings = {}) {
    this.#session = new Session({ profile: settings.profile, swapKind: settings.swap });
    this.#session.setUp(scenarioBytes(scenario), bytesOf(settings.file ?? 'scenario'));
    this.#host = new SessionHost(this.#session, new Clock(this.#session.machine.nowUs, 1, false));
    this.#fs = createProcFs(this.#host, { callerKnown: true });
    this.#groups = createCgroupFs(this.#host);
  }

  /** Carries out steps, all of them or none; what each reported. Throws ScenarioError. */
  apply(steps: string): StepRecord[] {
    return finish(this.#host.apply(bytesOf(steps), 'steps'));
  }

  /** The whole text of a file. Throws KernelError as open(2) or read(2) would fail. */
  read(path: string): string {
    return this.readBytes(path).toString('utf8');
  }

  readBytes(path: string): Buffer {
    const file = this.#open(path, O_RDONLY);
    const chunks: Buffer[] = [];
    let offset = 0;
    for (;;) {
      const chunk = withoutDelay(file.read(offset, CHUNK_BYTES, ROOT_CALLER));
      if (typeof chunk === 'symbol') throw new KernelError(EAGAIN, `${path} has nothing to read yet`);
      if (typeof chunk === 'number') throw failure(chunk, path);
      if (chunk.length === 0) break;
      chunks.push(Buffer.from(chunk));
      offset += chunk.length;
    }
    file.release?.();
    return Buffer.concat(chunks);
  }

  /** One write(2); bytes taken. Throws KernelError. */
  write(path: string, data: string | Uint8Array): number {
    const file = this.#open(path, O_WRONLY);
    const taken = withoutDelay(file.write(typeof data === 'string' ? Buffer.from(data) : data, 0, ROOT_CALLER));
    file.release?.();
    if (typeof taken === 'symbol') throw new KernelError(EAGAIN, `${path} takes nothing now`);
    if (taken < 0) throw failure(taken, path);
    return taken;
  }

  /** Names in a directory. Throws KernelError. */
  list(path: string): string[] {
    const entries = this.#treeOf(path).readdir(this.#resolve(path), ROOT_CALLER);
    if (typeof entries === 'number') throw failure(entries, path);
    return entries.map(({ name }) => utf8Of(name));
  }

  /** Makes a control group. Throws KernelError as mkdir(2) would fail; EPERM outside of /sys/fs/cgroup. */
  mkdir(path: string): void {
    const { parent, name } = this.#place(path);
    const ino = withoutDelay(this.#treeOf(path).mkdir?.(parent, name, 0o755, ROOT_CALLER) ?? -EPERM);
    if (typeof ino === 'symbol') throw failure(-EAGAIN, path);
    if (ino < 0) throw failure(ino, path);
  }

  /** Removes a control group. Throws KernelError as rmdir(2) would fail; EPERM outside of /sys/fs/cgroup. */
  rmdir(path: string): void {
    const { parent, name } = this.#place(path);
    const status = withoutDelay(this.#treeOf(path).rmdir?.(parent, name, ROOT_CALLER) ?? -EPERM);
    if (typeof status === 'symbol') throw failure(-EAGAIN, path);
    if (status < 0) throw failure(status, path);
  }

  /** Every broken invariant of the memory, in words: an empty list unless there is a mistake in reclaimfs. */
  check(): string[] {
    return this.machine.check();
  }

  /** The machine as steps: a scenario that gives the same machine. */
  state(): string {
    return utf8Of(this.#session.state());
  }

  /** The whole machine as bytes: for createMachine, `mount --scenario` and `play`. It goes on exactly as this one would. */
  save(): Buffer {
    return Buffer.from(this.#session.save());
  }

  /** Another machine that is the same in everything, and goes its own way from here. */
  clone(): ReclaimMachine {
    return new ReclaimMachine(this.save());
  }

  /** What has happened so far. */
  get events(): readonly MachineEvent[] {
    return this.machine.events.from(0).map(eventText);
  }

  /** The model itself. It is replaced when a batch of steps fails in the middle: do not keep it. */
  get machine(): Machine {
    return this.#session.machine;
  }

  #open(path: string, flags: number): OpenFile {
    const file = this.#treeOf(path).open(this.#resolve(path), flags, ROOT_CALLER);
    if (typeof file === 'number') throw failure(file, path);
    return file;
  }

  /** The directory that a path is in, and its name there. */
  #place(path: string): { parent: Ino; name: string } {
    const slash = path.replace(/\/+$/, '').lastIndexOf('/');
    return { parent: this.#resolve(path.slice(0, slash)), name: bytesOf(path.replace(/\/+$/, '').slice(slash + 1)) };
  }

  #treeOf(path: string): FileSystem {
    return isOfGroup(path) ? this.#groups : this.#fs;
  }

  #resolve(path: string): Ino {
    const fs = this.#treeOf(path);
    let names = split(bytesOf(isOfGroup(path) ? path.slice(CGROUP_ROOT.length) : path.replace(/^\/proc(?=\/|$)/, '')));
    let ino = fs.root;
    let links = 0;
    const parents: Ino[] = [];
    const attr = newAttr();
    while (names.length > 0) {
      const [name = '', ...rest] = names;
      names = rest;
      if (name === '..') {
        ino = parents.pop() ?? fs.root;
        continue;
      }
      const child = fs.lookup(ino, name, ROOT_CALLER);
      if (child < 0) throw failure(child, path);
      const status = fs.getattr(child, attr);
      if (status < 0) throw failure(status, path);
      if ((attr.mode & S_IFMT) !== S_IFLNK) {
        parents.push(ino);
        ino = child;
        continue;
      }
      const target = fs.readlink(child, ROOT_CALLER);
      if (typeof target === 'number') throw failure(target, path);
      if (target.startsWith('/') || ++links > MAX_LINKS)
        throw new KernelError(ENOENT, `${path} leads out of the simulated tree (${target})`);
      names = [...split(target), ...names];
    }
    return ino;
  }
}

function isOfGroup(path: string): boolean {
  return path === CGROUP_ROOT || path.startsWith(`${CGROUP_ROOT}/`);
}

function split(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function failure(negative: number, path: string): KernelError {
  return new KernelError(-negative, path);
}

/** An event with text in place of byte strings. */
function eventText(event: MachineEvent): MachineEvent {
  const json = jsonOf(event);
  return /^[\x20-\x7e]*$/.test(json) ? event : (JSON.parse(utf8Of(json)) as MachineEvent);
}

/** A machine made by a scenario or by steps: text, or bytes as they are. Throws ScenarioError. */
export function createMachine(scenario: string | Uint8Array = '', settings: MachineSettings = {}): ReclaimMachine {
  return new ReclaimMachine(scenario, settings);
}
