/**
 * A real machine as a scenario: its processes with their mappings, pages, sharing, threads and identity. Reads /proc as
 * whoever calls; changes nothing.
 */
import { bytesOf, textOf, utf8Of } from '../../util/bytes.ts';
import { finish, type Job } from '../../util/job.ts';
import { ObjectTable, objectStep } from './objects.ts';
import { numberOf } from './proc-files.ts';
import { LiveTree, type ProcTree } from './proc-tree.ts';
import { processName, processSteps } from './process-steps.ts';
import { machineStep, type RealHost, readHost } from './real-host.ts';
import { type RealProcess, readProcess } from './real-process.ts';
import { planSharing } from './sharing.ts';
import { standInSteps } from './stand-in-steps.ts';
import { planStandIns } from './stand-ins.ts';
import type { Totals } from './vmas.ts';

/** What is to be captured. */
export interface CaptureOptions {
  /** Where to read; absent: the live /proc. */
  readonly tree?: ProcTree | undefined;
  /** Page cache that nobody maps, memory of other processes and of the kernel, so that meminfo is right. Absent: where nothing was chosen and the tree is a copy. */
  readonly whole?: boolean | undefined;
  /** Only these processes; absent: all. */
  readonly pids?: readonly number[] | undefined;
  /** Swap of the simulated machine in bytes; absent: the host's, or a quarter of its memory where it has none. */
  readonly swapBytes?: number | undefined;
}

/** What has been captured. */
export interface Capture {
  readonly text: string;
  readonly processes: readonly CapturedProcess[];
  /** User processes whose memory could not be read. */
  readonly unreadable: readonly number[];
  /** Processes that had ended when they were to be read, or that do not exist. */
  readonly gone: readonly number[];
  /** The host has no swap: the machine has been given some. */
  readonly swapInvented: boolean;
  /** What was missing and has been made up for, a line each. */
  readonly madeUp: readonly string[];
  /** Processes added in place of those that were not captured but share memory. */
  readonly nrStandIns: number;
}

/** A process that has been captured. */
export interface CapturedProcess {
  readonly pid: number;
  readonly name: string;
  readonly comm: string;
  readonly isKernelThread: boolean;
  /** Sums over smaps when it was captured, in kB; undefined where it could not be read. */
  readonly totals: Totals | undefined;
}

/** Reads the running machine, or a copy of a /proc, and writes it as a scenario; changes nothing. */
export function captureMachine(options: CaptureOptions = {}): Capture {
  return finish(capturing(options));
}

/** The same in pieces, a process each. */
export function* capturing(options: CaptureOptions = {}): Job<Capture> {
  const tree = options.tree ?? new LiveTree('/proc');
  const host = readHost(tree);
  const pids = options.pids ?? tree.numbers('');
  const gone: number[] = [];
  const processes: RealProcess[] = [];
  for (const pid of pids) {
    const process = readProcess(tree, pid);
    if (process === undefined) gone.push(pid);
    else processes.push(process);
    yield;
  }
  const objects = new ObjectTable(host);
  const planned = planSharing(processes, objects);
  const names = processes.map(processName);
  const firstFreePid =
    Math.max(1, ...processes.flatMap(({ pid, threads }) => [pid, ...threads.map(({ tid }) => tid)])) + 1;
  const standIns = standInSteps(planStandIns(planned), names, firstFreePid);
  const needed = neededKb(processes);
  const ramBytes = host.ramBytes || Math.max(2 * 1024 ** 3, needed.rss * 1024 * 2);
  const hostSwap = Math.max(host.swapBytes, host.swapBytes > 0 ? 0 : needed.swap * 1024 * 2);
  const swapInvented = hostSwap === 0 && options.swapBytes === undefined;
  const swapBytes = options.swapBytes ?? (swapInvented ? Math.floor(ramBytes / 4) : hostSwap);
  const whole = options.whole ?? (!tree.isLive && options.pids === undefined);
  const madeUp = tree.isLive ? [] : missing(tree, host, processes);
  const text = [
    `title ${shown(host.hostname)}, ${processes.length} processes, captured ${new Date().toISOString()}`,
    machineStep(host, ramBytes, swapBytes),
    ...(swapInvented ? ['# The captured machine has no swap: this one has a quarter of its memory.'] : []),
    ...madeUp.map((line) => `# ${line}`),
    '',
    ...objects.all.map(objectStep),
    ...planned.flatMap((process, position) => [
      '',
      ...totalsComment(process.process),
      ...processSteps(process, position, names),
    ]),
    ...(standIns.length > 0 ? ['', ...standIns] : []),
    ...(whole ? restSteps(host, firstFreePid + standIns.length, options.swapBytes === undefined) : []),
    '',
  ].join('\n');
  return {
    text: utf8Of(text),
    processes: processes.map(({ pid, comm, isKernelThread, memory }, i) => ({
      pid,
      name: names[i]!,
      comm: utf8Of(comm),
      isKernelThread,
      totals: memory?.totals,
    })),
    unreadable: processes
      .filter(({ isKernelThread, memory }) => !isKernelThread && memory === undefined)
      .map(({ pid }) => pid),
    gone,
    madeUp,
    swapInvented,
    nrStandIns: standIns.filter((step) => step.startsWith('proc ')).length,
  };
}

