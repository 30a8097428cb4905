/** The files of a control group: text out, text in. Mirrors: memory_files and cgroup_base_files of cgroup v2. */
import { type Memcg, NO_LIMIT, type Peak } from '../mm/reclaim/memcg.ts';
import { SWAPPINESS_ANON_ONLY } from '../mm/reclaim/scan-control.ts';
import { EAGAIN, EBUSY, EINVAL, ENOENT, EOPNOTSUPP, ERANGE } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Job } from '../util/job.ts';
import { kstrtoint, parseWhole, strstrip } from '../util/kstrto.ts';
import { memparse } from '../util/memparse.ts';
import { type Cgroup, descendants, type GuestsOf, noGuests } from './cgroup.ts';
import { cpuOf } from './cgroup-cpu.ts';
import { pidsOf } from './cgroup-pids.ts';
import { memcgNumaStat, memcgStat } from './cgroup-stat.ts';
import { freeze, frozenUs } from './freezer.ts';
import { isIn, type KernelName, type Span } from './kernels.ts';
import type { Machine } from './machine.ts';
import type { PsiResource } from './psi.ts';

/** One file. Without `show` it is only written, without `write` only read. */
export interface CgroupFile extends Span {
  readonly name: string;
  /** Where it stands: in the root, in the others, or in both; memory files only where the controller is. */
  readonly where: 'root' | 'child' | 'both';
  readonly memory?: boolean;
  readonly pids?: boolean;
  /** Only where the group shows its pressure. */
  readonly pressure?: boolean;
  /** poll(2) tells those who have read it of every change (POLLPRI). Mirrors: cgroup_file_notify. */
  readonly notifies?: boolean;
  /** What a number written to it may be; anything else is refused. */
  readonly range?: { readonly min: number; readonly max: number };
  show?(machine: Machine, group: Cgroup, guests?: GuestsOf): string;
  /** A counter of which each open file may begin anew (memory.peak): the file's text is its most since then. */
  readonly peak?: (memcg: Memcg) => { readonly counter: Peak; readonly usage: number };
  /** Throws KernelError. What may take long is a job. */
  write?(machine: Machine, group: Cgroup, text: string): void | Job<void>;
}

const PAGE = 4096;

function bytes(pages: number): string {
  return pages === NO_LIMIT ? 'max\n' : `${BigInt(pages) * BigInt(PAGE)}\n`;
}

/** Pages that a counter can count: from there on there is no limit. Mirrors: PAGE_COUNTER_MAX. */
const MAX_COUNTED = 2 ** 51 - 1;

/** Pages of the word for no limit or a size, rounded down. Throws EINVAL. Mirrors: page_counter_memparse. */
export function parseLimit(text: string, none = 'max'): number {
  const trimmed = strstrip(text);
  if (trimmed === none) return NO_LIMIT;
  if (!/^(0x[0-9a-f]+|\d+)[kmgtpe]?$/i.test(trimmed)) throw new KernelError(EINVAL, `"${trimmed}" is no size`);
  const pages = Number(memparse(trimmed) / BigInt(PAGE));
  return pages >= MAX_COUNTED ? NO_LIMIT : pages;
}

function limit(
  name: string,
  key: 'max' | 'high' | 'low' | 'min' | 'swapMax' | 'swapHigh',
  after?: (machine: Machine, group: Cgroup) => Job<void>,
): CgroupFile {
  return {
    name,
    where: 'child',
    memory: true,
    show: (_machine, { memcg }) => bytes(memcg[key]),
    write(machine, group, text) {
      group.memcg[key] = parseLimit(text);
      return after?.(machine, group);
    },
  };
}

/** Brings a group below its new maximum, by killing if it must be. Mirrors: memory_max_write. */
function* enforceMax(machine: Machine, { memcg }: Cgroup): Job<void> {
  let tries = 3;
  while (memcg.usage > memcg.max) {
    if (tries-- > 0) {
      const { freed } = yield* machine.cgroups.reclaiming(memcg, memcg.usage - memcg.max, 'direct');
      if (freed > 0) continue;
    }
    if (memcg.usage <= memcg.max) return;
    memcg.note('oom');
    if (!machine.cgroups.killIn(memcg)) return;
    yield;
  }
}

