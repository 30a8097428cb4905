/** What is read of the recorded processes at the end of each interval. */
import { writeFileSync } from 'node:fs';
import { numberOf, readFields, readText, statFields } from '../capture/proc-files.ts';
import type { ProcTree } from '../capture/proc-tree.ts';
import { type RealProcess, readProcess } from '../capture/real-process.ts';
import { kBOf } from '../capture/vmas.ts';

/** One look at the recorded processes. */
export interface Sample {
  /** Microseconds since the recording began. */
  readonly timeUs: number;
  /** By pid, parents before their children. */
  readonly processes: ReadonlyMap<number, RealProcess>;
}

/** What `NAME recorded` says, and the model's values beside it. Bytes; faults since the process began. */
export interface Measured {
  readonly rss: number;
  readonly swap: number;
  readonly referenced: number;
  readonly minflt: number;
  readonly majflt: number;
}

/** Pids of these processes and of their descendants that are there now, parents first. */
export function familyOf(tree: ProcTree, roots: ReadonlySet<number>): number[] {
  const parents = new Map<number, number>();
  for (const pid of tree.numbers('')) parents.set(pid, Number(statFields(tree.text(`${pid}/stat`) ?? '')[4] ?? 0));
  const family = [...roots].filter((pid) => parents.has(pid));
  const known = new Set(family);
  for (const pid of family)
    for (const [child, parent] of parents) {
      if (parent !== pid || known.has(child)) continue;
      known.add(child);
      family.push(child);
    }
  return family;
}

/** Reads them, and clears their Referenced, so that the next look shows one interval. */
export function takeSample(tree: ProcTree, pids: readonly number[], timeUs: number): Sample {
  const processes = new Map<number, RealProcess>();
  for (const pid of pids) {
    const process = readProcess(tree, pid);
    if (process === undefined) continue;
    processes.set(pid, process);
    clearReferenced(tree, pid);
  }
  return { timeUs, processes };
}

function clearReferenced(tree: ProcTree, pid: number): void {
  if (tree.directory === undefined) return;
  try {
    writeFileSync(`${tree.directory}/${pid}/clear_refs`, '1');
  } catch {
    // It has ended meanwhile.
  }
}

/** The sums that a replay is held against. */
export function measuredOf(process: RealProcess): Measured {
  const vmas = process.memory?.vmas ?? [];
  const sum = (key: string): number => vmas.reduce((total, vma) => total + kBOf(vma, key), 0) * 1024;
  return {
    rss: sum('Rss'),
    swap: sum('Swap'),
    referenced: sum('Referenced'),
    minflt: process.minorFaults,
    majflt: process.majorFaults,
  };
}

/** The limit of the control group in bytes; undefined: none below the machine's memory. Both hierarchies. */
export function limitOf(tree: ProcTree, pid: number): number | undefined {
  const lines = (tree.text(`${pid}/cgroup`) ?? '').split('\n');
  const ram = numberOf(readFields(tree.text('meminfo') ?? ''), 'MemTotal') * 1024;
  const limits: number[] = [];
  for (const line of lines) {
    const [id, controllers = '', path = ''] = line.split(':');
    const [mount, file] =
      id === '0' ? ['/sys/fs/cgroup', 'memory.max'] : ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'];
    if (id !== '0' && !controllers.split(',').includes('memory')) continue;
    // Each group above it may be the one that limits.
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/')))
      limits.push(Number(readText(`${mount}${at}/${file}`) ?? Number.NaN));
  }
  const least = Math.min(...limits.filter((limit) => Number.isFinite(limit) && limit > 0));
  return least < ram ? least : undefined;
}