/** Resident and swapped memory of all processes, shared memory counted once (by Pss), in kB. */
function neededKb(processes: readonly RealProcess[]): { rss: number; swap: number } {
  const sum = (key: 'pss' | 'swap'): number => processes.reduce((n, { memory }) => n + (memory?.totals[key] ?? 0), 0);
  return { rss: sum('pss'), swap: sum('swap') };
}

/** What a copy lacks, in words. */
function missing(tree: ProcTree, host: RealHost, processes: readonly RealProcess[]): string[] {
  const lines: string[] = [];
  if (!host.meminfo.has('MemTotal')) lines.push('no meminfo: the size of the machine is made up');
  else if (!host.meminfo.has('SwapTotal')) lines.push('meminfo has no SwapTotal: the size of swap is made up');
  const lacking = (what: string, effect: string, lacks: (process: RealProcess) => boolean): void => {
    const n = processes.filter(lacks).length;
    if (n > 0) lines.push(`${n} of ${processes.length} processes without ${what}: ${effect}`);
  };
  const no = (file: string) => (process: RealProcess) => tree.text(`${process.pid}/${file}`) === undefined;
  lacking('status', 'they belong to root', no('status'));
  lacking('stat', 'states, times and parents are made up', no('stat'));
  lacking('smaps', 'sums are spread over the mappings of maps', ({ memory }) => memory?.source === 'maps and sums');
  lacking('smaps and maps', 'their mappings are made up from sums', ({ memory }) => memory?.source === 'sums');
  if (processes.some(({ memory }) => memory !== undefined))
    lines.push('no pagemap: which pages of a mapping are there is made up from its sums');
  return lines;
}

/** Steps for what meminfo counts beyond the processes. */
function restSteps({ meminfo, swapBytes }: RealHost, pid: number, sameSwap: boolean): string[] {
  if (!meminfo.has('MemFree')) return [];
  const words = [`free=${numberOf(meminfo, 'MemFree')}K`];
  if (meminfo.has('Cached')) words.push(`cached=${numberOf(meminfo, 'Cached')}K`);
  if (meminfo.has('AnonPages')) words.push(`anon=${numberOf(meminfo, 'AnonPages')}K`);
  if (sameSwap && swapBytes > 0 && meminfo.has('SwapFree')) words.push(`swapfree=${numberOf(meminfo, 'SwapFree')}K`);
  return ['', `proc uncaptured pid=${pid}`, `uncaptured rest ${words.join(' ')}`];
}

/** A text in a remark: on one line. */
function shown(bytes: string): string {
  return bytesOf(textOf(bytes));
}

function totalsComment({ pid, comm, memory }: RealProcess): string[] {
  if (memory === undefined) return [`# ${pid} ${shown(comm)}`];
  const { rss, pss, anonymous, swap } = memory.totals;
  return [`# ${pid} ${shown(comm)}: Rss ${rss} kB, Pss ${pss} kB, Anonymous ${anonymous} kB, Swap ${swap} kB`];
}
