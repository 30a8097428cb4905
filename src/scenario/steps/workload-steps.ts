/** Steps of what goes on by itself: access patterns, growth, fork storms, apps and their user. */

import type { Region, Task } from '../../machine/task.ts';
import { AccessRun } from '../../machine/workload/access-run.ts';
import { activitiesOf } from '../../machine/workload/activity.ts';
import { type App, type AppSpec, appsOf } from '../../machine/workload/app.ts';
import { ForkStorm, Growth } from '../../machine/workload/growth.ts';
import { PATTERN_NAMES, type PatternSettings } from '../../machine/workload/patterns.ts';
import { USER_ORDERS, User, type UserOptions } from '../../machine/workload/user.ts';
import { EINVAL } from '../../util/errno.ts';
import { KernelError, UnknownNameError } from '../../util/errors.ts';
import { Random } from '../../util/random.ts';
import { imposeOnApp, imposeOnUser } from '../impose.ts';
import type { AppStep, MachineStep, ProcessStep, StepContext, StepResult } from '../step.ts';
import { type Args, MAX_TIME_US, parseSize, parseTime } from '../words.ts';
import { MAX_ID } from './machine-steps.ts';
import { mmOf, regionOf as regionNamed } from './region.ts';

const FOREVER = Number.POSITIVE_INFINITY;
/** Accesses, forks a second. */
const MIN_RATE = 0.001;
const MAX_RATE = 1e7;
/** Bytes a second or a minute. */
const MAX_GROWTH = 2 ** 40;
const MAX_TURNS = 1_000_000_000;

function regionOf(task: Task, name: string): Region {
  mmOf(task);
  return regionNamed(task, name);
}

function rateKey(args: Args, key: string, otherwise: number): number {
  const word = args.key(key);
  if (word === undefined) return otherwise;
  const match = /^(\d+(?:\.\d+)?)(?:\/s)?$/.exec(word.value);
  return args.checked(key, word, match === null ? undefined : Number(match[1]), MIN_RATE, MAX_RATE, 'rate a second');
}

function growthKey(args: Args, key: string): number | undefined {
  const word = args.key(key);
  if (word === undefined) return undefined;
  const match = /^(.+?)(?:\/(s|min))?$/.exec(word.value);
  if (match?.[2] === undefined) args.warn(word, `${key} "${word.value}" is taken for ${word.value}/s: say /s or /min`);
  const bytes = args.checked(key, word, match === null ? undefined : parseSize(match[1]!), 0, MAX_GROWTH, 'growth');
  return bytes / 4096 / (match![2] === 'min' ? 60 : 1);
}

function percentKey(args: Args, key: string, otherwise: number): number {
  const word = args.key(key);
  if (word === undefined) return otherwise;
  const match = /^(\d+(?:\.\d+)?)%?$/.exec(word.value);
  const share = Number(match?.[1]);
  if (share > 0 && share < 1 && !word.value.endsWith('%'))
    args.warn(
      word,
      `${key} "${word.value}" is taken for ${share} %: for that say ${share}%, for a share ${share * 100}%`,
    );
  return args.checked(key, word, match === null ? undefined : Number(match[1]), 0, 100, 'percentage') / 100;
}

function timeKey(args: Args, key: string): number | undefined {
  const word = args.key(key);
  return word === undefined ? undefined : args.time(key, word);
}

/** `key=5s..15s` or `key=5s`. */
function spanKey(args: Args, key: string, otherwise: [number, number]): [number, number] {
  const word = args.key(key);
  if (word === undefined) return otherwise;
  const [from = '', to = from] = word.value.split('..');
  const low = args.checked(key, { ...word, value: from }, parseTime(from), 0, MAX_TIME_US, 'time');
  const high = args.checked(key, { ...word, value: to }, parseTime(to), 0, MAX_TIME_US, 'time');
  if (high < low) throw args.fail(`${key} "${word.value}" ends before it begins`, word, 'a time, or two: 5s..15s');
  return [low, high];
}

const pages = (bytes: number | undefined): number => Math.ceil((bytes ?? 0) / 4096);

