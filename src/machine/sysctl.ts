/** The settings under /proc/sys/vm that may be changed, with the kernel's ranges. */
import { LRU_GEN_CORE } from '../mm/memory-hooks.ts';
import { chooseLru, lruKindOf } from '../mm/reclaim/choose-policy.ts';
import { EINVAL } from '../util/errno.ts';
import { KernelError, UnknownNameError } from '../util/errors.ts';
import { parseWhole, strstrip } from '../util/kstrto.ts';
import { KEPT_SYSCTLS, keptRange, keptValue } from './kept-sysctls.ts';
import type { Machine } from './machine.ts';

/** One setting: how to read and write it, and its range. */
export interface Sysctl {
  /** Dotted name. */
  readonly name: string;
  readonly min: number;
  readonly max: number;
  get(machine: Machine): number;
  set(machine: Machine, value: number): void;
}

/** Settings of memory management. vfs_cache_pressure, laptop_mode and compaction have no model behind them. */
export interface VmSettings {
  swappiness: number;
  minFreeKbytes: number;
  watermarkScaleFactor: number;
  vfsCachePressure: number;
  dirtyRatio: number;
  dirtyBackgroundRatio: number;
  /** Bytes instead of ratios, when not 0. */
  dirtyBytes: number;
  dirtyBackgroundBytes: number;
  pageCluster: number;
  panicOnOom: number;
  oomKillAllocatingTask: number;
  oomDumpTasks: number;
  laptopMode: number;
  compactionProactiveness: number;
}

export function defaultVmSettings(): VmSettings {
  return {
    swappiness: 60,
    minFreeKbytes: 0,
    watermarkScaleFactor: 10,
    vfsCachePressure: 100,
    dirtyRatio: 20,
    dirtyBackgroundRatio: 10,
    dirtyBytes: 0,
    dirtyBackgroundBytes: 0,
    pageCluster: 0,
    panicOnOom: 0,
    oomKillAllocatingTask: 0,
    oomDumpTasks: 1,
    laptopMode: 0,
    compactionProactiveness: 20,
  };
}

const INT_MAX = 2147483647;

const PAGE = 4096;

function vm(name: string, key: keyof VmSettings, min: number, max: number): Sysctl {
  return {
    name: `vm.${name}`,
    min,
    max,
    get: (machine) => machine.vm[key],
    set: (machine, value) => {
      machine.vm[key] = value;
      const other = EXCLUSIVE[key];
      if (other !== undefined && value > 0) machine.vm[other] = 0;
      machine.pressure.updateWatermarks();
    },
  };
}

/** Setting one of a pair takes the other out of force. Mirrors: dirty_ratio_handler, dirty_bytes_handler. */
const EXCLUSIVE: Partial<Record<keyof VmSettings, keyof VmSettings>> = {
  dirtyRatio: 'dirtyBytes',
  dirtyBytes: 'dirtyRatio',
  dirtyBackgroundRatio: 'dirtyBackgroundBytes',
  dirtyBackgroundBytes: 'dirtyBackgroundRatio',
};

