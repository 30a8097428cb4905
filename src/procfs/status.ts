/** PID/status. Mirrors: fs/proc/array.c:proc_pid_status, fs/proc/task_mmu.c:task_mem. */
import { isIn, perKernel, type Span } from '../machine/kernels.ts';
import { MAX_PROCESSES } from '../machine/limits.ts';
import { inNamespaces, nsPidsOf } from '../machine/pid-namespaces.ts';
import type { TaskState } from '../machine/task.ts';
import type { Mm } from '../mm/space/mm.ts';
import { textPages } from './array.ts';
import { allCaps, NO_CAPS, PAGE_KB } from './constants.ts';
import type { TaskContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

const STATES: Readonly<Record<TaskState, string>> = {
  R: 'R (running)',
  S: 'S (sleeping)',
  D: 'D (disk sleep)',
  T: 'T (stopped)',
  t: 't (tracing stop)',
  X: 'X (dead)',
  P: 'P (parked)',
  I: 'I (idle)',
  Z: 'Z (zombie)',
};
const NO_SIGNALS = '0000000000000000';
const ALL_SIGNALS = 'ffffffffffffffff';

/** Lines that not all kernels have. */
const SPANS: Readonly<Record<string, Span>> = {
  Kthread: { since: '6.18' },
  VmPMD: { until: '5.10' },
  CoreDumping: { since: '5.10' },
  THP_enabled: { since: '5.10' },
  untag_mask: { since: '6.18' },
  Seccomp_filters: { since: '5.10' },
  SpeculationIndirectBranch: { since: '6.1' },
};
const missingIn = perKernel(
  (kernel) => new Set(Object.keys(SPANS).filter((name) => !isIn(kernel, SPANS[name]!))) as ReadonlySet<string>,
);

export function showStatus(out: TextBuffer, ctx: TaskContext): void {
  const { machine, task, thread } = ctx;
  const { kernel } = machine.options;
  out.text('Name:\t').text(escapeName(thread.comm)).newline();
  showState(out, ctx);
  if (task.mm !== null) showMemory(out, task.mm, missingIn(kernel));
  line(out, 'Threads', task.threads.length);
  // Pretend: no signal is pending, blocked or caught.
  out.text(`SigQ:\t0/${MAX_PROCESSES}`).newline();
  for (const name of ['SigPnd', 'ShdPnd', 'SigBlk']) line(out, name, NO_SIGNALS);
  line(out, 'SigIgn', task.kernelThread ? ALL_SIGNALS : NO_SIGNALS);
  line(out, 'SigCgt', signalSet(task.catches));
  // Pretend: root has every capability, nobody else any.
  const all = allCaps(kernel);
  const caps = task.ids.euid === 0 ? all : NO_CAPS;
  for (const [name, value] of [
    ['CapInh', NO_CAPS],
    ['CapPrm', caps],
    ['CapEff', caps],
    ['CapBnd', all],
    ['CapAmb', NO_CAPS],
  ] as const)
    line(out, name, value);
  for (const [name, value] of SECURITY) if (!missingIn(kernel).has(name)) line(out, name, value);
  showPlacement(out, ctx);
  line(out, 'voluntary_ctxt_switches', machine.cpuTimes(thread).voluntary);
  line(out, 'nonvoluntary_ctxt_switches', Math.floor(thread.involuntary));
}

/** Mirrors: task_seccomp. */
const SECURITY: readonly (readonly [name: string, value: string | number])[] = [
  ['NoNewPrivs', 0],
  ['Seccomp', 0],
  ['Seccomp_filters', 0],
  ['Speculation_Store_Bypass', 'thread vulnerable'],
  ['SpeculationIndirectBranch', 'conditional enabled'],
];

/** Mirrors: task_state. */
function showState(out: TextBuffer, { machine, task, thread }: TaskContext): void {
  const { ids } = task;
  // Who has exited has neither files nor a file system of its own any more.
  if (!task.isZombie) out.text('Umask:\t').text(task.umask.toString(8).padStart(4, '0')).newline();
  line(out, 'State', STATES[thread.state]);
  line(out, 'Tgid', task.pid);
  line(out, 'Ngid', 0);
  line(out, 'Pid', thread.tid);
  line(out, 'PPid', task.ppid);
  line(out, 'TracerPid', thread.tracerPid);
  line(out, 'Uid', `${ids.uid}\t${ids.euid}\t${ids.suid}\t${ids.euid}`);
  line(out, 'Gid', `${ids.gid}\t${ids.egid}\t${ids.sgid}\t${ids.egid}`);
  line(out, 'FDSize', task.isZombie ? 0 : 64);
  line(out, 'Groups', `${ids.groups.join(' ')} `);
  line(out, 'NStgid', [task.pid, ...task.nsPids].join('\t'));
  line(out, 'NSpid', [thread.tid, ...nsPidsOf(task, thread)].join('\t'));
  line(out, 'NSpgid', [task.pgrp, ...inNamespaces(machine, task, task.pgrp)].join('\t'));
  line(out, 'NSsid', [task.session, ...inNamespaces(machine, task, task.session)].join('\t'));
  if (!missingIn(machine.options.kernel).has('Kthread')) line(out, 'Kthread', task.kernelThread ? 1 : 0);
}

/** Mirrors: task_mem, task_core_dumping, task_thp_status, task_untag_mask. */
function showMemory(out: TextBuffer, mm: Mm, missing: ReadonlySet<string>): void {
  const { sizes } = mm;
  const text = Math.min(textPages(mm), sizes.exec);
  const rows: readonly (readonly [string, number])[] = [
    ['VmPeak', Math.max(mm.hiwaterVm, sizes.total)],
    ['VmSize', sizes.total],
    ['VmLck', sizes.locked],
    ['VmPin', 0],
    ['VmHWM', mm.peakRss],
    ['VmRSS', mm.rss],
    ['RssAnon', mm.rssAnon],
    ['RssFile', mm.rssFile],
    ['RssShmem', mm.rssShmem],
    ['VmData', sizes.data],
    ['VmStk', sizes.stack],
    ['VmExe', text],
    ['VmLib', sizes.exec - text],
    ['VmPTE', mm.pageDirectory.size],
    // Pretend: three levels of tables above, a page each, are one.
    ['VmPMD', 1],
    ['VmSwap', mm.swapents],
  ];
  for (const [name, pages] of rows) if (!missing.has(name)) kb(out, name, pages * PAGE_KB);
  let hugetlbKb = 0;
  for (const vma of mm.vmas) hugetlbKb += vma.hugetlbKb;
  kb(out, 'HugetlbPages', hugetlbKb);
  for (const [name, value] of [
    ['CoreDumping', 0],
    ['THP_enabled', 0],
    ['untag_mask', '0xffffffffffffffff'],
  ] as const)
    if (!missing.has(name)) line(out, name, value);
}

/** Pretend: memory is on the one node. */
function showPlacement(out: TextBuffer, { machine, task }: TaskContext): void {
  const { cpus } = machine.options;
  const some = task.cpusAllowed.length > 0;
  line(out, 'Cpus_allowed', some ? maskText(maskOf(task.cpusAllowed), cpus) : cpuMask(cpus));
  line(out, 'Cpus_allowed_list', some ? listText(task.cpusAllowed) : cpuList(cpus));
  line(out, 'Mems_allowed', '1');
  line(out, 'Mems_allowed_list', '0');
}

/** `3`, or groups of eight hexadecimal digits. Mirrors: bitmap_print_to_pagebuf (%*pb). */
export function cpuMask(cpus: number): string {
  return maskText((1n << BigInt(cpus)) - 1n, cpus);
}

function maskOf(chosen: readonly number[]): bigint {
  return chosen.reduce((mask, cpu) => mask | (1n << BigInt(cpu)), 0n);
}

function maskText(mask: bigint, cpus: number): string {
  const digits = mask.toString(16).padStart(Math.ceil(cpus / 4), '0');
  return digits.replace(/(?!^)(?=(?:.{8})+$)/g, ',');
}

/** `0-3,5`, of numbers in order. Mirrors: %*pbl. */
function listText(chosen: readonly number[]): string {
  const runs: string[] = [];
  for (let i = 0; i < chosen.length; ) {
    let end = i;
    while (chosen[end + 1] === chosen[end]! + 1) end++;
    runs.push(end === i ? `${chosen[i]}` : `${chosen[i]}-${chosen[end]}`);
    i = end + 1;
  }
  return runs.join(',');
}

export function cpuList(cpus: number): string {
  return cpus === 1 ? '0' : `0-${cpus - 1}`;
}

function line(out: TextBuffer, name: string, value: string | number): void {
  out.text(name).text(':\t');
  if (typeof value === 'number') out.dec(value);
  else out.text(value);
  out.newline();
}

function kb(out: TextBuffer, name: string, value: number): void {
  out.text(name).text(':\t').dec(value, 8).text(' kB').newline();
}

/** Mirrors: proc_task_name with escape. */
function escapeName(comm: string): string {
  return comm.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

/** A set of signals as a mask: signal N is bit N - 1. Mirrors: render_sigset_t. */
function signalSet(signals: readonly number[]): string {
  return signals
    .reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n)
    .toString(16)
    .padStart(16, '0');
}
