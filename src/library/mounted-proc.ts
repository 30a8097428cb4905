import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Capability, TransportName } from '../fuse/types.ts';
import { EVENT_TYPES, type EventType, type ReclaimEvent } from '../machine/event-types.ts';
import { scenarioBytes } from '../scenario/play.ts';
import { ScenarioError } from '../scenario/scenario-error.ts';
import type { ResetAnswer } from '../server/resets.ts';
import { revive } from '../server/server-protocol.ts';
import type { StartedServer } from '../server/start-server.ts';
import { bytesOf } from '../util/bytes.ts';
import { UsageError } from '../util/errors.ts';
import { suggestion } from '../util/suggest.ts';
import { type Duration, microseconds } from './duration.ts';
import { EventReader } from './event-reader.ts';
import { type Steps, stepsText } from './steps.ts';

/** An event of one type. */
export type EventOf<T extends EventType> = Extract<ReclaimEvent, { readonly type: T }>;

/** How long to wait: virtual time that is let pass, or wall time where the clock runs by itself. */
export interface WaitOptions {
  /** With a manual clock: how much virtual time is let pass at most. Default 60 s. */
  readonly virtual?: Duration;
  /** With a running clock: how long at most, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A misspelled type would be waited for in vain. Throws UsageError. */
export function checkEventType(type: string): void {
  if (Object.hasOwn(EVENT_TYPES, type)) return;
  throw new UsageError(`there is no event ${type} (${suggestion(type, Object.keys(EVENT_TYPES))})`);
}

const STEP_US = 100_000;
const POLL_MS = 20;
const VIRTUAL_US = 60e6;
const TIMEOUT_MS = 10_000;

/** Nothing of the kind has happened in time. */
export class WaitTimeoutError extends Error {
  readonly code = 'ERR_RECLAIMFS_TIMEOUT';
  override readonly name = 'WaitTimeoutError';
}

/** The files of one simulated process. */
export class MountedProcess {
  readonly pid: number;
  readonly #directory: string;

  /** `directory`: its /proc/PID. */
  constructor(directory: string, pid: number) {
    this.#directory = directory;
    this.pid = pid;
  }

  /** Whether there is such a process; numbers of real ones are links that lead out of the tree. */
  get exists(): boolean {
    return lstatSync(this.#directory, { throwIfNoEntry: false })?.isDirectory() === true;
  }

  /** The text of a file: 'status', 'smaps_rollup'. Throws as fs.readFileSync does. */
  read(name: string): string {
    return readFileSync(join(this.#directory, name), 'utf8');
  }

  /** One write to a file. Throws as fs.writeFileSync does. */
  write(name: string, text: string): void {
    writeFileSync(join(this.#directory, name), text);
  }

  /** A write to its reclaim file: 'anon', 'file', 'all', 'ADDR LEN'. Throws with code EINVAL, EACCES… */
  reclaim(request: string): void {
    this.write('reclaim', request);
  }

  /** A value of `Key: NUMBER kB` in status, or in another file: kB('VmSwap'), kB('Pss', 'smaps_rollup'). */
  kB(key: string, file = 'status'): number {
    const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(this.read(file));
    if (match === null) throw new UsageError(`there is no ${key} in /proc/${this.pid}/${file}`);
    return Number(match[1]);
  }
}

/** A mounted tree, and the machine behind it. `await using` unmounts it; so does `unmount()`. */
export class MountedProc implements AsyncDisposable {
  readonly mountpoint: string;
  readonly transport: TransportName;
  readonly capabilities: readonly Capability[];
  /** The process that serves it. It ends with this one. */
  readonly serverPid: number;
  readonly #server: StartedServer;
  readonly #waited: EventReader;
  #resets = 0;

  /** Made by `mount()`. */
  constructor(server: StartedServer) {
    this.#server = server;
    this.mountpoint = server.mountpoint;
    this.transport = server.transport;
    this.capabilities = server.capabilities;
    this.serverPid = server.pid;
    this.#waited = new EventReader(this.path('reclaimfs/events'));
  }

  /** The path of a file: path('1234/status'), path('/proc/meminfo'). */
  path(name: string): string {
    return join(this.mountpoint, name.replace(/^\/proc(?=\/|$)/, ''));
  }

  /** The text of a file. Throws as fs.readFileSync does. */
  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** One write to a file. Throws as fs.writeFileSync does. */
  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  /** The files of a process. */
  process(pid: number): MountedProcess {
    return new MountedProcess(this.path(String(pid)), pid);
  }

  /** Carries out steps, all of them or none. Throws ScenarioError. */
  apply(steps: Steps): void {
    try {
      this.write('reclaimfs/control', stepsText(steps));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      throw this.#rejection();
    }
  }

  #rejection(): ScenarioError {
    const text = this.read('reclaimfs/error');
    const match = /^line (\d+), column (\d+): (.*?)(?:\nhint: (.*?))?\n*$/s.exec(text);
    return new ScenarioError(
      'steps',
      Number(match?.[1] ?? 1),
      Number(match?.[2] ?? 1),
      match?.[3] ?? text.trim(),
      match?.[4],
    );
  }

  /** Virtual time since boot, in seconds. */
  get now(): number {
    return Number.parseFloat(this.read('reclaimfs/clock'));
  }

  /** Lets virtual time pass: advance('5s'), advance(0.2). */
  advance(time: Duration): void {
    this.write('reclaimfs/clock', `+${microseconds(time)}us`);
  }

  /** Every event so far that is kept. */
  get eventsSoFar(): ReclaimEvent[] {
    const lines = this.read('reclaimfs/events?now').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as ReclaimEvent);
  }

  /** Events as they happen, those that are kept first; ends at unmount. Time has to pass by itself or by `advance`. */
  get events(): AsyncIterableIterator<ReclaimEvent> {
    return this.#follow();
  }

  async *#follow(): AsyncGenerator<ReclaimEvent, undefined> {
    const reader = new EventReader(this.path('reclaimfs/events'));
    let ended = false;
    void this.#server.exited.then(() => {
      ended = true;
    });
    try {
      while (!ended) {
        yield* reader.take();
        await sleep(POLL_MS);
      }
    } catch (error) {
      if (existsSync(this.path('reclaimfs'))) throw error;
    } finally {
      reader.close();
    }
    return undefined;
  }

