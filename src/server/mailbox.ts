import type { TransportHooks } from '../fuse/types.ts';

/** Messages of the mounting thread, handled by their `kind`. */
export class Mailbox {
  readonly #handlers = new Map<string, (message: never) => void>();

  constructor(hooks: TransportHooks) {
    hooks.onMessage((message) => {
      const { kind } = message as { readonly kind: string };
      this.#handlers.get(kind)?.(message as never);
    });
  }

  on<M extends { readonly kind: string }>(kind: M['kind'], handler: (message: M) => void): void {
    this.#handlers.set(kind, handler as (message: never) => void);
  }
}
