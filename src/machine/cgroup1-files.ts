/**
 * The files of a control group of version 1. Its controllers are mounted together, in one hierarchy: the machine has one tree
 * of groups. A file without a model is not there. Mirrors: mm/memcontrol-v1.c, kernel/cgroup/legacy_freezer.c, kernel/sched/cpuacct.c.
 */
import { NO_LIMIT } from '../mm/reclaim/memcg.ts';
import { EBUSY, EINVAL, EOPNOTSUPP } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Job } from '../util/job.ts';
import { strstrip } from '../util/kstrto.ts';
import type { Cgroup } from './cgroup.ts';
import { cpuOf } from './cgroup-cpu.ts';
import { CGROUP_FILES, type CgroupFile, integer, parseLimit, writeProcs } from './cgroup-files.ts';
import { memcg1Stat } from './cgroup1-stat.ts';
import { freeze } from './freezer.ts';
import type { Machine } from './machine.ts';
import { setSysctl } from './sysctl.ts';

const PAGE = 4096;
/** How no limit is shown. Mirrors: PAGE_COUNTER_MAX times the size of a page. */
const UNLIMITED = '9223372036854771712';
/** Of memory.max_usage_in_bytes, among the resets of Peak: nobody else resets it. */
const RESET = 1;
const TICK_US = 10_000;

/** Bytes, as version 1 shows them. */
export function bytesV1(pages: number): string {
  return pages === NO_LIMIT ? UNLIMITED : String(BigInt(pages) * BigInt(PAGE));
}

/** Mirrors: mem_cgroup_resize_max: what is above the limit is reclaimed first, nobody is killed. */
function* writeLimit(machine: Machine, { parent, memcg }: Cgroup, text: string): Job<void> {
  if (parent === null) throw new KernelError(EINVAL, 'the root has no limit');
  const max = parseLimit(text, '-1');
  while (memcg.usage > max) {
    const { freed } = yield* machine.cgroups.reclaiming(memcg, 1, 'direct');
    if (freed === 0) throw new KernelError(EBUSY, 'no more can be reclaimed');
  }
  memcg.max = max;
}

/** Mirrors: mem_cgroup_force_empty. */
function* forceEmpty(machine: Machine, { parent, memcg }: Cgroup): Job<void> {
  if (parent === null) throw new KernelError(EINVAL, 'the root cannot be emptied');
  for (let retries = 5; memcg.usage > 0 && retries > 0; ) {
    const { freed } = yield* machine.cgroups.reclaiming(memcg, 1, 'direct');
    if (freed === 0) retries--;
  }
}

/** Mirrors: mem_cgroup_swappiness_write; the root's is vm.swappiness. */
function writeSwappiness(machine: Machine, group: Cgroup, text: string): void {
  const value = integer(text);
  if (value < 0 || value > 200) throw new KernelError(EINVAL, 'swappiness is at most 200');
  if (group.parent === null) setSysctl(machine, 'vm.swappiness', String(value));
  else machine.cgroups.setSwappiness(group.path, value);
}

/** Mirrors: freezer_write. */
function writeFreezer(machine: Machine, group: Cgroup, text: string): void {
  const state = strstrip(text);
  if (state !== 'FROZEN' && state !== 'THAWED') throw new KernelError(EINVAL, 'FROZEN or THAWED is wanted');
  freeze(machine, group, state === 'FROZEN');
}

/** A switch that cannot be turned here: what it stands at may be written. */
function fixed(name: string, value: number, where: CgroupFile['where'] = 'both', errno = EINVAL): CgroupFile {
  return {
    name,
    where,
    show: () => `${value}\n`,
    write(_machine, _group, text) {
      if (integer(text) !== value) throw new KernelError(errno, `only ${value} can be written`);
    },
  };
}

function shown(
  name: string,
  show: (machine: Machine, group: Cgroup) => string | number,
  where: CgroupFile['where'] = 'both',
): CgroupFile {
  return { name, where, show: (machine, group) => `${show(machine, group)}\n` };
}

/** Rows that both versions have. */
function shared(name: string, as = name): CgroupFile {
  return { ...CGROUP_FILES.find((file) => file.name === name)!, name: as };
}

/** Mirrors: mem_cgroup_usage: that of the root is counted from its pages. */
function usage({ mem }: Machine, { parent, memcg }: Cgroup): number {
  return parent === null ? mem.frames.nrUsed : memcg.usage;
}

