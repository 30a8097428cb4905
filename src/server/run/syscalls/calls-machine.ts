/** Calls that tell of the machine: sysinfo, uname, statfs, and the CPUs that a thread may use. */
import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { machine as hardware } from 'node:os';
import { HIERARCHY } from '../../../procfs/hierarchy-top.ts';
import { EBADF, EFAULT, EINVAL, EPERM, ESRCH, errnoNumber } from '../../../util/errno.ts';
import type { Context, Handler } from './context.ts';
import { type Answer, CONTINUE, type Notification } from './notification.ts';

const SYSINFO_BYTES = 112;
/** Mirrors: SI_LOAD_SHIFT. */
const LOAD_SCALE = 65_536 / 100;
const UTS_FIELD = 65;
const UTS_FIELDS = 6;
const LONG_BITS = 64;
const LONG_BYTES = 8;
const O_PATH = 0o10000000;
const STATFS_BYTES = 120;
const FUSE_SUPER_MAGIC = 0x65735546;
/** Where the tree's parts lie, the deepest first, and as what. Mirrors: include/uapi/linux/magic.h. */
const CGROUP2: readonly (readonly [path: string, magic: number])[] = [['/sys/fs/cgroup', 0x63677270]];
const CGROUP1: readonly (readonly [path: string, magic: number])[] = [
  [`/sys/fs/cgroup/${HIERARCHY}`, 0x27e0eb],
  ['/sys/fs/cgroup', 0x01021994],
];
const MAGICS: readonly (readonly [path: string, magic: number])[] = [
  ['/sys', 0x62656572],
  ['/proc', 0x9fa0],
];

/** Mirrors: struct sysinfo of 64-bit architectures. */
export const sysinfo: Handler = (call, { model }) => {
  const info = model.ask({ ask: 'sysinfo' });
  const out = Buffer.alloc(SYSINFO_BYTES);
  const words = [info.uptime, ...info.loads.map((load) => Math.round(load * LOAD_SCALE))];
  words.push(info.totalRam, info.freeRam, info.sharedRam, 0, info.totalSwap, info.freeSwap);
  for (const [i, word] of words.entries()) out.writeBigUInt64LE(BigInt(word), i * 8);
  out.writeUInt16LE(Math.min(info.threads, 0xffff), 80);
  out.writeUInt32LE(1, 104);
  return call.memory.write(call.tid, call.word(0), out) ? 0 : -EFAULT;
};

/** Mirrors: struct new_utsname. */
export const uname: Handler = (call, { model }) => {
  const { hostname, release, version } = model.ask({ ask: 'machine' });
  const out = Buffer.alloc(UTS_FIELD * UTS_FIELDS);
  for (const [i, text] of ['Linux', hostname, release, version, hardware(), '(none)'].entries())
    out.write(text.slice(0, UTS_FIELD - 1), i * UTS_FIELD, 'latin1');
  return call.memory.write(call.tid, call.word(0), out) ? 0 : -EFAULT;
};

/** Path and descriptor lead to the same: a description of the file in the caller's own tree of directories. */
function statfsOf(call: Notification, context: Context, path: string): Answer {
  let fd: number;
  try {
    fd = openSync(path, O_PATH | constants.O_RDONLY);
  } catch (error) {
    return -errnoNumber((error as NodeJS.ErrnoException).code ?? 'EINVAL');
  }
  try {
    const { libc, model } = context;
    const out = Buffer.alloc(STATFS_BYTES);
    const status = libc.call('fstatfs', fd, libc.address(out));
    if (status < 0) return status;
    if (out.readUInt32LE(0) !== FUSE_SUPER_MAGIC || fstatSync(fd).dev !== model.device) return CONTINUE;
    const where = readlinkSync(`/proc/thread-self/fd/${fd}`);
    const magics = [...(model.ask({ ask: 'machine' }).cgroup === 'v1' ? CGROUP1 : CGROUP2), ...MAGICS];
    const found = magics.find(([top]) => where === top || where.startsWith(`${top}/`));
    if (found === undefined) return CONTINUE;
    const [, magic] = found;
    out.writeBigUInt64LE(BigInt(magic), 0);
    return call.memory.write(call.tid, call.word(1), out) ? 0 : -EFAULT;
  } finally {
    closeSync(fd);
  }
}

