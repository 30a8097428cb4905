/** PID/sched, PID/schedstat, PID/timers. Mirrors: kernel/sched/debug.c:proc_sched_show_task, kernel/sched/stats.c. */
import { threadTimes } from './cpu-time.ts';
import type { TaskContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

const NICE_0_WEIGHT = 1_048_576;

/** Time on a CPU, time waiting for one (Pretend: none), turns. In nanoseconds. */
export function showSchedstat(out: TextBuffer, { machine, thread }: TaskContext): void {
  const { utimeUs, stimeUs, voluntary } = threadTimes(machine, thread);
  const turns = Math.floor(voluntary + thread.involuntary);
  out
    .dec(Math.floor((utimeUs + stimeUs) * 1000))
    .text(' 0 ')
    .dec(turns)
    .newline();
}

type Row = readonly [name: string, value: string];

/** Pretend: load averages follow from the rate of the workload; nothing migrates. */
export function showSched(out: TextBuffer, ctx: TaskContext): void {
  const { machine, task, thread } = ctx;
  const { utimeUs, stimeUs, voluntary } = threadTimes(machine, thread);
  const ranMs = ((utimeUs + stimeUs) / 1000).toFixed(6);
  const util = String(Math.min(1024, Math.round((thread.userRate + thread.systemRate) * 1024)));
  const rows: readonly Row[] = [
    ['se.exec_start', (machine.nowUs / 1000).toFixed(6)],
    ['se.vruntime', ranMs],
    ['se.sum_exec_runtime', ranMs],
    ['se.nr_migrations', '0'],
    ['nr_switches', String(Math.floor(voluntary + thread.involuntary))],
    ['nr_voluntary_switches', String(Math.floor(voluntary))],
    ['nr_involuntary_switches', String(Math.floor(thread.involuntary))],
    ['se.load.weight', String(NICE_0_WEIGHT)],
    ['se.avg.load_sum', '0'],
    ['se.avg.runnable_sum', '0'],
    ['se.avg.util_sum', '0'],
    ['se.avg.load_avg', util],
    ['se.avg.runnable_avg', util],
    ['se.avg.util_avg', util],
    ['se.avg.last_update_time', String(Math.floor(machine.nowUs * 1000))],
    ['se.avg.util_est', util],
    ['policy', '0'],
    ['prio', String(120 + task.nice)],
    ['se.slice', '1400000'],
    ['clock-delta', '70'],
    ['mm->numa_scan_seq', '0'],
    ['numa_pages_migrated', '0'],
    ['numa_preferred_nid', '-1'],
    ['total_numa_faults', '0'],
  ];
  out.text(`${thread.comm} (${thread.tid}, #threads: ${task.threads.length})\n${'-'.repeat(67)}\n`);
  for (const [name, value] of rows) {
    if (name.includes('numa') && task.mm === null) continue;
    out.text(`${name.padEnd(45)}:${value.padStart(21)}\n`);
  }
  if (task.mm === null) return;
  out.text('current_node=0, numa_group_id=0\n');
  out.text('numa_faults node=0 task_private=0 task_shared=0 group_private=0 group_shared=0\n');
}
