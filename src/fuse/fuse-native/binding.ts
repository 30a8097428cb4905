import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { logger } from '../../util/log.ts';
import { MountError } from '../types.ts';
import { loadPatient } from './patient-libfuse.ts';

const log = logger('fuse:native');

const RTLD_NOW = 0x2;
const RTLD_GLOBAL = 0x100;
const RTLD_NODELETE = 0x1000;
const SONAME = 'libfuse.so.2';

/** What a handler is called with first: the thread of libfuse that waits for its answer. */
export type NativeThread = Uint8Array;
/** Called with the thread, the number of the operation and its arguments. */
export type NativeHandler = (...args: never[]) => void;
type Signal = (thread: NativeThread, result: number, ...rest: unknown[]) => void;

/** The operations of fuse-native.c that we use. */
export const OPERATIONS = [
  'init',
  'access',
  'statfs',
  'getattr',
  'fgetattr',
  'fsync',
  'readdir',
  'readlink',
  'truncate',
  'ftruncate',
  'utimens',
  'chown',
  'chmod',
  'mknod',
  'open',
  'read',
  'write',
  'release',
  'create',
  'unlink',
  'rename',
  'link',
  'symlink',
  'mkdir',
  'rmdir',
  'setxattr',
  'getxattr',
  'listxattr',
  'removexattr',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Whether the optional package is there at all. */
export function hasBinding(): boolean {
  try {
    createRequire(import.meta.url).resolve('fuse-native');
    return true;
  } catch {
    return false;
  }
}

/** The addon's functions, with its own names resolved to one object per operation. */
export interface Binding {
  readonly threadBytes: number;
  mount(
    mountpoint: string,
    options: string,
    thread: Uint8Array,
    context: object,
    malloc: (bytes: number) => Uint8Array,
    handlers: readonly NativeHandler[],
    implemented: Uint32Array,
  ): void;
  unmount(mountpoint: string, thread: Uint8Array): void;
  /** The number of an operation: its place among the handlers. */
  readonly op: Readonly<Record<Operation, number>>;
  /** Answers the waiting thread. */
  readonly signal: Readonly<Record<Operation, Signal>>;
}

/** The addon under the names it exports. */
type Addon = {
  readonly sizeof_fuse_thread_t: number;
  readonly fuse_native_mount: Binding['mount'];
  readonly fuse_native_unmount: Binding['unmount'];
} & Readonly<Record<`op_${Operation}`, number>> &
  Readonly<Record<`fuse_native_signal_${Operation}`, Signal>>;

/**
 * Loads the addon of fuse-native. It is linked against libfuse.so.2; where the system has none, the one that
 * fuse-native brings along (under another file name) is loaded first, globally and for good: without NODELETE the
 * failed "registration" below would unload it again.
 *
 * Errors: MountError when the addon cannot be loaded.
 */
export function loadBinding(): Binding {
  const require = createRequire(import.meta.url);
  try {
    const directory = dirname(require.resolve('fuse-native/package.json'));
    loadLibrary(join(directory, 'prebuilds', `${process.platform}-${process.arch}`, 'libfuse.so'));
    const load: (directory: string) => Addon = createRequire(join(directory, 'index.js'))('node-gyp-build');
    return resolved(load(directory));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new MountError(
      `fuse-native cannot be loaded (${reason}): use --transport direct as root, or "npm rebuild fuse-native"`,
    );
  }
}

/** The bundled libfuse 2 with threads that stay; where that cannot be, the system's, else the bundled one as it is. */
function loadLibrary(bundled: string): void {
  if (!loadPatient(bundled, open) && !open(SONAME)) open(bundled);
}

/** Loads a shared library that is no addon; false when there is none under this name. */
function open(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
    return true;
  } catch (error) {
    log('%s: %s', library, error instanceof Error ? error.message : error);
    // Any other complaint ("Module did not self-register") is expected, and the library stays.
    return !(error instanceof Error && error.message.includes('cannot open shared object file'));
  }
}

function resolved(addon: Addon): Binding {
  const op: Partial<Record<Operation, number>> = {};
  const signal: Partial<Record<Operation, Signal>> = {};
  for (const operation of OPERATIONS) {
    op[operation] = addon[`op_${operation}`];
    signal[operation] = addon[`fuse_native_signal_${operation}`];
  }
  return {
    threadBytes: addon.sizeof_fuse_thread_t,
    mount: addon.fuse_native_mount,
    unmount: addon.fuse_native_unmount,
    op: op as Record<Operation, number>,
    signal: signal as Record<Operation, Signal>,
  };
}