export const workloadSteps: readonly ProcessStep[] = [
  {
    word: 'run',
    usage: `NAME run ${PATTERN_NAMES.join('|')} MAPPING [rate=1000/s] [write=0%] [hot=10%] [stride=SIZE] [ws=SIZE] [drift=SIZE/s] [off=SIZE] [len=SIZE] [fault=TIME] [after=TIME] [for=TIME]`,
    about:
      'from now on it accesses the mapping in this pattern, so many pages a second; fault: what a minor fault takes beside',
    parse(args) {
      const name = args.choice('pattern', PATTERN_NAMES);
      const mapping = args.name('mapping').text;
      const rate = rateKey(args, 'rate', 1000);
      const writeShare = percentKey(args, 'write', 0);
      const hotShare = percentKey(args, 'hot', 0);
      const strideBytes = args.sizeKey('stride') ?? 4096;
      const stridePages = Math.max(1, Math.round(strideBytes / 4096));
      const firstTouchUs = timeKey(args, 'fault') ?? 0;
      const ws = args.sizeKey('ws');
      const drift = growthKey(args, 'drift') ?? 0;
      const offset = args.sizeKey('off') ?? 0;
      const length = args.sizeKey('len');
      const after = timeKey(args, 'after') ?? 0;
      const forUs = timeKey(args, 'for');
      return ({ machine }, task) => {
        const region = regionOf(task, mapping);
        const firstPage = Math.floor(offset / 4096);
        const nrPages = length === undefined ? region.nrPages - firstPage : Math.ceil(length / 4096);
        if (nrPages < 1 || firstPage + nrPages > region.nrPages) {
          throw new KernelError(EINVAL, `${mapping} has only ${region.nrPages} pages`);
        }
        const pattern: PatternSettings = {
          name,
          nrPages,
          stridePages,
          strideBytes: Math.max(1, strideBytes),
          hotShare,
          workingSetPages: ws === undefined ? Math.max(1, Math.ceil(nrPages / 10)) : pages(ws),
          driftPagesPerSecond: drift,
        };
        const startUs = machine.nowUs + after;
        const endUs = forUs === undefined ? FOREVER : startUs + forUs;
        const activities = activitiesOf(machine);
        const random = new Random(machine.options.seed, activities.newStream());
        const options = { region, firstPage, pattern, ratePerSecond: rate, writeShare, startUs, endUs, firstTouchUs };
        activities.start(new AccessRun(machine, task, options, random));
        return {};
      };
    },
  },
  {
    word: 'grow',
    usage: 'NAME grow MAPPING rate=SIZE/s [off=SIZE] [for=TIME]',
    about:
      'from now on it writes fresh pages of the mapping, one after the other, and never comes back to them: a leak',
    parse(args) {
      const mapping = args.name('mapping').text;
      const rate = growthKey(args, 'rate');
      if (rate === undefined) throw args.fail('rate= is missing');
      if (rate === 0) throw args.fail('rate is 0: nothing would grow', args.key('rate'));
      const firstPage = Math.floor((args.sizeKey('off') ?? 0) / 4096);
      const forUs = timeKey(args, 'for');
      return ({ machine }, task) => {
        const region = regionOf(task, mapping);
        const startUs = machine.nowUs;
        const endUs = forUs === undefined ? FOREVER : startUs + forUs;
        activitiesOf(machine).start(
          new Growth(machine, task, { region, firstPage, pagesPerSecond: rate, startUs, endUs }),
        );
        return {};
      };
    },
  },
  {
    word: 'storm',
    usage: 'NAME storm children=N [rate=10/s] [life=1s] [map=MAPPING] [write=SIZE]',
    about: 'forks children at this rate; each writes to its copy of the mapping and exits after its life',
    parse(args) {
      const children = args.integerKey('children', 1, 1_000_000);
      if (children === undefined) throw args.fail('children= is missing');
      const perSecond = rateKey(args, 'rate', 10);
      const lifeUs = timeKey(args, 'life') ?? 1e6;
      const mapping = args.key('map')?.value;
      const written = pages(args.sizeKey('write'));
      return ({ machine }, task) => {
        const region = mapping === undefined ? undefined : regionOf(task, mapping);
        activitiesOf(machine).start(
          new ForkStorm(machine, task, { children, perSecond, lifeUs, region, pages: written }),
        );
        return {};
      };
    },
  },
  {
    word: 'stop',
    usage: 'NAME stop',
    about: 'ends its workloads',
    parse: () => (ctx, task) => {
      let stopped = 0;
      for (const activity of activitiesOf(ctx.machine).running) {
        if (!(activity instanceof AccessRun || activity instanceof Growth || activity instanceof ForkStorm)) continue;
        if (activity.task !== task) continue;
        activity.stop();
        stopped++;
      }
      return { stopped };
    },
  },
];

function appStep(word: string, usage: string, about: string, act: (ctx: StepContext, app: App) => void): AppStep {
  return {
    word,
    usage: `NAME ${usage}`,
    about,
    partial: true,
    parse: () => (ctx, name) => {
      act(ctx, appsOf(ctx.machine).get(name));
      return {};
    },
  };
}

