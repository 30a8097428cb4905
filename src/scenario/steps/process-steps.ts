/** Steps of a process's life: forking, exiting, identity, signals, CPU. */

import { RESOURCE_NAMES, setLimit } from '../../machine/limits.ts';
import { type Machine, PID_MAX } from '../../machine/machine.ts';
import { deliverSignal } from '../../machine/signal.ts';
import type { Task } from '../../machine/task.ts';
import { EINVAL } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { reportAtEnd } from '../report.ts';
import type { ProcessStep, StepResult } from '../step.ts';
import type { Args } from '../words.ts';
import { commOf, MAX_ID, pathKey, processName, stateKey } from './machine-steps.ts';

/** The last number of NR_CPUS at its largest. */
const MAX_CPU = 8191;
/** Context switches a second. */
const MAX_SWITCHES = 1e7;
/** Counters have room to go on from there. */
const MAX_COUNT = 2 ** 50;

/** What a process runs from now on, where the step says it. */
interface Program {
  readonly comm: string | undefined;
  readonly cmdline: string | undefined;
  readonly exe: string | undefined;
}

function* exec(machine: Machine, task: Task, { comm, cmdline, exe }: Program): Job<StepResult> {
  yield* machine.exec(task);
  if (comm !== undefined) task.comm = task.leader.comm = commOf(comm);
  if (cmdline !== undefined) task.cmdline = cmdline.split(cmdline.includes('\0') ? '\0' : ' ');
  if (exe !== undefined) task.exe = exe;
  return {};
}

