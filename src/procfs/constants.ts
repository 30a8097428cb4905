/** Numbers that many files share. */
import { isIn, type KernelName } from '../machine/kernels.ts';

export const PAGE_KB = 4;
export const PAGE_BYTES = 4096;
/** Microseconds of a clock tick as files count it (USER_HZ = 100). */
export const TICK_US = 10_000;
/** What ULONG_MAX prints as. */
export const ULONG_MAX = '18446744073709551615';
/** CAP_LAST_CAP: CAP_AUDIT_READ, since 5.9 CAP_CHECKPOINT_RESTORE. */
export function lastCap(kernel: KernelName): number {
  return isIn(kernel, { since: '5.10' }) ? 40 : 37;
}
/** All capabilities that a kernel knows. */
export function allCaps(kernel: KernelName): string {
  return (2n ** BigInt(lastCap(kernel) + 1) - 1n).toString(16).padStart(16, '0');
}
export const NO_CAPS = '0000000000000000';
