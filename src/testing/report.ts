/** What a failed test wants to know of the machine: its last events, and its state as a scenario. */
import type { MountedProc } from '../library/mounted-proc.ts';

const LAST_EVENTS = 20;

export function machineReport(proc: MountedProc): string {
  try {
    const events = proc.eventsSoFar.slice(-LAST_EVENTS).map((event) => JSON.stringify(event));
    return [
      `clock ${proc.read('reclaimfs/clock').trim()}, check ${proc.read('reclaimfs/check').trim()}`,
      `last events:`,
      ...events,
      `state (a scenario that gives this machine):`,
      proc.snapshot(),
    ].join('\n');
  } catch (error) {
    return `the machine cannot be read: ${(error as Error).message}`;
  }
}