/** Mirrors: memory_high_write. */
function* enforceHigh(machine: Machine, { memcg }: Cgroup): Job<void> {
  for (let tries = 0; tries < 16 && memcg.usage > memcg.high; tries++) {
    const { freed } = yield* machine.cgroups.reclaiming(memcg, memcg.usage - memcg.high, 'direct');
    if (freed === 0) return;
  }
}

/**
 * `SIZE [swappiness=N|max]`. Throws EINVAL (grammar), EAGAIN (fewer pages came free). Mirrors: user_proactive_reclaim.
 */
function* proactiveReclaim(machine: Machine, { memcg }: Cgroup, text: string): Job<void> {
  const words = text
    .trim()
    .split(' ')
    .filter((word) => word !== '');
  const size = /^(0x[0-9a-f]+|\d+)[kmgtpe]?$/i.exec(words.shift() ?? '');
  if (size === null) throw new KernelError(EINVAL, 'a size is missing');
  let swappiness: number | undefined;
  for (const word of words) {
    const value = /^swappiness=(\d+|max)$/.exec(word)?.[1];
    if (value === undefined) throw new KernelError(EINVAL, `"${word}" is not known`);
    swappiness = value === 'max' ? SWAPPINESS_ANON_ONLY : Number(value);
    if (value !== 'max' && swappiness > 200) throw new KernelError(EINVAL, 'swappiness is at most 200');
  }
  const wanted = Number(memparse(size[0]) / BigInt(PAGE));
  let freed = 0;
  for (let retries = 16; freed < wanted; ) {
    const batch = Math.max(1, Math.floor((wanted - freed) / 4));
    const { freed: got } = yield* machine.cgroups.reclaiming(memcg, batch, 'proactive', swappiness);
    if (got === 0 && machine.storage.waitForWrites(32) === 0 && retries-- === 0)
      throw new KernelError(EAGAIN, `only ${freed} of ${wanted} pages could be reclaimed`);
    freed += got;
  }
}

function events(record: Readonly<Record<string, number>>): string {
  return Object.entries(record)
    .map(([name, n]) => `${name} ${n}\n`)
    .join('');
}

/** What is said of a group's controllers. */
const CONTROLLERS = {
  memory: { has: 'hasMemory', handsDown: 'delegates' },
  pids: { has: 'hasPids', handsDown: 'delegatesPids' },
} as const;
type Controller = keyof typeof CONTROLLERS;
const CONTROLLER_NAMES = Object.keys(CONTROLLERS) as readonly Controller[];

function controllers(group: Cgroup, key: 'has' | 'handsDown'): string {
  return `${CONTROLLER_NAMES.filter((name) => group[CONTROLLERS[name][key]]).join(' ')}\n`;
}

/**
 * `+memory -pids`, all of it or nothing; of two words on one controller the last counts. Throws EINVAL, ENOENT (not handed down
 * to here), EBUSY. Mirrors: cgroup_subtree_control_write.
 */
function writeSubtreeControl(machine: Machine, group: Cgroup, text: string): void {
  const wanted = new Map<Controller, boolean>();
  for (const word of strstrip(text).split(/\s+/)) {
    if (word === '') continue;
    const name = CONTROLLER_NAMES.find((one) => one === word.slice(1));
    if (name === undefined || (word[0] !== '+' && word[0] !== '-'))
      throw new KernelError(EINVAL, `"${word}": the controllers are ${CONTROLLER_NAMES.join(' and ')}`);
    wanted.set(name, word[0] === '+');
  }
  const changes = [...wanted].filter(([name, on]) => on !== group[CONTROLLERS[name].handsDown]);
  for (const [name, on] of changes) {
    const { has, handsDown } = CONTROLLERS[name];
    if (!on) {
      for (const child of group.children.values())
        if (child[handsDown]) throw new KernelError(EBUSY, `${child.path} hands the controller down`);
      continue;
    }
    if (!group[has]) throw new KernelError(ENOENT, `the ${name} controller is not available here`);
    if (group.parent !== null && machine.cgroups.tasksOf(group).length > 0)
      throw new KernelError(EBUSY, 'a group that hands controllers down has no processes of its own');
  }
  for (const [name, on] of changes) {
    if (name === 'memory' && !on) for (const child of group.children.values()) machine.cgroups.reparent(child.memcg);
    group[CONTROLLERS[name].handsDown] = on;
  }
  machine.cgroups.updateCharging();
}

