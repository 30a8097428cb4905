/**
 * Namespaces for `run`, made by util-linux from outside: node cannot unshare itself. Two mount namespaces, one inside the
 * other: the server's, where /proc stays genuine, and the command's, where the tree covers it.
 *
 *   reclaimfs run ── unshare ── sh (pid 1) ── server ── unshare ── sh ── CMD
 *                    mount, pid, user          │         mount
 *                                              └── placeholders
 */
import { MountError } from './types.ts';

export interface NamespaceOptions {
  /** A pid namespace of its own, with a procfs of its own. */
  readonly pidns: boolean;
  /** In the pid namespace, processes of ours get pids from here on, out of the way of simulated ones. */
  readonly firstPid: number;
  /** Make a user namespace first: for those who are not root. */
  readonly userns: boolean;
}

/**
 * Init of the pid namespace: moves its own first pid away, runs the server, and reaps whatever is left to it while it
 * waits. Its exit ends everything in the namespace.
 */
const INIT = 'echo "$1" > /proc/sys/kernel/ns_last_pid; shift; "$@"; exit $?';

/** The command that runs `command` in fresh namespaces. */
export function inNamespaces(options: NamespaceOptions, command: readonly string[]): string[] {
  const user = options.userns ? ['--user', '--map-root-user'] : [];
  if (!options.pidns) return ['unshare', ...user, '--mount', '--propagation', 'private', '--', ...command];
  return [
    'unshare',
    ...user,
    ...['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
    ...['sh', '-c', INIT, 'sh', String(options.firstPid - 1), ...command],
  ];
}

/**
 * The control groups of this machine go, as far as they may; a genuine cgroup2 comes in their place and the simulated groups
 * on top of it: programs look for the one line of type cgroup2 in /proc/mounts.
 */
const COVER_CGROUPS =
  'umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null; mount --bind "$1/.cgroup" /sys/fs/cgroup';

/** The tree over /proc, its control groups over this machine's, and nowhere else; then the command in the place of this shell. */
const COVER = `{ [ ! -d /sys/fs/cgroup ] || { ${COVER_CGROUPS}; }; } && mount --rbind "$1" /proc && umount -l "$1" && shift && exec "$@"`;

/** The command that runs `command` with the mount as its /proc. */
export function withTreeAsProc(mountpoint: string, command: readonly string[]): string[] {
  return [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    '--',
    'sh',
    '-c',
    COVER,
    'reclaimfs',
    mountpoint,
    ...command,
  ];
}

/** Processes of ours in a pid namespace: server, its threads, mount, umount, shells. */
const NR_OWN_PIDS = 256;

/**
 * The first of a row of pids that neither the scenario nor its author is likely to use: the highest row that is free.
 * `taken`: pids and thread ids of the scenario; `pidMax`: exclusive.
 */
export function freePidRow(taken: readonly number[], pidMax: number): number {
  const sorted = [...taken].filter((pid) => pid < pidMax).sort((a, b) => b - a);
  let end = pidMax;
  for (const pid of [...sorted, 300]) {
    if (end - pid - 1 >= NR_OWN_PIDS) return end - NR_OWN_PIDS;
    end = Math.min(end, pid);
  }
  throw new MountError('the scenario leaves no pids for the command: use --no-pidns');
}
