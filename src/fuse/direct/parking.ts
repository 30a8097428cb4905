import type { OpenFile, WaitQueue } from '../../vfs/types.ts';

/** A read or write whose answer has to wait, with all it takes to try it again. */
export interface ParkedRequest {
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  /** Tries again; true when it has been answered. */
  readonly retry: () => boolean;
  /** Whose wake-ups it waits for. */
  readonly file: { readonly waitQueue?: WaitQueue };
  /** Gives an answer that stands already, without waiting for its time; absent: who is interrupted gets EINTR. */
  readonly giveNow?: () => void;
  /** Told that whoever waits has been interrupted. */
  readonly cancel?: () => void;
}

/** A poll that the kernel wants to hear about. */
interface ArmedPoll {
  readonly khLow: number;
  readonly khHigh: number;
  readonly file: OpenFile;
  readonly waiter: () => void;
}

/** A retry may wake others; after so many rounds the rest is left to the next request or heartbeat. */
const MAX_ROUNDS = 64;

/**
 * Requests that wait and polls that are armed.
 *
 * A wake-up comes in the middle of some operation of the file system, so it only marks who is to be looked at; `settle`
 * does so when the operation is over. A poll is told about every wake-up and not asked first: asking may consume the
 * event (PSI triggers do), and that answer belongs to the poll request which the kernel then sends.
 *
 * Invariants: whoever is in `#parked` or `#polls` has its waiter in the wait queue of its file, and nobody else has.
 */
export class Parking {
  #parked = new Map<number, { readonly request: ParkedRequest; readonly waiter: () => void }>();
  #polls = new Map<OpenFile, ArmedPoll>();
  #ready = new Set<number>();
  #readyPolls = new Set<OpenFile>();

  /** How many wait: as long as this is not 0, the heartbeat goes on. */
  get size(): number {
    return this.#parked.size + this.#polls.size;
  }

  /** One that is parked already waits for this from now on. */
  park(request: ParkedRequest): void {
    const key = uniqueKey(request.uniqueLow, request.uniqueHigh);
    this.#unpark(key);
    const waiter = (): void => {
      this.#ready.add(key);
    };
    this.#parked.set(key, { request, waiter });
    request.file.waitQueue?.add(waiter);
  }

  /** Gives a parked request up and returns it; the caller now has to answer it. */
  interrupt(uniqueLow: number, uniqueHigh: number): ParkedRequest | undefined {
    const key = uniqueKey(uniqueLow, uniqueHigh);
    const request = this.#parked.get(key)?.request;
    this.#unpark(key);
    return request;
  }

  /** Gives everybody up who is parked, and tells whom to answer. */
  giveUp(): ParkedRequest[] {
    const requests = [...this.#parked.values()].map(({ request }) => request);
    for (const key of [...this.#parked.keys()]) this.#unpark(key);
    return requests;
  }

  armPoll(file: OpenFile, khLow: number, khHigh: number): void {
    this.disarmPoll(file);
    const waiter = (): void => {
      this.#readyPolls.add(file);
    };
    this.#polls.set(file, { khLow, khHigh, file, waiter });
    file.waitQueue?.add(waiter);
  }

  disarmPoll(file: OpenFile): void {
    const poll = this.#polls.get(file);
    if (!poll) return;
    this.#polls.delete(file);
    this.#readyPolls.delete(file);
    file.waitQueue?.remove(poll.waiter);
  }

  /** Looks at everybody who has been woken; `notify` is called for each poll whose file may have become ready. */
  settle(notify: (khLow: number, khHigh: number) => void): void {
    for (let round = 0; round < MAX_ROUNDS && this.#ready.size + this.#readyPolls.size > 0; round++) {
      for (const file of [...this.#readyPolls]) {
        const poll = this.#polls.get(file);
        this.disarmPoll(file);
        if (poll) notify(poll.khLow, poll.khHigh);
      }
      const keys = [...this.#ready];
      this.#ready.clear();
      for (const key of keys) if (this.#parked.get(key)?.request.retry()) this.#unpark(key);
    }
  }

  /** Has those looked at whose file has no wait queue: they can only be asked now and then. */
  readyUnqueued(): void {
    for (const [key, { request }] of this.#parked) if (!request.file.waitQueue) this.#ready.add(key);
  }

  /** Forgets everybody: there is no kernel left to answer. */
  clear(): void {
    for (const key of [...this.#parked.keys()]) this.#unpark(key);
    for (const file of [...this.#polls.keys()]) this.disarmPoll(file);
  }

  #unpark(key: number): boolean {
    const entry = this.#parked.get(key);
    if (!entry) return false;
    this.#parked.delete(key);
    this.#ready.delete(key);
    entry.request.file.waitQueue?.remove(entry.waiter);
    return true;
  }
}

/** Request numbers count up from 2, so they stay exact as numbers. */
function uniqueKey(low: number, high: number): number {
  return low + high * 2 ** 32;
}
