/** What differs between two machines, in the numbers that /proc shows of them. */
import type { Cgroup } from '../../machine/cgroup.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Task } from '../../machine/task.ts';
import type { Mapping } from '../../mm/cache/mapping.ts';
import { printable, utf8Of } from '../../util/bytes.ts';
import { graphDifference } from '../../util/graph/graph-difference.ts';
import { CATALOGUE } from './catalogue.ts';

/** A value here and there. */
export type Change = readonly [a: string | number, b: string | number];
/** What has changed, by name; sizes in kB where the name says so. */
export type Changes = Readonly<Record<string, Change>>;

/** A process, file or group that only one of them has, or what is not the same of it. */
export interface Differing {
  /** Byte string: a pid with the process's name, a path. */
  readonly name: string;
  readonly only?: 'a' | 'b';
  readonly changes: Changes;
}

export interface MachineDiff {
  /** Settings, time and sums of the whole machine. */
  readonly machine: Changes;
  readonly processes: readonly Differing[];
  readonly files: readonly Differing[];
  readonly groups: readonly Differing[];
  /** Counters of /proc/vmstat since boot. */
  readonly counters: Changes;
  /** The first place in the model where they differ; absent: they are the same in everything. */
  readonly first?: string;
}

type Values = Readonly<Record<string, string | number>>;

export function diffMachines(a: Machine, b: Machine): MachineDiff {
  const first = graphDifference(a, b, CATALOGUE);
  return {
    machine: changes(machineValues(a), machineValues(b)),
    processes: differing(processes(a), processes(b), taskValues),
    files: differing(files(a), files(b), fileValues),
    groups: differing(groups(a), groups(b), groupValues),
    counters: changes({ ...a.mem.events }, { ...b.mem.events }),
    ...(first === undefined ? {} : { first }),
  };
}

function machineValues(machine: Machine): Values {
  const { mem, options, nowUs, profile, plainSysctls } = machine;
  return {
    time_us: nowUs,
    ram_kB: options.ramBytes / 1024,
    swap_kB: (mem.swap?.total ?? 0) * 4,
    profile: profile.name,
    hostname: options.hostname,
    free_kB: mem.nrFree * 4,
    anon_kB: mem.nrAnonMapped * 4,
    mapped_kB: mem.nrFileMapped * 4,
    cached_kB: mem.nrFilePages * 4,
    shmem_kB: mem.nrShmem * 4,
    dirty_kB: mem.nrFileDirty * 4,
    swap_used_kB: (mem.swap?.nrUsed ?? 0) * 4,
    swap_cached_kB: mem.nrSwapCache * 4,
    page_tables_kB: mem.tables.nrTables * 4,
    ...machine.vm,
    ...Object.fromEntries(plainSysctls),
  };
}

function processes(machine: Machine): Map<string, Task> {
  return new Map([...machine.tasks.values()].map((task) => [`${task.pid}`, task]));
}

function taskValues(task: Task): Values {
  const { mm } = task;
  return {
    name: task.name,
    comm: task.comm,
    state: task.leader.state,
    uid: task.ids.euid,
    threads: task.threads.length,
    oom_score_adj: task.oomScoreAdj,
    group: task.cgroup,
    mappings: mm?.vmas.length ?? 0,
    rss_kB: (mm?.rss ?? 0) * 4,
    swap_kB: (mm?.swapents ?? 0) * 4,
    minflt: task.minflt,
    majflt: task.majflt,
  };
}

function files(machine: Machine): Map<string, Mapping> {
  const found = new Map<string, Mapping>();
  // Files that have been unlinked may share a path.
  for (const mapping of machine.mem.mappings.values())
    found.set(found.has(mapping.path) ? `${mapping.path} #${mapping.id}` : mapping.path, mapping);
  return found;
}

function fileValues(mapping: Mapping): Values {
  const { kind, sizeBytes, nrCached, nrDirty, nrSwapped } = mapping;
  return {
    kind,
    size: sizeBytes,
    cached_kB: nrCached * 4,
    dirty_kB: mapping.isShmem ? 0 : nrDirty * 4,
    swap_kB: nrSwapped * 4,
  };
}

function groups(machine: Machine): Map<string, Cgroup> {
  const all = [machine.cgroups.root];
  for (const group of all) all.push(...group.children.values());
  return new Map(all.slice(1).map((group) => [group.path, group]));
}

function groupValues({ memcg }: Cgroup): Values {
  const events = Object.entries(memcg.events).map(([name, count]) => [`events_${name}`, count] as const);
  return { memory_kB: memcg.usage * 4, swap_kB: memcg.swapUsage * 4, ...Object.fromEntries(events) };
}

function changes(a: Values, b: Values): Changes {
  const found: Record<string, Change> = {};
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)]))
    if (a[name] !== b[name]) found[name] = [a[name] ?? '', b[name] ?? ''];
  return found;
}

function differing<T>(a: Map<string, T>, b: Map<string, T>, values: (thing: T) => Values): Differing[] {
  const found: Differing[] = [];
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [here, there] = [a.get(name), b.get(name)];
    const changed = changes(here === undefined ? {} : values(here), there === undefined ? {} : values(there));
    if (here === undefined) found.push({ name, only: 'b', changes: changed });
    else if (there === undefined) found.push({ name, only: 'a', changes: changed });
    else if (Object.keys(changed).length > 0) found.push({ name, changes: changed });
  }
  return found;
}

/** In words, a line each; nothing where nothing differs. */
export function diffText(diff: MachineDiff): string {
  const lines = Object.entries(diff.machine).map(([name, change]) => `machine ${name} ${changeText(change)}`);
  for (const kind of ['processes', 'files', 'groups'] as const)
    for (const { name, only, changes: changed } of diff[kind])
      lines.push(`${SINGULAR[kind]} ${name}${thingText(only, changed)}`);
  lines.push(...Object.entries(diff.counters).map(([name, change]) => `counter ${name} ${changeText(change)}`));
  // What no file shows: the order of lists, contents, what a workload does next.
  if (lines.length === 0 && diff.first !== undefined) lines.push(`nothing that is shown; in the model: ${diff.first}`);
  return lines.map((line) => `${printable(utf8Of(line))}\n`).join('');
}

const SINGULAR = { processes: 'process', files: 'file', groups: 'group' } as const;

function thingText(only: 'a' | 'b' | undefined, changed: Changes): string {
  if (only === undefined)
    return Object.entries(changed)
      .map(([name, change], i) => `${i === 0 ? ' ' : ', '}${name} ${changeText(change)}`)
      .join('');
  const shown = Object.entries(changed).filter(([, [a, b]]) => (only === 'a' ? a : b) !== 0);
  const words = shown.map(([name, [a, b]]) => `${name} ${only === 'a' ? a : b}`);
  return ` only in ${only.toUpperCase()}: ${words.join(', ')}`;
}

function changeText([a, b]: Change): string {
  const by = typeof a === 'number' && typeof b === 'number' ? ` (${b > a ? '+' : ''}${b - a})` : '';
  return `${a} -> ${b}${by}`;
}
