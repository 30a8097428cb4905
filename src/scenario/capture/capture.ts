/**
 * A real machine as a scenario: its processes with their mappings, pages, sharing, threads and identity. Reads /proc as
 * whoever calls; changes nothing.
 */
import { bytesOf, textOf, utf8Of } from '../../util/bytes.ts';
import { quoteValue } from '../words.ts';
import { ObjectTable, objectStep } from './objects.ts';
import { readNumbers } from './proc-files.ts';
import { processName, processSteps } from './process-steps.ts';
import { readHost } from './real-host.ts';
import { type RealProcess, readProcess } from './real-process.ts';
import { planSharing } from './sharing.ts';
import { standInSteps } from './stand-in-steps.ts';
import { planStandIns } from './stand-ins.ts';
import type { Totals } from './vmas.ts';

export interface CaptureOptions {
  /** Where the real /proc is; default /proc. */
  readonly root?: string | undefined;
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
  /** Processes added in place of those that were not captured but share memory. */
  readonly nrStandIns: number;
}

export interface CapturedProcess {
  readonly pid: number;
  readonly name: string;
  readonly comm: string;
  readonly isKernelThread: boolean;
  /** Sums over smaps when it was captured, in kB; undefined where it could not be read. */
  readonly totals: Totals | undefined;
}

export function captureMachine(options: CaptureOptions = {}): Capture {
  const root = options.root ?? '/proc';
  const host = readHost(root);
  const pids = options.pids ?? readNumbers(root);
  const gone: number[] = [];
  const processes: RealProcess[] = [];
  for (const pid of pids) {
    const process = readProcess(root, pid);
    if (process === undefined) gone.push(pid);
    else processes.push(process);
  }
  const objects = new ObjectTable(host);
  const planned = planSharing(processes, objects);
  const names = processes.map(processName);
  const firstFreePid =
    Math.max(1, ...processes.flatMap(({ pid, threads }) => [pid, ...threads.map(({ tid }) => tid)])) + 1;
  const standIns = standInSteps(planStandIns(planned), names, firstFreePid);
  const swapInvented = host.swapBytes === 0 && options.swapBytes === undefined;
  const swapBytes = options.swapBytes ?? (swapInvented ? Math.floor(host.ramBytes / 4) : host.swapBytes);
  const text = [
    `title ${shown(host.hostname)}, ${processes.length} processes, captured ${new Date().toISOString()}`,
    `machine ram=${host.ramBytes} swap=${swapBytes} swapkind=${host.swapKind} cpus=${host.cpus} uptime=${host.uptimeSeconds.toFixed(2)}s hostname=${quoteValue(host.hostname)}`,
    ...(swapInvented ? ['# The captured machine has no swap: this one has a quarter of its memory.'] : []),
    '',
    ...objects.all.map(objectStep),
    ...planned.flatMap((process, position) => [
      '',
      ...totalsComment(process.process),
      ...processSteps(process, position, names),
    ]),
    ...(standIns.length > 0 ? ['', ...standIns] : []),
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
    swapInvented,
    nrStandIns: standIns.filter((step) => step.startsWith('proc ')).length,
  };
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
