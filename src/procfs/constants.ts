/** Numbers that many files share. */
export const PAGE_KB = 4;
export const PAGE_BYTES = 4096;
/** Microseconds of a clock tick as files count it (USER_HZ = 100). */
export const TICK_US = 10_000;
/** What ULONG_MAX prints as. */
export const ULONG_MAX = '18446744073709551615';
/** Pretend: all capabilities that Linux 6.18 knows (CAP_LAST_CAP = 40). */
export const ALL_CAPS = '000001ffffffffff';
export const NO_CAPS = '0000000000000000';
/** Pretend: pages of one kernel stack, as the machine counts them. */
export const KERNEL_STACK_PAGES = 4;
export const OSRELEASE = '6.18.0-reclaimfs';
export const OSVERSION = '#1 SMP PREEMPT_DYNAMIC Thu May  9 00:00:00 UTC 2013';
