/** PID/ns and PID/attr. Mirrors: fs/proc/namespaces.c, fs/proc/base.c:attr_dir_stuff. */
import { EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { type Entry, file, symlink, type TaskContext } from './entry.ts';

/** Pretend: everything is in the initial namespaces, which have these numbers on every Linux. */
const NAMESPACES: readonly (readonly [name: string, kind: string, ino: number])[] = [
  ['cgroup', 'cgroup', 4026531835],
  ['ipc', 'ipc', 4026531839],
  ['mnt', 'mnt', 4026531832],
  ['net', 'net', 4026531833],
  ['pid', 'pid', 4026531836],
  ['pid_for_children', 'pid', 4026531836],
  ['time', 'time', 4026531834],
  ['time_for_children', 'time', 4026531834],
  ['user', 'user', 4026531837],
  ['uts', 'uts', 4026531838],
];

export const nsTable: readonly Entry<TaskContext>[] = NAMESPACES.map(([name, kind, ino]) =>
  symlink(name, () => `${kind}:[${ino}]`, { traced: true }),
);

/** Without a security module, reading and writing fail alike. Mirrors: security_getprocattr. */
const refuse = (): never => {
  throw new KernelError(EINVAL, 'no security module');
};

export const attrTable: readonly Entry<TaskContext>[] = [
  ...['current', 'exec', 'fscreate', 'keycreate', 'sockcreate'].map((name) => file<TaskContext>(name, 0o666, refuse)),
  file('prev', 0o444, refuse),
];
