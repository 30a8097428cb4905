/** /proc/reclaimfs/processes: what status and stat of every process say of memory, in one read. */
import type { Task } from '../machine/task.ts';
import { jsonOf } from '../util/bytes.ts';
import { PAGE_KB } from './constants.ts';
import type { SystemContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

/** One JSON line a process, in order of pid; without an address space (kernel threads, zombies) without the sizes. */
export function showProcesses(out: TextBuffer, { machine }: SystemContext): void {
  for (const task of [...machine.tasks.values()].sort((a, b) => a.pid - b.pid)) out.text(jsonOf(rowOf(task))).newline();
}

function rowOf({ pid, comm, leader, ids, oomScoreAdj, majflt, mm }: Task): Record<string, string | number> {
  const row = { pid, name: leader.comm || comm, state: leader.state, uid: ids.uid, adj: oomScoreAdj, majflt };
  if (mm === null) return row;
  return {
    ...row,
    anonKb: mm.rssAnon * PAGE_KB,
    fileKb: mm.rssFile * PAGE_KB,
    shmemKb: mm.rssShmem * PAGE_KB,
    swapKb: mm.swapents * PAGE_KB,
  };
}
