/** From inode numbers and names to rows of the tables and to the process as it is now. */
import type { Machine } from '../machine/machine.ts';
import type { Task } from '../machine/task.ts';
import { ENOENT } from '../util/errno.ts';
import { type Caller, type DirEntry, type Ino, S_IFDIR } from '../vfs/types.ts';
import type { Entry, SystemContext, TaskContext } from './entry.ts';
import { type FixedNode, type FixedTree, listedIn } from './fixed-tree.ts';
import type { ProcHost } from './host.ts';
import { pidOf } from './host-links.ts';
import { hostLinkIno, placeOf, taskIno } from './inode.ts';
import type { ProcFsSettings } from './settings.ts';
import { TaskIndex, threadOf } from './task-context.ts';
import { TGID_DIRECTORY } from './task-rows.ts';
import { countsThings, taskEntry } from './task-tree.ts';

/** Where an inode number leads now. */
export type Found =
  | {
      readonly kind: 'fixed';
      readonly node: FixedNode;
      readonly ctx: SystemContext;
      readonly entry: Entry<SystemContext>;
    }
  | { readonly kind: 'task'; readonly ctx: TaskContext; readonly entry: Entry<TaskContext> }
  | { readonly kind: 'gone'; readonly ctx: SystemContext; readonly entry: Entry<TaskContext> }
  | { readonly kind: 'host'; readonly pid: number }
  | { readonly kind: 'kept' }
  | { readonly kind: 'namespace' }
  | { readonly kind: 'disk' };

export class Resolver {
  readonly #host: ProcHost;
  readonly #settings: ProcFsSettings;
  readonly #tree: FixedTree;
  readonly #tasks = new TaskIndex();
  /** Processes as last listed. Forks only rise, and every end makes the number smaller: both the same, nothing has changed. */
  #listed: { readonly machine: Machine | undefined; readonly forks: number; readonly entries: readonly DirEntry[] } = {
    machine: undefined,
    forks: 0,
    entries: [],
  };

  constructor(host: ProcHost, settings: ProcFsSettings, tree: FixedTree) {
    this.#host = host;
    this.#settings = settings;
    this.#tree = tree;
  }

  /** A process, by the number of any of its threads; or a real one. Mirrors: proc_pid_lookup. */
  lookupPid({ machine }: SystemContext, name: string, caller: Caller | undefined): Ino | number {
    const pid = pidOf(name);
    if (pid === 0) return -ENOENT;
    const task = machine.byTid.get(pid);
    if (task === undefined) return this.#settings.hostProc ? hostLinkIno(pid) : -ENOENT;
    if (this.#settings.hidepid === 2 && !this.#settings.access.maySee(caller, task)) return -ENOENT;
    this.#tasks.note(task);
    return taskIno(task.serial, TGID_DIRECTORY, pid);
  }

  rootEntries(ctx: SystemContext, caller: Caller | undefined): DirEntry[] {
    const processes = this.#processEntries(ctx.machine);
    const all = this.#settings.hidepid < 2;
    const visible = all
      ? processes
      : processes.filter(({ name }) => this.#settings.access.maySee(caller, ctx.machine.tasks.get(Number(name))!));
    return [...listedIn(this.#tree.root, ctx.machine), ...visible];
  }

  /** All processes by pid, put together anew when some have come or gone. */
  #processEntries(machine: Machine): readonly DirEntry[] {
    const { forks } = machine;
    const { size } = machine.tasks;
    const listed = this.#listed;
    if (listed.machine === machine && listed.forks === forks && listed.entries.length === size) return listed.entries;
    const tasks = [...machine.tasks.values()].sort((a, b) => a.pid - b.pid);
    const entries = tasks.map(({ pid, serial }) => ({
      name: String(pid),
      ino: taskIno(serial, TGID_DIRECTORY, pid),
      type: S_IFDIR,
    }));
    this.#listed = { machine, forks, entries };
    return entries;
  }

  #context(): SystemContext {
    return { host: this.#host, machine: this.#host.machine, settings: this.#settings, tree: this.#tree };
  }

  find(ino: Ino): Found | number {
    const place = placeOf(ino);
    switch (place.kind) {
      case 'fixed': {
        const node = this.#tree.node(place.index);
        return node === undefined ? -ENOENT : { kind: 'fixed', node, ctx: this.#context(), entry: node.entry };
      }
      case 'task':
        return this.#findTask(place.serial, place.row, place.sub);
      case 'host':
        return { kind: 'host', pid: place.pid };
      case 'kept':
      case 'namespace':
        return { kind: place.kind };
      default:
        return { kind: 'disk' };
    }
  }

  #findTask(serial: number, row: number, sub: number): Found | number {
    const entry = taskEntry(row);
    if (entry === undefined) return -ENOENT;
    const ctx = this.#context();
    const task = this.#tasks.find(ctx, serial);
    const thread = task === undefined || countsThings(row) ? task?.leader : threadOf(task, sub);
    if (task === undefined || thread === undefined) return { kind: 'gone', ctx, entry };
    const { host, machine, settings, tree } = ctx;
    return { kind: 'task', ctx: { host, machine, settings, tree, task, thread, sub }, entry };
  }

  /** Whether it is /proc/PID, not /proc/TID, whose end nobody tells. */
  isProcessDirectory(ino: Ino): boolean {
    const place = placeOf(ino);
    if (place.kind !== 'task' || place.row !== TGID_DIRECTORY) return false;
    return this.#host.machine.tasks.get(place.sub)?.serial === place.serial;
  }

  forget(task: Task): void {
    this.#tasks.forget(task);
  }
}
