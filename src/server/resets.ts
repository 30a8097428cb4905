/** Other scenarios on a mount that stays: a test gets a fresh machine without a mount of its own. */
import type { TransportHooks } from '../fuse/types.ts';
import { Pending } from '../vfs/types.ts';
import type { Mailbox } from './mailbox.ts';
import type { ScenarioSource } from './server-options.ts';
import { describeError, type ErrorMessage } from './server-protocol.ts';
import type { SessionHost } from './session-host.ts';

/** To the file system: takes this scenario instead. `id` is given back. */
export interface ResetRequest {
  readonly kind: 'reset';
  readonly id: number;
  readonly source: ScenarioSource;
}

/** From the file system: it has, or why not (then it goes on as it was). */
export interface ResetAnswer {
  readonly kind: 'reset';
  readonly id: number;
  readonly error?: ErrorMessage;
}

export function takeResets(host: SessionHost, hooks: TransportHooks, mailbox: Mailbox): void {
  mailbox.on<ResetRequest>('reset', ({ id, source }) => {
    const answer = (outcome: () => void): void => {
      let said: ResetAnswer = { kind: 'reset', id };
      try {
        outcome();
      } catch (error) {
        said = { ...said, error: describeError(error) };
      }
      hooks.send(said);
    };
    let reset: unknown;
    let refusal: { readonly error: unknown } | undefined;
    try {
      reset = host.run(() => host.reset(source.text, source.file));
    } catch (error) {
      refusal = { error };
    }
    // What is under way on the machine of before comes to its end first.
    if (reset instanceof Pending) {
      const pending = reset;
      pending.waitQueue.add(() => answer(() => void pending.take()));
    } else
      answer(() => {
        if (refusal !== undefined) throw refusal.error;
      });
  });
}
