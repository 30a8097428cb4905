/** Calls on processes by their number or descriptor: signals, priorities, scheduling, limits. */
import { readFileSync } from 'node:fs';
import { RESOURCES } from '../../../machine/limits.ts';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../../../util/errno.ts';
import type { Context, Handler } from './context.ts';
import type { TaskAnswer } from './desk-protocol.ts';
import { ANSWERED, CONTINUE, type Notification } from './notification.ts';

const PRIO_PROCESS = 0;
const IOPRIO_WHO_PROCESS = 1;
/** Mirrors: nice_to_rlimit: what getpriority(2) returns is never negative. */
const PRIORITY_OF_NICE_0 = 20;
const SI_TKILL = -6;
const SIGINFO_BYTES = 12;
const SI_CODE_AT = 8;
const PIDFD_NONBLOCK = 0o4000;
const PIDFD_THREAD = 0o200;

/** The simulated process that an argument names, if it is one. */
function taskAt(call: Notification, { model }: Context, index: number): TaskAnswer | undefined {
  return model.task(call.int(index));
}

export const kill: Handler = (call, context) => {
  const [pid, signal] = [call.int(0), call.int(1)];
  const { tid } = call;
  if (pid < -1) {
    const status = context.model.ask({ ask: 'signal-group', tid, pgrp: -pid, signal });
    return status === -ESRCH ? CONTINUE : status;
  }
  if (pid <= 0 || taskAt(call, context, 0) === undefined) return CONTINUE;
  return context.model.ask({ ask: 'signal', tid, pid, signal });
};

/** To one thread: the default action is of the whole process. */
export const tkill: Handler = (call, context) => {
  if (call.int(0) === call.tid || taskAt(call, context, 0) === undefined) return CONTINUE;
  return context.model.ask({ ask: 'signal', tid: call.tid, pid: call.int(0), signal: call.int(1) });
};

export const tgkill: Handler = (call, context) => {
  const [tgid, thread, signal] = [call.int(0), call.int(1), call.int(2)];
  if (thread === call.tid || tgid <= 0 || thread <= 0) return CONTINUE;
  const task = context.model.task(thread);
  const group = task ?? context.model.task(tgid);
  if (group === undefined) return CONTINUE;
  if (task === undefined || task.pid !== tgid) return -ESRCH;
  return context.model.ask({ ask: 'signal', tid: call.tid, pid: thread, signal });
};

/** Nobody may send to others what looks as if the kernel, or kill(2), had sent it. Mirrors: do_rt_sigqueueinfo. */
function queue(call: Notification, context: Context, target: number, signal: number, infoAt: bigint): number {
  const info = call.memory.read(call.tid, infoAt, SIGINFO_BYTES);
  if (info === undefined || !call.isValid) return -EFAULT;
  const code = info.readInt32LE(SI_CODE_AT);
  if (code >= 0 || code === SI_TKILL) return -EPERM;
  return context.model.ask({ ask: 'signal', tid: call.tid, pid: target, signal });
}

export const rtSigqueueinfo: Handler = (call, context) =>
  taskAt(call, context, 0) === undefined ? CONTINUE : queue(call, context, call.int(0), call.int(1), call.word(2));

export const rtTgsigqueueinfo: Handler = (call, context) => {
  const task = taskAt(call, context, 1);
  if (task === undefined) return CONTINUE;
  return task.pid === call.int(0) ? queue(call, context, call.int(1), call.int(2), call.word(3)) : -ESRCH;
};

export const pidfdOpen: Handler = (call, context) => {
  const task = taskAt(call, context, 0);
  if (task === undefined) return CONTINUE;
  const flags = call.int(1);
  if ((flags & ~(PIDFD_NONBLOCK | PIDFD_THREAD)) !== 0) return -EINVAL;
  if (task.pid !== call.int(0) && (flags & PIDFD_THREAD) === 0) return -EINVAL;
  const sent = context.pidfds.answer(call, task, (flags & PIDFD_NONBLOCK) !== 0);
  return sent < 0 ? sent : ANSWERED;
};

/** A simulated process by a descriptor, as it is now; or -errno; or undefined: the descriptor is of something else. */
export function targetTask(call: Notification, context: Context, fd: number): TaskAnswer | number | undefined {
  const target = context.pidfds.target(call.tid, fd);
  if (target.kind !== 'simulated') return undefined;
  const task = context.model.task(target.pid);
  return task?.serial === target.serial ? task : -ESRCH;
}

