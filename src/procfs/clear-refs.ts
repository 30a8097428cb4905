/** The two files that are only written: PID/reclaim and PID/clear_refs. Mirrors: the 2013 series, fs/proc/task_mmu.c:clear_refs_write. */
import { parseReclaim } from '../machine/reclaim-request.ts';
import { EINVAL, ESRCH } from '../util/errno.ts';
import type { Job } from '../util/job.ts';
import { kstrtoint } from '../util/kstrto.ts';
import type { SystemContext, TaskContext } from './entry.ts';
import { writtenText } from './parse-number.ts';

const NUMBER_BYTES = 12;
const CLEAR_REFS_LAST = 5;

export function writeReclaim({ host, task }: TaskContext, data: Uint8Array): Job<number> {
  return host.writeReclaim(task, data);
}

/** The text is judged before the process is looked for. */
export function writeReclaimGone({ machine }: SystemContext, data: Uint8Array): number {
  const parsed = parseReclaim(data, machine.profile.grammar);
  return typeof parsed === 'number' ? parsed : -ESRCH;
}

export function* writeClearRefs({ host, task }: TaskContext, data: Uint8Array): Job<number> {
  const { length } = data;
  const value = clearRefsValue(data);
  if (value < 0) return value;
  const status = yield* host.clearRefs(task, value);
  return status < 0 ? status : length;
}

export function writeClearRefsGone(_ctx: SystemContext, data: Uint8Array): number {
  const value = clearRefsValue(data);
  return value < 0 ? value : -ESRCH;
}

function clearRefsValue(data: Uint8Array): number {
  const value = kstrtoint(writtenText(data, NUMBER_BYTES));
  if (typeof value !== 'number') return -value.errno;
  return value >= 1 && value <= CLEAR_REFS_LAST ? value : -EINVAL;
}
