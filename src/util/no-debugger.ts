/**
 * Node opens its debugger on 127.0.0.1:9229 when it is sent SIGUSR1, and whoever can connect there may do what this process
 * may. Nothing of ours is meant to be debugged that way (`node --inspect` is there for it): from now on the signal does
 * nothing. To be called in the main thread, as early as possible.
 */
export function keepDebuggerShut(): void {
  process.on('SIGUSR1', () => {});
}