export const pidfdSendSignal: Handler = (call, context) => {
  const signal = call.int(1);
  const target = context.pidfds.target(call.tid, call.int(0));
  if (target.kind === 'other') return CONTINUE;
  if (call.int(3) !== 0) return -EINVAL;
  const task = context.model.task(target.pid);
  if (target.kind === 'directory' && task === undefined) return signalReal(call.tid, target.pid, signal);
  if (task === undefined || (target.kind === 'simulated' && task.serial !== target.serial)) return -ESRCH;
  return call.word(2) === 0n
    ? context.model.ask({ ask: 'signal', tid: call.tid, pid: task.pid, signal })
    : queue(call, context, task.pid, signal, call.word(2));
};

/** To a process of the command whose directory in our /proc is no descriptor of it for the kernel. Mirrors: kill_ok_by_cred. */
function signalReal(tid: number, pid: number, signal: number): number {
  if (signal < 0 || signal > 64) return -EINVAL;
  const ids = (who: number): string[] => {
    const status = readFileSync(`/proc/${who}/status`, 'latin1');
    const capable = (BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`) >> 5n) & 1n;
    return [...(/^Uid:\s*(\d+)\s+(\d+)\s+(\d+)/m.exec(status)?.slice(1) ?? []), String(capable)];
  };
  try {
    const [uid = '', euid = '', , capable] = ids(tid);
    const [theirUid, , theirSuid] = ids(pid);
    const allowed = [uid, euid].some((id) => id === theirUid || id === theirSuid);
    if (!allowed && capable !== '1') return -EPERM;
    process.kill(pid, signal);
    return 0;
  } catch {
    return -ESRCH;
  }
}

/** Nobody may take descriptors out of a simulated process: it has none. */
export const pidfdGetfd: Handler = (call, context) =>
  context.pidfds.target(call.tid, call.int(0)).kind === 'simulated' ? -EPERM : CONTINUE;

export const getpriority: Handler = (call, context) => {
  if (call.int(0) !== PRIO_PROCESS) return CONTINUE;
  const task = taskAt(call, context, 1);
  return task === undefined ? CONTINUE : PRIORITY_OF_NICE_0 - task.nice;
};

export const setpriority: Handler = (call, context) => {
  if (call.int(0) !== PRIO_PROCESS || taskAt(call, context, 1) === undefined) return CONTINUE;
  return context.model.ask({ ask: 'nice', tid: call.tid, pid: call.int(1), nice: call.int(2) });
};

export const getpgid: Handler = (call, context) => taskAt(call, context, 0)?.pgrp ?? CONTINUE;
export const getsid: Handler = (call, context) => taskAt(call, context, 0)?.session ?? CONTINUE;

/** kcmp looks into both as a tracer that attaches; what it would compare is not there. */
export const kcmp: Handler = (call, context) =>
  taskAt(call, context, 0) === undefined && taskAt(call, context, 1) === undefined ? CONTINUE : -EPERM;

/** Pretend: who has set nothing is scheduled as others are, SCHED_OTHER. */
const NO_POLICY = Buffer.alloc(8);
const POLICY_OTHER = 0;
const POLICY_BATCH = 3;
const POLICY_IDLE = 5;
/** Without real time there is no priority but 0. */
const POLICIES = [POLICY_OTHER, POLICY_BATCH, POLICY_IDLE];
const SCHED_RESET_ON_FORK = 0x40000000;
const SCHED_ATTR_BYTES = 48;

export const schedGetscheduler: Handler = (call, context) => {
  const task = taskAt(call, context, 0);
  return task === undefined ? CONTINUE : (context.kept.get(task, 'policy') ?? NO_POLICY).readInt32LE(0);
};

export const schedGetparam: Handler = (call, context) => {
  if (taskAt(call, context, 0) === undefined) return CONTINUE;
  return call.memory.write(call.tid, call.word(1), Buffer.alloc(4)) ? 0 : -EFAULT;
};

export const schedGetattr: Handler = (call, context) => {
  const task = taskAt(call, context, 0);
  if (task === undefined) return CONTINUE;
  const size = call.int(2);
  if (size < SCHED_ATTR_BYTES || size > 4096 || call.int(3) !== 0) return -EINVAL;
  const out = Buffer.alloc(SCHED_ATTR_BYTES);
  out.writeUInt32LE(SCHED_ATTR_BYTES, 0);
  out.writeUInt32LE((context.kept.get(task, 'policy') ?? NO_POLICY).readUInt32LE(0), 4);
  out.writeInt32LE(task.nice, 16);
  return call.memory.write(call.tid, call.word(1), out) ? 0 : -EFAULT;
};

function setPolicy(call: Notification, context: Context, task: TaskAnswer, policy: number, priority: number): number {
  if (!POLICIES.includes(policy & ~SCHED_RESET_ON_FORK)) return priority > 0 ? -EPERM : -EINVAL;
  if (priority !== 0) return -EINVAL;
  const allowed = context.model.ask({ ask: 'may', tid: call.tid, pid: task.pid, what: 'set' });
  if (allowed < 0) return allowed;
  const value = Buffer.alloc(8);
  value.writeInt32LE(policy, 0);
  context.kept.set(task, 'policy', value);
  return 0;
}

export const schedSetscheduler: Handler = (call, context) => {
  const task = taskAt(call, context, 0);
  if (task === undefined) return CONTINUE;
  const parameter = call.memory.read(call.tid, call.word(2), 4);
  if (parameter === undefined || !call.isValid) return -EFAULT;
  return setPolicy(call, context, task, call.int(1), parameter.readInt32LE(0));
};

export const schedSetparam: Handler = (call, context) => {
  const task = taskAt(call, context, 0);
  if (task === undefined) return CONTINUE;
  const parameter = call.memory.read(call.tid, call.word(1), 4);
  if (parameter === undefined || !call.isValid) return -EFAULT;
  const policy = (context.kept.get(task, 'policy') ?? NO_POLICY).readInt32LE(0);
  return setPolicy(call, context, task, policy, parameter.readInt32LE(0));
};

export const schedSetattr: Handler = (call, context) => {
  const task = taskAt(call, context, 0);
  if (task === undefined) return CONTINUE;
  const attr = call.memory.read(call.tid, call.word(1), SCHED_ATTR_BYTES);
  if (attr === undefined || !call.isValid) return -EFAULT;
  const status = setPolicy(call, context, task, attr.readInt32LE(4), attr.readInt32LE(20));
  if (status < 0) return status;
  return context.model.ask({ ask: 'nice', tid: call.tid, pid: task.pid, nice: attr.readInt32LE(16) });
};

/** Mirrors: block/ioprio.c: of who has set none, class none. */
export const ioprioGet: Handler = (call, context) => {
  if (call.int(0) !== IOPRIO_WHO_PROCESS) return CONTINUE;
  const task = taskAt(call, context, 1);
  return task === undefined ? CONTINUE : (context.kept.get(task, 'ioprio') ?? NO_POLICY).readInt32LE(0);
};

const IOPRIO_CLASS_SHIFT = 13;
const IOPRIO_CLASS_RT = 1;
const IOPRIO_CLASS_IDLE = 3;

export const ioprioSet: Handler = (call, context) => {
  if (call.int(0) !== IOPRIO_WHO_PROCESS) return CONTINUE;
  const task = taskAt(call, context, 1);
  if (task === undefined) return CONTINUE;
  const wanted = call.int(2);
  const kind = wanted >> IOPRIO_CLASS_SHIFT;
  if (kind < 0 || kind > IOPRIO_CLASS_IDLE) return -EINVAL;
  const allowed = context.model.ask({ ask: 'may', tid: call.tid, pid: task.pid, what: 'set' });
  if (allowed < 0 || kind === IOPRIO_CLASS_RT) return allowed < 0 ? allowed : -EPERM;
  const value = Buffer.alloc(8);
  value.writeInt32LE(wanted, 0);
  context.kept.set(task, 'ioprio', value);
  return 0;
};

const UNLIMITED = (1n << 64n) - 1n;
/** struct rlimit64 */
const LIMIT_BYTES = 16;

/** Told as /proc/PID/limits says it, then changed. Mirrors: kernel/sys.c:prlimit64. */
export const prlimit64: Handler = (call, context) => {
  const task = taskAt(call, context, 0);
  if (task === undefined) return CONTINUE;
  const resource = call.int(1);
  let wanted = {};
  if (call.word(2) !== 0n) {
    const given = call.memory.read(call.tid, call.word(2), LIMIT_BYTES);
    if (given === undefined || !call.isValid) return -EFAULT;
    wanted = { soft: limitText(given.readBigUInt64LE(0)), hard: limitText(given.readBigUInt64LE(8)) };
  }
  const title = RESOURCES[resource]?.[1];
  const limits = readFileSync(`${context.model.mountpoint}/${task.pid}/limits`, 'latin1');
  const status = context.model.ask({ ask: 'rlimit', tid: call.tid, pid: task.pid, resource, ...wanted });
  if (status < 0 || call.word(3) === 0n) return status;
  const [, soft = '', hard = ''] = new RegExp(`^Max ${title} +(\\S+) +(\\S+)`, 'm').exec(limits) ?? [];
  const out = Buffer.alloc(LIMIT_BYTES);
  for (const [i, text] of [soft, hard].entries())
    out.writeBigUInt64LE(text === 'unlimited' ? UNLIMITED : BigInt(text || 0), i * 8);
  return call.memory.write(call.tid, call.word(3), out) ? 0 : -EFAULT;
};

/** Numbers beyond 2^53 are none that a limit of ours could bind. */
function limitText(value: bigint): string {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? 'unlimited' : String(value);
}
