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
import { MAX_GROUPS, Memcg, NO_LIMIT } from '../mm/reclaim/memcg.ts';
import { ScanControl, SWAP_CLUSTER_MAX } from '../mm/reclaim/scan-control.ts';
import { tryToFreePages } from '../mm/reclaim/vmscan.ts';
import { EAGAIN, EBUSY, EEXIST, EINVAL, ENAMETOOLONG, ENOENT, ESRCH } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Machine } from './machine.ts';
import { outOfMemory, selectBadProcess } from './oom.ts';
import { Psi } from './psi.ts';
import { reclaimCostUs } from './reclaim-costs.ts';
import type { Task } from './task.ts';

/** One directory. */
export class Cgroup {
  readonly name: string;
  readonly parent: Cgroup | null;
  readonly memcg: Memcg;
  readonly children = new Map<string, Cgroup>();
  readonly psi: Psi | null;
  /** The memory controller is handed down to children. */
  delegates = false;
  maxDepth = Number.POSITIVE_INFINITY;
  maxDescendants = Number.POSITIVE_INFINITY;
  gone = false;

  constructor(name: string, parent: Cgroup | null, memcg: Memcg, psi: Psi | null) {
    this.name = name;
    this.parent = parent;
    this.memcg = memcg;
    this.psi = psi;
  }

  get path(): string {
    if (this.parent === null) return '/';
    const above = this.parent.path;
    return above === '/' ? `/${this.name}` : `${above}/${this.name}`;
  }

  get hasMemory(): boolean {
    return this.parent === null || (this.parent.delegates && this.parent.hasMemory);
  }

  /** The group that its processes are charged to. */
  get charged(): Memcg {
    return this.hasMemory ? this.memcg : this.parent!.charged;
  }

  isWithin(other: Cgroup): boolean {
    return this === other || (this.parent?.isWithin(other) ?? false);
  }
}

/** Mirrors: cgroup_mkdir (no newline), and what a path can have between two slashes. */
function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('\n') && !name.includes('\0');
}

const NAME_MAX = 255;
/** Attempts to make room below a limit before somebody of the group is killed. */
const MAX_RECLAIM_RETRIES = 3;
/** Pages over memory.high between two times that the group is made to reclaim. */
const HIGH_BATCH = 32;
/** Longest wait that memory.high imposes at once. */
const MAX_HIGH_DELAY_US = 2_000_000;

