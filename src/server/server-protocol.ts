/** What a server process and the one that started it tell each other over the IPC channel. */
import type { Capability, TransportName } from '../fuse/types.ts';
import type { ServerOptions } from './server.ts';

/** First message to the server process. */
export interface StartMessage {
  readonly mountpoint: string;
  readonly transport: TransportName | 'auto';
  /** Where the control groups are to be mounted. */
  readonly cgroupfs?: string | undefined;
  readonly allowOther?: boolean | undefined;
  readonly server: ServerOptions;
  /** End when the channel closes: the server belongs to the process that started it. */
  readonly attached: boolean;
}

/** What an error was, so that the starter can throw one of the same class. */
export interface ErrorMessage {
  readonly kind: 'error';
  readonly name: string;
  readonly message: string;
  readonly errno?: number | undefined;
  readonly where?: { readonly file: string; readonly line: number; readonly column: number } | undefined;
  readonly reason?: string | undefined;
  readonly hint?: string | undefined;
}

/** From the server process: at most one of ready and error, any number of notices before. */
export type FromServer =
  | { readonly kind: 'notice'; readonly line: string }
  | {
      readonly kind: 'ready';
      readonly mountpoint: string;
      readonly transport: TransportName;
      readonly capabilities: readonly Capability[];
    }
  | ErrorMessage;
