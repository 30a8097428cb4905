import { parseWhole, strstrip, untilNul } from '../util/kstrto.ts';

/** Settings of /proc/sys without a model behind them: they keep what is written (Pretend). One list a directory. */
const KEPT: Readonly<Record<string, string>> = {
  fs: `
    aio-max-nr dentry-negative dir-notify-enable epoll.max_user_watches file-max inotify.max_queued_events
    inotify.max_user_instances inotify.max_user_watches lease-break-time leases-enable mount-max mqueue.msg_default
    mqueue.msg_max mqueue.msgsize_default mqueue.msgsize_max mqueue.queues_max nr_open overflowgid overflowuid
    pipe-max-size pipe-user-pages-hard pipe-user-pages-soft protected_fifos protected_hardlinks protected_regular
    protected_symlinks suid_dumpable`,
  kernel: `
    auto_msgmni bpf_stats_enabled core_file_note_size_limit core_pattern core_pipe_limit core_sort_vma core_uses_pid
    ctrl-alt-del dmesg_restrict domainname hardlockup_all_cpu_backtrace hardlockup_panic hostname
    hung_task_all_cpu_backtrace hung_task_check_count hung_task_check_interval_secs hung_task_panic
    hung_task_timeout_secs hung_task_warnings io_delay_type io_uring_disabled io_uring_group kptr_restrict
    max_lock_depth max_rcu_stall_to_panic msgmax msgmnb msgmni ns_last_pid numa_balancing
    numa_balancing_promote_rate_limit_MBps oops_all_cpu_backtrace oops_limit overflowgid overflowuid panic
    panic_on_io_nmi panic_on_oops panic_on_rcu_stall panic_on_unrecovered_nmi panic_on_warn panic_print
    panic_sys_info perf_cpu_time_max_percent perf_event_max_contexts_per_stack perf_event_max_sample_rate
    perf_event_max_stack perf_event_mlock_kb perf_event_paranoid poweroff_cmd print-fatal-signals printk
    printk_delay printk_devkmsg printk_ratelimit printk_ratelimit_burst pty.max randomize_va_space real-root-dev
    sched_autogroup_enabled sched_cfs_bandwidth_slice_us sched_deadline_period_max_us sched_deadline_period_min_us
    sched_rr_timeslice_ms sched_rt_period_us sched_rt_runtime_us sem shm_rmid_forced shmall shmmax shmmni
    soft_watchdog softlockup_all_cpu_backtrace softlockup_panic split_lock_mitigate sysctl_writes_strict tainted
    timer_migration traceoff_on_warning tracepoint_printk unknown_nmi_panic unprivileged_bpf_disabled warn_limit
    watchdog watchdog_cpumask watchdog_thresh`,
  net: `
    core.netdev_max_backlog core.rmem_default core.rmem_max core.somaxconn core.wmem_default core.wmem_max
    ipv4.ip_forward ipv4.ip_local_port_range ipv4.tcp_fin_timeout ipv4.tcp_max_syn_backlog ipv4.tcp_mem
    ipv4.tcp_rmem ipv4.tcp_syncookies ipv4.tcp_wmem unix.max_dgram_qlen`,
  vm: `
    admin_reserve_kbytes block_dump compact_unevictable_allowed dirtytime_expire_seconds extfrag_threshold
    hugetlb_optimize_vmemmap hugetlb_shm_group legacy_va_layout lowmem_reserve_ratio memfd_noexec min_slab_ratio
    min_unmapped_ratio mmap_min_addr mmap_rnd_bits mmap_rnd_compat_bits nr_hugepages_mempolicy numa_stat
    numa_zonelist_order overcommit_kbytes page_lock_unfairness percpu_pagelist_fraction percpu_pagelist_high_fraction
    shrink_inodes_with_pagecache stat_interval unprivileged_userfaultfd user_reserve_kbytes vfs_cache_pressure_denom
    watermark_boost_factor zone_reclaim_mode`,
};

/** Their dotted names. */
export const KEPT_SYSCTLS: ReadonlySet<string> = new Set(
  Object.entries(KEPT).flatMap(([directory, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name) => `${directory}.${name}`),
  ),
);

/** Those that hold a text, and how many bytes of it they keep. */
export const KEPT_TEXTS: Readonly<Record<string, number>> = {
  'kernel.core_pattern': 127,
  'kernel.domainname': 64,
  'kernel.hostname': 64,
  'kernel.panic_sys_info': 255,
  'kernel.poweroff_cmd': 255,
  'kernel.printk_devkmsg': 9,
  'kernel.watchdog_cpumask': 255,
  'vm.numa_zonelist_order': 15,
};

/** What a number may be. */
export interface Range {
  readonly min: number;
  readonly max: number | bigint;
  /** No sign is taken, not even before a zero. */
  readonly unsigned?: boolean;
}

const INT: Range = { min: -2147483648, max: 2147483647 };
const COUNT: Range = { min: 0, max: 2147483647 };
const ULONG: Range = { min: 0, max: (1n << 64n) - 1n, unsigned: true };

/** Numbers that are no int. Mirrors: ipc_sysctls, mq_sysctls, net_core_table, ipv4_net_table, fs_stat_sysctls. */
const RANGES: Readonly<Record<string, Range>> = {
  'fs.file-max': { min: 0, max: (1n << 63n) - 1n, unsigned: true },
  'fs.mqueue.msg_default': { min: 1, max: 65_536 },
  'fs.mqueue.msg_max': { min: 1, max: 65_536 },
  'fs.mqueue.msgsize_default': { min: 128, max: 1 << 24 },
  'fs.mqueue.msgsize_max': { min: 128, max: 1 << 24 },
  'kernel.msgmax': COUNT,
  'kernel.msgmnb': COUNT,
  'kernel.msgmni': { min: 0, max: 32_768 },
  'kernel.shm_rmid_forced': { min: 0, max: 1 },
  'kernel.shmall': ULONG,
  'kernel.shmmax': ULONG,
  'kernel.shmmni': { min: 0, max: 32_768 },
  'net.core.somaxconn': COUNT,
  'net.ipv4.tcp_syncookies': { min: 0, max: 255, unsigned: true },
};

export function keptRange(name: string): Range {
  return RANGES[name] ?? INT;
}

/** A value in the form in which it is kept: a text cut to its length, numbers between tabs; undefined: it is refused. */
export function keptValue(name: string, text: string): string | undefined {
  const most = KEPT_TEXTS[name];
  if (most !== undefined) return untilNul(text).replace(/\n.*$/s, '').slice(0, most);
  const { min, max } = keptRange(name);
  const numbers = strstrip(text)
    .split(/[ \t]+/)
    .map((word) => parseWhole(word, 0));
  return numbers.every((number) => number !== undefined && number >= min && number <= max)
    ? numbers.join('\t')
    : undefined;
}
