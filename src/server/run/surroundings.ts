/** What the supervisor of `run` has to know of the machine to make the command's namespaces. */
import { uptime } from 'node:os';
import type { ClockOffsets } from '../../fuse/namespace.ts';
import type { TransportHooks } from '../../fuse/types.ts';
import type { Mailbox } from '../mailbox.ts';
import type { SessionHost } from '../session-host.ts';

export interface SurroundingsRequest {
  readonly kind: 'surroundings';
}

export interface SurroundingsReport {
  readonly kind: 'surroundings';
  readonly hostname: string;
  readonly clockOffsets: ClockOffsets;
}

/** os.uptime() cuts after hundredths of a second. */
const UPTIME_STEP = 0.01;

export function tellSurroundings(host: SessionHost, hooks: TransportHooks, mailbox: Mailbox): void {
  mailbox.on<SurroundingsRequest>('surroundings', () => {
    host.advanceToNow();
    const seconds = host.machine.nowUs / 1e6;
    const clockOffsets = {
      boottime: clockOffset(seconds, uptime() + UPTIME_STEP),
      monotonic: clockOffset(seconds, Number(process.hrtime.bigint()) / 1e9),
    };
    const report: SurroundingsReport = { kind: 'surroundings', hostname: host.machine.options.hostname, clockOffsets };
    hooks.send(report);
  });
}

/**
 * unshare(1) takes whole seconds. Rounded down: nothing may seem to have started in the future. But no clock may stand
 * below 0, so in a machine's first second it is rounded up.
 */
export function clockOffset(machineSeconds: number, hostSeconds: number): number {
  return Math.max(Math.floor(machineSeconds - hostSeconds), -Math.floor(hostSeconds - UPTIME_STEP));
}
