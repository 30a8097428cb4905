/**
 * The kernel that a machine says it runs: which files there are, and which lines they have. What memory does follows from
 * the profile (profiles.ts), not from this. Each row that not all of these kernels have says which of them do.
 */

/** The kernels that can be chosen, from old to new. */
export const KERNEL_NAMES = ['4.14', '5.10', '6.1', '6.18'] as const;
/** A kernel by its release. */
export type KernelName = (typeof KERNEL_NAMES)[number];

/** The kernels that have something: from `since` on, up to but without `until`. Absent: from the first, to the last. */
export interface Span {
  readonly since?: KernelName;
  readonly until?: KernelName;
}

export function isIn(kernel: KernelName, { since, until }: Span): boolean {
  const at = KERNEL_NAMES.indexOf(kernel);
  return (
    (since === undefined || at >= KERNEL_NAMES.indexOf(since)) &&
    (until === undefined || at < KERNEL_NAMES.indexOf(until))
  );
}

/** What is made once for each kernel, when it is first asked for. */
export function perKernel<T>(make: (kernel: KernelName) => T): (kernel: KernelName) => T {
  const made = new Map<KernelName, T>();
  return (kernel) => {
    let value = made.get(kernel);
    if (value === undefined) {
      value = make(kernel);
      made.set(kernel, value);
    }
    return value;
  };
}

/** A word with the kernels that have it: `pgreuse>=5.10`, `nr_bounce<6.18`, both, or neither. */
const SPANNED = /^([^<>]+)(?:>=([\d.]+))?(?:<([\d.]+))?$/;

/** The words of a text that a kernel has, in order. */
export function wordsByKernel(text: string): (kernel: KernelName) => readonly string[] {
  const rows = text
    .trim()
    .split(/\s+/)
    .map((word) => {
      const [, name, since, until] = SPANNED.exec(word)!;
      return [name!, { since, until } as Span] as const;
    });
  return perKernel((kernel) => rows.filter(([, span]) => isIn(kernel, span)).map(([name]) => name));
}

/** `uname -v`. */
export const OSVERSION = '#1 SMP PREEMPT_DYNAMIC Thu May  9 00:00:00 UTC 2013';

/** `uname -r`. */
export function releaseOf(kernel: KernelName): string {
  return `${kernel}.0-reclaimfs`;
}
