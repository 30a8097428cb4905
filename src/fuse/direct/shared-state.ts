/**
 * The words that the two threads of the direct transport share. The kernel thread never runs its event loop, so the main
 * thread learns from these (and from messages, which travel that way without the other's event loop), and tells through them.
 */

/** What the kernel thread is to do: wait for word, serve, or leave. */
const COMMAND = 0;
export const COMMAND_WAIT = 0;
export const COMMAND_SERVE = 1;
export const COMMAND_LEAVE = 2;
/** Requests parked and polls armed. */
const WAITING = 1;
/** 1 while the main thread keeps the heartbeat going, so that it is told only once. */
const BEATING = 2;
/** Notices that the main thread has sent, counted from the start; wraps around. */
const NOTICES_SENT = 3;
/** 1 when the mount is about to be taken away. */
const ENDING = 4;
const NR_WORDS = 5;

export class SharedState {
  readonly words: Int32Array<SharedArrayBuffer>;

  constructor(words = new Int32Array(new SharedArrayBuffer(NR_WORDS * 4))) {
    this.words = words;
  }

  command(command: number): void {
    Atomics.store(this.words, COMMAND, command);
    Atomics.notify(this.words, COMMAND);
  }

  /** Blocks this thread until the main thread has said what to do. */
  awaitCommand(): number {
    Atomics.wait(this.words, COMMAND, COMMAND_WAIT);
    return Atomics.load(this.words, COMMAND);
  }

  get mustLeave(): boolean {
    return Atomics.load(this.words, COMMAND) === COMMAND_LEAVE;
  }

  /** Files whose readers wait are to come to their end; the kernel thread has to be poked to see it. */
  endStreams(): void {
    Atomics.store(this.words, ENDING, 1);
  }

  get streamsEnd(): boolean {
    return Atomics.load(this.words, ENDING) === 1;
  }

  get waiting(): number {
    return Atomics.load(this.words, WAITING);
  }

  /** Publishes how many wait; true when the main thread has to be told, because no heartbeat is going. */
  setWaiting(count: number): boolean {
    Atomics.store(this.words, WAITING, count);
    return count > 0 && Atomics.exchange(this.words, BEATING, 1) === 0;
  }

  noticeSent(): void {
    Atomics.add(this.words, NOTICES_SENT, 1);
  }

  get noticesSent(): number {
    return Atomics.load(this.words, NOTICES_SENT);
  }

  /** Ends the heartbeat; false when somebody came to wait at this very moment, so that it has to go on. */
  stopBeating(): boolean {
    Atomics.store(this.words, BEATING, 0);
    return this.waiting === 0 || Atomics.exchange(this.words, BEATING, 1) === 1;
  }
}
