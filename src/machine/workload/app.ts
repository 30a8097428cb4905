/**
 * Apps as a phone has them: started by the user, in front or in the background, coming back either as they were left
 * (hot) or from nothing because they were killed meanwhile (cold, state lost).
 */
import type { Mapping } from '../../mm/cache/mapping.ts';
import { mmap } from '../../mm/space/mmap.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../mm/space/vm-flags.ts';
import { EEXIST, EINVAL } from '../../util/errno.ts';
import { KernelError, UnknownNameError } from '../../util/errors.ts';
import { Random } from '../../util/random.ts';
import type { Machine } from '../machine.ts';
import { idsOf, type Region, type Task } from '../task.ts';
import { AccessRun } from './access-run.ts';
import { activitiesOf } from './activity.ts';
import { Growth } from './growth.ts';
import type { PatternSettings } from './patterns.ts';
import { type JobListener, type JobResult, type Segment, TouchJob } from './touch-job.ts';
import { isAlive } from './touching.ts';

/** What an app needs. Sizes in pages. */
export interface AppSpec {
  readonly name: string;
  readonly uid: number;
  /** Its own program file, shared memory files and libraries of all, private memory, and data it could make again. */
  readonly codePages: number;
  readonly libs: readonly string[];
  readonly heapPages: number;
  readonly cachePages: number;
  /** Pages of the heap that it works with, and has to have back to be shown again. */
  readonly workingSetPages: number;
  /** Accesses a second while it is used, the share that writes, and pages by which its heap grows in a second. */
  readonly ratePerSecond: number;
  readonly writeShare: number;
  readonly growPagesPerSecond: number;
}

/** Pretend: CPU time to start an app, per page that it sets up; to show it again, per page looked at. */
const START_CPU_US = 40;
const RESUME_CPU_US = 2;
/** Pretend: CPU time to make a page of dropped cache data again. */
const REGENERATE_US = 60;
/** Of the working set, the part that a resume writes to. */
const RESUME_WRITE_SHARE = 0.25;
/** Of code, libraries and caches, the part that a resume looks at. */
const RESUME_FILE_SHARE = 0.5;
/** oom_score_adj in front, as the one before, and of the newest cached app. Mirrors: ProcessList.java. */
const ADJ_FOREGROUND = 0;
const ADJ_PREVIOUS = 700;
const ADJ_CACHED = 900;
const ADJ_CACHED_MAX = 999;
/** Heap of an app may grow to this many times its size. */
const HEAP_ROOM = 4;
const FIRST_MAPPING = 0x200000000000 / 4096;
const GIB_PAGES = 262_144;

export type AppState = 'stopped' | 'foreground' | 'background';

/** One app, running or not. */
export class App {
  readonly spec: AppSpec;
  task: Task | undefined;
  state: AppState = 'stopped';
  /** Times it has been started. */
  launches = 0;
  /** When it was last in front. */
  lastFrontUs = 0;
  /** A start or a resume that is under way. */
  job: TouchJob | undefined;
  /** Cache pages that were found purged at the last resume. */
  purgedPages = 0;
  /** Pages by which its heap has grown since it was started. */
  grownPages = 0;

  constructor(spec: AppSpec) {
    this.spec = spec;
  }
}

/** Told of what happens to apps; task managers hang in here. */
export interface AppListener {
  /** An app has left the front; it still runs. */
  onBackground?(app: App): void;
  /** An app is about to be shown again; returns pages of its cache that it has to make anew. */
  onForeground?(app: App): number;
}

/** Somebody who waits for an app to be shown. */
export interface AppWaiter {
  onReady(app: App): void;
}

/** A start or a resume: logged when it is done, and told to who waits for it. */
export class Opening implements JobListener {
  readonly app: App;
  job: TouchJob | undefined;
  private readonly machine: Machine;
  private readonly type: 'launch' | 'resume';
  private readonly members: Readonly<Record<string, number | boolean>>;
  private readonly waiter: AppWaiter | undefined;

  constructor(
    machine: Machine,
    app: App,
    type: 'launch' | 'resume',
    members: Readonly<Record<string, number | boolean>>,
    waiter: AppWaiter | undefined,
  ) {
    this.machine = machine;
    this.app = app;
    this.type = type;
    this.members = members;
    this.waiter = waiter;
  }

  onEnd(result: JobResult): void {
    const { app } = this;
    if (app.job === this.job) app.job = undefined;
    this.machine.log(this.type, {
      pid: app.task!.pid,
      app: app.spec.name,
      finished: result.finished,
      ms: result.us / 1000,
      stall_ms: result.stallUs / 1000,
      pages: result.pages,
      minflt: result.minor,
      majflt: result.major,
      ...this.members,
    });
    this.waiter?.onReady(app);
  }
}

