/** PID/stat, PID/statm, task/TID/children. Mirrors: fs/proc/array.c. */
import type { Mm } from '../mm/space/mm.ts';
import { PAGE_BYTES, ULONG_MAX } from './constants.ts';
import { processTimes, threadTimes, ticks } from './cpu-time.ts';
import type { TaskContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

const PF_KTHREAD = 0x00200000;
const PF_RANDOMIZE = 0x00400000;
/** What do_exit sets: PF_EXITING and PF_POSTCOREDUMP. */
const PF_EXITED = 0x0000000c;
const PF_NOFREEZE = 0x00008000;
const SIGCHLD = 17;

/** Pages between the page of `startCode` and the end of `endCode`. */
export function textPages(mm: Mm): number {
  return Math.ceil(mm.endCode / PAGE_BYTES) - Math.floor(mm.startCode / PAGE_BYTES);
}

/** Where the stack of the first thread begins; pmap knows the stack by it. Pretend, where nothing was captured: 16 bytes below the end. */
function stackStart(mm: Mm): number {
  if (mm.startStack !== 0) return mm.startStack;
  const stack = mm.vmas.findLast(({ name }) => name === '[stack]');
  return stack === undefined ? 0 : stack.end * PAGE_BYTES - 16;
}

export function showTgidStat(out: TextBuffer, ctx: TaskContext): void {
  showStat(out, ctx, true);
}

export function showTidStat(out: TextBuffer, ctx: TaskContext): void {
  showStat(out, ctx, false);
}

/** The 52 fields; faults and children's times belong to the process and are shown by its leader. Mirrors: do_task_stat. */
function showStat(out: TextBuffer, { machine, task, thread }: TaskContext, whole: boolean): void {
  const { mm } = task;
  const times = whole ? processTimes(machine, task) : threadTimes(machine, thread);
  const counted = whole || thread === task.leader;
  const kind = task.kernelThread ? PF_KTHREAD | PF_NOFREEZE : PF_RANDOMIZE;
  const flags = task.isZombie ? kind | PF_EXITED : kind;
  out.dec(thread.tid).text(' (').text(thread.comm).text(') ').text(thread.state);
  numbers(out, [task.ppid, task.pgrp, task.session, 0, -1, flags]);
  numbers(out, counted ? [task.minflt, task.childMinflt, task.majflt, task.childMajflt] : [0, 0, 0, 0]);
  numbers(out, [ticks(times.utimeUs), ticks(times.stimeUs)]);
  numbers(out, counted ? [ticks(task.childUtimeUs), ticks(task.childStimeUs)] : [0, 0]);
  numbers(out, [20 + task.nice, task.nice, task.threads.length, 0, ticks(thread.startUs)]);
  numbers(out, [(mm?.sizes.total ?? 0) * PAGE_BYTES, mm?.rss ?? 0]);
  out.text(' ').text(ULONG_MAX);
  numbers(out, [mm?.startCode ?? 0, mm?.endCode ?? 0, mm === null ? 0 : stackStart(mm), 0, 0]);
  // Pretend: no signal is pending, blocked, ignored or caught; a kernel thread ignores all.
  numbers(out, [0, 0, task.kernelThread ? 2147483647 : 0, 0, thread.state === 'R' || mm === null ? 0 : 1, 0, 0]);
  // Pretend: a thread stays on one CPU.
  numbers(out, [SIGCHLD, thread.tid % machine.options.cpus, 0, 0, 0, 0, 0]);
  numbers(out, [mm?.startData ?? 0, mm?.endData ?? 0, mm?.startBrk ?? 0]);
  numbers(out, [mm?.argStart ?? 0, mm?.argEnd ?? 0, mm?.envStart ?? 0, mm?.envEnd ?? 0, task.exitCode]);
  out.newline();
}

function numbers(out: TextBuffer, values: readonly number[]): void {
  for (const value of values) out.byte(0x20).dec(value);
}

/** Mirrors: proc_pid_statm. */
export function showStatm(out: TextBuffer, { task: { mm } }: TaskContext): void {
  if (mm === null) {
    out.text('0 0 0 0 0 0 0').newline();
    return;
  }
  const { sizes } = mm;
  out.dec(sizes.total).byte(0x20).dec(mm.rss).byte(0x20);
  out
    .dec(mm.rssFile + mm.rssShmem)
    .byte(0x20)
    .dec(textPages(mm))
    .text(' 0 ');
  out
    .dec(sizes.data + sizes.stack)
    .text(' 0')
    .newline();
}

/** Processes that this one started; all belong to the leader. Mirrors: children_seq_show. */
export function showChildren(out: TextBuffer, { machine, task, thread }: TaskContext): void {
  if (thread !== task.leader) return;
  for (const child of machine.tasks.values()) if (child.ppid === task.pid) out.dec(child.pid).byte(0x20);
}
