/** Keys of the magic SysRq that a program can press through /proc/sysrq-trigger. Mirrors: drivers/tty/sysrq.c. */
import type { Job } from '../util/job.ts';
import type { Machine } from './machine.ts';
import { outOfMemory } from './oom.ts';
import { deliverSignal } from './signal.ts';

/**
 * Those with an effect on the model: `c` crash, `e` SIGTERM and `i` SIGKILL to all processes but init, `f` the OOM killer.
 * The kernel has more, and answers any key.
 */
export const SYSRQ_KEYS = ['c', 'e', 'f', 'i'] as const;
export type SysrqKey = (typeof SYSRQ_KEYS)[number];

export function isSysrqKey(key: string): key is SysrqKey {
  return SYSRQ_KEYS.some((known) => known === key);
}

/** Presses one. */
export function* pressSysrq(machine: Machine, key: SysrqKey): Job<void> {
  switch (key) {
    case 'c':
      machine.log('panic', { reason: 'sysrq triggered crash', by: 'kernel' });
      machine.panicked = true;
      return;
    case 'e':
      return yield* signalAll(machine, 'TERM');
    case 'f':
      outOfMemory(machine, { among: machine.tasks.values(), asked: true });
      return;
    case 'i':
      return yield* signalAll(machine, 'KILL');
  }
}

/** Mirrors: send_sig_all. */
function* signalAll(machine: Machine, signal: string): Job<void> {
  for (const task of [...machine.tasks.values()])
    if (task.pid !== 1 && !task.kernelThread) yield* deliverSignal(machine, task, signal);
}