/** A number of type int. Throws EINVAL, ERANGE. */
export function integer(text: string): number {
  const value = kstrtoint(strstrip(text), 0);
  if (typeof value !== 'number') throw new KernelError(value.errno, 'a number is wanted');
  return value;
}

/** Mirrors: cgroup_freeze_write and its like: kstrtoint, then 0 or 1. */
function writeSwitch(text: string): boolean {
  const value = integer(text);
  if (value !== 0 && value !== 1) throw new KernelError(ERANGE, '0 or 1 is wanted');
  return value === 1;
}

/** Mirrors: PIDS_MAX, pids_max_write. */
const MAX_PIDS = 4_194_304;

function writePidsMax(text: string): number {
  const trimmed = strstrip(text);
  if (trimmed === 'max') return NO_LIMIT;
  const value = parseWhole(trimmed, 0);
  if (value === undefined || value < 0n || value > BigInt(MAX_PIDS))
    throw new KernelError(EINVAL, `max or 0 to ${MAX_PIDS} is wanted`);
  return Number(value);
}

/** A process id: it moves there. Throws EINVAL, and what Cgroups.attach throws. */
export function writeProcs(machine: Machine, group: Cgroup, text: string): void {
  const pid = kstrtoint(strstrip(text), 0);
  if (typeof pid !== 'number' || pid < 0) throw new KernelError(EINVAL, 'a process id is wanted');
  machine.cgroups.attach(group, machine.byTid.get(pid));
}

/** Mirrors: memory_oom_group_write. */
function writeFlag(text: string): boolean {
  const value = integer(text);
  if (value !== 0 && value !== 1) throw new KernelError(EINVAL, '0 or 1 is wanted');
  return value === 1;
}

/** Mirrors: cgroup_max_depth_write: kstrtoint. */
const COUNTS = { min: 0, max: 2147483647 } as const;
const FLAG = { min: 0, max: 1 } as const;

function count(name: string, key: 'maxDepth' | 'maxDescendants'): CgroupFile {
  return {
    name,
    where: 'both',
    range: COUNTS,
    show: (_machine, group) => (group[key] === NO_LIMIT ? 'max\n' : `${group[key]}\n`),
    write(_machine, group, text) {
      const number = strstrip(text) === 'max' ? COUNTS.max : integer(text);
      if (number < COUNTS.min) throw new KernelError(ERANGE, `${number} is below 0`);
      group[key] = number === COUNTS.max ? NO_LIMIT : number;
    },
  };
}

function pressure(resource: PsiResource): CgroupFile {
  return {
    since: '5.10',
    name: `${resource}.pressure`,
    where: 'both',
    pressure: true,
    show: (machine, group) => (group.psi ?? machine.psi).text(resource),
  };
}

/** Mirrors: cgroup_stat_show: groups below, and how many of them have each controller. */
function cgroupStat(group: Cgroup, kernel: KernelName): string {
  if (isIn(kernel, { until: '6.18' })) return `nr_descendants ${descendants(group)}\nnr_dying_descendants 0\n`;
  const subsystems = CONTROLLER_NAMES.map((name): [Controller, number] => [name, withController(group, name)]);
  const living = subsystems.map(([name, n]) => `nr_subsys_${name} ${n}\n`).join('');
  const dying = subsystems.map(([name]) => `nr_dying_subsys_${name} 0\n`).join('');
  return `nr_descendants ${descendants(group)}\n${living}nr_dying_descendants 0\n${dying}`;
}

