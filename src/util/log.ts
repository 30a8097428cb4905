import createDebug from 'debug';

/** A logger for one room of the house, shown with DEBUG=reclaimfs:NAME (package debug). */
export function logger(name: string): createDebug.Debugger {
  return createDebug(`reclaimfs:${name}`);
}
