/** Figures of global memory management, and what policies need of volatile ranges. */
import type { Machine } from '../../machine/machine.ts';
import type { Task } from '../../machine/task.ts';

/** Marks a mapping volatile. */
export function markVolatile(_machine: Machine, _task: Task, _region: string): void {}

/** Takes the mark off; returns how many pages had been purged. */
export function unmarkVolatile(_machine: Machine, _task: Task, _region: string): number {
  return 0;
}

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
