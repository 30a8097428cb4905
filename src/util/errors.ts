import { EINVAL, errnoName } from './errno.ts';

/** What a caller of a system call may see: an error number and a reason in words. */
export class KernelError extends Error {
  readonly errno: number;
  readonly code: string;
  /** The name or number that it is about, where it is about one. */
  readonly about: string | undefined;
  constructor(errno: number, reason: string, about?: string) {
    super(`${errnoName(errno)}: ${reason}`);
    this.name = 'KernelError';
    this.errno = errno;
    this.code = errnoName(errno);
    this.about = about;
  }
}

/** A name that nothing has; `known`: the names that there are, `advice`: what to do where none is near. EINVAL, if nothing else is said. */
export class UnknownNameError extends KernelError {
  readonly unknownName: string;
  readonly known: readonly string[];
  readonly advice: string | undefined;
  constructor(reason: string, unknownName: string, known: Iterable<string>, advice?: string, errno = EINVAL) {
    super(errno, reason, unknownName);
    this.unknownName = unknownName;
    this.known = [...known];
    this.advice = advice;
  }
}

/** A broken invariant: a mistake of ours, never of the user. A file system answers EIO and logs it. */
export class BugError extends Error {
  readonly code = 'ERR_RECLAIMFS_BUG';
  constructor(message: string) {
    super(message);
    this.name = 'BugError';
  }
}

/** Throws BugError unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BugError(message);
}

/** Exit code of a command that failed. */
export const EXIT_FAILED = 1;

/** Something that a function of the library was given makes no sense; the message says what would. */
export class UsageError extends TypeError {
  readonly code = 'ERR_RECLAIMFS_USAGE';
  override readonly name = 'UsageError';
}

/** A command could not be run on a simulated machine at all; the message is one line that says what to do. */
export class RunError extends Error {
  readonly code = 'ERR_RECLAIMFS_RUN';
  override readonly name = 'RunError';
}

/** Something the user can mend; the message is one line that says what to do. */
export class CliError extends Error {
  readonly code = 'ERR_RECLAIMFS_CLI';
  readonly exitCode: number;

  constructor(message: string, exitCode = EXIT_FAILED) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
