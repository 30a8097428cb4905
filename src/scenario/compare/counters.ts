/** Counters of global memory management and of task managers, in one place. */
import type { Machine } from '../../machine/machine.ts';

/** All rise from 0; a run's figures are differences. */
export interface Counters {
  readonly majorFaults: number;
  readonly minorFaults: number;
  readonly swapOutPages: number;
  readonly swapInPages: number;
  readonly fileReadPages: number;
  /** Time with at least one process, and with all of them, waiting for memory, in seconds. */
  readonly psiSomeSeconds: number;
  readonly psiFullSeconds: number;
  /** Direct reclaims and the milliseconds they took. */
  readonly directReclaims: number;
  readonly directReclaimMs: number;
  /** CPU time of kswapd, and of task managers, in milliseconds. */
  readonly kswapdMs: number;
  readonly managersMs: number;
  /** Notifications of memory pressure. */
  readonly pressureEvents: number;
  /** Writes of task managers to reclaim files, and the pages that left memory by them. */
  readonly reclaimWrites: number;
  readonly reclaimedPages: number;
}

export function countersOf(machine: Machine): Counters {
  const { pressure, mem } = machine;
  const { events } = mem;
  const { memory } = pressure.psi.groups;
  const { daemons } = machine;
  return {
    majorFaults: events.pgmajfault,
    minorFaults: events.pgfault - events.pgmajfault,
    swapOutPages: events.pswpout,
    swapInPages: events.pswpin,
    fileReadPages: events.pgpgin / 4,
    psiSomeSeconds: memory.totalAt('some', machine.nowUs) / 1e6,
    psiFullSeconds: memory.totalAt('full', machine.nowUs) / 1e6,
    directReclaims: events.allocstall_normal,
    directReclaimMs: pressure.directUs / 1000,
    kswapdMs: pressure.kswapd.cpuUs / 1000,
    managersMs: daemons.cpuUs / 1000,
    pressureEvents: machine.vmpressure.sequence,
    reclaimWrites: daemons.writes,
    reclaimedPages: daemons.pages,
  };
}
