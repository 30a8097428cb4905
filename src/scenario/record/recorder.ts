/** Recording what real processes do with their memory over time, as a scenario. */

import { setTimeout } from 'node:timers/promises';
import { utf8Of } from '../../util/bytes.ts';
import { CliError } from '../../util/errors.ts';
import { ObjectTable, objectStep } from '../capture/objects.ts';
import { LiveTree } from '../capture/proc-tree.ts';
import { machineStep, readHost } from '../capture/real-host.ts';
import { quoteValue } from '../words.ts';
import { familyOf, limitOf, takeSample } from './sample.ts';
import { Timeline } from './timeline.ts';

/** What is recorded, and how. */
export interface RecordOptions {
  /** These processes, and all that descend from them. */
  readonly pids: readonly number[];
  /** Whether they have just been started: then what they do from now on is accesses, not a state to begin with. */
  readonly fresh?: boolean | undefined;
  /** Microseconds between two looks; at least 10,000. */
  readonly everyUs: number;
  /** Microseconds; absent: until the processes have ended. */
  readonly forUs?: number | undefined;
  /** Swap of the simulated machine in bytes; absent: as here. */
  readonly swapBytes?: number | undefined;
  /** Ends the recording; what there is by then is kept. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each look, with the number of processes seen. */
  readonly progress?: ((elapsedUs: number, nrProcesses: number) => void) | undefined;
}

/** What has been recorded. */
export interface Recording {
  /** The scenario. */
  readonly text: string;
  readonly nrIntervals: number;
  readonly nrProcesses: number;
  /** Limit of their control group, bytes; it becomes one of the simulated machine. */
  readonly limitBytes: number | undefined;
  /** A look took longer than the interval this often. */
  readonly nrLate: number;
}

const LEAST_INTERVAL_US = 10_000;
const GROUP = '/recorded';

/**
 * Looks at the processes every so often and clears their referenced bits each time (PID/clear_refs). The kernel's own
 * reclaim looks at the same bits: what is recorded under pressure is disturbed by the recording. Throws CliError.
 */
export async function recordProcesses(options: RecordOptions): Promise<Recording> {
  if (options.everyUs < LEAST_INTERVAL_US) throw new CliError('intervals are at least 10 ms');
  const tree = new LiveTree('/proc');
  const host = readHost(tree);
  const objects = new ObjectTable(host);
  const roots = new Set(options.pids);
  const first = options.pids[0];
  const limitBytes = first === undefined ? undefined : limitOf(tree, first);
  const timeline = new Timeline(objects, limitBytes === undefined ? undefined : GROUP);
  const steps: string[] = [];
  const seen = new Set<number>();
  const began = performance.now();
  const elapsedUs = (): number => Math.round((performance.now() - began) * 1000);
  if (options.fresh !== true) {
    const sample = takeSample(tree, familyOf(tree, roots), 0);
    for (const pid of options.pids)
      if (sample.processes.get(pid)?.memory === undefined) throw new CliError(whyNot(tree, pid));
    for (const pid of sample.processes.keys()) seen.add(pid);
    steps.push(...timeline.begin(sample));
  }
  let nrIntervals = 0;
  let nrLate = 0;
  for (let due = options.everyUs; options.forUs === undefined || due <= options.forUs + 1; due += options.everyUs) {
    const wait = due - elapsedUs();
    if (wait < 0 && nrIntervals > 0) nrLate++;
    if (!(await pauseUntil(began + due / 1000, () => [...roots].some((pid) => isThere(tree, pid)), options.signal)))
      break;
    const pids = familyOf(tree, roots);
    // Children whose parent has ended are somebody else's now.
    for (const pid of pids) roots.add(pid);
    const sample = takeSample(tree, pids, elapsedUs());
    if (sample.processes.size === 0) break;
    for (const pid of sample.processes.keys()) seen.add(pid);
    steps.push(...timeline.next(sample));
    nrIntervals++;
    options.progress?.(sample.timeUs, sample.processes.size);
    while (due < elapsedUs() - options.everyUs) due += options.everyUs;
  }
  if (seen.size === 0)
    throw new CliError('nothing was recorded: the processes had ended before the first interval was over');
  const swapBytes = options.swapBytes ?? host.swapBytes;
  const lines = [
    `title recorded on ${quoteValue(host.hostname)}, ${seen.size} processes, ${nrIntervals} intervals`,
    machineStep(host, host.ramBytes, swapBytes),
    ...(limitBytes === undefined
      ? []
      : [
          'cgroup write /cgroup.subtree_control +memory',
          `cgroup mkdir ${GROUP}`,
          `cgroup write ${GROUP}/memory.max ${limitBytes}`,
        ]),
    ...objects.all.map(objectStep),
    ...steps,
    '',
  ];
  return { text: utf8Of(lines.join('\n')), nrIntervals, nrProcesses: seen.size, limitBytes, nrLate };
}

function whyNot(tree: LiveTree, pid: number): string {
  if (tree.text(`${pid}/stat`) === undefined) return `no such process: ${pid}`;
  return `process ${pid} may not be looked into${process.geteuid?.() === 0 ? '' : ': use sudo'}`;
}

/** How often a long wait looks whether there is anything to wait for, in ms. */
const LOOK_MS = 250;

/** Until the time, or until nothing is worth waiting for. False: it was ended early. */
async function pauseUntil(at: number, isWorthIt: () => boolean, signal: AbortSignal | undefined): Promise<boolean> {
  for (;;) {
    if (signal?.aborted) return false;
    const left = at - performance.now();
    if (left <= 0) return true;
    await setTimeout(Math.min(left, LOOK_MS), undefined, { signal }).catch(() => {});
    if (!isWorthIt()) return true;
  }
}

function isThere(tree: LiveTree, pid: number): boolean {
  return tree.text(`${pid}/comm`) !== undefined;
}