/** Nanoseconds since the last reset. Mirrors: cpuusage_read and its like. */
function cpuNs(machine: Machine, group: Cgroup, what: readonly ('userUs' | 'systemUs')[]): number {
  const used = cpuOf(machine, group);
  return what.reduce((ns, key) => ns + (used[key] - group.cpuBefore[key]) * 1000, 0);
}

/** Mirrors: cpuusage_write. */
function resetCpu(machine: Machine, group: Cgroup, text: string): void {
  if (integer(text) !== 0) throw new KernelError(EINVAL, 'only 0 can be written');
  const { userUs, systemUs } = cpuOf(machine, group);
  Object.assign(group.cpuBefore, { userUs, systemUs });
}

/** The files, by name in each directory. */
export const CGROUP1_FILES: readonly CgroupFile[] = [
  shared('cgroup.procs'),
  { ...shared('cgroup.threads', 'tasks'), write: writeProcs },
  fixed('cgroup.clone_children', 0, 'both', EOPNOTSUPP),
  fixed('notify_on_release', 0, 'both', EOPNOTSUPP),
  shown('cgroup.sane_behavior', () => 0, 'root'),
  shown('memory.usage_in_bytes', (machine, group) => bytesV1(usage(machine, group))),
  {
    ...shown('memory.max_usage_in_bytes', (_machine, { memcg }) => bytesV1(memcg.peak.most(RESET))),
    write(_machine, { memcg }) {
      memcg.peak.reset(memcg.usage, RESET);
    },
  },
  { ...shown('memory.limit_in_bytes', (_machine, { memcg }) => bytesV1(memcg.max)), write: writeLimit },
  {
    ...shown('memory.soft_limit_in_bytes', (_machine, { softLimit }) => bytesV1(softLimit)),
    write(_machine, group, text) {
      if (group.parent === null) throw new KernelError(EINVAL, 'the root has no limit');
      group.softLimit = parseLimit(text, '-1');
    },
  },
  {
    ...shown('memory.failcnt', (_machine, { memcg, failuresBefore }) => memcg.localEvents.max - failuresBefore),
    write(_machine, group) {
      group.failuresBefore = group.memcg.localEvents.max;
    },
  },
  { name: 'memory.stat', where: 'both', show: memcg1Stat },
  { name: 'memory.force_empty', where: 'both', write: forceEmpty },
  fixed('memory.use_hierarchy', 1),
  {
    ...shown('memory.swappiness', ({ vm }, { memcg }) => memcg.swappiness ?? vm.swappiness),
    range: { min: 0, max: 200 },
    write: writeSwappiness,
  },
  fixed('memory.move_charge_at_immigrate', 0),
  {
    name: 'memory.oom_control',
    where: 'both',
    show: (_machine, { memcg }) => `oom_kill_disable 0\nunder_oom 0\noom_kill ${memcg.localEvents.oom_kill}\n`,
    write(_machine, _group, text) {
      if (integer(text) !== 0) throw new KernelError(EOPNOTSUPP, 'the OOM killer cannot be switched off');
    },
  },
  shown('memory.memsw.usage_in_bytes', (machine, group) => bytesV1(usage(machine, group) + group.memcg.swapUsage)),
  { ...shown('cpuacct.usage', (machine, group) => cpuNs(machine, group, ['userUs', 'systemUs'])), write: resetCpu },
  shown('cpuacct.usage_user', (machine, group) => cpuNs(machine, group, ['userUs'])),
  shown('cpuacct.usage_sys', (machine, group) => cpuNs(machine, group, ['systemUs'])),
  shown('cpuacct.stat', (machine, group) => {
    const { userUs, systemUs } = cpuOf(machine, group);
    return `user ${Math.floor(userUs / TICK_US)}\nsystem ${Math.floor(systemUs / TICK_US)}`;
  }),
  {
    ...shown('freezer.state', (_machine, group) => (group.isFrozen ? 'FROZEN' : 'THAWED'), 'child'),
    write: writeFreezer,
  },
  shown('freezer.self_freezing', (_machine, group) => (group.freeze ? 1 : 0), 'child'),
  shown('freezer.parent_freezing', (_machine, { parent }) => (parent?.isFrozen === true ? 1 : 0), 'child'),
  ...['pids.current', 'pids.peak', 'pids.max', 'pids.events'].map((name) => shared(name)),
];
