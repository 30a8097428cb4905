/** Numbers of system calls and of their architectures. Mirrors: arch/x86/entry/syscalls/syscall_64.tbl, scripts/syscall.tbl. */

/** Calls that are asked about: [x86-64, arm64]. */
const CALLS = {
  sysinfo: [99, 179],
  uname: [63, 160],
  statfs: [137, 43],
  fstatfs: [138, 44],
  syslog: [103, 116],
  kill: [62, 129],
  tkill: [200, 130],
  tgkill: [234, 131],
  rt_sigqueueinfo: [129, 138],
  rt_tgsigqueueinfo: [297, 240],
  pidfd_open: [434, 434],
  pidfd_send_signal: [424, 424],
  pidfd_getfd: [438, 438],
  getpriority: [140, 141],
  setpriority: [141, 140],
  sched_getaffinity: [204, 123],
  sched_setaffinity: [203, 122],
  sched_getparam: [143, 121],
  sched_setparam: [142, 118],
  sched_getscheduler: [145, 120],
  sched_setscheduler: [144, 119],
  sched_getattr: [315, 275],
  sched_setattr: [314, 274],
  prlimit64: [302, 261],
  ioprio_get: [252, 31],
  ioprio_set: [251, 30],
  getpgid: [121, 155],
  getsid: [124, 156],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  process_mrelease: [448, 448],
  kcmp: [312, 272],
  cachestat: [451, 451],
  fadvise64: [221, 223],
  mincore: [27, 232],
} as const;
export type CallName = keyof typeof CALLS;
export const CALL_NAMES = Object.keys(CALLS) as readonly CallName[];

/** Calls that wait for time, tell it or have it tell: asked about where time is the machine's. null: there is none. */
const TIME_CALLS = {
  nanosleep: [35, 101],
  clock_nanosleep: [230, 115],
  poll: [7, null],
  ppoll: [271, 73],
  select: [23, null],
  pselect6: [270, 72],
  epoll_wait: [232, null],
  epoll_pwait: [281, 22],
  epoll_pwait2: [441, 441],
  clock_gettime: [228, 113],
  gettimeofday: [96, 169],
  time: [201, null],
  alarm: [37, null],
  setitimer: [38, 103],
  timer_settime: [223, 110],
  timerfd_settime: [286, 86],
  set_tid_address: [218, 96],
  arch_prctl: [158, null],
} as const;
/** A call of TIME_CALLS. */
export type TimeCallName = keyof typeof TIME_CALLS;

/** Calls that we make ourselves. */
const OWN = {
  ppoll: [271, 73],
  epoll_pwait: [281, 22],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  ioctl: [16, 29],
  pipe2: [293, 59],
  gettid: [186, 178],
  seccomp: [317, 277],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  fstatfs: [138, 44],
  open_tree: [428, 428],
  move_mount: [429, 429],
  umount2: [166, 39],
  close: [3, 57],
  prlimit64: [302, 261],
  socketpair: [53, 199],
  recvmsg: [47, 212],
} as const;
export type OwnCallName = keyof typeof OWN;

export interface Architecture {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly audit: number;
  numberOf(name: CallName): number;
  ownNumberOf(name: OwnCallName): number;
  /** Those calls of time that this architecture has, with their numbers. */
  readonly timeCalls: ReadonlyMap<TimeCallName, number>;
}

const COLUMNS: Partial<Record<NodeJS.Architecture, { readonly column: 0 | 1; readonly audit: number }>> = {
  x64: { column: 0, audit: 0xc000003e },
  arm64: { column: 1, audit: 0xc00000b7 },
};

/** Undefined for an architecture whose numbers are not here. */
export function architecture(name: NodeJS.Architecture = process.arch): Architecture | undefined {
  const found = COLUMNS[name];
  if (found === undefined) return undefined;
  const { column, audit } = found;
  const times = Object.entries(TIME_CALLS).map(([call, numbers]): readonly [TimeCallName, number | null] => [
    call as TimeCallName,
    numbers[column],
  ]);
  return {
    audit,
    numberOf: (call) => CALLS[call][column],
    ownNumberOf: (call) => OWN[call][column],
    timeCalls: new Map(times.filter((row): row is readonly [TimeCallName, number] => row[1] !== null)),
  };
}
