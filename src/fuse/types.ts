import type { FileSystem } from '../vfs/types.ts';

/** How a server speaks to the kernel: /dev/fuse directly, or libfuse 2 through fuse-native. */
export type TransportName = 'direct' | 'fuse-native';

/**
 * What a transport may be able to do beyond serving files:
 * - callerIdentity: every request says who asks (uid, gid, pid);
 * - interrupts: a reader that waits ends at once with EINTR when it is killed;
 * - poll: poll, select and epoll wait for a file to become ready;
 * - invalidation: names that have vanished are taken out of the kernel's caches at once;
 * - perFileTimeouts: how long the kernel may keep attributes is said per file;
 * - manyClients: stays fast under any number of parallel clients.
 */
export const CAPABILITIES = {
  callerIdentity: 'tell who calls',
  interrupts: 'interrupt a reader that waits',
  poll: 'poll',
  invalidation: 'invalidate cached names',
  perFileTimeouts: 'cache directories only',
  manyClients: 'stay fast under many parallel clients',
} as const;
export type Capability = keyof typeof CAPABILITIES;

/** What a file system is given by the transport that serves it. */
export interface TransportHooks {
  readonly transport: TransportName;
  readonly capabilities: readonly Capability[];
  /** Sends a structured-cloneable message to the thread that mounted (MountHandle.onMessage); from any time on. */
  send(message: unknown): void;
  /** Messages of MountHandle.send; handled between two requests. At most one handler. */
  onMessage(handler: (message: unknown) => void): void;
  /** Unmounts and ends, as if the owner had called unmount(). */
  stop(): void;
}

/** What the factory module exports under the name createFileSystem. */
export type FileSystemFactory = (options: unknown, hooks: TransportHooks) => FileSystem | Promise<FileSystem>;

export interface MountOptions {
  /** An existing, empty directory that is not a mount point. */
  readonly mountpoint: string;
  /** 'auto' (default): direct where this process may mount, else fuse-native. */
  readonly transport?: TransportName | 'auto';
  /** URL (file:) or absolute path of an ES module that exports `createFileSystem` (a FileSystemFactory). */
  readonly factory: string | URL;
  /** Handed to createFileSystem; structured-cloneable, for it may go to another thread. */
  readonly factoryOptions?: unknown;
  /** Other users may look in; permission bits are always enforced by the kernel. Default: true where it is allowed. */
  readonly allowOther?: boolean;
  /** Mount over whatever is there: a busy mount point, a directory that is not empty (for `run`, over /proc). */
  readonly cover?: boolean;
  /** A process beside this one takes the mount away when this one is killed. Default false. */
  readonly guarded?: boolean;
  /** Unmount on SIGINT, SIGTERM, SIGHUP and uncaught exceptions. Default true. */
  readonly handleSignals?: boolean;
  /** Called with one-line notices meant for the user: a stale mount was recovered, a busy one detached, threads leak. */
  readonly notice?: (line: string) => void;
}

/** Why a mount has ended. */
export type CloseReason =
  | { readonly kind: 'unmounted'; readonly lazy: boolean }
  | { readonly kind: 'external' }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals; readonly lazy: boolean }
  | { readonly kind: 'error'; readonly error: Error };

export interface MountHandle {
  readonly transport: TransportName;
  readonly capabilities: readonly Capability[];
  readonly mountpoint: string;
  /** Settles (never rejects) when the mount is gone and nothing of it is left in this process. */
  readonly closed: Promise<CloseReason>;
  /** Unmounts; a busy mount is detached and its users are cut off. Resolves as `closed` does. */
  unmount(): Promise<CloseReason>;
  /** Sends a message to the file system (TransportHooks.onMessage). */
  send(message: unknown): void;
  /** Messages of TransportHooks.send. */
  onMessage(handler: (message: unknown) => void): void;
}

/** A mount that could not be made or ended; the message is one line that says what to do. */
export class MountError extends Error {
  readonly code = 'ERR_RECLAIMFS_MOUNT';
  constructor(message: string) {
    super(message);
    this.name = 'MountError';
  }
}

/** One line for the user: which transport serves, and what it cannot do. */
export function describeTransport(transport: TransportName, capabilities: readonly Capability[]): string {
  const missing = (Object.keys(CAPABILITIES) as Capability[]).filter((name) => !capabilities.includes(name));
  if (missing.length === 0) return `transport ${transport}`;
  return `transport ${transport}; it cannot ${missing.map((name) => CAPABILITIES[name]).join(', ')}`;
}
