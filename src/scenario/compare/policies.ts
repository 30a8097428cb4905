/**
 * Ways to deal with too little memory, from killing to user-space reclaim. Each is installed on a machine once and acts
 * by itself from then on; where it reclaims, it does so by the bytes that a daemon would write to /proc/PID/reclaim.
 */
import type { Machine } from '../../machine/machine.ts';
import { Compactor } from './task-managers/compactor.ts';
import { PressureReclaimer } from './task-managers/pressure-reclaimer.ts';
import { ProportionalReclaimer } from './task-managers/proportional.ts';
import { VolatileCaches } from './task-managers/volatile-caches.ts';

export interface Policy {
  readonly name: string;
  /** In one line, for tables. */
  readonly about: string;
  install(machine: Machine): void;
}

/** Rows of Android's activity manager for a machine with 700 MB or more. Mirrors: ProcessList.updateOomLevels. */
const LMK_ADJ = [0, 100, 200, 300, 900, 906];
const LMK_MINFREE_KB = [73_728, 92_160, 110_592, 129_024, 147_456, 184_320];
/** Below this it takes less, in proportion. */
const LMK_FULL_RAM_KB = 700 * 1024;

function configureLmk(machine: Machine): void {
  const ramKb = machine.mem.frames.total * 4;
  const scale = Math.min(1, ramKb / LMK_FULL_RAM_KB);
  machine.lmk.configure({ adj: LMK_ADJ, minfree: LMK_MINFREE_KB.map((kb) => Math.floor((kb * scale) / 4)) });
}

const kernel: Policy = {
  name: 'kernel',
  about: 'kswapd, direct reclaim and the OOM killer only',
  install: () => {},
};

const lmk: Policy = {
  name: 'lmk',
  about: 'and the low-memory killer',
  install: (machine) => configureLmk(machine),
};

const volatile: Policy = {
  name: 'volatile',
  about: 'and apps mark their caches volatile while in the background',
  install: (machine) => {
    configureLmk(machine);
    new VolatileCaches(machine);
  },
};

const reclaim: Policy = {
  name: 'reclaim',
  about: 'and a task manager: compacts apps left behind, reclaims the oldest under pressure',
  install: (machine) => {
    configureLmk(machine);
    new Compactor(machine);
    new PressureReclaimer(machine);
  },
};

const proportional: Policy = {
  name: 'proportional',
  about: 'and a task manager: under pressure a bounded number of pages from many apps',
  install: (machine) => {
    configureLmk(machine);
    new ProportionalReclaimer(machine);
  },
};

export const POLICIES: readonly Policy[] = [kernel, lmk, volatile, reclaim, proportional];

export function policyNamed(name: string): Policy | undefined {
  return POLICIES.find((policy) => policy.name === name);
}