export const appSteps: readonly AppStep[] = [
  appStep('launch', 'launch', 'the app starts, in front; the one that was there goes to the background', (ctx, app) =>
    appsOf(ctx.machine).launch(app),
  ),
  appStep(
    'resume',
    'resume',
    'the app comes to the front: as it was left, or, if it was killed, from the start; an event says how long it took',
    (ctx, app) => appsOf(ctx.machine).resume(app),
  ),
  appStep('background', 'background', 'the app in front goes to the background', (ctx, app) =>
    appsOf(ctx.machine).toBackground(app),
  ),
  {
    word: 'use',
    usage: 'NAME use TIME',
    about: 'the user works with the app in front from now on, for this long',
    parse(args) {
      const us = args.time('time');
      return ({ machine }, name): StepResult => {
        const apps = appsOf(machine);
        apps.use(apps.get(name), us);
        return {};
      };
    },
  },
];

export const appMachineSteps: readonly MachineStep[] = [
  {
    word: 'app',
    names: 'app',
    usage:
      'app NAME heap=SIZE [code=SIZE] [cache=SIZE] [libs=OBJECT,…] [ws=SIZE] [rate=1000/s] [write=30%] [grow=SIZE/min] [uid=N]',
    about: 'an app that can be started: its heap, program file, caches, shared libraries and working set',
    parse(args) {
      const name = args.next('name');
      if (!/^[A-Za-z_][\w.-]*$/.test(name.text)) throw args.fail(`"${name.text}" is no name of an app`, name);
      const heap = args.sizeKey('heap');
      if (heap === undefined) throw args.fail('heap= is missing');
      if (heap < 4096) throw args.fail('heap is less than a page', args.key('heap'), 'at least 4K');
      const code = args.sizeKey('code');
      const cache = args.sizeKey('cache');
      const libs = args.objectsKey('libs');
      const ws = args.sizeKey('ws') ?? heap / 4;
      const rate = rateKey(args, 'rate', 1000);
      const writeShare = percentKey(args, 'write', 0.3);
      const grow = growthKey(args, 'grow') ?? 0;
      const uid = args.integerKey('uid', 0, MAX_ID);
      return ({ machine }) => {
        const apps = appsOf(machine);
        const spec: AppSpec = {
          name: name.text,
          uid: uid ?? FIRST_APP_UID + apps.list.size,
          codePages: pages(code),
          libs,
          heapPages: pages(heap),
          cachePages: pages(cache),
          workingSetPages: Math.min(pages(ws), pages(heap)),
          ratePerSecond: rate,
          writeShare,
          growPagesPerSecond: grow,
        };
        apps.define(imposeOnApp(machine.imposed, spec));
        return undefined;
      };
    },
  },
  {
    word: 'user',
    usage: `user apps=A,B,… turns=N [use=5s..15s] [gap=1s] [order=${USER_ORDERS.join('|')}]`,
    about: 'somebody who opens one app after the other; apps that do not run are started',
    parse(args) {
      const names = args.key('apps');
      if (names === undefined) throw args.fail('apps= is missing');
      const turns = args.integerKey('turns', 1, MAX_TURNS);
      if (turns === undefined) throw args.fail('turns= is missing');
      const [useMinUs, useMaxUs] = spanKey(args, 'use', [5e6, 15e6]);
      const gapUs = timeKey(args, 'gap') ?? 1e6;
      const order = args.choiceKey('order', USER_ORDERS) ?? 'shuffle';
      const apps = names.value.split(',').filter((name) => name !== '');
      return ({ machine }) => {
        const activities = activitiesOf(machine);
        const random = new Random(machine.options.seed, activities.newStream());
        const known = [...appsOf(machine).list.keys()];
        const all = apps.length === 1 && apps[0] === 'all' ? known : apps;
        const unknown = all.find((name) => !known.includes(name));
        const make = 'make apps with: app NAME heap=SIZE';
        if (unknown !== undefined) throw new UnknownNameError(`there is no app ${unknown}`, unknown, known, make);
        if (all.length === 0) throw args.fail('there are no apps to open', names, make);
        const options: UserOptions = { apps: all, turns, useMinUs, useMaxUs, gapUs, order };
        activities.start(new User(machine, imposeOnUser(machine.imposed, options), random));
        return undefined;
      };
    },
  },
];

/** The first user id that Android gives to an app. */
const FIRST_APP_UID = 10_000;