/** All apps of one machine. */
export class Apps {
  readonly list = new Map<string, App>();
  readonly listeners: AppListener[] = [];
  foreground: App | undefined;
  private readonly machine: Machine;
  /** What the app that is used does, and which it is. */
  private using: (AccessRun | Growth)[] = [];
  private used: App | undefined;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Throws EEXIST, EINVAL (an unknown library). */
  define(spec: AppSpec): App {
    if (this.list.has(spec.name)) throw new KernelError(EEXIST, `there is an app named ${spec.name}`, spec.name);
    for (const lib of spec.libs) this.#object(lib);
    if (spec.codePages > 0) {
      const path = `/data/app/${spec.name}/base.apk`;
      this.machine.createFile(codeObject(spec), path, spec.codePages * 4096, { uid: 1000, gid: 1000, mode: 0o644 });
    }
    const app = new App(spec);
    this.list.set(spec.name, app);
    return app;
  }

  /** The app of this name. Throws EINVAL. */
  get(name: string): App {
    const app = this.list.get(name);
    if (app === undefined)
      throw new UnknownNameError(
        `there is no app ${name}`,
        name,
        this.list.keys(),
        `make one with: app ${name} heap=SIZE`,
      );
    return app;
  }

  isRunning(app: App): boolean {
    return app.task !== undefined && isAlive(this.machine, app.task);
  }

  /** Running apps behind the front one, the longest unused first. */
  get background(): App[] {
    return [...this.list.values()]
      .filter((app) => app !== this.foreground && this.isRunning(app))
      .sort((a, b) => a.lastFrontUs - b.lastFrontUs);
  }

  /** Starts an app in front. Throws EEXIST when it runs already or its name is taken, ENOMEM. */
  launch(app: App, waiter?: AppWaiter): void {
    if (this.isRunning(app)) throw new KernelError(EEXIST, `${app.spec.name} runs already`);
    this.#leaveFront(app);
    const { spec } = app;
    const lost = app.launches > 0;
    const task = this.machine.createProcess({ name: spec.name, ids: idsOf(spec.uid) });
    task.comm = task.leader.comm = spec.name.slice(-15);
    task.cmdline = [spec.name];
    task.exe = '/system/bin/app_process64';
    app.task = task;
    app.launches++;
    app.grownPages = 0;
    this.#map(task, spec);
    this.#toFront(app);
    const segments: Segment[] = [];
    for (const region of task.regions.values()) {
      const write = region.mapping === null;
      const nrPages = region.name === 'heap' ? spec.heapPages : region.nrPages;
      segments.push({ startVpn: region.start, nrPages, write, cpuUs: START_CPU_US });
    }
    this.#start(new Opening(this.machine, app, 'launch', { lost }, waiter), segments);
  }

  /** Brings an app to the front: as it was left, or if it does not run any more (or yet), from the start. */
  resume(app: App, waiter?: AppWaiter): void {
    if (!this.isRunning(app)) {
      this.launch(app, waiter);
      return;
    }
    if (this.foreground === app) {
      if (app.job === undefined) waiter?.onReady(app);
      return;
    }
    this.#leaveFront(app);
    this.#toFront(app);
    let regenerate = 0;
    for (const listener of this.listeners) regenerate += listener.onForeground?.(app) ?? 0;
    app.purgedPages = regenerate;
    const opening = new Opening(this.machine, app, 'resume', { regenerated: regenerate }, waiter);
    this.#start(opening, this.#resumeSegments(app, regenerate));
  }

  /** Sends an app to the background. Throws EINVAL when it is not in front. */
  toBackground(app: App): void {
    if (this.foreground !== app) throw new KernelError(EINVAL, `${app.spec.name} is not in front`);
    this.#leaveFront(undefined);
  }

  /** The user works with the app in front for some time, from when it is ready. Throws EINVAL. */
  use(app: App, us: number): void {
    if (this.foreground !== app || !this.isRunning(app)) {
      throw new KernelError(EINVAL, `${app.spec.name} is not in front; first: ${app.spec.name} resume`);
    }
    this.#stopUsing();
    this.used = app;
    const { spec, task } = app;
    const activities = activitiesOf(this.machine);
    const startUs = this.machine.nowUs;
    const endUs = startUs + us;
    const heap = task!.regions.get('heap')!;
    const code = task!.regions.get('code');
    const run = (region: Region, pattern: Partial<PatternSettings>, ratePerSecond: number, writeShare: number) => {
      const random = new Random(this.machine.options.seed, activities.newStream());
      const settings = { ...NO_PATTERN, ...pattern };
      const options = { region, firstPage: 0, pattern: settings, ratePerSecond, writeShare, startUs, endUs };
      this.using.push(activities.start(new AccessRun(this.machine, task!, options, random)));
    };
    if (spec.ratePerSecond > 0) {
      const hotShare = Math.min(1, spec.workingSetPages / spec.heapPages);
      run(heap, { name: 'random', nrPages: spec.heapPages, hotShare }, spec.ratePerSecond, spec.writeShare);
      if (code !== undefined) run(code, { name: 'zipf', nrPages: code.nrPages }, Math.ceil(spec.ratePerSecond / 8), 0);
    }
    if (spec.growPagesPerSecond > 0) {
      const firstPage = spec.heapPages + this.#grown(app);
      const growth = { region: heap, firstPage, pagesPerSecond: spec.growPagesPerSecond, startUs, endUs };
      this.using.push(activities.start(new Growth(this.machine, task!, growth)));
    }
  }

