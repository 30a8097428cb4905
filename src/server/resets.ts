/** Other scenarios on a mount that stays: a test gets a fresh machine without a mount of its own. */
import type { TransportHooks } from '../fuse/types.ts';
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
    let answer: ResetAnswer = { kind: 'reset', id };
    try {
      host.reset(source.text, source.file);
    } catch (error) {
      answer = { ...answer, error: describeError(error) };
    }
    hooks.send(answer);
  });
}
