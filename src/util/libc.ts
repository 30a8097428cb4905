/** System calls that Node has no function for, by koffi: an optional dependency with prebuilt binaries. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Architecture, architecture, type OwnCallName } from './system-calls.ts';

type Word = number | bigint;

export interface Libc {
  readonly architecture: Architecture;
  /** The call's result, or -errno. */
  call(name: OwnCallName, ...args: readonly Word[]): number;
  /** The same on another thread, for calls that this one may have to answer. -1 for any error. */
  callBeside(name: OwnCallName, ...args: readonly Word[]): Promise<number>;
  /** Where a buffer lies; good as long as the buffer is held. */
  address(buffer: Uint8Array): bigint;
}

const MAX_ARGS = 6;

/** Undefined, with the reason, where there is no koffi or no table of numbers for this machine. */
export function loadLibc(): Libc | { readonly obstacle: string } {
  const arch = architecture();
  if (arch === undefined) return { obstacle: `no system call numbers for ${process.arch}` };
  let koffi: typeof import('koffi');
  try {
    koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  } catch {
    return { obstacle: 'the npm package koffi is not there' };
  }
  const library = koffi.load(null);
  const syscall = library.func('long syscall(long n, long a, long b, long c, long d, long e, long f)') as {
    (...args: Word[]): number;
    async(...args: [...Word[], (error: unknown, result: number) => void]): void;
  };
  const words = (args: readonly Word[]): Word[] => Array.from({ length: MAX_ARGS }, (_, i) => args[i] ?? 0);
  return {
    architecture: arch,
    call: (name, ...args) => {
      const result = Number(syscall(arch.ownNumberOf(name), ...words(args)));
      return result === -1 ? -koffi.errno() : result;
    },
    callBeside: (name, ...args) =>
      new Promise((settle) => {
        syscall.async(arch.ownNumberOf(name), ...words(args), (_error, result) => settle(Number(result)));
      }),
    address: (buffer) => koffi.address(buffer) as bigint,
  };
}

/** Why system calls of a command cannot be answered here; undefined where they can, as far as this process can tell. */
export function syscallObstacle(): string | undefined {
  const libc = loadLibc();
  if ('obstacle' in libc) return libc.obstacle;
  return existsSync('/proc/sys/kernel/seccomp/actions_avail') &&
    !readFileSync('/proc/sys/kernel/seccomp/actions_avail', 'utf8').includes('user_notif')
    ? 'the kernel (before 5.0) has no seccomp listener'
    : undefined;
}
