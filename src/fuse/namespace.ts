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
 * What the command may do to this machine beside writing files and killing its own processes:
 * - default: neither /sys nor the settings of the genuine /proc can be written, and the capabilities for swapon, swapoff, reboot, mounts, clocks,
 *   modules, devices and other processes' memory are gone, for good;
 * - unprivileged: no capability at all, and set-uid programs give none back;
 * - privileged: whatever its user may.
 */
export type Isolation = 'default' | 'unprivileged' | 'privileged';

/** By CAP_SYS_ADMIN a command could undo all the rest: mount, enter the server's namespaces, swapoff. */
const DROPPED = ['sys_admin', 'sys_boot', 'sys_time', 'sys_module', 'sys_rawio', 'sys_ptrace', 'syslog'];

/** Parts of a procfs through which the kernel itself is set. */
const SETTINGS = 'sys sysrq-trigger irq bus fs acpi scsi';

/**
 * The tree's /sys over this machine's, whose control groups go as far as they may; in the new one a genuine cgroup2 and
 * the simulated groups on top of it: where mounts are the genuine ones, programs look for a line of type cgroup2.
 */
const COVER_SYS =
  '{ [ ! -d /sys ] || { umount -R /sys/fs/cgroup 2>/dev/null; mount --bind "$1/.sysfs" /sys && { mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null; mount --bind "$1/.cgroup" /sys/fs/cgroup; }; }; }';

/** In a user namespace nothing there could be written anyway, and some mounts cannot be changed. */
const READ_ONLY = `
fail() { [ "$(id -u)" != 0 ] || grep -qv '^ *0 *0 *4294967295$' /proc/self/uid_map || { echo "reclaimfs: $1 cannot be made read-only: use --privileged" >&2; exit 1; }; }
ro() { mount -o remount,bind,ro "$1" 2>/dev/null || fail "$1"; }
for name in ${SETTINGS}; do
  path=$1/.host/$name
  [ ! -e "$path" ] || { mount --bind "$path" "$path" 2>/dev/null && ro "$path"; } || fail "$path"
done
grep -q '^[^ ]* [^ ]* [^ ]* [^ ]* /sys ' /proc/self/mountinfo || mount --rbind /sys /sys || fail /sys
while read -r _ _ _ _ point _; do
  case $point in /sys/fs/cgroup) ;; /sys | /sys/*) ro "$point" ;; esac
done </proc/self/mountinfo
command -v setpriv >/dev/null || { echo 'reclaimfs: setpriv is missing: install util-linux, or use --privileged' >&2; exit 1; }
`;

/** The machine's log in place of this one's: where there is no such device nothing can lie on it. */
const COVER_KMSG = '{ [ ! -e /dev/kmsg ] || mount --bind "$1/reclaimfs/kmsg" /dev/kmsg 2>/dev/null || :; }';

/** The tree over /proc, and nowhere else; then the command in the place of this shell. */
const COVER_PROC = 'mount --rbind "$1" /proc && umount -l "$1" && shift 2 && exec "$@"';

/** In a user namespace the file belongs to nobody who is known. */
const SET_HOSTNAME =
  '[ -z "$2" ] || hostname "$2" 2>/dev/null || { echo "$2" > /proc/sys/kernel/hostname; } 2>/dev/null || :';

/** What the command is told of its machine beside what stands in files. */
export interface Surroundings {
  readonly hostname: string;
  /** What has to be added to this machine's clocks, whole seconds; absent where there can be no time namespace. */
  readonly clockOffsets?: ClockOffsets | undefined;
}

export interface ClockOffsets {
  readonly boottime: number;
  readonly monotonic: number;
}

export interface CommandOptions {
  readonly isolation?: Isolation;
  readonly noNewPrivs?: boolean;
  readonly surroundings?: Surroundings | undefined;
}

/** The options of unshare(1) that make a time namespace. */
export function timeNamespace({ boottime, monotonic }: ClockOffsets): string[] {
  return ['--time', `--boottime=${boottime}`, `--monotonic=${monotonic}`];
}

/** Whoever makes a time namespace is not in it himself before kernel 6.2: enter it. */
const ENTER_TIME = 'nsenter --time=/proc/self/ns/time_for_children --';

/** The command that runs `command` with the mount as its /proc, and its control groups over this machine's. */
export function withTreeAsProc(mountpoint: string, command: readonly string[], options: CommandOptions = {}): string[] {
  const { isolation = 'default', noNewPrivs = false, surroundings } = options;
  const privileged = isolation === 'privileged';
  const script = [
    SET_HOSTNAME,
    ...(privileged ? [] : [READ_ONLY]),
    `${COVER_SYS} && ${COVER_KMSG} && ${COVER_PROC}`,
  ].join('\n');
  const shell = ['sh', '-c', script, 'reclaimfs', mountpoint, surroundings?.hostname ?? ''];
  const less = [...(privileged ? [] : dropping(isolation)), ...(noNewPrivs ? ['--no-new-privs'] : [])];
  // The shell says of a command that is not there what shells say.
  const limited = less.length === 0 ? command : ['setpriv', ...less, '--', 'sh', '-c', 'exec "$@"', 'sh', ...command];
  const offsets = surroundings?.clockOffsets;
  return [
    ...['unshare', '--mount', '--uts', '--propagation', 'private'],
    ...(offsets === undefined ? ['--'] : [...timeNamespace(offsets), '--', ...ENTER_TIME.split(' ')]),
    ...shell,
    ...limited,
  ];
}

/** Options of setpriv(1). What is taken from the bounding set does not come back with exec. */
function dropping(isolation: Isolation): string[] {
  if (isolation === 'unprivileged') return ['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'];
  return ['--inh-caps=-all', `--bounding-set=${DROPPED.map((name) => `-${name}`).join(',')}`];
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