  /** Pages of its growing room that the app has used. */
  #grown(app: App): number {
    return Math.min(app.grownPages, app.spec.heapPages * (HEAP_ROOM - 1));
  }

  #resumeSegments(app: App, regenerate: number): Segment[] {
    const { spec, task } = app;
    const segments: Segment[] = [];
    for (const region of task!.regions.values()) {
      const cpuUs = RESUME_CPU_US;
      if (region.name === 'heap') {
        const written = Math.round(spec.workingSetPages * RESUME_WRITE_SHARE);
        segments.push({ startVpn: region.start, nrPages: written, write: true, cpuUs });
        const startVpn = region.start + written;
        segments.push({ startVpn, nrPages: spec.workingSetPages - written, write: false, cpuUs });
      } else if (region.name === 'cache') {
        const made = Math.min(regenerate, region.nrPages);
        segments.push({ startVpn: region.start, nrPages: made, write: true, cpuUs: REGENERATE_US });
        const shown = Math.round(region.nrPages * RESUME_FILE_SHARE) - made;
        segments.push({ startVpn: region.start + made, nrPages: shown, write: false, cpuUs });
      } else {
        segments.push({
          startVpn: region.start,
          nrPages: Math.round(region.nrPages * RESUME_FILE_SHARE),
          write: false,
          cpuUs,
        });
      }
    }
    return segments;
  }

  #start(opening: Opening, segments: readonly Segment[]): void {
    const { app } = opening;
    const touched = segments.filter((segment) => segment.nrPages > 0);
    app.job = opening.job = new TouchJob(this.machine, app.task!, touched, opening);
    activitiesOf(this.machine).start(app.job);
  }

  #toFront(app: App): void {
    this.foreground = app;
    app.state = 'foreground';
    app.lastFrontUs = this.machine.nowUs;
    this.#setAdjustments();
  }

  /** The app in front, unless it is `next`, goes to the background. */
  #leaveFront(next: App | undefined): void {
    const app = this.foreground;
    if (app === undefined || app === next) return;
    this.#stopUsing();
    this.foreground = undefined;
    app.lastFrontUs = this.machine.nowUs;
    if (!this.isRunning(app)) {
      app.state = 'stopped';
      return;
    }
    app.state = 'background';
    this.#setAdjustments();
    this.machine.log('background', { pid: app.task!.pid, app: app.spec.name });
    for (const listener of this.listeners) listener.onBackground?.(app);
  }

  #stopUsing(): void {
    for (const activity of this.using) {
      if (activity instanceof Growth && activity.task === this.used?.task) this.used.grownPages += activity.pages;
      activity.stop();
    }
    this.using = [];
  }

  /** Scores by how long an app has been out of sight, as Android's activity manager gives them. */
  #setAdjustments(): void {
    if (this.foreground?.task !== undefined) this.foreground.task.oomScoreAdj = ADJ_FOREGROUND;
    this.background.reverse().forEach((app, age) => {
      app.task!.oomScoreAdj = age === 0 ? ADJ_PREVIOUS : Math.min(ADJ_CACHED + age - 1, ADJ_CACHED_MAX);
    });
    this.machine.generation++;
  }

  #map(task: Task, spec: AppSpec): void {
    let start = FIRST_MAPPING;
    const add = (name: string, nrPages: number, mapping: Mapping | null, prot: number, label = '') => {
      if (nrPages === 0) return;
      mmap(this.machine.mem, task.mm!, { start, nrPages, prot, shared: false, mapping, name: label });
      task.regions.set(name, { name, start, nrPages, mapping });
      start += Math.ceil(nrPages / GIB_PAGES) * GIB_PAGES + GIB_PAGES;
    };
    for (const lib of spec.libs) {
      const object = this.#object(lib);
      add(lib, object.nrPages, object, PROT_READ | PROT_EXEC);
    }
    if (spec.codePages > 0) {
      add('code', spec.codePages, this.#object(codeObject(spec)), PROT_READ | PROT_EXEC);
    }
    const room = spec.growPagesPerSecond > 0 ? HEAP_ROOM : 1;
    add('heap', spec.heapPages * room, null, PROT_READ | PROT_WRITE, '[anon:dalvik-main space]');
    add('cache', spec.cachePages, null, PROT_READ | PROT_WRITE, '[anon:cache]');
  }

  #object(name: string): Mapping {
    const object = this.machine.objects.get(name);
    if (object === undefined)
      throw new UnknownNameError(`there is no object named ${name}`, name, this.machine.objects.keys());
    return object;
  }
}

const NO_PATTERN: PatternSettings = {
  name: 'idle',
  nrPages: 0,
  stridePages: 1,
  hotShare: 0,
  workingSetPages: 1,
  driftPagesPerSecond: 0,
};

function codeObject(spec: AppSpec): string {
  return `${spec.name}.apk`;
}

/** The apps of a machine. */
export function appsOf(machine: Machine): Apps {
  machine.apps ??= new Apps(machine);
  return machine.apps;
}
