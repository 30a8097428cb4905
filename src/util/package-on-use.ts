import { createRequire } from 'node:module';

/**
 * A package that is loaded when it is first used, for what most commands do without: loading is what a short command
 * spends its time on. The package has to have a CommonJS form. Throws what `require` throws where it is not installed.
 */
export function packageOnUse<T>(name: string): () => T {
  let loaded: T | undefined;
  return () => {
    loaded ??= createRequire(import.meta.url)(name) as T;
    return loaded;
  };
}
