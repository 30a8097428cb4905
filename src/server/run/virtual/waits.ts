/**
 * Calls that wait for a time or for descriptors, as something that we can look at and answer: until when they wait, what
 * they would return now, and what once that time has come. Signal masks of the p-variants are not heeded.
 */
import { EBADF, EFAULT, EINVAL } from '../../../util/errno.ts';
import { type Answer, CONTINUE, type Notification } from '../syscalls/notification.ts';
import type { Descriptors, Watched } from './descriptors.ts';

const POLLFD_BYTES = 8;
const MOST_POLLFDS = 65_536;
const TIMER_ABSTIME = 1;
/** Clocks that are not those of CPU time. Mirrors: include/uapi/linux/time.h. */
const REALTIME: ReadonlySet<number> = new Set([0, 5, 8, 11]);
const MONOTONIC: ReadonlySet<number> = new Set([1, 4, 6, 7, 9]);
/** What select(2) looks at by way of poll. Mirrors: fs/select.c. */
const SELECT_SETS = [
  { wanted: 0x0001 | 0x0040 | 0x0080, ready: 0x0001 | 0x0040 | 0x0080 | 0x0010 | 0x0008 },
  { wanted: 0x0004 | 0x0100 | 0x0200, ready: 0x0004 | 0x0100 | 0x0200 | 0x0008 },
  { wanted: 0x0002, ready: 0x0002 },
] as const;
const POLLNVAL = 0x20;

/** Somebody who waits. */
export interface Wait {
  readonly call: Notification;
  /** Virtual microseconds since boot; Infinity: for descriptors only. */
  readonly untilUs: number;
  /** Waits for descriptors, too. */
  readonly watches: boolean;
  /** What the call returns now; undefined: it goes on waiting. */
  look(): Answer | undefined;
  /** What it returns when the time has come. */
  expired(): Answer;
}

/** The machine's time, and descriptors of callers. */
export interface WaitContext {
  readonly nowUs: number;
  /** Microseconds from 1970 to boot. */
  readonly bootUs: number;
  readonly descriptors: Descriptors;
}

type Understand = (call: Notification, context: WaitContext) => Wait | Answer;

/** Which of a clock's zeros in virtual microseconds since boot; undefined: it tells CPU time, or there is none. */
export function clockZeroUs(clock: number, bootUs: number): number | undefined {
  if (REALTIME.has(clock)) return -bootUs;
  return MONOTONIC.has(clock) ? 0 : undefined;
}

/** A struct of two longs: seconds, and parts of one of which there are so many; undefined address: null. */
function timeAt(call: Notification, index: number, partsPerSecond: number): number | undefined | 'fault' | 'invalid' {
  if (call.word(index) === 0n) return undefined;
  const bytes = call.memory.read(call.tid, call.word(index), 16);
  if (bytes === undefined || !call.isValid) return 'fault';
  const [seconds, parts] = [bytes.readBigInt64LE(0), bytes.readBigInt64LE(8)];
  if (seconds < 0n || parts < 0n || parts >= BigInt(partsPerSecond)) return 'invalid';
  return Number(seconds) * 1e6 + Math.ceil(Number(parts) / (partsPerSecond / 1e6));
}

/** The end of a time-out: undefined time: none. */
function endOf(time: number | undefined | 'fault' | 'invalid', nowUs: number): number | { readonly error: number } {
  if (time === 'fault') return { error: -EFAULT };
  if (time === 'invalid') return { error: -EINVAL };
  return time === undefined ? Number.POSITIVE_INFINITY : nowUs + time;
}

function sleepUntil(call: Notification, untilUs: number): Wait {
  return { call, untilUs, watches: false, look: () => undefined, expired: () => 0 };
}

const nanosleep: Understand = (call, { nowUs }) => {
  if (call.word(0) === 0n) return -EFAULT;
  const end = endOf(timeAt(call, 0, 1e9), nowUs);
  return typeof end === 'number' ? sleepUntil(call, end) : end.error;
};

const clockNanosleep: Understand = (call, { nowUs, bootUs }) => {
  const zero = clockZeroUs(call.int(0), bootUs);
  if (zero === undefined) return CONTINUE;
  if (call.word(2) === 0n) return -EFAULT;
  const absolute = (call.int(1) & TIMER_ABSTIME) !== 0;
  const end = endOf(timeAt(call, 2, 1e9), absolute ? zero : nowUs);
  return typeof end === 'number' ? sleepUntil(call, end) : end.error;
};

/** The time-out in milliseconds of poll and epoll_wait: negative for none. */
function millisecondsEnd(call: Notification, index: number, nowUs: number): number {
  const ms = call.int(index);
  return ms < 0 ? Number.POSITIVE_INFINITY : nowUs + ms * 1000;
}

