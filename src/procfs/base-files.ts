/** The small files of a process. Mirrors: fs/proc/base.c. */
import { limitOf, RESOURCES } from '../machine/limits.ts';
import { CGROUP1_CONTROLLERS, type Machine } from '../machine/machine.ts';
import { oomScore } from '../machine/oom.ts';
import { OOM_SCORE_ADJ_MAX, OOM_SCORE_ADJ_MIN } from '../mm/reclaim/oom.ts';
import { fromBuffer } from '../util/bytes.ts';
import { EACCES, EINVAL, ENOENT, EPERM } from '../util/errno.ts';
import { kstrtoint, kstrtouint, kstrtoull } from '../util/kstrto.ts';
import type { Caller } from '../vfs/types.ts';
import { CAP_SYS_ADMIN, CAP_SYS_NICE, CAP_SYS_RESOURCE } from './access.ts';
import type { TaskContext } from './entry.ts';
import { fromUser, writtenText } from './parse-number.ts';
import type { TextBuffer } from './text.ts';

/** Most bytes looked at where a number is written. */
const NUMBER_BYTES = 12;
const COMM_BYTES = 15;
const OOM_ADJ_MAX = 15;
const OOM_DISABLE = -17;

export function showCmdline(out: TextBuffer, { task }: TaskContext): void {
  if (task.mm !== null) for (const word of task.cmdline) out.text(word).byte(0);
}

export function showEnviron(out: TextBuffer, { task }: TaskContext): void {
  for (const word of task.environ) out.text(word).byte(0);
}

export function showComm(out: TextBuffer, { thread }: TaskContext): void {
  out.text(thread.comm).newline();
}

/** Unlike the kernel, any writer that may open the file is heard: nobody else could speak for a simulated process. Mirrors: comm_write. */
export function writeComm({ host, task, thread }: TaskContext, data: Uint8Array): number {
  const bytes = data.subarray(0, COMM_BYTES);
  const nul = bytes.indexOf(0);
  const comm = fromBuffer(nul < 0 ? bytes : bytes.subarray(0, nul));
  const status = host.setComm(task, thread, comm);
  return status < 0 ? status : data.length;
}

/** The three links into the simulated file system; a kernel thread and a zombie have no program. */
export function exeLink({ task }: TaskContext): string | number {
  return task.mm === null || task.exe === '' ? -ENOENT : task.exe;
}

export function cwdLink({ task }: TaskContext): string | number {
  return task.isZombie ? -ENOENT : task.cwd;
}

export function rootLink({ task }: TaskContext): string | number {
  return task.isZombie ? -ENOENT : task.root;
}

/** Mirrors: proc_pid_limits. */
export function showLimits(out: TextBuffer, { task }: TaskContext): void {
  out.text('Limit                     Soft Limit           Hard Limit           Units     \n');
  const text = (value: number): string => (value === Infinity ? 'unlimited' : String(value)).padEnd(20);
  for (const [resource, [, title, unit]] of RESOURCES.entries()) {
    const { soft, hard } = limitOf(task, resource);
    out
      .text(`${`Max ${title}`.padEnd(25)} ${text(soft)} ${text(hard)} `)
      .text(unit === '' ? '' : unit.padEnd(10))
      .newline();
  }
}

export function showIo(out: TextBuffer, { task: { io } }: TaskContext): void {
  const rows: readonly (readonly [string, number])[] = [
    ['rchar', io.rchar],
    ['wchar', io.wchar],
    ['syscr', io.syscr],
    ['syscw', io.syscw],
    ['read_bytes', io.readBytes],
    ['write_bytes', io.writeBytes],
    ['cancelled_write_bytes', io.cancelledWriteBytes],
  ];
  for (const [name, value] of rows) out.text(name).text(': ').dec(Math.floor(value)).newline();
}

export function showOomScore(out: TextBuffer, { machine, task }: TaskContext): void {
  out.dec(oomScore(machine, task)).newline();
}

export function showOomScoreAdj(out: TextBuffer, { task }: TaskContext): void {
  out.dec(task.oomScoreAdj).newline();
}

export function writeOomScoreAdj(ctx: TaskContext, data: Uint8Array, caller: Caller | undefined): number {
  const value = kstrtoint(writtenText(data, NUMBER_BYTES), 0);
  if (typeof value !== 'number') return -value.errno;
  if (value < OOM_SCORE_ADJ_MIN || value > OOM_SCORE_ADJ_MAX) return -EINVAL;
  return setOomScoreAdj(ctx, value, data, caller);
}

/** The scale of old, -17 … 15. Mirrors: oom_adj_read. */
export function showOomAdj(out: TextBuffer, { task: { oomScoreAdj } }: TaskContext): void {
  const adj = oomScoreAdj === OOM_SCORE_ADJ_MAX ? OOM_ADJ_MAX : Math.trunc((oomScoreAdj * -OOM_DISABLE) / 1000);
  out.dec(Math.min(adj, OOM_ADJ_MAX) + 0).newline();
}

