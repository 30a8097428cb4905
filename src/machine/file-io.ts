/** read(2) and write(2) of a simulated process. Mirrors: fs/read_write.c, task_io_accounting_ops.h. */
import type { Mapping } from '../mm/cache/mapping.ts';
import { copyPage, getReadBatch, readShmemPage, writePage } from '../mm/cache/read-write.ts';
import type { OpenFile } from '../mm/cache/readahead.ts';
import { MOST_FILE_BYTES } from '../mm/cache/truncate.ts';
import type { Memory } from '../mm/memory.ts';
import { DISK_PAGE_KB } from '../mm/pages/content.ts';
import type { TouchResult } from '../mm/space/access.ts';
import { Mm } from '../mm/space/mm.ts';
import { EFBIG, ENOMEM } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Job } from '../util/job.ts';
import type { Machine } from './machine.ts';
import { chargeFaults } from './stall.ts';
import type { Task } from './task.ts';

const PAGE = 4096;
/** Pages in one piece of work: a millisecond, or some under pressure. */
const PIECE_PAGES = 512;

/** Bytes from `offset` on that there are, `length` at most. Throws ENOMEM where there is no memory for the first page. */
export function* readFile(machine: Machine, task: Task, file: Mapping, offset: number, length: number): Job<number> {
  const { mem } = machine;
  const { io } = task;
  const end = Math.min(offset + length, file.sizeBytes);
  const open = (task.mm ?? new Mm(0)).fileOf(file.id, mem.settings.readaheadPages);
  const one: OnePage = file.isShmem
    ? (index, from) => readShmemPage(mem, file, index, from === 0)
    : fileReader(mem, file, open, offset, offset + length);
  io.syscr++;
  const done = yield* waitingFor(machine, task, eachPage(machine, task, offset, end, one));
  if (done > 0) open.prevPos = offset + done;
  io.rchar += done;
  return done;
}

/** Does something with a page and the part of it that is meant; false: there is no memory. */
type OnePage = (index: number, from: number, to: number) => boolean;

/**
 * Reads one page after another, in batches, up to what has been asked for (which may lie beyond the end of the file). A page
 * that the last call has ended in is not marked as accessed once more. Mirrors: filemap_read.
 */
function fileReader(mem: Memory, file: Mapping, open: OpenFile, offset: number, wantedEnd: number): OnePage {
  const lastPage = open.prevPos < 0 ? -1 : Math.floor((open.prevPos - 1) / PAGE);
  const end = Math.ceil(wantedEnd / PAGE);
  const firstPage = Math.floor(offset / PAGE);
  let batchEnd = 0;
  return (index) => {
    if (index >= batchEnd) {
      const pages = getReadBatch(mem, file, open, index, end);
      if (pages === 0) return false;
      batchEnd = index + pages;
    }
    if (index !== firstPage || index !== lastPage) copyPage(mem, file, index);
    return true;
  };
}

/**
 * Writes bytes of their own and makes the file longer where need be. Who dirties more than memory may hold waits. Throws EFBIG, ENOMEM where
 * there is no memory for the first page.
 */
export function* writeFile(machine: Machine, task: Task, file: Mapping, offset: number, length: number): Job<number> {
  const { mem } = machine;
  const { io } = task;
  io.syscw++;
  if (length > 0 && offset >= MOST_FILE_BYTES) throw new KernelError(EFBIG, 'files end at 1 TiB');
  const done = yield* waitingFor(
    machine,
    task,
    eachPage(machine, task, offset, Math.min(offset + length, MOST_FILE_BYTES), (index, from, to) => {
      const pageEnd = index * PAGE + to;
      const whole = from === 0 && (to === PAGE || pageEnd >= file.sizeBytes);
      const written = writePage(mem, file, index, whole || index * PAGE >= file.sizeBytes);
      if (written === 'no memory') return false;
      if (pageEnd > file.sizeBytes) file.sizeBytes = pageEnd;
      if (file.isShmem) return true;
      if (written === 'dirtied') io.writeBytes += PAGE;
      if (mem.nrFileDirty > mem.dirtyLimitPages) mem.hooks.onDirtyLimit?.(mem);
      return true;
    }),
  );
  io.wchar += done;
  return done;
}

/** Calls `one` for each page of [start, end) with the part of it that is meant, until it says no or the process is to die; returns the bytes done. */
function* eachPage(machine: Machine, task: Task, start: number, end: number, one: OnePage): Job<number> {
  const { pressure } = machine;
  let at = start;
  let oom = false;
  for (let pages = 1; at < end && !oom && !pressure.isDying(task); pages++) {
    const index = Math.floor(at / PAGE);
    const from = at - index * PAGE;
    const to = Math.min(PAGE, end - index * PAGE);
    if (one(index, from, to)) at += to - from;
    else oom = true;
    if (pages % PIECE_PAGES === 0) yield;
  }
  if (oom && at === start && !pressure.isDying(task)) throw new KernelError(ENOMEM, 'no memory for the page cache');
  return Math.max(0, at - start);
}

/** Charges the process with what its call waited for: the device, reclaim, the limit of dirty pages. */
function* waitingFor(machine: Machine, task: Task, job: Job<number>): Job<number> {
  const { mem } = machine;
  const { events } = mem;
  const restored = () => events.workingset_restore_anon + events.workingset_restore_file;
  const before = {
    pswpin: events.pswpin,
    pgpgin: events.pgpgin,
    restored: restored(),
    stalledUs: mem.stalledUs,
    readTurns: mem.readTurns,
  };
  try {
    return yield* job;
  } finally {
    const result: TouchResult = { pages: 0, minor: 0, major: 0, signals: 0, oom: false };
    result.swapIns = events.pswpin - before.pswpin;
    result.fileReads = (events.pgpgin - before.pgpgin) / DISK_PAGE_KB;
    result.readTurns = mem.readTurns - before.readTurns;
    result.thrashed = restored() - before.restored;
    result.stalledUs = mem.stalledUs - before.stalledUs;
    task.io.readBytes += result.fileReads * PAGE;
    chargeFaults(machine, task, result);
  }
}
