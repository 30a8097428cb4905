/**
 * Control groups with the memory controller: a tree of directories, processes in them, pages charged to them. Mirrors:
 * mm/memcontrol.c, kernel/cgroup/cgroup.c.
 *
 * A page belongs to the group of the process whose fault brought it, and stays with it when the process moves. What a
 * group uses counts for all groups above it. A directory has the memory files when its parent hands the controller down
 * (cgroup.subtree_control); its processes are charged to the nearest one upwards that has them.
 */

import type { Memory } from '../mm/memory.ts';
import type { MemcgCharger } from '../mm/memory-hooks.ts';
import { flushStats } from '../mm/reclaim/lruvec.ts';
import { MAX_GROUPS, Memcg } from '../mm/reclaim/memcg.ts';
import { ScanControl, SWAP_CLUSTER_MAX } from '../mm/reclaim/scan-control.ts';
import { freeingPages } from '../mm/reclaim/vmscan.ts';
import { EAGAIN, EBUSY, EEXIST, EINVAL, ENAMETOOLONG, ENOENT, ESRCH } from '../util/errno.ts';
import { KernelError, UnknownNameError } from '../util/errors.ts';
import { finish, type Job } from '../util/job.ts';
import { Cgroup, descendants } from './cgroup.ts';
import { leaveCpu } from './cgroup-cpu.ts';
import { notePids } from './cgroup-pids.ts';
import { freezeWith } from './freezer.ts';
import type { Machine, Ticker } from './machine.ts';
import { outOfMemory, selectBadProcess } from './oom.ts';
import { reportKill } from './oom-report.ts';
import { Psi } from './psi.ts';
import { reclaimCostUs } from './reclaim-costs.ts';
import type { Task } from './task.ts';

/** Mirrors: cgroup_mkdir (no newline), and what a path can have between two slashes. */
function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('\n') && !name.includes('\0');
}

const NAME_MAX = 255;
/** Attempts to make room below a limit before somebody of the group is killed. */
const MAX_RECLAIM_RETRIES = 16;
/** Pages that are charged at once; what goes beyond memory.high is dealt with as often. */
const CHARGE_BATCH = 64;
/** Longest wait that memory.high imposes at once; below the other it imposes none. */
const MAX_HIGH_DELAY_US = 2_000_000;
const MIN_HIGH_DELAY_US = 10_000;

/** Pages freed and the time it took, in microseconds. */
export interface Reclaimed {
  readonly freed: number;
  readonly us: number;
}

