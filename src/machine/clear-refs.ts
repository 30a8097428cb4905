import { PG_REFERENCED } from '../mm/pages/page-flags.ts';
import { KIND_PRESENT, KIND_SWAP, PTE_SOFTDIRTY, PTE_WRITE, PTE_YOUNG } from '../mm/pages/pte.ts';
import { VM_SOFTDIRTY } from '../mm/space/vm-flags.ts';
import { forEachEntryInPieces } from '../mm/space/zap.ts';
import type { Job } from '../util/job.ts';
import type { Machine } from './machine.ts';
import type { Task } from './task.ts';

/** All, anonymous, file: forget accesses. Soft-dirty: forget writes. Peak: forget VmHWM. */
const CLEAR_ALL = 1;
const CLEAR_ANON = 2;
const CLEAR_FILE = 3;
const CLEAR_SOFT_DIRTY = 4;
const CLEAR_PEAK = 5;
/** Mappings in one piece of work. */
const PIECE_VMAS = 512;

/** One write to /proc/PID/clear_refs. Precondition: 1 ≤ value ≤ 5. Mirrors: fs/proc/task_mmu.c:clear_refs_write. */
export function* clearRefs(machine: Machine, task: Task, value: number): Job<void> {
  const { mm } = task;
  if (mm === null) return;
  machine.generation++;
  if (value === CLEAR_PEAK) {
    mm.hiwaterRss = mm.rss;
    return;
  }
  const { tables, frames } = machine.mem;
  let seen = 0;
  for (const vma of mm.vmas) {
    if (value === CLEAR_ANON && vma.mapping !== null) continue;
    if (value === CLEAR_FILE && vma.mapping === null) continue;
    if (value === CLEAR_SOFT_DIRTY) vma.flags &= ~VM_SOFTDIRTY;
    if (++seen % PIECE_VMAS === 0) yield;
    yield* forEachEntryInPieces(machine.mem, vma, vma.start, vma.end, (at) => {
      const pte = tables.pte[at]!;
      const kind = pte >>> 30;
      if (value === CLEAR_SOFT_DIRTY) {
        if (kind === KIND_PRESENT) tables.pte[at] = pte & ~(PTE_SOFTDIRTY | PTE_WRITE);
        else if (kind === KIND_SWAP) tables.pte[at] = pte & ~PTE_SOFTDIRTY;
        return;
      }
      if (kind !== KIND_PRESENT) return;
      tables.pte[at] = pte & ~PTE_YOUNG;
      frames.flags[tables.numberOf(at, pte)]! &= ~PG_REFERENCED;
    });
  }
}

/** The values that may be written. */
export const CLEAR_REFS_MAX = CLEAR_PEAK;
export const CLEAR_REFS_MIN = CLEAR_ALL;
