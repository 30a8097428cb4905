/** What a policy of one's own may see and do: what a daemon with root could, under virtual time. */

import { writeCgroupFile } from '../../machine/cgroup-access.ts';
import type { Machine } from '../../machine/machine.ts';
import { setOomChooser } from '../../machine/oom.ts';
import { setSysctl } from '../../machine/sysctl.ts';
import type { Task } from '../../machine/task.ts';
import { type App, appsOf } from '../../machine/workload/app.ts';
import type { PressureLevel } from '../../mm/reclaim/vmpressure.ts';
import { finish } from '../../util/job.ts';
import { Daemon } from './task-managers/daemon.ts';

/** A process as /proc shows it; sizes in pages of 4096 bytes. */
export interface ProcessView {
  readonly pid: number;
  readonly name: string;
  readonly oomScoreAdj: number;
  readonly rssAnon: number;
  readonly rssFile: number;
  readonly rssShmem: number;
  readonly swap: number;
  /** Where it is an app: in front or behind, and when it was last in front, in microseconds. */
  readonly state: 'foreground' | 'background' | undefined;
  readonly lastFrontUs: number | undefined;
}

/** Memory of the machine, in pages. */
export interface MemoryView {
  readonly total: number;
  readonly free: number;
  readonly fileCache: number;
  readonly swapTotal: number;
  readonly swapFree: number;
  readonly watermarks: { readonly min: number; readonly low: number; readonly high: number };
}

/** Callbacks come when the daemon next runs, at the same virtual moment; they may change memory. */
export class PolicyHost extends Daemon {
  readonly #due: { us: number; readonly call: () => void }[] = [];

  constructor(machine: Machine, name: string) {
    super(machine, name.slice(0, 15));
  }

  /** Virtual time since boot, in microseconds. */
  get nowUs(): number {
    return this.machine.nowUs;
  }

  /** Calls back once, so many microseconds from now. */
  after(us: number, call: () => void): void {
    this.#due.push({ us: this.machine.nowUs + us, call });
    this.wakeAt(this.machine.nowUs + us);
  }

  /** Calls back again and again. */
  every(us: number, call: () => void): void {
    if (!(us >= 1000)) throw new Error('every: at least 1000 microseconds');
    this.after(us, () => {
      this.every(us, call);
      call();
    });
  }

  /** Calls back for each notification of vmpressure; `percent`: what was looked at and could not be freed. */
  onPressure(call: (level: PressureLevel, percent: number) => void): void {
    this.machine.vmpressure.listeners.push({
      onPressure: (level, percent) => this.after(0, () => call(level, percent)),
    });
  }

  /** Calls back as a trigger of /proc/pressure/memory fires: "some 70000 1000000". Throws KernelError. */
  onPsi(trigger: string, call: () => void): void {
    const { triggers } = this.machine.psi;
    const registered = triggers.register('memory', trigger);
    registered.onEvent = () => {
      triggers.poll(registered);
      this.after(0, call);
    };
  }

  /** Calls back when an app has left the front, and before one comes back. */
  onSwitch(call: (pid: number, to: 'foreground' | 'background') => void): void {
    const tell = (app: App, to: 'foreground' | 'background') => {
      const pid = app.task?.pid;
      if (pid !== undefined) this.after(0, () => call(pid, to));
    };
    appsOf(this.machine).listeners.push({
      onBackground: (app) => tell(app, 'background'),
      onForeground: (app) => {
        tell(app, 'foreground');
        return 0;
      },
    });
  }

  /**
   * Asked whom the OOM killer shall end, as BPF-OOM proposes: one of the candidates' pids, or undefined to leave it to the
   * kernel. Comes in the middle of an allocation: it must not change memory.
   */
  onOom(choose: (candidates: readonly ProcessView[]) => number | undefined): void {
    setOomChooser(this.machine, (tasks) => {
      const pid = choose(tasks.map((task) => this.#view(task)));
      return tasks.find((task) => task.pid === pid);
    });
  }

  /** Processes with memory. */
  processes(): ProcessView[] {
    return [...this.machine.tasks.values()].filter(({ mm }) => mm !== null).map((task) => this.#view(task));
  }

  memory(): MemoryView {
    const { mem } = this.machine;
    return {
      total: mem.frames.total,
      free: mem.nrFree,
      fileCache: mem.nrFilePages - mem.nrShmem,
      swapTotal: mem.swap?.total ?? 0,
      swapFree: mem.swap?.nrFree ?? 0,
      watermarks: mem.watermarks,
    };
  }

  /** `echo -n TEXT > /proc/PID/reclaim`: pages by which the process shrank; 0 when it is gone. */
  reclaim(pid: number, text: string): number {
    const task = this.machine.tasks.get(pid);
    return task === undefined ? 0 : this.write(task, text);
  }

  /** `kill -9 PID`; false when there is no such process. */
  kill(pid: number): boolean {
    const task = this.machine.tasks.get(pid);
    if (task === undefined || task.mm === null || task.pid === 1) return false;
    this.machine.log('policy-kill', { pid, comm: task.comm, adj: task.oomScoreAdj, rssKb: task.mm.rss * 4 });
    this.machine.pressure.kill(task);
    return true;
  }

  /** A write to a file of a control group: "/apps/memory.high". Throws KernelError. */
  writeCgroup(path: string, text: string): void {
    const slash = path.lastIndexOf('/');
    const group = this.machine.cgroups.at(path.slice(0, Math.max(0, slash)) || '/');
    finish(writeCgroupFile(this.machine, group, path.slice(slash + 1), text));
  }

  /** A write to /proc/sys: "vm.swappiness", "60". Throws KernelError. */
  sysctl(name: string, value: string): void {
    setSysctl(this.machine, name, value);
  }

  protected work(nowUs: number): void {
    const due = this.#due.filter(({ us }) => us <= nowUs);
    const later = this.#due.filter(({ us }) => us > nowUs);
    this.#due.length = 0;
    this.#due.push(...later);
    for (const { call } of due) call();
    for (const { us } of this.#due) this.wakeAt(us);
  }

  #view(task: Task): ProcessView {
    const mm = task.mm!;
    const app = appsOf(this.machine).list.get(task.name);
    const own = app?.task === task ? app : undefined;
    return {
      pid: task.pid,
      name: task.name,
      oomScoreAdj: task.oomScoreAdj,
      rssAnon: mm.rssAnon,
      rssFile: mm.rssFile,
      rssShmem: mm.rssShmem,
      swap: mm.swapents,
      state: own?.state === 'stopped' ? undefined : own?.state,
      lastFrontUs: own?.lastFrontUs,
    };
  }
}