/** Groups that have a controller: this one and those below. */
function withController(group: Cgroup, name: Controller): number {
  let n = group[CONTROLLERS[name].has] ? 1 : 0;
  for (const child of group.children.values()) n += withController(child, name);
  return n;
}

const peak = (name: string, of: NonNullable<CgroupFile['peak']>): CgroupFile => ({
  name,
  where: 'child',
  memory: true,
  peak: of,
  show: (_machine, { memcg }) => bytes(of(memcg).counter.most()),
  // Begins anew for the open file that it is written through: see GroupFile. Without one there is nothing to do.
  write() {},
});

const pids = (
  name: string,
  show: (machine: Machine, group: Cgroup, guests: GuestsOf) => string | number,
): CgroupFile => ({
  name,
  where: 'child',
  pids: true,
  show: (machine, group, guests = noGuests) => `${show(machine, group, guests)}\n`,
});

const lines = (numbers: readonly number[]): string => numbers.map((number) => `${number}\n`).join('');

/** Threads, with those of guests. */
function nrPids(machine: Machine, group: Cgroup, guests: GuestsOf): number {
  return pidsOf(machine, group) + guests(group, true).reduce((n, { tids }) => n + tids.length, 0);
}

const memory = (name: string, show: (memcg: Memcg, kernel: KernelName) => string): CgroupFile => ({
  name,
  where: 'child',
  memory: true,
  show: ({ options }, group) => show(group.memcg, options.kernel),
});

/** Mirrors: __memory_events_show. */
function memoryEvents({ oom_group_kill, ...record }: Memcg['events'], kernel: KernelName): string {
  return events(isIn(kernel, { since: '6.1' }) ? { ...record, oom_group_kill } : record);
}