/** Mirrors: oom_adj_write. */
export function writeOomAdj(ctx: TaskContext, data: Uint8Array, caller: Caller | undefined): number {
  const adj = kstrtoint(writtenText(data, NUMBER_BYTES), 0);
  if (typeof adj !== 'number') return -adj.errno;
  if ((adj < -16 || adj > OOM_ADJ_MAX) && adj !== OOM_DISABLE) return -EINVAL;
  const value = adj === OOM_ADJ_MAX ? OOM_SCORE_ADJ_MAX : Math.trunc((adj * OOM_SCORE_ADJ_MAX) / -OOM_DISABLE);
  return setOomScoreAdj(ctx, value, data, caller);
}

/** Only who has CAP_SYS_RESOURCE may protect a process better. Mirrors: __set_oom_adj. */
function setOomScoreAdj(ctx: TaskContext, value: number, data: Uint8Array, caller: Caller | undefined): number {
  if (value < ctx.task.oomScoreAdj && !ctx.settings.access.capable(caller, CAP_SYS_RESOURCE)) return -EACCES;
  const status = ctx.host.setOomScoreAdj(ctx.task, value + 0);
  return status < 0 ? status : Math.min(data.length, NUMBER_BYTES);
}

/** Mirrors: proc_coredump_filter_read. */
export function showCoredumpFilter(out: TextBuffer, { task }: TaskContext): void {
  if (task.mm !== null) out.hex(task.coredumpFilter, 8).newline();
}

export function writeCoredumpFilter({ host, task }: TaskContext, data: Uint8Array): number {
  const value = kstrtouint(fromUser(data, 32), 0);
  if (typeof value !== 'number') return -value.errno;
  const status = host.setCoredumpFilter(task, value & 0x1ff);
  return status < 0 ? status : data.length;
}

export function showTimerslack(out: TextBuffer, { task }: TaskContext): void {
  out.dec(task.timerslackNs).newline();
}

/** Zero restores the default. Mirrors: timerslack_ns_write. */
export function writeTimerslack({ host, task }: TaskContext, data: Uint8Array): number {
  const value = kstrtoull(fromUser(data, 64));
  if (typeof value !== 'bigint') return -value.errno;
  // Pretend: what is no whole number of ours is refused; it would be more than a hundred days.
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return -EINVAL;
  const status = host.setTimerslackNs(task, value === 0n ? 50_000 : Number(value));
  return status < 0 ? status : data.length;
}

/** Files that anybody whom the mode lets in may open, but only tracers read. Mirrors: do_io_accounting. */
export function onlyTracers({ settings, task }: TaskContext, caller: Caller): number {
  return settings.access.mayTrace(caller, task) ? 0 : -EACCES;
}

/** The same with another error. Mirrors: lock_trace. */
export function onlyTracersElsePerm({ settings, task }: TaskContext, caller: Caller): number {
  return settings.access.mayTrace(caller, task) ? 0 : -EPERM;
}

/** Mirrors: proc_pid_stack. */
export function onlyAdmins(ctx: TaskContext, caller: Caller): number {
  return ctx.settings.access.capable(caller, CAP_SYS_ADMIN) ? onlyTracersElsePerm(ctx, caller) : -EACCES;
}

/** Nobody is the simulated process itself: all others need CAP_SYS_NICE. Mirrors: timerslack_ns_write, timerslack_ns_show. */
export function onlyWithSysNice({ settings }: TaskContext, caller: Caller): number {
  return settings.access.capable(caller, CAP_SYS_NICE) ? 0 : -EPERM;
}

/** Pretend: a sleeping process waits for an event, a kernel thread for work. */
export function showWchan(out: TextBuffer, { task, thread }: TaskContext): void {
  if (thread.state === 'R' || task.isZombie) out.text('0');
  else if (thread.state === 'D') out.text('folio_wait_bit_common');
  else if (thread.state === 'T') out.text('do_signal_stop');
  else if (thread.state === 't') out.text('ptrace_stop');
  else out.text(task.kernelThread ? 'worker_thread' : 'do_epoll_wait');
}

/** Pretend: the call that the words of wchan stand in. Mirrors: proc_pid_syscall. */
export function showSyscall(out: TextBuffer, { task, thread }: TaskContext): void {
  if (thread.state === 'R' || task.mm === null) out.text('running\n');
  else out.text('232 0x4 0x0 0x40 0xffffffff 0x0 0x8 0x').hex(task.mm.startStack).text(' 0x0\n');
}

/** Pretend: the innermost frames of such a wait. Mirrors: proc_pid_stack. */
export function showStack(out: TextBuffer, { task, thread }: TaskContext): void {
  if (thread.state === 'R' || task.isZombie) return;
  if (task.kernelThread)
    out.text('[<0>] worker_thread+0xb3/0x3a0\n[<0>] kthread+0xfb/0x230\n[<0>] ret_from_fork_asm+0x1a/0x30\n');
  else
    out.text(
      '[<0>] do_epoll_wait+0x3a1/0x4d0\n[<0>] do_syscall_64+0x71/0x280\n[<0>] entry_SYSCALL_64_after_hwframe+0x76/0x7e\n',
    );
}

/** What stands before the path of a group: the hierarchy's number, and its controllers but for version 2. */
export function hierarchyOf({ options }: Machine): string {
  return options.cgroup === 'v1' ? `1:${CGROUP1_CONTROLLERS.join(',')}:` : '0::';
}

/** Mirrors: proc_cgroup_show, with the one hierarchy that there is. */
export function showCgroup(out: TextBuffer, { machine, task }: TaskContext): void {
  out.text(hierarchyOf(machine)).text(task.cgroup).newline();
}