export const SYSCTLS: readonly Sysctl[] = [
  vm('swappiness', 'swappiness', 0, 200),
  vm('min_free_kbytes', 'minFreeKbytes', 0, INT_MAX),
  vm('watermark_scale_factor', 'watermarkScaleFactor', 1, 3000),
  vm('vfs_cache_pressure', 'vfsCachePressure', 0, INT_MAX),
  vm('dirty_ratio', 'dirtyRatio', 0, 100),
  vm('dirty_background_ratio', 'dirtyBackgroundRatio', 0, 100),
  vm('dirty_bytes', 'dirtyBytes', 2 * PAGE, Number.MAX_SAFE_INTEGER),
  vm('dirty_background_bytes', 'dirtyBackgroundBytes', 1, Number.MAX_SAFE_INTEGER),
  vm('page-cluster', 'pageCluster', 0, 31),
  vm('panic_on_oom', 'panicOnOom', 0, 2),
  vm('oom_kill_allocating_task', 'oomKillAllocatingTask', 0, INT_MAX),
  vm('oom_dump_tasks', 'oomDumpTasks', 0, INT_MAX),
  vm('laptop_mode', 'laptopMode', 0, INT_MAX),
  vm('compaction_proactiveness', 'compactionProactiveness', 0, 100),
  {
    name: 'vm.nr_hugepages',
    min: 0,
    max: INT_MAX,
    get: ({ mem }) => mem.hugePool.nr - mem.hugePool.surplus,
    set: (machine, value) => machine.mem.hugePool.setTarget(value, (pages) => machine.pressure.reserve(pages)),
  },
  {
    name: 'vm.nr_overcommit_hugepages',
    min: 0,
    max: INT_MAX,
    get: ({ mem }) => mem.hugePool.overcommit,
    set: ({ mem }, value) => {
      mem.hugePool.overcommit = value;
    },
  },
  {
    name: 'vm.overcommit_memory',
    min: 0,
    max: 2,
    get: (machine) => machine.mem.settings.overcommitMemory,
    set: (machine, value) => {
      machine.mem.settings.overcommitMemory = value;
    },
  },
  {
    name: 'vm.overcommit_ratio',
    min: 0,
    max: INT_MAX,
    get: (machine) => machine.mem.settings.overcommitRatio,
    set: (machine, value) => {
      machine.mem.settings.overcommitRatio = value;
    },
  },
  {
    name: 'vm.max_map_count',
    min: 0,
    max: INT_MAX,
    get: (machine) => machine.mem.settings.maxMapCount,
    set: (machine, value) => {
      machine.mem.settings.maxMapCount = value;
    },
  },
  {
    name: 'lru_gen.enabled',
    min: 0,
    max: 7,
    get: ({ mem }) => (lruKindOf(mem) === 'generations' ? LRU_GEN_CORE : 0) | mem.settings.lruGenCaps,
    set: ({ mem }, value) => {
      chooseLru(mem, value & LRU_GEN_CORE ? 'generations' : 'lists');
      mem.settings.lruGenCaps = value & ~LRU_GEN_CORE;
    },
  },
  {
    name: 'lru_gen.min_ttl_ms',
    min: 0,
    max: 2 * INT_MAX + 1,
    get: ({ mem }) => mem.settings.minTtlMs,
    set: ({ mem }, value) => {
      mem.settings.minTtlMs = value;
    },
  },
  {
    name: 'vm.dirty_writeback_centisecs',
    min: 0,
    max: INT_MAX,
    get: (machine) => Math.round(machine.storage.settings.dirtyWritebackUs / 10_000),
    set: (machine, value) => {
      machine.storage.settings.dirtyWritebackUs = Math.max(1, value) * 10_000;
    },
  },
  {
    name: 'vm.dirty_expire_centisecs',
    min: 0,
    max: INT_MAX,
    get: (machine) => Math.round(machine.storage.settings.dirtyExpireUs / 10_000),
    set: (machine, value) => {
      machine.storage.settings.dirtyExpireUs = value * 10_000;
    },
  },
];

const BY_NAME = new Map(SYSCTLS.map((sysctl) => [sysctl.name, sysctl]));

/** The setting of a dotted name. */
export function sysctlOf(name: string): Sysctl | undefined {
  return BY_NAME.get(name);
}

/** Writes a setting. Throws UnknownNameError (no such setting), KernelError EINVAL (not a number, out of range). Mirrors: proc_dointvec_minmax. */
export function setSysctl(machine: Machine, name: string, text: string): void {
  const sysctl = BY_NAME.get(name);
  if (sysctl === undefined) {
    if (!KEPT_SYSCTLS.has(name))
      throw new UnknownNameError(`there is no setting ${name}`, name, [...BY_NAME.keys(), ...KEPT_SYSCTLS]);
    const kept = keptValue(name, text);
    const { min, max } = keptRange(name);
    if (kept === undefined) throw new KernelError(EINVAL, `${name} takes numbers from ${min} to ${max}`);
    machine.plainSysctls.set(name, kept);
    machine.generation++;
    return;
  }
  const whole = parseWhole(strstrip(text), 0);
  const value = whole === undefined ? Number.NaN : Number(whole);
  if (!(value >= sysctl.min && value <= sysctl.max)) {
    throw new KernelError(EINVAL, `${name} takes a number from ${sysctl.min} to ${sysctl.max}`);
  }
  sysctl.set(machine, value);
  machine.generation++;
}