/** The files, by name in each directory. */
export const CGROUP_FILES: readonly CgroupFile[] = [
  { name: 'cgroup.type', where: 'child', show: () => 'domain\n' },
  {
    name: 'cgroup.procs',
    where: 'both',
    show: ({ cgroups }, group, guests = noGuests) =>
      lines([...cgroups.tasksOf(group), ...guests(group).filter(({ isZombie }) => !isZombie)].map(({ pid }) => pid)),
    write: writeProcs,
  },
  {
    name: 'cgroup.threads',
    where: 'both',
    show: ({ cgroups }, group, guests = noGuests) =>
      lines([
        ...cgroups.tasksOf(group).flatMap(({ threads }) => threads.map(({ tid }) => tid)),
        ...guests(group).flatMap(({ tids }) => tids),
      ]),
    write() {
      throw new KernelError(EOPNOTSUPP, 'there are no threaded groups');
    },
  },
  { name: 'cgroup.controllers', where: 'both', show: (_machine, group) => controllers(group, 'has') },
  {
    name: 'cgroup.subtree_control',
    where: 'both',
    show: (_machine, group) => controllers(group, 'handsDown'),
    write: writeSubtreeControl,
  },
  {
    name: 'cgroup.events',
    where: 'child',
    notifies: true,
    show: ({ cgroups, options }, group, guests = noGuests) =>
      `populated ${[...cgroups.tasksOf(group, true), ...guests(group, true)].some(({ isZombie }) => !isZombie) ? 1 : 0}\n${isIn(options.kernel, { since: '5.10' }) ? `frozen ${group.isFrozen ? 1 : 0}\n` : ''}`,
  },
  count('cgroup.max.depth', 'maxDepth'),
  count('cgroup.max.descendants', 'maxDescendants'),
  {
    name: 'cgroup.stat',
    where: 'both',
    show: ({ options }, group) => cgroupStat(group, options.kernel),
  },
  {
    name: 'cgroup.stat.local',
    since: '6.18',
    where: 'child',
    show: (machine, group) => `frozen_usec ${frozenUs(machine, group)}\n`,
  },
  {
    name: 'cgroup.freeze',
    since: '5.10',
    where: 'child',
    range: FLAG,
    show: (_machine, group) => (group.freeze ? '1\n' : '0\n'),
    write: (machine, group, text) => freeze(machine, group, writeSwitch(text)),
  },
  {
    name: 'cgroup.pressure',
    since: '6.1',
    where: 'both',
    range: FLAG,
    show: (_machine, group) => (group.showsPressure ? '1\n' : '0\n'),
    write(_machine, group, text) {
      group.showsPressure = writeSwitch(text);
    },
  },
  {
    name: 'cpu.stat',
    since: '5.10',
    where: 'both',
    show(machine, group) {
      const { userUs, systemUs, niceUs } = cpuOf(machine, group);
      const nice = isIn(machine.options.kernel, { since: '6.18' }) ? `nice_usec ${niceUs}\n` : '';
      return `usage_usec ${userUs + systemUs}\nuser_usec ${userUs}\nsystem_usec ${systemUs}\n${nice}`;
    },
  },
  // Throttling by the cpu controller, which is not there, would stand here.
  { name: 'cpu.stat.local', since: '6.18', where: 'both', show: () => '' },
  {
    name: 'cgroup.kill',
    since: '6.1',
    where: 'child',
    range: { min: 1, max: 1 },
    *write(machine, group, text) {
      if (integer(text) !== 1) throw new KernelError(ERANGE, 'only 1 can be written');
      for (const task of machine.cgroups.tasksOf(group, true)) yield* machine.pressure.killing(task);
    },
  },
  memory('memory.current', (memcg) => bytes(memcg.usage)),
  { ...peak('memory.peak', ({ peak: counter, usage }) => ({ counter, usage })), since: '6.1' },
  { ...limit('memory.min', 'min'), since: '5.10' },
  limit('memory.low', 'low'),
  limit('memory.high', 'high', enforceHigh),
  limit('memory.max', 'max', enforceMax),
  { ...memory('memory.events', (memcg, kernel) => memoryEvents(memcg.events, kernel)), notifies: true },
  {
    ...memory('memory.events.local', (memcg, kernel) => memoryEvents(memcg.localEvents, kernel)),
    since: '5.10',
    notifies: true,
  },
  { name: 'memory.stat', where: 'both', memory: true, show: memcgStat },
  {
    name: 'memory.oom.group',
    since: '5.10',
    where: 'child',
    memory: true,
    range: FLAG,
    show: (_machine, { memcg }) => (memcg.oomGroup ? '1\n' : '0\n'),
    write(_machine, { memcg }, text) {
      memcg.oomGroup = writeFlag(text);
    },
  },
  { name: 'memory.reclaim', since: '6.1', where: 'both', memory: true, write: proactiveReclaim },
  memory('memory.swap.current', (memcg) => bytes(memcg.swapUsage)),
  { ...limit('memory.swap.high', 'swapHigh'), since: '5.10' },
  limit('memory.swap.max', 'swapMax'),
  { ...peak('memory.swap.peak', ({ swapPeak: counter, swapUsage: usage }) => ({ counter, usage })), since: '6.18' },
  { ...memory('memory.swap.events', (memcg) => events(memcg.swapEvents)), since: '5.10', notifies: true },
  { name: 'memory.numa_stat', since: '5.10', where: 'both', memory: true, show: memcgNumaStat },
  pids('pids.current', nrPids),
  {
    // Guests are counted when somebody looks.
    ...pids('pids.peak', (machine, group, guests) => Math.max(group.pidsPeak, nrPids(machine, group, guests))),
    since: '6.1',
  },
  {
    ...pids('pids.max', (_machine, group) => (group.pidsMax === NO_LIMIT ? 'max' : group.pidsMax)),
    range: { min: 0, max: MAX_PIDS },
    write(_machine, group, text) {
      group.pidsMax = writePidsMax(text);
    },
  },
  { ...pids('pids.events', (_machine, group) => `max ${group.pidsFailures}`), notifies: true },
  {
    ...pids('pids.events.local', (_machine, group) => `max ${group.pidsLocalFailures}`),
    since: '6.18',
    notifies: true,
  },
  pressure('memory'),
  pressure('io'),
  pressure('cpu'),
];
