/** Resource limits of processes. Mirrors: kernel/sys.c:do_prlimit, include/uapi/asm-generic/resource.h. */
import { VM_GROWSDOWN } from '../mm/space/vm-flags.ts';
import { EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Task } from './task.ts';

/** Units are those of the resource: bytes, seconds, processes… Infinity: unlimited. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/** Pretend: RLIMIT_NPROC and RLIMIT_SIGPENDING of a machine of any size. */
export const MAX_PROCESSES = 7823;
const NONE: Limit = { soft: Infinity, hard: Infinity };
const PAGE_BYTES = 4096;

/** By their numbers for prlimit(2): name, how /proc/PID/limits calls it, its unit, and (Pretend: the usual ones) what all begin with. */
export const RESOURCES: readonly (readonly [name: string, title: string, unit: string, initial: Limit])[] = [
  ['cpu', 'cpu time', 'seconds', NONE],
  ['fsize', 'file size', 'bytes', NONE],
  ['data', 'data size', 'bytes', NONE],
  ['stack', 'stack size', 'bytes', NONE],
  ['core', 'core file size', 'bytes', { soft: 0, hard: Infinity }],
  ['rss', 'resident set', 'bytes', NONE],
  ['nproc', 'processes', 'processes', { soft: MAX_PROCESSES, hard: MAX_PROCESSES }],
  ['nofile', 'open files', 'files', { soft: 1024, hard: 1048576 }],
  ['memlock', 'locked memory', 'bytes', { soft: 8388608, hard: 8388608 }],
  ['as', 'address space', 'bytes', NONE],
  ['locks', 'file locks', 'locks', NONE],
  ['sigpending', 'pending signals', 'signals', { soft: MAX_PROCESSES, hard: MAX_PROCESSES }],
  ['msgqueue', 'msgqueue size', 'bytes', { soft: 819200, hard: 819200 }],
  ['nice', 'nice priority', '', { soft: 0, hard: 0 }],
  ['rtprio', 'realtime priority', '', { soft: 0, hard: 0 }],
  ['rttime', 'realtime timeout', 'us', NONE],
];
export const RESOURCE_NAMES = RESOURCES.map(([name]) => name);
const STACK = RESOURCE_NAMES.indexOf('stack');
/** Of a process that has no address space any more. Mirrors: _STK_LIM. */
const STACK_BYTES = 8 << 20;

export function limitOf(task: Task, resource: number): Limit {
  const set = task.limits.find((limit) => limit.resource === resource);
  if (set !== undefined) return set;
  if (resource !== STACK) return RESOURCES[resource]![3];
  return { soft: task.mm === null ? STACK_BYTES : task.mm.stackLimit * PAGE_BYTES, hard: Infinity };
}

/** Throws EINVAL for a soft limit above the hard one. A stack that is larger already stays, and does not grow. */
export function setLimit(task: Task, resource: number, { soft, hard }: Limit): void {
  if (soft > hard) throw new KernelError(EINVAL, 'the soft limit is above the hard one');
  task.limits = [...task.limits.filter((limit) => limit.resource !== resource), { resource, soft, hard }];
  if (resource !== STACK || task.mm === null) return;
  const largest = Math.max(
    0,
    ...task.mm.vmas.filter((vma) => (vma.flags & VM_GROWSDOWN) !== 0).map((vma) => vma.nrPages),
  );
  task.mm.stackLimit = Math.max(largest, Math.floor(Math.min(soft, Number.MAX_SAFE_INTEGER) / PAGE_BYTES));
}
