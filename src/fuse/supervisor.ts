import type { CloseReason } from './types.ts';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** How one mount is ended by the process it lives in. */
export interface Supervised {
  /** Unmounts and lets `closed` settle with this reason. Called at most once per mount. */
  end(reason: CloseReason): void;
  /** Unmounts without the event loop: the process is exiting. */
  endNow(): void;
}

/**
 * Sees to it that no way of ending the process leaves the mount behind: signals and uncaught errors unmount first,
 * process.exit() unmounts on the way. Returns a function that takes all of this back.
 *
 * An uncaught error has its message printed and makes the process exit with 1, as without us, but only after the unmount.
 */
export function supervise(mount: Supervised, handleSignals: boolean): () => void {
  const onExit = (): void => mount.endNow();
  process.on('exit', onExit);
  if (!handleSignals) return () => process.off('exit', onExit);

  const onSignal = (signal: NodeJS.Signals): void => mount.end({ kind: 'signal', signal, lazy: false });
  const onError = (thrown: unknown): void => {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    process.exitCode = 1;
    console.error(error);
    mount.end({ kind: 'error', error });
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  return () => {
    process.off('exit', onExit);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('uncaughtException', onError);
    process.off('unhandledRejection', onError);
  };
}
