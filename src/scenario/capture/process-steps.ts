/** The steps that make one captured process. */
import { GIVEN_STATES } from '../../machine/task.ts';
import { quoteValue } from '../words.ts';
import type { RealProcess } from './real-process.ts';
import { runTexts } from './runs.ts';
import type { PlannedProcess, PlannedVma } from './sharing.ts';
import { kBOf, type RealVma } from './vmas.ts';

/** Stacks above this would not fit their limit. */
const MAX_STACK_PAGES = 2048;
const OVERFLOW_ID = 65534;

/** What scenarios call a captured process: `bash.1234`. */
export function processName({ comm, pid }: RealProcess): string {
  const plain = comm.replace(/[^A-Za-z0-9_.-]/g, '_').replace(/^[^A-Za-z_.]/, '_');
  return `${plain || '_'}.${pid}`;
}

/** Steps for a process with its memory; `names`: those of all processes, by position. */
export function processSteps(planned: PlannedProcess, position: number, names: readonly string[]): string[] {
  const { process } = planned;
  const name = names[position]!;
  const steps = [procStep(process, name), ...threadSteps(process, name)];
  steps.push(`${name} cputime user=${process.userSeconds.toFixed(2)}s system=${process.systemSeconds.toFixed(2)}s`);
  if (process.minorFaults + process.majorFaults > 0)
    steps.push(`${name} faults minor=${process.minorFaults} major=${process.majorFaults}`);
  const regions = regionNames(planned.vmas);
  // Mapping by mapping: neighbours that differ only in where their pages come from then stay apart.
  planned.vmas.forEach((vma, v) => {
    const region = regions[v]!;
    steps.push(...mmapSteps(vma, name, region), ...pageSteps(vma, position, names, region));
  });
  if (process.memory !== undefined)
    steps.push(`${name} peak rss=${process.peakRssKb * 1024} vm=${process.peakVmKb * 1024}`);
  return steps;
}

/** The step that makes it, without threads and memory. */
export function procStep(process: RealProcess, name: string): string {
  const { uids, gids } = process;
  const words = [
    `proc ${name} pid=${process.pid} ppid=${process.ppid} pgrp=${process.pgrp} session=${process.session}`,
    `uid=${id(uids[0])} euid=${id(uids[1])} suid=${id(uids[2])}`,
    `gid=${id(gids[0])} egid=${id(gids[1])} sgid=${id(gids[2])}`,
    `groups=${quoteValue(process.groups.join(','))}`,
    `adj=${process.oomScoreAdj} nice=${process.nice} umask=${process.umask}`,
    `state=${stateOf(process.state)} start=${process.startSeconds.toFixed(2)}s${tracerWord(process.tracerPid)}`,
    `comm=${quoteValue(process.comm)} cgroup=${quoteValue(process.cgroup)}`,
  ];
  if (process.isKernelThread) return `${words.join(' ')} kthread`;
  // The closing NUL keeps a single argument with spaces in one piece.
  const cmdline = process.cmdline === '' || process.cmdline.endsWith('\0') ? process.cmdline : `${process.cmdline}\0`;
  words.push(`cmdline=${quoteValue(cmdline)} exe=${quoteValue(process.exe)} cwd=${quoteValue(process.cwd)}`);
  return words.join(' ');
}

/** Ids that the reader's user namespace does not know are shown as the overflow id. */
function id(value: number): number {
  return Number.isSafeInteger(value) && value < 4294967295 ? value : OVERFLOW_ID;
}

function stateOf(letter: string): string {
  return GIVEN_STATES.find((state) => state === letter) ?? 'S';
}

function tracerWord(tracerPid: number): string {
  return tracerPid === 0 ? '' : ` tracer=${tracerPid}`;
}

function threadSteps(process: RealProcess, name: string): string[] {
  return process.threads.map(
    ({ tid, comm, state, tracerPid }) =>
      `${name} thread tid=${tid} comm=${quoteValue(comm)} state=${stateOf(state)}${tracerWord(tracerPid)}`,
  );
}