  /**
   * The next event of a type that `filter` accepts; events that an earlier call has passed over are not seen again. With a manual clock virtual time is let
   * pass in steps of 100 ms; with a running one it is waited for. Throws UsageError (no such type), WaitTimeoutError, or the reason of `signal`.
   */
  async waitFor<T extends EventType>(
    type: T,
    filter: (event: EventOf<T>) => boolean = () => true,
    { virtual, timeoutMs = TIMEOUT_MS, signal }: WaitOptions = {},
  ): Promise<EventOf<T>> {
    checkEventType(type);
    let leftUs = virtual === undefined ? VIRTUAL_US : microseconds(virtual);
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      signal?.throwIfAborted();
      const found = this.#nextEvent(type, filter);
      if (found !== undefined) return found;
      if (/ paused /.test(this.read('reclaimfs/clock'))) {
        if (leftUs <= 0) throw new WaitTimeoutError(`no ${type} within ${virtual ?? '60s'} of virtual time`);
        const us = Math.min(leftUs, STEP_US);
        this.advance(`${us}us`);
        leftUs -= us;
        await sleep(0);
      } else {
        if (performance.now() > deadline) throw new WaitTimeoutError(`no ${type} within ${timeoutMs} ms`);
        await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal });
      }
    }
  }

  readonly #unseen: ReclaimEvent[] = [];

  #nextEvent<T extends EventType>(type: T, filter: (event: EventOf<T>) => boolean): EventOf<T> | undefined {
    this.#unseen.push(...this.#waited.take());
    while (this.#unseen.length > 0) {
      const event = this.#unseen.shift()!;
      if (event.type === type && filter(event as EventOf<T>)) return event as EventOf<T>;
    }
    return undefined;
  }

  /** The machine as it is, as steps: for `restore`, or for `mount({ scenario })`. */
  snapshot(): string {
    return this.read('reclaimfs/state');
  }

  /** The machine of a snapshot in place of this one. */
  restore(snapshot: string): Promise<void> {
    return this.reset(snapshot);
  }

  /** Another machine in place of this one, on the same mount. Throws ScenarioError, and then nothing has changed. */
  async reset(scenario: string | Uint8Array, file = 'scenario'): Promise<void> {
    const id = ++this.#resets;
    const { child } = this.#server;
    const answer = await new Promise<ResetAnswer>((settle, fail) => {
      const gone = (): void => fail(new Error('the server has ended'));
      const listen = (message: ResetAnswer): void => {
        if (message.kind !== 'reset' || message.id !== id) return;
        child.off('message', listen);
        child.off('exit', gone);
        settle(message);
      };
      child.on('message', listen);
      child.once('exit', gone);
      child.send({ kind: 'reset', id, source: { text: scenarioBytes(scenario), file: bytesOf(file) } });
      this.#server.hold();
    }).finally(() => this.#server.letGo());
    if (answer.error !== undefined) throw revive(answer.error);
    this.#waited.close();
    this.#unseen.length = 0;
  }

  /** Unmounts; resolves when the server has ended. */
  async unmount(): Promise<void> {
    this.#waited.close();
    this.#server.hold();
    this.#server.child.kill('SIGTERM');
    await this.#server.exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unmount();
  }
}
