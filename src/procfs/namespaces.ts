/** PID/ns and PID/attr. Mirrors: fs/proc/namespaces.c, fs/proc/base.c:attr_dir_stuff. */
import type { Span } from '../machine/kernels.ts';
import { namespaceInit } from '../machine/pid-namespaces.ts';
import { EINVAL, ENOTTY, EPERM } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Ino, OpenFile } from '../vfs/types.ts';
import { type Directory, type Entry, file, inKernels, symlink, type TaskContext } from './entry.ts';

/** The initial namespaces, which have these numbers on every Linux. Pretend: a container has a pid namespace of its own, and no other. */
const NAMESPACES: readonly (readonly [name: string, kind: string, ino: number, span?: Span])[] = [
  ['cgroup', 'cgroup', 4026531835],
  ['ipc', 'ipc', 4026531839],
  ['mnt', 'mnt', 4026531832],
  ['net', 'net', 4026531833],
  ['pid', 'pid', 4026531836],
  ['pid_for_children', 'pid', 4026531836],
  ['time', 'time', 4026531834, { since: '5.10' }],
  ['time_for_children', 'time', 4026531834, { since: '5.10' }],
  ['user', 'user', 4026531837],
  ['uts', 'uts', 4026531838],
];
/** From here on namespaces are numbered that were made later. Mirrors: PROC_DYNAMIC_FIRST. */
const FIRST_MADE = 0xf0000000;

export const nsTable: readonly Entry<TaskContext>[] = NAMESPACES.map(([name, kind, ino, span]) =>
  symlink(
    name,
    ({ machine, task }) => {
      const init = kind === 'pid' ? namespaceInit(machine, task) : undefined;
      return `${kind}:[${init === undefined ? ino : FIRST_MADE + init.serial}]`;
    },
    { traced: true, ...(span === undefined ? {} : { isThere: inKernels(span) }) },
  ),
);

const INODES: ReadonlyMap<string, Ino> = new Map(NAMESPACES.map(([, kind, ino]) => [`${kind}:[${ino}]`, ino]));

/**
 * The directory, and in it, for those who follow a link by its text, files of just that name: found by lookup, listed
 * nowhere, with the number that the text says. The kernel's links need no name to be followed.
 */
export function namespaceDirectory(links: Directory<TaskContext>): Directory<TaskContext> {
  return {
    find: (ctx, name, caller) => links.find(ctx, name, caller) ?? INODES.get(name),
    list: (ctx, caller) => links.list(ctx, caller),
  };
}

/** Of include/uapi/linux/nsfs.h, and the flags of clone(2) that they tell of. */
const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;
const NS_GET_NSTYPE = 0xb703;
const CLONE_FLAGS: Readonly<Record<string, number>> = {
  ...{ time: 0x80, mnt: 0x20000, cgroup: 0x2000000, uts: 0x4000000 },
  ...{ ipc: 0x8000000, user: 0x10000000, pid: 0x20000000, net: 0x40000000 },
};

/** What is above the initial namespaces is out of everybody's reach. Mirrors: fs/nsfs.c:ns_ioctl, ns_get_owner. */
export function openNamespace(ino: Ino): OpenFile {
  const kind = NAMESPACES.find(([, , number]) => number === ino)?.[1] ?? '';
  return {
    read: () => -EINVAL,
    write: () => -EINVAL,
    ioctl(command) {
      if (command === NS_GET_NSTYPE) return CLONE_FLAGS[kind] ?? -EINVAL;
      return command === NS_GET_USERNS || command === NS_GET_PARENT ? -EPERM : -ENOTTY;
    },
  };
}

/** Without a security module, reading and writing fail alike. Mirrors: security_getprocattr. */
const refuse = (): never => {
  throw new KernelError(EINVAL, 'no security module');
};

export const attrTable: readonly Entry<TaskContext>[] = [
  ...['current', 'exec', 'fscreate', 'keycreate', 'sockcreate'].map((name) => file<TaskContext>(name, 0o666, refuse)),
  file('prev', 0o444, refuse),
];
