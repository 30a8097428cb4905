/** One process of a real /proc, as far as it may be read. */

import { PAGE_ANON, PAGE_FILE, type RealPages, readPages } from './page-map.ts';
import { numberOf, readFields, readLink, readNumbers, readText, statFields } from './proc-files.ts';
import { isSpecial, kBOf, parseSmaps, type RealVma, type Totals, totalsOf } from './vmas.ts';

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
}

/** Clock ticks per second of PID/stat (USER_HZ). */
const TICKS = 100;
const MAX_ATTEMPTS = 4;
const MAX_DIFFERENCE = 0.002;
const PF_KTHREAD = 0x00200000;

/** Reads a process; undefined when it has gone or is a zombie. */
export function readProcess(root: string, pid: number): RealProcess | undefined {
  const directory = `${root}/${pid}`;
  const stat = readText(`${directory}/stat`);
  const statusText = readText(`${directory}/status`);
  if (stat === undefined || statusText === undefined) return undefined;
  const fields = statFields(stat);
  const number = (n: number): number => Number(fields[n] ?? 0);
  const state = fields[3] ?? 'S';
  if (state === 'Z' || state === 'X') return undefined;
  const status = readFields(statusText);
  const isKernelThread = (number(9) & PF_KTHREAD) !== 0;
  const memory = isKernelThread ? undefined : readMemory(directory);
  return {
    pid,
    ppid: number(4),
    pgrp: number(5),
    session: number(6),
    nice: number(19),
    state,
    tracerPid: numberOf(status, 'TracerPid'),
    comm: (readText(`${directory}/comm`) ?? '').replace(/\n$/, ''),
    cmdline: readText(`${directory}/cmdline`) ?? '',
    exe: readLink(`${directory}/exe`) ?? '',
    cwd: readLink(`${directory}/cwd`) ?? '/',
    cgroup: cgroupOf(readText(`${directory}/cgroup`) ?? ''),
    uids: triple(status.get('Uid')),
    gids: triple(status.get('Gid')),
    groups: (status.get('Groups') ?? '').split(/\s+/).filter(Boolean).map(Number),
    umask: status.get('Umask') ?? '0022',
    oomScoreAdj: Number(readText(`${directory}/oom_score_adj`) ?? 0),
    isKernelThread,
    startSeconds: number(22) / TICKS,
    userSeconds: number(14) / TICKS,
    systemSeconds: number(15) / TICKS,
    minorFaults: number(10),
    majorFaults: number(12),
    peakRssKb: numberOf(status, 'VmHWM'),
    peakVmKb: numberOf(status, 'VmPeak'),
    threads: readThreads(directory, pid),
    memory,
  };
}

function readMemory(directory: string): RealMemory | undefined {
  for (let attempt = 1; ; attempt++) {
    const smaps = readText(`${directory}/smaps`);
    if (smaps === undefined || smaps === '') return undefined;
    const vmas = parseSmaps(smaps);
    const memory: RealMemory = { vmas, pages: readPages(directory, vmas), totals: totalsOf(vmas) };
    if (attempt === MAX_ATTEMPTS || isConsistent(memory)) return memory;
  }
}

/** Whether the pages add up to the sums: the two are read one after the other, while the process goes on. */
function isConsistent({ vmas, pages, totals }: RealMemory): boolean {
  let nrPages = 0;
  for (const { kind } of pages) for (const state of kind) if (state === PAGE_FILE || state === PAGE_ANON) nrPages++;
  const special = vmas.reduce((sum, vma) => sum + (isSpecial(vma) ? kBOf(vma, 'Rss') : 0), 0);
  return Math.abs(nrPages * 4 - (totals.rss - special)) <= totals.rss * MAX_DIFFERENCE;
}

function readThreads(directory: string, pid: number): RealThread[] {
  const threads: RealThread[] = [];
  for (const tid of readNumbers(`${directory}/task`)) {
    if (tid === pid) continue;
    const stat = readText(`${directory}/task/${tid}/stat`);
    if (stat === undefined) continue;
    const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const tracerPid = numberOf(readFields(readText(`${directory}/task/${tid}/status`) ?? ''), 'TracerPid');
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
