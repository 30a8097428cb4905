import type createDebug from 'debug';
import { packageOnUse } from './package-on-use.ts';

const debug = packageOnUse<typeof createDebug>('debug');

/** A logger for one room of the house, shown with DEBUG=reclaimfs:NAME (package debug, loaded only where DEBUG says something). */
export function logger(name: string): (format: string, ...values: unknown[]) => void {
  if (!process.env['DEBUG']) return () => {};
  return debug()(`reclaimfs:${name}`);
}
