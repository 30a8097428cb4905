/** /proc/PID/reclaim: from the bytes of a write to pages leaving memory. */

import { type Credentials, type ReclaimKind, reclaimProcess } from '../mm/reclaim/process-reclaim.ts';
import type { Mm } from '../mm/space/mm.ts';
import type { Vma } from '../mm/space/vma.ts';
import type { Job } from '../util/job.ts';
import type { Machine } from './machine.ts';
import { PROFILES } from './profiles.ts';
import { parseReclaim } from './reclaim-request.ts';
import type { Task } from './task.ts';

/**
 * One write to a process's reclaim file; returns how many bytes count as written, or -EINVAL, -ERANGE. A process without
 * memory (zombie, kernel thread) takes every well-formed write and does nothing. `data` is not looked at after the first piece.
 */
export function* writeReclaim(machine: Machine, task: Task, data: Uint8Array): Job<number> {
  const parsed = parseReclaim(data, machine.profile.grammar);
  if (typeof parsed === 'number') return parsed;
  if (task.mm === null) return parsed.taken;
  const { kind, range } = parsed.request;
  machine.generation++;
  yield* reclaimProcess(machine.mem, task.mm, kind, range?.start, range?.end);
  return parsed.taken;
}

/** What `pageout` reports, in the keys of the oracle. */
export function* reclaimByScenario(
  machine: Machine,
  _task: Task,
  mm: Mm,
  kind: ReclaimKind,
  range: { start: number; end: number } | undefined,
  who: Credentials | undefined,
  only: (vma: Vma) => boolean,
): Job<Record<string, unknown>> {
  machine.generation++;
  const result = yield* reclaimProcess(machine.mem, mm, kind, range?.start, range?.end, who, only);
  return {
    vmas_walked: result.vmasWalked,
    bytes_advised: result.bytesAdvised,
    vmas_refused: result.vmasRefused,
    ...(result.vmasRefused > 0 ? { errno: 'EINVAL' } : {}),
  };
}

/** Whether a text would be accepted by a profile, for messages. */
export function acceptedWords(machine: Machine): string {
  const { grammar } = PROFILES[machine.profile.name];
  const words = [
    ...(grammar.words ? ['file', 'anon', 'all'] : []),
    ...(grammar.shmem ? ['shmem'] : []),
    ...(grammar.numbers ? ['1', '2', '3'] : []),
    ...(grammar.range ? ['ADDR LEN'] : []),
    ...(grammar.numberedRange ? ['4|5|6 ADDR LEN'] : []),
  ];
  return words.join(', ');
}
