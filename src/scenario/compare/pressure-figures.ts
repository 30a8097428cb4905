/** Figures of global memory management, in one place. */
import type { Machine } from '../../machine/machine.ts';

/** Figures of global memory management so far. */
export interface PressureFigures {
  readonly someUs: number;
  readonly fullUs: number;
  readonly directReclaims: number;
  readonly directReclaimUs: number;
  readonly kswapdUs: number;
}

export function pressureFigures(machine: Machine): PressureFigures {
  const { pressure, mem } = machine;
  const memory = pressure.psi.groups.memory;
  memory.settle(machine.nowUs);
  return {
    someUs: memory.some.totalUs,
    fullUs: memory.full.totalUs,
    directReclaims: mem.events.allocstall_normal,
    directReclaimUs: pressure.directUs,
    kswapdUs: pressure.kswapd.cpuUs,
  };
}