export const processSteps: readonly ProcessStep[] = [
  {
    word: 'fork',
    usage: 'NAME fork CHILD [pid=N]',
    names: 'process',
    about: 'a copy of the process',
    partial: true,
    parse(args) {
      const child = processName(args, 'child');
      const pid = args.integerKey('pid', 1, PID_MAX - 1);
      return ({ machine }, task) => reportAtEnd(machine.forking(task, child, pid), {});
    },
  },
  {
    word: 'exit',
    usage: 'NAME exit [code=N] [zombie]',
    about: 'ends the process; as a zombie it stays until reaped',
    parse(args) {
      const code = args.integerKey('code', 0, 255) ?? 0;
      const zombie = args.flag('zombie');
      return ({ machine }, task) => {
        if (task.isZombie) throw new KernelError(EINVAL, `${task.name} has exited already`);
        return reportAtEnd(machine.exiting(task, code * 256, zombie), {});
      };
    },
  },
  {
    word: 'reap',
    usage: 'NAME reap',
    about: 'takes a zombie away',
    parse: () => (ctx, task) => {
      ctx.machine.reap(task);
      return {};
    },
  },
  {
    word: 'exec',
    usage: 'NAME exec [comm=TEXT] [cmdline="a b"] [exe=PATH]',
    about: 'replaces the program: a fresh, empty address space',
    parse(args) {
      const program = { comm: args.key('comm')?.value, cmdline: args.key('cmdline')?.value, exe: pathKey(args, 'exe') };
      return ({ machine }, task) => exec(machine, task, program);
    },
  },
  {
    word: 'thread',
    usage: 'NAME thread [tid=N] [comm=TEXT] [state=S|R|D|T|t|I|P|X] [tracer=PID]',
    about: 'one more thread',
    parse(args) {
      const tid = args.integerKey('tid', 1, PID_MAX - 1);
      const comm = args.key('comm')?.value;
      const state = stateKey(args);
      const tracer = args.integerKey('tracer', 0, PID_MAX - 1) ?? 0;
      return ({ machine }, task) => {
        const thread = machine.addThread(task, comm === undefined ? task.comm : commOf(comm), tid);
        if (state !== undefined) thread.state = state;
        thread.tracerPid = tracer;
        return {};
      };
    },
  },
  {
    word: 'setuid',
    usage: 'NAME setuid UID',
    about: 'gives up its user id; it may not be looked into until it execs',
    parse(args) {
      const uid = args.integer('uid', undefined, 0, MAX_ID);
      return ({ machine }, task) => {
        task.ids.uid = task.ids.euid = task.ids.suid = uid;
        task.dumpable = false;
        machine.generation++;
        machine.onUserChanged?.(task);
        return { ret: 0 };
      };
    },
  },
  {
    word: 'dumpable',
    usage: 'NAME dumpable 0|1',
    about: 'whether it may be looked into (PR_SET_DUMPABLE)',
    parse(args) {
      const value = args.integer('value', undefined, 0, 1);
      return ({ machine }, task) => {
        task.dumpable = value === 1;
        machine.generation++;
        return {};
      };
    },
  },
  {
    word: 'cpu',
    usage: 'NAME cpu N',
    about: 'runs on this processor: no effect on a simulated machine',
    parse(args) {
      args.integer('processor', undefined, 0, MAX_CPU);
      return () => ({});
    },
  },
  {
    word: 'adj',
    usage: 'NAME adj N',
    about: 'its oom_score_adj, -1000 to 1000',
    parse(args) {
      const adj = args.integer('adj', undefined, -1000, 1000);
      return ({ machine }, task) => {
        task.oomScoreAdj = adj;
        machine.generation++;
        return {};
      };
    },
  },
  {
    word: 'nice',
    usage: 'NAME nice N',
    about: 'its nice value, -20 to 19',
    parse(args) {
      const nice = args.integer('nice', undefined, -20, 19);
      return ({ machine }, task) => {
        task.nice = nice;
        machine.generation++;
        return {};
      };
    },
  },
  {
    word: 'rlimit',
    usage: 'NAME rlimit RESOURCE LIMIT HARDLIMIT',
    about: 'a resource limit, as by prlimit(2): shown in PID/limits, inherited; that of the stack bounds its growth',
    parse(args) {
      const resource = RESOURCE_NAMES.indexOf(args.choice('resource', RESOURCE_NAMES));
      const limit = { soft: limitWord(args, 'soft limit'), hard: limitWord(args, 'hard limit') };
      return ({ machine }, task) => {
        setLimit(task, resource, limit);
        machine.generation++;
        return {};
      };
    },
  },
  {
    word: 'affinity',
    usage: 'NAME affinity CPULIST',
    about: 'the processors that it may run on, as by sched_setaffinity(2): shown in PID/status, inherited',
    parse(args) {
      const word = args.next('processors');
      const chosen = cpusOf(word.value);
      if (chosen === undefined) throw args.fail(`"${word.text}" is no list of processors`, word, '0-3,5');
      return ({ machine }, task) => {
        const there = chosen.filter((cpu) => cpu < machine.options.cpus);
        if (there.length === 0) throw new KernelError(EINVAL, 'none of these processors is there');
        task.cpusAllowed = there.length === machine.options.cpus ? [] : there;
        machine.generation++;
        return {};
      };
    },
  },
  {
    word: 'comm',
    usage: 'NAME comm TEXT [tid=N]',
    about: 'the name of a thread',
    parse(args) {
      const tid = args.integerKey('tid', 1, PID_MAX - 1);
      const comm = commOf(args.next('name').text);
      return ({ machine }, task) => {
        const thread = task.threads.find((t) => t.tid === (tid ?? task.pid));
        if (thread === undefined) throw new KernelError(EINVAL, `${task.name} has no thread ${tid}`);
        thread.comm = comm;
        if (thread === task.leader) task.comm = comm;
        machine.generation++;
        return {};
      };
    },
  },
  {
    word: 'kill',
    usage: 'NAME kill SIGNAL',
    about: 'a signal by number or name, with its default action',
    parse(args) {
      const signal = args.next('signal').text;
      return ({ machine }, task) => reportAtEnd(deliverSignal(machine, task, signal), {});
    },
  },
  {
    word: 'load',
    usage: 'NAME load user=PERCENT system=PERCENT [switches=N]',
    about: 'CPU that the process uses from now on, in percent of one CPU, and context switches per second',
    parse(args) {
      const user = (args.integerKey('user', 0, 100) ?? 0) / 100;
      const system = (args.integerKey('system', 0, 100) ?? 0) / 100;
      const switches = args.integerKey('switches', 0, MAX_SWITCHES);
      return ({ machine }, task) => {
        machine.setLoad(task.leader, user, system, switches ?? (user + system > 0 ? 50 : 0));
        return {};
      };
    },
  },
  {
    word: 'cputime',
    usage: 'NAME cputime user=TIME system=TIME',
    about: 'CPU time that it has used so far',
    parse(args) {
      const user = args.key('user');
      const system = args.key('system');
      const userUs = user === undefined ? 0 : args.time('user', user);
      const systemUs = system === undefined ? 0 : args.time('system', system);
      return ({ machine }, task) => {
        task.leader.utimeUs = userUs;
        task.leader.stimeUs = systemUs;
        machine.generation++;
        return {};
      };
    },
  },
  {
    word: 'faults',
    usage: 'NAME faults minor=N major=N',
    about: 'page faults that it has had so far',
    parse(args) {
      const minor = args.integerKey('minor', 0, MAX_COUNT) ?? 0;
      const major = args.integerKey('major', 0, MAX_COUNT) ?? 0;
      return ({ machine }, task) => {
        task.minflt = minor;
        task.majflt = major;
        machine.generation++;
        return {};
      };
    },
  },
];

function limitWord(args: Args, what: string): number {
  const word = args.next(what);
  return word.value === 'unlimited' ? Infinity : args.integer(what, word, 0, Number.MAX_SAFE_INTEGER);
}

/** In order; undefined for what is no list. */
function cpusOf(text: string): number[] | undefined {
  const chosen = new Set<number>();
  for (const part of text.split(',')) {
    const [, first = '', last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? [];
    if (first === '' || Number(last) > MAX_CPU || Number(first) > Number(last)) return undefined;
    for (let cpu = Number(first); cpu <= Number(last); cpu++) chosen.add(cpu);
  }
  return [...chosen].sort((a, b) => a - b);
}