export class Cgroups implements MemcgCharger, Ticker {
  private readonly machine: Machine;
  readonly root: Cgroup;
  /** When statistics are added up next. */
  private flushUs = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    this.root = new Cgroup('', null, machine.mem.rootMemcg, null);
    this.#handDown(this.root);
  }

  /** The group of a path. Throws ENOENT. */
  at(path: string): Cgroup {
    let group: Cgroup | undefined = this.root;
    for (const name of path.split('/')) if (name !== '') group = group?.children.get(name);
    if (group === undefined)
      throw new UnknownNameError(
        `there is no control group ${path}`,
        path,
        this.paths(),
        `make it with: cgroup mkdir ${path}`,
        ENOENT,
      );
    return group;
  }

  /** The paths of all groups, the root left out. */
  paths(below: Cgroup = this.root): string[] {
    return [...below.children.values()].flatMap((group) => [group.path, ...this.paths(group)]);
  }

  /** The group of a process; the root where its path names none. */
  of(task: Task): Cgroup {
    let group = this.root;
    if (group.children.size === 0) return group;
    for (const name of task.cgroup.split('/')) if (name !== '') group = group.children.get(name) ?? group;
    return group.path === task.cgroup ? group : this.root;
  }

  /** Processes of a group and, if asked for, of those below. */
  tasksOf(group: Cgroup, below = false): Task[] {
    return [...this.machine.tasks.values()].filter((task) => {
      const own = this.of(task);
      return below ? own.isWithin(group) : own === group;
    });
  }

  /** Throws EEXIST, ENOENT (parent), EINVAL (name), EAGAIN (cgroup.max.*). Mirrors: cgroup_mkdir. */
  mkdir(path: string): Cgroup {
    const slash = path.replace(/\/+$/, '').lastIndexOf('/');
    const name = path.replace(/\/+$/, '').slice(slash + 1);
    const parent = this.at(path.slice(0, Math.max(0, slash)));
    if (name.length > NAME_MAX) throw new KernelError(ENAMETOOLONG, 'a name has at most 255 bytes');
    if (!isName(name)) throw new KernelError(EINVAL, `"${name}" is no name of a control group`);
    if (parent.children.has(name)) throw new KernelError(EEXIST, `there is a control group ${path}`, path);
    let depth = 1;
    for (let above: Cgroup | null = parent; above !== null; above = above.parent, depth++) {
      if (depth > above.maxDepth || descendants(above) >= above.maxDescendants)
        throw new KernelError(EAGAIN, 'cgroup.max.depth or cgroup.max.descendants is reached');
    }
    const { memcgs } = this.machine.mem;
    let id = memcgs.indexOf(undefined);
    if (id < 0) id = memcgs.length;
    if (id >= MAX_GROUPS) throw new KernelError(EAGAIN, `there are ${MAX_GROUPS} control groups already`);
    const memcg = new Memcg(id, parent.memcg);
    memcg.swappiness = parent.memcg.swappiness;
    memcgs[id] = memcg;
    parent.memcg.children.push(memcg);
    this.machine.mem.frames.ensureGroup(id);
    const psi = new Psi(this.machine);
    const group = new Cgroup(name, parent, memcg, psi);
    if (group.isFrozen) group.frozenSinceUs = this.machine.nowUs;
    psi.group = group;
    this.#handDown(group);
    parent.children.set(name, group);
    this.machine.tickers.push(psi);
    if (this.machine.mem.memcg === null) this.#chargeEverythingToRoot();
    this.machine.generation++;
    return group;
  }

  /** In version 1 every group has every controller. */
  #handDown(group: Cgroup): void {
    if (this.machine.options.cgroup === 'v1') group.delegates = group.delegatesPids = true;
  }

  /** From the first group on pages are counted; what there is belongs to the root. */
  #chargeEverythingToRoot(): void {
    const { mem } = this.machine;
    this.root.memcg.usage = mem.frames.nrUsed;
    this.root.memcg.swapUsage = mem.swap?.nrUsed ?? 0;
    mem.memcg = this;
    this.machine.tickers.push(this);
    this.run(this.machine.nowUs);
  }

  /** Throws ENOENT, EBUSY (processes or groups in it). What it still holds is charged to its parent. */
  rmdir(path: string): void {
    const group = this.at(path);
    const { parent } = group;
    if (parent === null || group.children.size > 0 || this.tasksOf(group).some((task) => !task.isZombie))
      throw new KernelError(EBUSY, `${path} is in use`);
    this.reparent(group.memcg);
    this.#forget(group.memcg);
    parent.children.delete(group.name);
    for (const key of ['userUs', 'systemUs', 'niceUs'] as const) parent.cpu[key] += group.cpu[key];
    group.gone = true;
    const { tickers } = this.machine;
    if (group.psi !== null) tickers.splice(tickers.indexOf(group.psi), 1);
    this.machine.generation++;
  }

  /** Charges what a group holds itself to its parent, whose oldest pages these become. Mirrors: memcg_reparent_objcgs. */
  reparent(memcg: Memcg): void {
    const { mem, tasks } = this.machine;
    const to = memcg.parent?.id ?? 0;
    mem.frames.moveLists(memcg.id, to);
    if (mem.swap !== null && memcg.swapUsage > 0) move(mem.swap.memcg, memcg.id, to);
    memcg.usage = 0;
    memcg.swapUsage = 0;
    for (const task of tasks.values()) if (task.mm?.memcg === memcg.id) task.mm.memcg = to;
  }

  /** Takes a group out of the tree; what has happened to its pages stays in the sums of those above. */
  #forget(memcg: Memcg): void {
    const { parent } = memcg;
    this.machine.mem.memcgs[memcg.id] = undefined;
    if (parent === null) return;
    parent.children.splice(parent.children.indexOf(memcg), 1);
    const { counts } = parent;
    for (const key of Object.keys(counts) as (keyof typeof counts)[]) counts[key] += memcg.counts[key];
    parent.lruvec.activatedAnon += memcg.lruvec.activatedAnon;
    parent.lruvec.activatedFile += memcg.lruvec.activatedFile;
    for (let g: Memcg | null = parent; g !== null; g = g.parent) if (g.walkAt === memcg) g.walkAt = null;
  }

  /** Moves a process. Throws ESRCH, EBUSY (the group hands controllers down), EINVAL. Mirrors: cgroup_attach_task. */
  attach(group: Cgroup, task: Task | undefined): void {
    if (task === undefined) throw new KernelError(ESRCH, 'there is no such process');
    if (task.kernelThread) throw new KernelError(EINVAL, 'kernel threads stay where they are');
    this.checkPlace(group);
    leaveCpu(this.machine, task);
    task.cgroup = group.path;
    this.adopt(task);
    this.machine.loadChanges++;
    this.machine.generation++;
  }

  /** Throws EBUSY where a group may have no processes of its own. Mirrors: cgroup_migrate_vet_dst. */
  checkPlace(group: Cgroup): void {
    if (this.machine.options.cgroup === 'v2' && group.parent !== null && group.delegates)
      throw new KernelError(EBUSY, 'a group that hands controllers down has no processes of its own');
  }

  /**
   * What a group has in place of vm.swappiness; groups made in it later have it, too. Version 2 has no file for that. Throws ENOENT (no such
   * group, no memory controller), EINVAL (the root). Mirrors: mem_cgroup_swappiness_write.
   */
  setSwappiness(path: string, swappiness: number): void {
    const group = this.at(path);
    if (group.parent === null) throw new KernelError(EINVAL, 'the swappiness of the root is vm.swappiness');
    if (!group.hasMemory) throw new KernelError(ENOENT, `the memory controller is not handed down to ${path}`);
    group.memcg.swappiness = swappiness;
  }

  /** A process is new in its group: what it will fault in is charged there, it is frozen with it, and counted. */
  adopt(task: Task): void {
    this.attachMm(task);
    freezeWith(this.machine, task);
    notePids(this.machine, this.of(task));
  }

  /** Charges what a process will fault in to its group. */
  attachMm(task: Task): void {
    if (task.mm !== null) task.mm.memcg = this.of(task).charged.id;
  }

  /** Controllers have been handed down, or taken back. */
  updateCharging(): void {
    for (const task of this.machine.tasks.values()) this.attachMm(task);
  }

  /** Mirrors: try_charge_memcg. */
  charge(mem: Memory): number {
    const mm = mem.faultingMm ?? this.machine.pressure.current?.mm ?? null;
    const group = mem.memcgs[mm?.memcg ?? 0] ?? this.root.memcg;
    for (let g: Memcg | null = group; g.parent !== null; g = g.parent)
      if (g.usage >= g.max && !this.#makeRoom(mem, g)) return -1;
    for (let g: Memcg | null = group; g !== null; g = g.parent) g.charge(1);
    if (--group.stock < 0) this.#refill(mem, group);
    return group.id;
  }

  /** Pages are charged in batches; with each comes the question whether that is beyond memory.high. */
  #refill(mem: Memory, group: Memcg): void {
    let batch = CHARGE_BATCH;
    for (let g = group; g.parent !== null; g = g.parent) if (g.usage + batch > g.max) batch = 1;
    group.stock = batch - 1;
    for (let g = group; g.parent !== null; g = g.parent) {
      if (g.usage + batch - 1 <= g.high && g.swapUsage <= g.swapHigh) continue;
      this.#handleOverHigh(mem, group, batch);
      return;
    }
  }

  uncharge(id: number): void {
    for (let g: Memcg | null = this.machine.mem.memcgs[id] ?? this.root.memcg; g !== null; g = g.parent) g.usage--;
  }

  chargeSwap(id: number): boolean {
    const group = this.machine.mem.memcgs[id] ?? this.root.memcg;
    for (let g: Memcg | null = group; g !== null; g = g.parent) {
      if (g.swapUsage < g.swapMax) continue;
      g.swapEvents.max++;
      g.swapEvents.fail++;
      return false;
    }
    for (let g: Memcg | null = group; g !== null; g = g.parent) g.chargeSwap();
    return true;
  }

  unchargeSwap(id: number): void {
    for (let g: Memcg | null = this.machine.mem.memcgs[id] ?? this.root.memcg; g !== null; g = g.parent) g.swapUsage--;
  }

  /** Reclaims from a group and those below; returns pages freed and the time it took. Mirrors: try_to_free_mem_cgroup_pages. */
  reclaim(memcg: Memcg, pages: number, by: 'direct' | 'proactive', swappiness?: number): Reclaimed {
    return finish(this.reclaiming(memcg, pages, by, swappiness));
  }

  /** The same in pieces. */
  *reclaiming(memcg: Memcg, pages: number, by: 'direct' | 'proactive', swappiness?: number): Job<Reclaimed> {
    const { mem, storage, vm } = this.machine;
    const sc = new ScanControl(by, Math.max(pages, SWAP_CLUSTER_MAX), swappiness ?? vm.swappiness, memcg);
    sc.forcesSwappiness = swappiness !== undefined;
    const swappedOut = mem.events.pswpout;
    const freed = yield* freeingPages(mem, sc);
    return { freed, us: reclaimCostUs(mem, storage, sc, mem.events.pswpout - swappedOut) };
  }

  /** Where statistics are never to be older than a step. */
  afterStep(): void {
    const { mem } = this.machine;
    if (mem.memcg !== null && mem.settings.statFlushUs === 0) flushStats(mem, this.root.memcg);
  }

  nextUs(): number {
    return this.machine.mem.settings.statFlushUs > 0 ? this.flushUs : Number.POSITIVE_INFINITY;
  }

  /** Mirrors: flush_memcg_stats_dwork. */
  run(nowUs: number): void {
    const { mem } = this.machine;
    const every = mem.settings.statFlushUs;
    if (every > 0) this.flushUs = (Math.floor(nowUs / every) + 1) * every;
    flushStats(mem, this.root.memcg);
  }

  /** Brings a group below its limit: reclaim, then death. Mirrors: try_charge_memcg. */
  #makeRoom(mem: Memory, g: Memcg): boolean {
    if (this.#reapWhile(() => g.usage >= g.max)) return true;
    for (let retries = MAX_RECLAIM_RETRIES + 1, tries = 1; retries >= 0; tries++) {
      g.note('max');
      const { freed, us } = this.reclaim(g, SWAP_CLUSTER_MAX, 'direct');
      mem.stalledUs += us;
      if (g.usage < g.max) return true;
      if (mem.triesOnce && tries > 1) return false;
      if (freed > 0) continue;
      mem.stalledUs += this.machine.storage.waitForWrites(SWAP_CLUSTER_MAX);
      if (g.usage < g.max) return true;
      retries--;
    }
    g.note('oom');
    this.killIn(g);
    return g.usage < g.max || this.#reapWhile(() => g.usage >= g.max);
  }

  /**
   * Pages that a group may use in all, by which oom_score_adj is scaled when it is out of memory: its limit, and what it may
   * have in swap where it swaps at all. Mirrors: mem_cgroup_get_max.
   */
  private limitOf(g: Memcg): number {
    const { mem, vm } = this.machine;
    const swap = (g.swappiness ?? vm.swappiness) > 0 ? Math.min(g.swapMax, mem.swap?.total ?? 0) : 0;
    return Math.max(1, g.max + swap);
  }

  /** The OOM killer within one group. With memory.oom.group everybody of it goes. */
  killIn(g: Memcg): boolean {
    const group = this.#find(this.root, g)!;
    const among = this.tasksOf(group, true);
    const worst = selectBadProcess(this.machine, among, this.limitOf(g));
    if (worst === undefined) return false;
    let whole: Cgroup | undefined;
    for (let up: Cgroup | null = this.of(worst); up?.isWithin(group); up = up.parent) if (up.memcg.oomGroup) whole = up;
    if (!outOfMemory(this.machine, { among: [worst], candidates: among, group, whole })) return false;
    g.note('oom_kill');
    if (whole === undefined) return true;
    whole.memcg.note('oom_group_kill');
    for (const task of this.tasksOf(whole, true)) {
      if (task === worst) continue;
      reportKill(this.machine, { asker: undefined, victim: task, among, group, allocating: false }, 0);
      this.machine.pressure.kill(task);
    }
    return true;
  }

  #find(from: Cgroup, memcg: Memcg): Cgroup | undefined {
    if (from.memcg === memcg) return from;
    for (const child of from.children.values()) {
      const found = this.#find(child, memcg);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Memory of those who have been killed is waited for; whether that was enough. */
  #reapWhile(wanted: () => boolean): boolean {
    const { reaper } = this.machine.pressure;
    return !reaper.isIdle && reaper.freeWhile(wanted) && !wanted();
  }

  /**
   * Makes who allocates beyond memory.high reclaim and, if that does not help, wait: HZ × overage² × 64 for a batch of 64
   * pages, at most two seconds. Mirrors: __mem_cgroup_handle_over_high.
   */
  #handleOverHigh(mem: Memory, group: Memcg, pages: number): void {
    for (let retries = MAX_RECLAIM_RETRIES, wanted = pages; ; wanted = SWAP_CLUSTER_MAX) {
      const freed = this.#reclaimHigh(mem, group, wanted);
      const delayUs = Math.min(MAX_HIGH_DELAY_US, highDelayUs(group, pages) + swapHighDelayUs(group, pages));
      if (delayUs <= MIN_HIGH_DELAY_US) return;
      if (freed > 0 || retries-- > 0) continue;
      mem.stalledUs += delayUs;
      return;
    }
  }

  /** Mirrors: reclaim_high. */
  #reclaimHigh(mem: Memory, group: Memcg, pages: number): number {
    let all = 0;
    for (let g = group; g.parent !== null; g = g.parent) {
      if (g.usage + group.stock <= g.high) continue;
      if (this.#reapWhile(() => g.usage + group.stock > g.high)) continue;
      g.note('high');
      const { freed, us } = this.reclaim(g, pages, 'direct');
      mem.stalledUs += us;
      all += freed;
    }
    return all;
  }
}

/** By how much of what it may have a counter is above it. Mirrors: calculate_overage. */
function overageOf(usage: number, high: number): number {
  return usage > high ? (usage - high) / Math.max(1, high) : 0;
}

/** Mirrors: calculate_high_delay, mem_find_max_overage. */
function highDelayUs(group: Memcg, pages: number): number {
  let overage = 0;
  for (let g = group; g.parent !== null; g = g.parent)
    overage = Math.max(overage, overageOf(g.usage + group.stock, g.high));
  return delayUs(overage, pages);
}

/** Mirrors: swap_find_max_overage. */
function swapHighDelayUs(group: Memcg, pages: number): number {
  let max = 0;
  for (let g = group; g.parent !== null; g = g.parent) {
    const overage = overageOf(g.swapUsage, g.swapHigh);
    if (overage > 0) g.swapEvents.high++;
    max = Math.max(max, overage);
  }
  return delayUs(max, pages);
}

function delayUs(overage: number, pages: number): number {
  return (overage * overage * 64 * 1e6 * pages) / CHARGE_BATCH;
}

function move(ids: Uint16Array, from: number, to: number): void {
  for (let i = 0; i < ids.length; i++) if (ids[i] === from) ids[i] = to;
}