/** Names of mappings: heap, stack, the file's name, anon; numbered where they repeat. */
function regionNames(vmas: readonly PlannedVma[]): string[] {
  const used = new Map<string, number>();
  return vmas.map(({ vma }) => {
    const base =
      vma.path
        .replace(/ \(deleted\)$/, '')
        .split('/')
        .at(-1) ?? '';
    const plain = base.replace(/^\[(.*)\]$/, '$1').replace(/[^A-Za-z0-9_.-]/g, '_') || 'anon';
    const n = (used.get(plain) ?? 0) + 1;
    used.set(plain, n);
    return n === 1 && plain !== 'anon' ? plain : `${plain}.${n}`;
  });
}

export function mmapSteps({ vma, object }: PlannedVma, name: string, region: string): string[] {
  const size = (vma.end - vma.start) * 4096;
  const prot = protOf(vma);
  // Private memory that is accounted for without being writable has been: its protection has been changed since.
  const wasWritable = vma.flags.has('ac') && vma.perms[1] === '-' && vma.perms[3] === 'p';
  const words = [`${name} mmap ${region} size=${size} at=0x${(vma.start * 4096).toString(16)}`];
  words.push(object === undefined ? 'anon' : `obj=${object.name} off=${vma.pgoff * 4096}`);
  words.push(vma.perms[3] === 's' ? 'shared' : 'private', `prot=${wasWritable ? 'rw' : prot}`);
  // A shared mapping that is not writable tells by its flags whether the file was opened for writing.
  if (vma.perms[3] === 's' && vma.perms[1] === '-' && vma.flags.has('mw')) words.push('open=rw');
  if (object === undefined && vma.path !== '') words.push(`name=${quoteValue(vma.path)}`);
  if (vma.flags.has('gd') && vma.end - vma.start <= MAX_STACK_PAGES) words.push(`growsdown init=${size}`);
  if (vma.flags.has('nr') || (vma.perms.startsWith('rw') && vma.flags.size > 0 && !vma.flags.has('ac')))
    words.push('noreserve');
  if (vma.flags.has('pf')) words.push('pfnmap');
  if (vma.flags.has('io')) words.push('io');
  if (vma.flags.has('ht')) words.push(`hugetlb=${kBOf(vma, 'Shared_Hugetlb') + kBOf(vma, 'Private_Hugetlb')}`);
  const steps = [words.join(' ')];
  if (wasWritable) steps.push(`${name} mprotect ${region} 0 ${size} ${prot}`);
  return steps;
}

/** Its protection as scenarios write it. */
export function protOf({ perms }: RealVma): string {
  return perms.slice(0, 3).replaceAll('-', '') || 'none';
}

/** The steps that put its pages into their states. `position`: its place among `names`. */
export function pageSteps(planned: PlannedVma, position: number, names: readonly string[], region: string): string[] {
  const name = names[position]!;
  const { vma, index, letters, owner } = planned;
  const steps: string[] = [];
  const others = [...new Set(owner)].filter((other) => other !== position).sort((a, b) => a - b);
  for (const other of others) {
    const shared = index.filter((_, i) => owner[i] === other);
    for (const { offset, text } of runTexts(shared, Array<string>(shared.length).fill('+')))
      steps.push(`${name} share ${region} ${names[other]} ${offset}p ${text}`);
  }
  const own = index.flatMap((_, i) => (owner[i] === position ? [i] : []));
  for (const { offset, text } of runTexts(
    own.map((i) => index[i]!),
    own.map((i) => letters[i]!),
  ))
    steps.push(`${name} pages ${region} ${offset}p ${text}`);
  if (vma.flags.has('lo') || kBOf(vma, 'Locked') > 0) steps.push(`${name} lock ${region}`);
  return steps;
}