export class Cgroups implements MemcgCharger {
  private readonly machine: Machine;
  readonly root: Cgroup;
  /** Memory groups by number; those of removed directories are undefined. */
  private readonly memcgs: (Memcg | undefined)[];
  private overHigh = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    const memcg = new Memcg(0, null);
    this.memcgs = [memcg];
    this.root = new Cgroup('', null, memcg, null);
  }

  /** The group of a path. Throws ENOENT. */
  at(path: string): Cgroup {
    let group: Cgroup | undefined = this.root;
    for (const name of path.split('/')) if (name !== '') group = group?.children.get(name);
    if (group === undefined) throw new KernelError(ENOENT, `there is no control group ${path}`);
    return group;
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
    if (parent.children.has(name)) throw new KernelError(EEXIST, `there is a control group ${path}`);
    let depth = 1;
    for (let above: Cgroup | null = parent; above !== null; above = above.parent, depth++) {
      if (depth > above.maxDepth || descendants(above) >= above.maxDescendants)
        throw new KernelError(EAGAIN, 'cgroup.max.depth or cgroup.max.descendants is reached');
    }
    let id = this.memcgs.indexOf(undefined);
    if (id < 0) id = this.memcgs.length;
    if (id >= MAX_GROUPS) throw new KernelError(EAGAIN, `there are ${MAX_GROUPS} control groups already`);
    const memcg = new Memcg(id, parent.memcg);
    this.memcgs[id] = memcg;
    const psi = new Psi(this.machine);
    const group = new Cgroup(name, parent, memcg, psi);
    psi.group = group;
    parent.children.set(name, group);
    this.machine.tickers.push(psi);
    if (this.machine.mem.memcg === null) this.#chargeEverythingToRoot();
    this.machine.generation++;
    return group;
  }

  /** From the first group on pages are counted; what there is belongs to the root. */
  #chargeEverythingToRoot(): void {
    const { mem } = this.machine;
    this.root.memcg.usage = mem.frames.nrUsed;
    this.root.memcg.swapUsage = mem.swap?.nrUsed ?? 0;
    mem.memcg = this;
  }

  /** Throws ENOENT, EBUSY (processes or groups in it). What it still holds is charged to its parent. */
  rmdir(path: string): void {
    const group = this.at(path);
    const { parent } = group;
    if (parent === null || group.children.size > 0 || this.tasksOf(group).some((task) => !task.isZombie))
      throw new KernelError(EBUSY, `${path} is in use`);
    this.reparent(group.memcg);
    this.memcgs[group.memcg.id] = undefined;
    parent.children.delete(group.name);
    group.gone = true;
    const { tickers } = this.machine;
    if (group.psi !== null) tickers.splice(tickers.indexOf(group.psi), 1);
    this.machine.generation++;
  }

  /** Charges what a group holds itself to its parent. Mirrors: memcg_reparent_objcgs. */
  reparent(memcg: Memcg): void {
    const { mem } = this.machine;
    const to = memcg.parent?.id ?? 0;
    move(mem.frames.memcg, memcg.id, to);
    if (mem.swap !== null) move(mem.swap.memcg, memcg.id, to);
    memcg.usage = 0;
    memcg.swapUsage = 0;
    for (const task of this.machine.tasks.values()) if (task.mm?.memcg === memcg.id) task.mm.memcg = to;
  }

  /** Moves a process. Throws ESRCH, EBUSY (the group hands controllers down), EINVAL. Mirrors: cgroup_attach_task. */
  attach(group: Cgroup, task: Task | undefined): void {
    if (task === undefined) throw new KernelError(ESRCH, 'there is no such process');
    if (task.kernelThread) throw new KernelError(EINVAL, 'kernel threads stay where they are');
    if (group.parent !== null && group.delegates)
      throw new KernelError(EBUSY, 'a group that hands controllers down has no processes of its own');
    task.cgroup = group.path;
    this.attachMm(task);
    this.machine.generation++;
  }

  /** Charges what a process will fault in to its group. */
  attachMm(task: Task): void {
    if (task.mm !== null) task.mm.memcg = this.of(task).charged.id;
  }

  /** Controllers have been handed down, or taken back. */
  updateCharging(): void {
    for (const task of this.machine.tasks.values()) this.attachMm(task);
  }

  charge(mem: Memory): number {
    const mm = mem.faultingMm ?? this.machine.pressure.current?.mm ?? null;
    const group = this.memcgs[mm?.memcg ?? 0] ?? this.root.memcg;
    let over: Memcg | null = null;
    for (let g: Memcg | null = group; g.parent !== null; g = g.parent) {
      if (g.usage >= g.max && !this.#makeRoom(mem, g)) return -1;
      if (g.usage >= g.high) over = g;
    }
    for (let g: Memcg | null = group; g !== null; g = g.parent) g.charge(1);
    if (over !== null && ++this.overHigh >= HIGH_BATCH) this.#reclaimHigh(mem, over);
    return group.id;
  }

  uncharge(id: number): void {
    for (let g: Memcg | null = this.memcgs[id] ?? this.root.memcg; g !== null; g = g.parent) g.usage--;
  }

  chargeSwap(id: number): boolean {
    const group = this.memcgs[id] ?? this.root.memcg;
    for (let g: Memcg | null = group; g !== null; g = g.parent) {
      if (g.swapUsage < g.swapMax) continue;
      g.swapEvents.max++;
      g.swapEvents.fail++;
      return false;
    }
    for (let g: Memcg | null = group; g !== null; g = g.parent) g.swapUsage++;
    return true;
  }

  unchargeSwap(id: number): void {
    for (let g: Memcg | null = this.memcgs[id] ?? this.root.memcg; g !== null; g = g.parent) g.swapUsage--;
  }

  /** Reclaims from a group and those below; returns pages freed and the time it took. Mirrors: try_to_free_mem_cgroup_pages. */
  reclaim(memcg: Memcg, pages: number, by: 'direct' | 'proactive', swappiness?: number): { freed: number; us: number } {
    const { mem, storage, vm } = this.machine;
    const sc = new ScanControl(by, Math.max(pages, SWAP_CLUSTER_MAX), swappiness ?? vm.swappiness);
    const isRoot = memcg.parent === null;
    if (!isRoot) sc.members = this.#members((g) => g.isBelow(memcg));
    sc.protection = this.protection(memcg);
    const swappedOut = mem.events.pswpout;
    const freed = tryToFreePages(mem, sc);
    memcg.count(by, sc.nrScanned, freed);
    if (sc.lowReclaim) for (const g of this.memcgs) if (g !== undefined && g.low > 0 && g.isBelow(memcg)) g.note('low');
    return { freed, us: reclaimCostUs(mem, storage, sc, mem.events.pswpout - swappedOut) };
  }

  /** Groups whose pages reclaim from `target` (default: everything) leaves alone: 1 by memory.low, 2 by memory.min. */
  protection(target: Memcg = this.root.memcg): Uint8Array | null {
    let any: Uint8Array | null = null;
    for (const g of this.memcgs) {
      if (g === undefined || g === target || !g.isBelow(target)) continue;
      const level = g.usage <= g.effective('min', target) ? 2 : g.usage <= g.effective('low', target) ? 1 : 0;
      if (level === 0 || g.usage === 0) continue;
      any ??= new Uint8Array(MAX_GROUPS);
      any[g.id] = level;
    }
    return any;
  }

  #members(test: (g: Memcg) => boolean): Uint8Array {
    const members = new Uint8Array(MAX_GROUPS);
    for (const g of this.memcgs) if (g !== undefined && test(g)) members[g.id] = 1;
    return members;
  }

  /** Brings a group below its limit: reclaim, then death. Mirrors: try_charge_memcg. */
  #makeRoom(mem: Memory, g: Memcg): boolean {
    for (let tries = 0; tries < MAX_RECLAIM_RETRIES; tries++) {
      g.note('max');
      const { us } = this.reclaim(g, SWAP_CLUSTER_MAX, 'direct');
      mem.stalledUs += us;
      if (g.usage < g.max) return true;
      mem.stalledUs += this.machine.storage.waitForWrites(SWAP_CLUSTER_MAX);
      if (g.usage < g.max) return true;
    }
    g.note('oom');
    this.killIn(g);
    return g.usage < g.max;
  }

  /** The OOM killer within one group. With memory.oom.group everybody of it goes. */
  killIn(g: Memcg): boolean {
    const group = this.#find(this.root, g)!;
    const among = this.tasksOf(group, true);
    const worst = selectBadProcess(this.machine, among, Math.max(1, Math.min(g.max, NO_LIMIT)));
    if (worst === undefined) return false;
    let whole: Cgroup | undefined;
    for (let up: Cgroup | null = this.of(worst); up?.isWithin(group); up = up.parent) if (up.memcg.oomGroup) whole = up;
    if (!outOfMemory(this.machine, { among: [worst], group: group.path })) return false;
    g.note('oom_kill');
    if (whole === undefined) return true;
    whole.memcg.note('oom_group_kill');
    for (const task of this.tasksOf(whole, true)) if (task !== worst) this.machine.pressure.kill(task);
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

  /** Makes who allocates beyond memory.high reclaim and wait. Mirrors: mem_cgroup_handle_over_high. */
  #reclaimHigh(mem: Memory, g: Memcg): void {
    this.overHigh = 0;
    g.note('high');
    mem.stalledUs += this.reclaim(g, HIGH_BATCH, 'direct').us;
    if (g.usage <= g.high) return;
    const overage = (g.usage - g.high) / Math.max(1, g.high);
    // penalty = HZ × overage² × 2^6 for a batch of 64 pages, at most two seconds.
    const us = overage * overage * 64 * 1e6 * (HIGH_BATCH / 64);
    mem.stalledUs += Math.min(MAX_HIGH_DELAY_US, Math.floor(us));
  }
}

function descendants(group: Cgroup): number {
  let n = 0;
  for (const child of group.children.values()) n += 1 + descendants(child);
  return n;
}

function move(ids: Uint16Array, from: number, to: number): void {
  for (let i = 0; i < ids.length; i++) if (ids[i] === from) ids[i] = to;
}
