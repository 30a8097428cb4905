/**
 * Policies and metrics of one's own: `compare --policy NAME=./policy.mjs --metric NAME=./metric.mjs`. A module's default
 * export is one of these. See scripts/examples/policies.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Machine } from '../../machine/machine.ts';
import type { PolicyHost } from './policy-host.ts';
import type { RunFigures } from './recorder.ts';

/** A policy. Each run gets it on a machine of its own; state belongs into `install`, not into the module. */
export interface ComparePolicy {
  /** What it does, in a line. */
  readonly about?: string;
  /** Called once, as the scenario begins: asks to be called back. */
  install(host: PolicyHost): void;
}

/** A figure of a run. */
export interface CompareMetric {
  readonly label?: string;
  readonly unit?: string;
  readonly better?: 'less' | 'more';
  /** Called as the scenario begins. */
  watch?(machine: Machine): void;
  /** Called at its end: a number. */
  value(figures: Omit<RunFigures, 'own'>, machine: Machine): number;
}

/** Loads a module's default export. Rejects with an error that names the file and what is missing. */
export async function loadModule<T extends ComparePolicy | CompareMetric>(
  { file, url }: { readonly file: string; readonly url: string },
  what: 'policy' | 'metric',
): Promise<T> {
  let loaded: { readonly default?: Partial<ComparePolicy & CompareMetric> };
  try {
    loaded = (await import(url)) as typeof loaded;
  } catch (error) {
    throw new Error(`${what} ${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
  const method = what === 'policy' ? 'install' : 'value';
  if (typeof loaded.default?.[method] !== 'function')
    throw new Error(`${what} ${file}: its default export has no function ${method}`);
  return loaded.default as T;
}

/** Digest of a file's content. */
export function fileDigest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
}
