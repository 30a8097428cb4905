/**
 * The kernel thread of the direct transport: the file system and the loop on the device, in a worker that blocks.
 *
 * Once it serves, its event loop never runs again: timers, promises and 'message' events of this thread are dead. What
 * the main thread has to say lies in shared words and in a port that is read synchronously when the thread is poked.
 */
import { writeSync } from 'node:fs';
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { logger } from '../../util/log.ts';
import type { FileSystem } from '../../vfs/types.ts';
import { loadFileSystem } from '../factory.ts';
import { Device } from './device.ts';
import { DIRECT_CAPABILITIES, type FromKernelThread, type KernelThreadData, type ToKernelThread } from './messages.ts';
import { Session } from './session.ts';
import { COMMAND_SERVE, SharedState } from './shared-state.ts';

const log = logger('fuse:direct');
const { port, fd, shared, factory, factoryOptions }: KernelThreadData = workerData;
const state = new SharedState(shared);
let onMessage: ((message: unknown) => void) | undefined;
let nrRequests = 0;
/** What is said while we serve goes out behind the notices of what has changed. */
const outbox: unknown[] = [];
let serves = false;

redirectOutput();
await main(port);

async function main(port: MessagePort): Promise<void> {
  const fs = await loadFileSystem(factory, factoryOptions, {
    transport: 'direct',
    capabilities: DIRECT_CAPABILITIES,
    send: (message) => {
      if (serves) outbox.push(message);
      else tell({ kind: 'message', message });
    },
    onMessage: (handler) => {
      onMessage = handler;
    },
    stop: () => tell({ kind: 'stop' }),
  });
  tell({ kind: 'ready', heartbeatMs: fs.heartbeatMs });
  if (state.awaitCommand() === COMMAND_SERVE) serve(fs);
  port.close();
}

/** Answers requests until the connection ends or the main thread says so. */
function serve(fs: FileSystem): void {
  const device = new Device(fd);
  const session: Session = new Session(fs, device, {
    waiting: (count) => {
      if (state.setWaiting(count)) tell({ kind: 'waiting' });
    },
    invalidate: (notices) => tell({ kind: 'invalidate', notices }),
    wakeAfter: (ms) => tell({ kind: 'wake', ms }),
    noticesSent: () => state.noticesSent,
    poked: () => {
      takeMessages();
      if (state.streamsEnd) session.endStreams();
      session.beat();
    },
  });
  let failure: string | undefined;
  serves = true;
  while (!state.mustLeave) {
    const trouble = device.read(session.request);
    if (trouble === undefined) {
      nrRequests++;
      session.handle();
      session.work();
      while (outbox.length > 0) tell({ kind: 'message', message: outbox.shift() });
      continue;
    }
    if (trouble.kind === 'gone') break;
    if (trouble.kind === 'retry') continue;
    failure = `reading /dev/fuse failed: ${trouble.code}`;
    break;
  }
  session.close();
  log('served %d requests', nrRequests);
  tell({ kind: 'ended', failure: session.refusal ?? failure });
}

function takeMessages(): void {
  for (;;) {
    const received: { message: ToKernelThread } | undefined = receiveMessageOnPort(port);
    if (!received) return;
    try {
      onMessage?.(received.message.message);
    } catch (error) {
      log('message handler: %O', error);
    }
  }
}

function tell(message: FromKernelThread): void {
  port.postMessage(message);
}

/** A worker's own streams need its event loop; these go to the descriptors at once. */
function redirectOutput(): void {
  for (const [stream, target] of [
    [process.stdout, 1],
    [process.stderr, 2],
  ] as const) {
    stream.write = (chunk: string | Uint8Array): boolean => {
      try {
        writeSync(target, typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      } catch {
        // A closed or full pipe: what is logged is lost, what is served is not.
      }
      return true;
    };
  }
}
