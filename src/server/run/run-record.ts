/** What is told of a run beside the command's own output: its events, what it has left behind, whether it has failed. */
import { write } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TransportName } from '../../fuse/types.ts';
import type { EventType, ReclaimEvent } from '../../machine/event-types.ts';
import { CliError, EXIT_FAILED } from '../../util/errors.ts';
import { replaceFile } from '../../util/replace-file.ts';
import { errorLine, notice } from '../messages.ts';
import { EVENTS_FD, type RunStart, type RunSummary } from './protocol.ts';

/** Of `run`, when the command has succeeded and an event has happened that --fail-on names. */
export const EXIT_EVENT = 3;

const O_NONBLOCK = 0o4000;
const LOOK_MS = 100;
const CHUNK_BYTES = 1 << 16;
const writeTo = promisify(write);

/** Looks at the events of a mount as long as the command runs; from this process, and so never synchronously. */
export class RunRecord {
  readonly #start: RunStart;
  readonly #counts = new Map<string, number>();
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #file: FileHandle | undefined;
  #rest = '';
  #failedOn: ReclaimEvent | undefined;
  #trouble = false;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(start: RunStart) {
    this.#start = start;
  }

  get #isWanted(): boolean {
    const { eventsFile, failOn, summaryFile, json } = this.#start.wishes;
    return eventsFile !== undefined || failOn.length > 0 || summaryFile !== undefined || json;
  }

  async begin(): Promise<void> {
    if (!this.#isWanted) return;
    this.#file = await open(join(this.#start.mountpoint, 'reclaimfs/events'), O_NONBLOCK);
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#take());
    }, LOOK_MS);
  }

  /** The exit status of the run: that of the command, unless what was wished for could not be had. */
  async end(commandStatus: number, transport: TransportName): Promise<number> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#take();
    await this.#file?.close();
    // The tree may not be where it was: a command can remove the directory that it was mounted on.
    if (!this.#isWanted && this.#start.wishes.stateFile === undefined) return commandStatus;
    const { stateFile, summaryFile, failOn, json } = this.#start.wishes;
    if (stateFile !== undefined) await this.#attempt(async () => replaceFile(stateFile, await this.#read('state')));
    if (this.#failedOn !== undefined) notice(`${eventText(this.#failedOn)} (--fail-on ${failOn.join(',')})`);
    const summary: RunSummary = {
      command: this.#start.command,
      exitStatus: this.#exitStatus(commandStatus),
      commandStatus,
      failedOn: this.#failedOn ?? null,
      events: Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))),
      time: Number.parseFloat(await this.#read('clock')),
      transport,
    };
    if (summaryFile !== undefined)
      await this.#attempt(() => replaceFile(summaryFile, `${JSON.stringify(summary, undefined, 1)}\n`));
    if (json) process.stderr.write(`${JSON.stringify(summary)}\n`);
    return this.#exitStatus(commandStatus);
  }

  #exitStatus(commandStatus: number): number {
    if (commandStatus !== 0) return commandStatus;
    if (this.#failedOn !== undefined) return EXIT_EVENT;
    return this.#trouble ? EXIT_FAILED : 0;
  }

  #read(name: string): Promise<string> {
    return readFile(join(this.#start.mountpoint, 'reclaimfs', name), 'utf8');
  }

  async #attempt(act: () => unknown): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!this.#trouble) notice(errorLine(error));
      this.#trouble = true;
    }
  }

  async #take(): Promise<void> {
    for (let text = await this.#some(); text !== ''; text = await this.#some()) {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.#see(JSON.parse(Buffer.from(line, 'latin1').toString()) as ReclaimEvent);
      if (this.#start.wishes.eventsFile !== undefined && !this.#trouble)
        await this.#attempt(() => this.#write(lines.map((line) => `${line}\n`).join('')));
    }
  }

  async #some(): Promise<string> {
    try {
      const { bytesRead } = (await this.#file?.read(this.#chunk, 0, CHUNK_BYTES, null)) ?? { bytesRead: 0 };
      return this.#chunk.toString('latin1', 0, bytesRead);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return '';
      throw error;
    }
  }

  /** Bytes as they came, all of them. Rejects with CliError. */
  async #write(text: string): Promise<void> {
    const bytes = Buffer.from(text, 'latin1');
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await writeTo(EVENTS_FD, bytes, done, bytes.length - done, null).catch(
        (error: NodeJS.ErrnoException) => {
          throw new CliError(`--events: ${this.#start.wishes.eventsFile} cannot be written (${error.code})`);
        },
      );
      done += bytesWritten;
    }
  }

  #see(event: ReclaimEvent): void {
    const type: EventType = event.type;
    this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
    if (this.#start.wishes.failOn.includes(type)) this.#failedOn ??= event;
  }
}

/** `oom-kill of 1234 (game) at 12.5 s`. */
function eventText(event: ReclaimEvent): string {
  const { pid, comm, app } = event as { readonly pid?: number; readonly comm?: string; readonly app?: string };
  const whom = pid === undefined ? (app ?? '') : `of ${pid} (${comm ?? app ?? ''})`;
  return [event.type, whom, `at ${event.time} s`].filter(Boolean).join(' ');
}

/** A status as a shell gives it: 128 + n when signal n has ended the command. */
export function shellStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