/** Only paths that may lead into the tree are looked at: those of other file systems could keep us waiting. */
export const statfs: Handler = (call, context) => {
  const path = call.memory.path(call.tid, call.word(0));
  if (path === undefined || path === '') return CONTINUE;
  try {
    const top = path.startsWith('/') ? '' : readlinkSync(`/proc/${call.tid}/cwd`, 'latin1');
    if (!/^\/+(proc|sys)(\/|$)/.test(top + path) && !/^\/(proc|sys)(\/|$)/.test(top)) return CONTINUE;
  } catch {
    return CONTINUE;
  }
  const base = path.startsWith('/') ? 'root' : 'cwd';
  // `self` would be ours here.
  const theirs = path.replace(/^\/+proc\/+(self|thread-self)(?=\/|$)/, `/proc/${call.tid}`);
  return call.isValid ? statfsOf(call, context, `/proc/${call.tid}/${base}/${theirs}`) : CONTINUE;
};

export const fstatfs: Handler = (call, context) => {
  const link = `/proc/${call.tid}/fd/${call.int(0)}`;
  try {
    if (!/^\/(proc|sys)(\/|$)/.test(readlinkSync(link, 'latin1'))) return CONTINUE;
  } catch {
    return -EBADF;
  }
  return statfsOf(call, context, link);
};

/** The mask of all CPUs. */
function allCpus(cpus: number): Buffer {
  return maskOf(
    Array.from({ length: cpus }, (_, cpu) => cpu),
    cpus,
  );
}

function maskOf(chosen: readonly number[], cpus: number): Buffer {
  const mask = Buffer.alloc(Math.ceil(cpus / LONG_BITS) * LONG_BYTES);
  for (const cpu of chosen) mask[cpu >> 3]! |= 1 << (cpu & 7);
  return mask;
}

function cpusIn(mask: Buffer): number[] {
  return Array.from({ length: mask.length * 8 }, (_, cpu) => cpu).filter((cpu) => mask[cpu >> 3]! & (1 << (cpu & 7)));
}

/** Mirrors: kernel/sched/syscalls.c:sched_getaffinity. */
export const schedGetaffinity: Handler = (call, context) => {
  const { cpus } = context.model.ask({ ask: 'machine' });
  const length = call.int(1);
  if (length * 8 < cpus || length % LONG_BYTES !== 0) return -EINVAL;
  const whose = whoseMask(call, context);
  if (typeof whose === 'number') return whose;
  const mask = whose.get() ?? allCpus(cpus);
  const size = Math.min(length, mask.length);
  return call.memory.write(call.tid, call.word(2), mask.subarray(0, size)) ? size : -EFAULT;
};

/** CPUs that there are not do not count, and some must be left. Mirrors: sched_setaffinity. */
export const schedSetaffinity: Handler = (call, context) => {
  const mask = allCpus(context.model.ask({ ask: 'machine' }).cpus);
  const length = Math.min(Number(call.word(1) & 0xffffffffn), mask.length);
  const given = call.memory.read(call.tid, call.word(2), length);
  if (given === undefined || !call.isValid) return -EFAULT;
  mask.forEach((byte, i) => {
    mask[i] = byte & (given[i] ?? 0);
  });
  const whose = whoseMask(call, context);
  if (typeof whose === 'number') return whose;
  if (!whose.maySet()) return -EPERM;
  if (mask.every((byte) => byte === 0)) return -EINVAL;
  whose.set(mask);
  return 0;
};

interface MaskOwner {
  get(): Buffer | undefined;
  set(mask: Buffer): void;
  maySet(): boolean;
}

/** A simulated process, a thread of the command, or -ESRCH. */
function whoseMask(call: Notification, { model, affinities }: Context): MaskOwner | number {
  const pid = call.int(0);
  const task = model.task(pid);
  if (task !== undefined)
    return {
      get: () => (task.cpus.length === 0 ? undefined : maskOf(task.cpus, model.ask({ ask: 'machine' }).cpus)),
      set: (mask) => void model.ask({ ask: 'affinity', tid: call.tid, pid, cpus: cpusIn(mask) }),
      maySet: () => model.ask({ ask: 'may', tid: call.tid, pid, what: 'set' }) === 0,
    };
  const tid = pid === 0 ? call.tid : pid;
  if (!affinities.isThere(tid)) return -ESRCH;
  return {
    get: () => affinities.of(tid),
    set: (mask) => affinities.set(tid, mask),
    maySet: () => affinities.maySet(call.tid, tid),
  };
}
