/** One process of a real /proc, as far as it may be read. */

import { CliError } from '../../util/errors.ts';
import { deriveVmas, type MemorySource } from './derive.ts';
import { PAGE_ANON, PAGE_FILE, type RealPages, readPages } from './page-map.ts';
import { numberOf, readFields, statFields } from './proc-files.ts';
import type { ProcTree } from './proc-tree.ts';
import { isSpecial, kBOf, pageSizeKb, parseSmaps, type RealVma, type Totals, totalsOf } from './vmas.ts';

export interface RealThread {
  readonly tid: number;
  readonly comm: string;
  readonly state: string;
  readonly tracerPid: number;
}

/** User or group ids: real, effective, saved. */
export type IdTriple = readonly [number, number, number];

export interface RealProcess {
  readonly pid: number;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  readonly nice: number;
  readonly state: string;
  readonly tracerPid: number;
  readonly comm: string;
  /** As in PID/cmdline, NUL-separated; empty for kernel threads. */
  readonly cmdline: string;
  readonly exe: string;
  readonly cwd: string;
  readonly cgroup: string;
  readonly uids: IdTriple;
  readonly gids: IdTriple;
  readonly groups: readonly number[];
  readonly umask: string;
  readonly oomScoreAdj: number;
  readonly isKernelThread: boolean;
  /** Seconds since boot. */
  readonly startSeconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly peakRssKb: number;
  readonly peakVmKb: number;
  readonly threads: readonly RealThread[];
  /** Undefined: its memory may not be looked into. */
  readonly memory: RealMemory | undefined;
}

export interface RealMemory {
  readonly vmas: readonly RealVma[];
  /** The pages of each mapping. */
  readonly pages: readonly RealPages[];
  readonly totals: Totals;
  readonly source: MemorySource;
}

/** Clock ticks per second of PID/stat (USER_HZ). */
const TICKS = 100;
const MAX_ATTEMPTS = 4;
const MAX_DIFFERENCE = 0.002;
const PF_KTHREAD = 0x00200000;

/** Reads a process; undefined when it has gone or is a zombie. Throws CliError: pages that are not modelled. */
export function readProcess(tree: ProcTree, pid: number): RealProcess | undefined {
  const statText = tree.text(`${pid}/stat`);
  const statusText = tree.text(`${pid}/status`);
  // A live process has both; of a copied one whatever is there is used.
  if (tree.isLive && (statText === undefined || statusText === undefined)) return undefined;
  const fields = statFields(statText ?? '');
  const number = (n: number): number => Number(fields[n] ?? 0) || 0;
  const status = readFields(statusText ?? '');
  const state = (fields[3] || status.get('State')?.slice(0, 1)) ?? 'S';
  if (state === 'Z' || state === 'X') return undefined;
  const isKernelThread = (number(9) & PF_KTHREAD) !== 0;
  const memory = isKernelThread ? undefined : readMemory(tree, pid);
  if (!tree.isLive && statText === undefined && statusText === undefined && memory === undefined) return undefined;
  const ppid = statText === undefined ? numberOf(status, 'PPid') : number(4);
  return {
    pid,
    ppid,
    pgrp: statText === undefined ? pid : number(5),
    session: statText === undefined ? pid : number(6),
    nice: number(19),
    state,
    tracerPid: numberOf(status, 'TracerPid'),
    comm: commOf(tree, pid, statText, status),
    cmdline: tree.text(`${pid}/cmdline`) ?? '',
    exe: tree.link(`${pid}/exe`) ?? '',
    cwd: tree.link(`${pid}/cwd`) ?? '/',
    cgroup: cgroupOf(tree.text(`${pid}/cgroup`) ?? ''),
    uids: triple(status.get('Uid')),
    gids: triple(status.get('Gid')),
    groups: (status.get('Groups') ?? '').split(/\s+/).filter(Boolean).map(Number),
    umask: status.get('Umask') ?? '0022',
    oomScoreAdj: Number(tree.text(`${pid}/oom_score_adj`) ?? 0) || 0,
    isKernelThread,
    startSeconds: number(22) / TICKS,
    userSeconds: number(14) / TICKS,
    systemSeconds: number(15) / TICKS,
    minorFaults: number(10),
    majorFaults: number(12),
    peakRssKb: numberOf(status, 'VmHWM'),
    peakVmKb: numberOf(status, 'VmPeak'),
    threads: readThreads(tree, pid),
    memory,
  };
}

