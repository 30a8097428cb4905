/**
 * Time of a command that is the machine's, and moves only while nobody of the command runs:
 *
 *   somebody sleeps, polls, … ──► held here, and looked at ──► all of them sleep? ──► the machine goes on until the first
 *                                                                of them is due, or until something has happened on it
 *
 * One at a time is let go on, and the next only when all sleep again: so two runs of one program are the same.
 */
import { EINTR, ENOSYS } from '../../../util/errno.ts';
import { logger } from '../../../util/log.ts';
import type { TimeCallName } from '../../../util/system-calls.ts';
import type { Context } from '../syscalls/context.ts';
import type { TimeAnswer } from '../syscalls/desk-protocol.ts';
import { ANSWERED, type Answer, CONTINUE, type Notification } from '../syscalls/notification.ts';
import { Descriptors } from './descriptors.ts';
import { Family, hasZombie, isExtinct, type Look } from './family.ts';
import { redirectClocks } from './vdso.ts';
import { clockZeroUs, WAITS, type Wait } from './waits.ts';

const log = logger('virtual-time');
/** Clocks read so often at one moment: somebody waits for time without sleeping. */
const MOST_READINGS = 20_000;
/** Looks at the family, in nanoseconds: soon after a call, then less often. */
const FIRST_LOOK_NS = 100_000;
const LAST_LOOK_NS = 2_000_000;
/** So long nobody may have run where it is not plain what all are waiting for, in milliseconds of this machine. */
const LASTING_MS = 100;
const EMPTY_LOOK_NS = 20_000_000;
/** arch_prctl: sets the base of a thread's own memory, at the start of every program. */
const ARCH_SET_FS = 0x1002;

/** What the supervisor is told. */
export type TimeReport =
  /** The time of the run is over. */
  | { readonly kind: 'over' }
  /** The command does what cannot be under virtual time. */
  | { readonly kind: 'impossible'; readonly reason: string };

export class VirtualTime {
  readonly #context: Context;
  readonly #tell: (report: TimeReport) => void;
  readonly #isAsked: () => boolean;
  readonly #family = new Family();
  readonly #descriptors: Descriptors;
  /** Who waits, in the order in which they began to. */
  #waits: Wait[] = [];
  #readings = 0;
  /** How everybody slept when that was not certain to last, and since when. */
  #seen = '';
  #seenMs = 0;
  #lookNs = FIRST_LOOK_NS;

  /** `isAsked`: whether a call has come that has not been taken yet: its caller seems to sleep. */
  constructor(context: Context, tell: (report: TimeReport) => void, isAsked: () => boolean) {
    this.#isAsked = isAsked;
    this.#context = context;
    this.#tell = tell;
    this.#descriptors = new Descriptors(context.libc);
  }

  /** How long to wait for the next call before `idle`. */
  get patienceNs(): number {
    return this.#lookNs;
  }