function pollUntil(call: Notification, { descriptors }: WaitContext, end: ReturnType<typeof endOf>): Wait | Answer {
  if (typeof end !== 'number') return end.error;
  const count = Number(call.word(1) & 0xffffffffn);
  if (count > MOST_POLLFDS) return -EINVAL;
  const fds = call.memory.read(call.tid, call.word(0), count * POLLFD_BYTES);
  if (fds === undefined || !call.isValid) return -EFAULT;
  const watched = Array.from({ length: count }, (_, i): Watched => {
    const at = i * POLLFD_BYTES;
    return { fd: fds.readInt32LE(at), events: fds.readUInt16LE(at + 4) };
  });
  const tell = (ready: readonly number[]): number => {
    ready.forEach((events, i) => {
      fds.writeUInt16LE(events, i * POLLFD_BYTES + 6);
    });
    const written = count === 0 || call.memory.write(call.tid, call.word(0), fds);
    return written ? ready.filter((events) => events !== 0).length : -EFAULT;
  };
  const look = (): Answer | undefined => {
    const ready = descriptors.poll(call.tid, watched);
    return ready.some((events) => events !== 0) ? tell(ready) : undefined;
  };
  return { call, untilUs: end, watches: true, look, expired: () => tell(watched.map(() => 0)) };
}

/** `setsAt`: select's three sets are arguments 1 to 3, its time-out the fourth. */
function selectUntil(call: Notification, context: WaitContext, end: ReturnType<typeof endOf>): Wait | Answer {
  if (typeof end !== 'number') return end.error;
  const count = call.int(0);
  if (count < 0) return -EINVAL;
  const bytes = Math.ceil(count / 64) * 8;
  const sets: { readonly address: bigint; readonly asked: Buffer; readonly kind: (typeof SELECT_SETS)[number] }[] = [];
  for (const [i, kind] of SELECT_SETS.entries()) {
    const address = call.word(i + 1);
    if (address === 0n) continue;
    const asked = call.memory.read(call.tid, address, bytes);
    if (asked === undefined || !call.isValid) return -EFAULT;
    sets.push({ address, asked, kind });
  }
  const isIn = (set: Buffer, fd: number): boolean => ((set[fd >> 3] ?? 0) & (1 << (fd & 7))) !== 0;
  const watched: Watched[] = [];
  for (let fd = 0; fd < count; fd++) {
    const events = sets.reduce((sum, { asked, kind }) => (isIn(asked, fd) ? sum | kind.wanted : sum), 0);
    if (events !== 0) watched.push({ fd, events });
  }
  const tell = (ready: readonly number[]): number => {
    let total = 0;
    for (const { address, asked, kind } of sets) {
      const answer = Buffer.alloc(bytes);
      watched.forEach(({ fd }, i) => {
        if (!isIn(asked, fd) || (ready[i]! & kind.ready) === 0) return;
        answer[fd >> 3]! |= 1 << (fd & 7);
        total++;
      });
      if (!call.memory.write(call.tid, address, answer)) return -EFAULT;
    }
    return total;
  };
  const look = (): Answer | undefined => {
    const ready = context.descriptors.poll(call.tid, watched);
    if (ready.some((events) => (events & POLLNVAL) !== 0)) return -EBADF;
    const any = sets.some(({ asked, kind }) =>
      watched.some(({ fd }, i) => isIn(asked, fd) && (ready[i]! & kind.ready) !== 0),
    );
    return any ? tell(ready) : undefined;
  };
  return { call, untilUs: end, watches: true, look, expired: () => tell(watched.map(() => 0)) };
}

function epollUntil(call: Notification, { descriptors }: WaitContext, end: ReturnType<typeof endOf>): Wait | Answer {
  if (typeof end !== 'number') return end.error;
  const most = call.int(2);
  if (most <= 0) return -EINVAL;
  const look = (): Answer | undefined => {
    const found = descriptors.epoll(call.tid, call.int(0), Math.min(most, 1024));
    if (typeof found === 'number') return found;
    if (found.count === 0) return undefined;
    return call.memory.write(call.tid, call.word(1), found.events) ? found.count : -EFAULT;
  };
  return { call, untilUs: end, watches: true, look, expired: () => 0 };
}

const epollMilliseconds: Understand = (call, context) =>
  epollUntil(call, context, millisecondsEnd(call, 3, context.nowUs));

/** The calls that wait, by name. */
export const WAITS = {
  nanosleep,
  clock_nanosleep: clockNanosleep,
  poll: (call, context) => pollUntil(call, context, millisecondsEnd(call, 2, context.nowUs)),
  ppoll: (call, context) => pollUntil(call, context, endOf(timeAt(call, 2, 1e9), context.nowUs)),
  select: (call, context) => selectUntil(call, context, endOf(timeAt(call, 4, 1e6), context.nowUs)),
  pselect6: (call, context) => selectUntil(call, context, endOf(timeAt(call, 4, 1e9), context.nowUs)),
  epoll_wait: epollMilliseconds,
  epoll_pwait: epollMilliseconds,
  epoll_pwait2: (call, context) => epollUntil(call, context, endOf(timeAt(call, 3, 1e9), context.nowUs)),
} as const satisfies Record<string, Understand>;
