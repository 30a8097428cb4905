import type { MessagePort } from 'node:worker_threads';
import type { Capability } from '../types.ts';

export const DIRECT_CAPABILITIES: readonly Capability[] = [
  'callerIdentity',
  'interrupts',
  'poll',
  'invalidation',
  'perFileTimeouts',
  'manyClients',
];

/** What the kernel thread is started with. */
export interface KernelThreadData {
  readonly port: MessagePort;
  readonly fd: number;
  readonly shared: Int32Array<SharedArrayBuffer>;
  readonly factory: string;
  readonly factoryOptions: unknown;
}

/** From the kernel thread to the main thread; posted any time, seen by the other's event loop. */
export type FromKernelThread =
  | { readonly kind: 'ready'; readonly heartbeatMs: number }
  /** Somebody waits: keep the heartbeat going until nobody does. */
  | { readonly kind: 'waiting' }
  /** Send these notices: the kernel thread must not (Session). */
  | { readonly kind: 'invalidate'; readonly notices: Uint8Array[] }
  /** Poke me then. */
  | { readonly kind: 'wake'; readonly ms: number }
  | { readonly kind: 'message'; readonly message: unknown }
  | { readonly kind: 'stop' }
  | { readonly kind: 'ended'; readonly failure: string | undefined };

/** From the main thread to the kernel thread; seen when it is poked. */
export interface ToKernelThread {
  readonly message: unknown;
}
