/** What a server process and the one that started it tell each other over the IPC channel. */
import type { Capability, TransportName } from '../fuse/types.ts';
import { MountError } from '../fuse/types.ts';
import { ScenarioError } from '../scenario/scenario-error.ts';
import { bytesOf } from '../util/bytes.ts';
import { KernelError } from '../util/errors.ts';
import type { FrontWish } from './front.ts';
import type { ResetAnswer } from './resets.ts';
import type { ServerOptions } from './server.ts';

/** First message to the server process. */
export interface StartMessage {
  readonly mountpoint: string;
  readonly transport: TransportName | 'auto';
  /** Where the control groups are to be mounted. */
  readonly cgroupfs?: string | undefined;
  readonly sysfs?: string | undefined;
  readonly allowOther?: boolean | undefined;
  readonly server: ServerOptions;
  /** End when the channel closes: the server belongs to the process that started it. */
  readonly attached: boolean;
  /** The mount point was made for this mount: it goes with it. */
  readonly removeMountpoint?: boolean | undefined;
  /** Show it in the browser, too. */
  readonly ui?: FrontWish | undefined;
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

/** From the file system, once it has been made: what is probably not meant in the scenario as it was understood. */
export interface WarningsMessage {
  readonly kind: 'warnings';
  readonly lines: readonly string[];
}

/** From the server process: at most one of ready and error, any number of notices before. */
export type FromServer =
  | { readonly kind: 'notice'; readonly line: string }
  | {
      readonly kind: 'ready';
      readonly mountpoint: string;
      readonly transport: TransportName;
      readonly capabilities: readonly Capability[];
      /** Where it is seen in the browser. */
      readonly ui?: string | undefined;
    }
  | ResetAnswer
  | ErrorMessage;

/** An error as it is sent. */
export function describeError(thrown: unknown): ErrorMessage {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const message: ErrorMessage = { kind: 'error', name: error.name, message: error.message };
  // An error from the kernel thread has lost its class on the way, but not its name and members.
  if (error.name === 'KernelError') return { ...message, errno: (error as KernelError).errno };
  if (error.name !== 'ScenarioError') return message;
  const { file, line, column, reason, hint } = error as ScenarioError;
  return { ...message, where: { file, line, column }, reason, hint };
}

/** An error of the class that the server process met. */
export function revive(message: ErrorMessage): Error {
  if (message.errno !== undefined) return new KernelError(message.errno, message.message.replace(/^E[A-Z0-9]+: /, ''));
  const { where } = message;
  if (where !== undefined)
    return new ScenarioError(
      bytesOf(where.file),
      where.line,
      where.column,
      bytesOf(message.reason ?? message.message),
      bytesOf(message.hint ?? ''),
    );
  if (message.name === 'MountError') return new MountError(message.message);
  const error = new Error(message.message);
  error.name = message.name;
  return error;
}