/** The name: of its own file, of stat, of status, of the command line. */
function commOf(tree: ProcTree, pid: number, stat: string | undefined, status: ReadonlyMap<string, string>): string {
  const comm = tree.text(`${pid}/comm`)?.replace(/\n$/, '');
  if (comm !== undefined) return comm;
  if (stat !== undefined) return stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  const first = (tree.text(`${pid}/cmdline`) ?? '').split('\0')[0]!.split('/').at(-1)!;
  return status.get('Name') ?? (first === '' ? 'unknown' : first.slice(0, 15));
}

function readMemory(tree: ProcTree, pid: number): RealMemory | undefined {
  const directory = tree.directory === undefined ? undefined : `${tree.directory}/${pid}`;
  for (let attempt = 1; ; attempt++) {
    const smaps = tree.text(`${pid}/smaps`);
    if (smaps === undefined || smaps === '') return tree.isLive ? undefined : derivedMemory(tree, pid);
    const pageKb = pageSizeKb(smaps);
    if (pageKb !== undefined && pageKb !== 4)
      throw new CliError(`process ${pid} has pages of ${pageKb} kB: only machines with pages of 4 kB can be simulated`);
    const vmas = parseSmaps(smaps);
    const memory: RealMemory = { vmas, pages: readPages(directory, vmas), totals: totalsOf(vmas), source: 'smaps' };
    if (directory === undefined || attempt === MAX_ATTEMPTS || isConsistent(memory)) return memory;
  }
}

function derivedMemory(tree: ProcTree, pid: number): RealMemory | undefined {
  const derived = deriveVmas(tree, pid);
  if (derived === undefined) return undefined;
  const { vmas, source } = derived;
  return { vmas, pages: readPages(undefined, vmas), totals: totalsOf(vmas), source };
}

/** Whether the pages add up to the sums: the two are read one after the other, while the process goes on. */
function isConsistent({ vmas, pages, totals }: RealMemory): boolean {
  let nrPages = 0;
  for (const { kind } of pages) for (const state of kind) if (state === PAGE_FILE || state === PAGE_ANON) nrPages++;
  const special = vmas.reduce((sum, vma) => sum + (isSpecial(vma) ? kBOf(vma, 'Rss') : 0), 0);
  return Math.abs(nrPages * 4 - (totals.rss - special)) <= totals.rss * MAX_DIFFERENCE;
}

function readThreads(tree: ProcTree, pid: number): RealThread[] {
  const threads: RealThread[] = [];
  for (const tid of tree.numbers(`${pid}/task`)) {
    if (tid === pid) continue;
    const stat = tree.text(`${pid}/task/${tid}/stat`);
    if (stat === undefined) continue;
    const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const tracerPid = numberOf(readFields(tree.text(`${pid}/task/${tid}/status`) ?? ''), 'TracerPid');
    threads.push({ tid, comm, state: statFields(stat)[3] ?? 'S', tracerPid });
  }
  return threads;
}

function triple(text = ''): IdTriple {
  const [real = 0, effective = real, saved = effective] = text.split(/\s+/).map(Number);
  return [real, effective, saved];
}

/** The path in the unified hierarchy, else in whichever comes first. */
function cgroupOf(text: string): string {
  const lines = text.split('\n');
  const line = lines.find((candidate) => candidate.startsWith('0::')) ?? lines[0] ?? '';
  return line.split(':').slice(2).join(':') || '/';
}