  /** Answers a call, or keeps its caller waiting. */
  handle(name: TimeCallName, call: Notification): Answer {
    this.#lookNs = FIRST_LOOK_NS;
    switch (name) {
      case 'clock_gettime':
        return this.#clock(call);
      case 'gettimeofday':
        return call.word(0) === 0n ? 0 : this.#write(call, 0, this.#realUs(), 1);
      case 'time': {
        const seconds = Math.floor(this.#realUs() / 1e6);
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64LE(BigInt(seconds));
        if (call.word(0) !== 0n) call.memory.write(call.tid, call.word(0), bytes);
        return seconds;
      }
      case 'set_tid_address':
        return this.#begins(call);
      case 'arch_prctl':
        return call.int(0) === ARCH_SET_FS ? this.#begins(call) : CONTINUE;
      case 'alarm':
        return call.int(0) === 0 ? CONTINUE : this.#impossible(name);
      case 'setitimer':
        return this.#timer(call, name, call.int(0) === 0 ? 1 : undefined);
      case 'timer_settime':
      case 'timerfd_settime':
        return this.#timer(call, name, 2);
      default:
        return this.#wait(WAITS[name](call, { ...this.#now(), descriptors: this.#descriptors }));
    }
  }

  /** No call has come for a while: lets the next one go on whose time has come, or time itself. */
  idle(): void {
    this.#lookNs = Math.min(this.#lookNs * 2, LAST_LOOK_NS);
    this.#waits = this.#waits.filter(({ call }) => call.isValid);
    // Requests to the mount are answered in turn: whoever waited for one before us has his answer once we have ours.
    let readers = 0;
    const settled = (): boolean => {
      const now = this.#now();
      readers = now.readers;
      return !now.busy;
    };
    const look = this.#family.asleep(new Set(this.#waits.map(({ call }) => call.tid)), settled);
    if (look === undefined || this.#isAsked()) return;
    if (isExtinct(look)) {
      this.#lookNs = EMPTY_LOOK_NS;
      return;
    }
    // Whom time would wake is not known, or somebody has just ended: it must stay so for a while.
    const uncertain = hasZombie(look) || (this.#waits.length === 0 && readers === 0);
    if (uncertain && !this.#lasts(look)) return;
    for (const wait of this.#waits) {
      const answer = look.signalled.includes(wait.call.tid) ? -EINTR : wait.look();
      if (answer !== undefined) {
        this.#release(wait, answer);
        return;
      }
    }
    const { nowUs } = this.#now();
    const [first] = [...this.#waits].sort((a, b) => a.untilUs - b.untilUs);
    if (first !== undefined && first.untilUs <= nowUs) this.#release(first, first.expired());
    else this.#goOn(first?.untilUs ?? Number.POSITIVE_INFINITY);
  }

  /** Whether everybody has slept for LASTING_MS. */
  #lasts({ threads }: Look): boolean {
    const seen = [...threads].join();
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#seenMs = performance.now();
    }
    return performance.now() - this.#seenMs >= LASTING_MS;
  }

  /** Lets time pass on the machine. */
  #goOn(untilUs: number): void {
    const watched = this.#waits.some(({ watches }) => watches);
    const toUs = Number.isFinite(untilUs) ? untilUs : null;
    const { over } = this.#context.model.ask({ ask: 'advance', toUs, watched });
    this.#readings = 0;
    if (over) this.#tell({ kind: 'over' });
    else this.#lookNs = FIRST_LOOK_NS;
  }

  #release(wait: Wait, answer: Answer): void {
    this.#waits = this.#waits.filter((other) => other !== wait);
    this.#lookNs = FIRST_LOOK_NS;
    if (answer !== ANSWERED) wait.call.listener.send(wait.call.id, answer);
  }

  #wait(wait: Wait | Answer): Answer {
    if (typeof wait !== 'object') return wait;
    const answer = wait.look();
    if (answer !== undefined) return answer;
    this.#waits.push(wait);
    return ANSWERED;
  }

  #now(): TimeAnswer {
    return this.#context.model.ask({ ask: 'time' });
  }

  #realUs(): number {
    const { nowUs, bootUs } = this.#read();
    return bootUs + nowUs;
  }

  /** The time, for somebody who has asked for it. */
  #read(): TimeAnswer {
    if (++this.#readings === MOST_READINGS) this.#impossible('a loop that waits for the clock without sleeping');
    return this.#now();
  }

  #clock(call: Notification): Answer {
    const { nowUs, bootUs } = this.#read();
    const zero = clockZeroUs(call.int(0), bootUs);
    return zero === undefined ? CONTINUE : this.#write(call, 1, nowUs - zero, 1000);
  }

  /** Writes seconds and parts of them, of which a microsecond has so many. */
  #write(call: Notification, index: number, us: number, parts: number): Answer {
    const bytes = Buffer.alloc(16);
    bytes.writeBigInt64LE(BigInt(Math.floor(us / 1e6)), 0);
    bytes.writeBigInt64LE(BigInt((us % 1e6) * parts), 8);
    return call.memory.write(call.tid, call.word(index), bytes) ? 0 : CONTINUE;
  }

  /** A program begins, or a thread of one: its clocks are ours before it reads them. */
  #begins(call: Notification): Answer {
    try {
      redirectClocks(call.tid);
    } catch (error) {
      log('clocks of %d: %s', call.tid, error);
      this.#impossible('a program whose clocks cannot be set');
    }
    return CONTINUE;
  }

  /** Timers that send signals go by this machine's time: only switched off. `index`: of the new value. */
  #timer(call: Notification, name: string, index: number | undefined): Answer {
    if (index === undefined) return CONTINUE;
    const value = call.word(index) === 0n ? undefined : call.memory.read(call.tid, call.word(index), 32);
    return value === undefined || value.subarray(16).every((byte) => byte === 0) ? CONTINUE : this.#impossible(name);
  }

  #impossible(what: string): Answer {
    this.#tell({
      kind: 'impossible',
      reason: `${what} goes by this machine's clock, and cannot be under virtual time`,
    });
    return -ENOSYS;
  }
}
