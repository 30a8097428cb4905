/**
 * The thread that answers: it waits for calls, asks the machine, and answers; nothing else waits for it but the callers.
 * What goes wrong in between is logged, and the kernel carries the call out itself; once the machine has gone, calls are ENOSYS.
 */
import { existsSync, readSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ENOSYS } from '../../../util/errno.ts';
import { loadLibc } from '../../../util/libc.ts';
import { logger } from '../../../util/log.ts';
import { CALL_NAMES } from '../../../util/system-calls.ts';
import { type TimeReport, VirtualTime } from '../virtual/virtual-time.ts';
import { Affinities } from './affinities.ts';
import { type Context, type Handler, Kept } from './context.ts';
import { CallerMemory } from './memory.ts';
import { Model } from './model.ts';
import { ANSWERED, type Answer, CONTINUE, Listener, type Notification } from './notification.ts';
import { Pidfds } from './pidfds.ts';
import { HANDLERS } from './table.ts';

export interface NotifierData {
  readonly listenerFd: number;
  /** Readable when the thread is to end. */
  readonly endFd: number;
  readonly mountpoint: string;
  readonly deskName: string;
  /** The thread that starts the command: its own calls go on. */
  readonly spawnerTid: number;
  readonly port: MessagePort;
  /** Calls about time are answered from the machine, and time passes on it while the command waits. */
  readonly virtualTime: boolean;
}

const log = logger('syscalls');
const POLLIN = 1;
/** So long in one wait at most, so that this thread can be ended from outside, too. */
const WAIT_MS = 500;
const HEARTBEAT_MS = 100;
const POLLFD_BYTES = 8;

const { listenerFd, endFd, mountpoint, deskName, spawnerTid, port, virtualTime } = workerData as NotifierData;
main();

function main(): void {
  const libc = loadLibc();
  if ('obstacle' in libc) throw new Error(libc.obstacle);
  const model = new Model(mountpoint, deskName);
  const context: Context = {
    libc,
    model,
    pidfds: new Pidfds(libc, port),
    kept: new Kept(),
    affinities: new Affinities(),
  };
  const handlers = new Map<number, Handler>(
    CALL_NAMES.map((name) => [libc.architecture.numberOf(name), HANDLERS[name]]),
  );
  const listener = new Listener(libc, listenerFd, new CallerMemory(libc));
  const fds = Buffer.alloc(2 * POLLFD_BYTES);
  const timeout = Buffer.alloc(16);
  for (const [i, fd] of [listenerFd, endFd].entries()) {
    fds.writeInt32LE(fd, i * POLLFD_BYTES);
    fds.writeInt16LE(POLLIN, i * POLLFD_BYTES + 4);
  }
  /** Waits until a call has come, or for so long. */
  const isAsked = (ns: number): boolean => {
    timeout.writeBigInt64LE(BigInt(ns), 8);
    fds.writeInt16LE(0, 6);
    fds.writeInt16LE(0, POLLFD_BYTES + 6);
    libc.call('ppoll', libc.address(fds), 2, libc.address(timeout), 0, 0);
    return (fds.readInt16LE(6) & POLLIN) !== 0;
  };
  const tell = (report: TimeReport): void => parentPort?.postMessage(report);
  const time = virtualTime ? new VirtualTime(context, tell, () => isAsked(0)) : undefined;
  if (time !== undefined)
    for (const [name, number] of libc.architecture.timeCalls)
      handlers.set(number, (call) => (isOurs(call.tid) ? CONTINUE : time.handle(name, call)));
  parentPort?.postMessage('ready');
  for (;;) {
    // Who polls a descriptor of a process wants time to pass.
    const waits = context.pidfds.made > 0;
    const asked = isAsked(time?.patienceNs ?? (waits ? HEARTBEAT_MS : WAIT_MS) * 1e6);
    if (fds.readInt16LE(POLLFD_BYTES + 6) !== 0) break;
    if (!asked) {
      if (time !== undefined) time.idle();
      else if (waits) beat(model);
      continue;
    }
    const call = listener.receive();
    if (call === undefined) continue;
    const answer = call.tid === spawnerTid ? CONTINUE : answerTo(call, handlers.get(call.nr), context);
    if (answer !== ANSWERED) listener.send(call.id, answer);
  }
  readSync(endFd, Buffer.alloc(1));
  model.close();
  port.close();
}

/** A thread of this process: the one that starts commands has the filter, too. */
function isOurs(tid: number): boolean {
  return existsSync(`/proc/self/task/${tid}`);
}

/** Any question brings the machine to the present. */
function beat(model: Model): void {
  try {
    model.ask({ ask: 'machine' });
  } catch (error) {
    log('%s', error);
  }
}

function answerTo(call: Notification, handler: Handler | undefined, context: Context): Answer {
  if (handler === undefined) return CONTINUE;
  try {
    return handler(call, context);
  } catch (error) {
    log('call %d of %d: %s', call.nr, call.tid, error);
    return ['ENOTCONN', 'ENODEV', 'ECONNABORTED'].includes((error as NodeJS.ErrnoException).code ?? '')
      ? -ENOSYS
      : CONTINUE;
  }
}
